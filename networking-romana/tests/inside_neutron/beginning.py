"""What the tests of a class begin with: made once, and put back before each."""

import atexit
import contextlib
import functools
import sqlite3

from neutron_lib.db import api

from networking_romana import client, cloud

from .server import environment

_last = []  # the Beginning that was made last: classes with the same one are next to each other


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
    """What romana-server has before the first test of this process; it has that again when the process ends."""
    there = Copy(_romana)
    atexit.register(there.put_back)
    return there


class Beginning:
    """A Neutron and a romana-server as the `begin` of a class of tests has made them, until `end`."""

    def __init__(self, kind):
        self.kind = kind
        self._one = kind("begin")
        untouched = set(vars(self._one))
        try:
            self._one.begin()
            self._attributes = {name: value for name, value in vars(self._one).items() if name not in untouched}
            self._services = self._one.services.copy()
            self._databases = [Copy(_neutron), Copy(_romana)]
        except BaseException:
            self.end()
            raise

    def give(self, test):
        """Have a test begin with it: with all that was made, and with what `begin` has set of its own."""
        for database in self._databases:
            database.put_back()
        self._one.services.put_back(self._services)
        forget_connections()
        vars(test).update(self._attributes)

    def end(self):
        """Stop this Neutron, and have romana-server as it was before all tests."""
        assert self._one.doCleanups()


def forget_connections():
    """Those of the drivers, which have the settings and the tokens of the test before."""
    client._client = cloud._session = None


def of(kind):
    """The Beginning of a class of tests, made if the last one is another's."""
    maker = next(one for one in kind.__mro__ if not kind.MAKES.isdisjoint(vars(one)))
    if not _last or _last[0].kind is not maker:
        while _last:
            _last.pop().end()
        _last.append(Beginning(maker))
    return _last[0]
