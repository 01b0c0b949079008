"""What the tests of a class begin with: made once, and put back before each.

Neutron is made for all of them. It has its state in its database, as more than one process of it may run, so what is
made in it by one class, and more by the next, is copied with the database, and so is what romana-server has then.
"""

import atexit
import contextlib
import functools
import os
import sqlite3

from neutron_lib.db import api
from sqlalchemy import event

from networking_romana import client, cloud

from .server import environment

_there = {}  # class with a `begin` -> its Beginning; those of one Neutron
_settings = []  # what that Neutron was made with


class Copy:
    """What a database of SQLite has now.

    Args:
        connected: function; a `with` of what it returns has the database's sqlite3.Connection.
    """

    def __init__(self, connected):
        self._connected = connected
        self._content = sqlite3.connect(":memory:")
        with connected() as connection:
            connection.backup(self._content)

    def put_back(self):
        """Have the database have that again, whatever has been written since."""
        with self._connected() as connection:
            self._content.backup(connection)


@contextlib.contextmanager
def _romana():
    """A connection to the database of romana-server, which keeps nothing of it elsewhere."""
    connection = sqlite3.connect(environment("DATABASE"))
    try:
        connection.execute("PRAGMA synchronous=OFF")
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _neutron():
    """The connection to Neutron's database, which is in memory and has no other."""
    with api.CONTEXT_WRITER.get_engine().connect() as connection:
        yield connection.connection.driver_connection


@functools.lru_cache
def romana_before_all():
    """What romana-server has before the first test, a Copy."""
    return Copy(_romana)


class Beginning:
    """What one class of tests adds to that of the class above it.

    Args:
        step: the class, with a `begin` of its own.
        kind: the class of tests that asks first.
        above: the Beginning that it adds to; None: it makes a Neutron.
    """

    def __init__(self, step, kind, above):
        self._one = kind("begin")
        untouched = {*vars(self._one), *kind.OF_EACH_TEST}
        if above is not None:
            above.give(self._one)
        try:
            step.begin(self._one)
        except BaseException:
            self.end()
            raise
        self._attributes = {name: value for name, value in vars(self._one).items() if name not in untouched}
        self._services = self._one.services.copy()
        self._databases = [Copy(_neutron), Copy(_romana)]

    def give(self, test):
        """Have a test begin with it: with all that was made, and with what each `begin` has set of its own."""
        for database in self._databases:
            database.put_back()
        self._one.services.put_back(self._services)
        forget_connections()
        vars(test).update(self._attributes)

    def end(self):
        """Stop what `begin` has started."""
        assert self._one.doCleanups()


def forget_connections():
    """Those of the drivers, which have the settings and the tokens of the test before."""
    client._client = cloud._session = None


def of(kind):
    """The Beginning of a class of tests; what is there already is not made again."""
    if not _there:
        _settings.extend(_settings_of(kind))
        romana_before_all()
        atexit.register(_end)
    assert _settings_of(kind) == _settings, "it needs another Neutron: see APART in each_file.py"
    last = None
    for step in reversed(kind.__mro__):
        if "begin" in vars(step):
            if step not in _there:
                _there[step] = Beginning(step, kind, last)
            last = _there[step]
    return last


def _settings_of(kind):
    return [getattr(kind, name) for name in kind.OF_NEUTRON]


def _end():
    """Stop the Neutron that there is, and have romana-server as it was before all tests."""
    while _there:
        _there.popitem()[1].end()
    romana_before_all().put_back()


def survive_forks():
    """Have Neutron's database, which is in memory, go on in processes that are forked, one in each.

    oslo.db would make a new connection, as processes cannot share one to a server.
    """

    def is_ours(_connection, record, _proxy):
        record.info["pid"] = os.getpid()

    event.listen(api.CONTEXT_WRITER.get_engine(), "checkout", is_ours, insert=True)
