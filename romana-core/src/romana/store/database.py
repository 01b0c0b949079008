"""Connections and transactions: one way to read, one way to write, the same on SQLite and MariaDB."""

from __future__ import annotations

import fcntl
import logging
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, update

from romana.store.errors import ConflictError, UnavailableError
from romana.store.schema import META_ROW, meta
from romana.store.turns import Turns

log = logging.getLogger(__name__)

ATTEMPTS = 5
LOCK_SECONDS = 10  # how long one statement waits for another's lock
POOL_SECONDS = 10  # how long a request waits for a connection
READERS = 8  # connections of one process
WRITERS = 4  # the same; more than one only so that COMMITs overlap
# Lock wait timeout; deadlock; "record has changed since last read". With Galera a deadlock is also how a node says, at
# COMMIT, that another node's writer was first: nothing was written, and the whole transaction has to run again.
RETRYABLE = {1205, 1213, 1020}

T = TypeVar("T")

_RAISE = update(meta).where(meta.c.id == META_ROW).values(generation=meta.c.generation + 1)


@dataclass(frozen=True)
class Unchanged(Generic[T]):
    """What the work of a write returns that turns out to have nothing to write; `value` is its result."""

    value: T


class Database:
    """A database of the store; safe to share between threads, not between processes."""

    def __init__(self, url: URL) -> None:
        self.url = url
        if url.get_backend_name() == "sqlite":
            self._reader = _sqlite(url, "BEGIN")
            self.writer = _sqlite(url, "BEGIN IMMEDIATE")
        else:
            # A reader sees one moment in all its statements; a writer sees what the one before it has committed.
            self._reader = _mariadb(url, "REPEATABLE READ", READERS)
            self.writer = _mariadb(url, "READ COMMITTED", WRITERS)
        # Writers take turns anyway (see schema.meta). Taking turns here first is fairer than the database's lock, and
        # leaves the one that holds it undisturbed by threads that could only wait.
        self._turn = Turns()
        # InnoDB gives the lock to the next writer before the log is on the disk: COMMITs wait for the disk together.
        # SQLite keeps the lock until then, and who waits for it only looks again and again.
        self._commits_overlap = url.get_backend_name() != "sqlite"
        self._listeners: list[Callable[[], None]] = []

    def close(self) -> None:
        """Give back all connections."""
        self._reader.dispose()
        self.writer.dispose()

    def on_write(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each write of this process, in the thread that wrote."""
        self._listeners.append(listener)

    def read(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, all of whose statements see the same moment. Raises UnavailableError."""
        return self._attempts(lambda: self._read_once(work))

    def write(self, work: Callable[[Connection], T | Unchanged[T]]) -> T:
        """Run `work` as the only writer, under a raised generation, and commit.

        Errors that leave nothing written and that pass by themselves lead to another attempt with the whole of
        `work`, so it must change nothing but the database. Raises UnavailableError, and what `work` raises: then
        nothing has changed.
        """

        def changes(connection: Connection) -> T | Unchanged[T]:
            connection.execute(_RAISE)
            return work(connection)

        result = self._attempts(lambda: self._write_once(changes))
        if isinstance(result, Unchanged):
            return result.value
        for listener in self._listeners:
            listener()
        return result

    def transaction(self, work: Callable[[Connection], T | Unchanged[T]]) -> T:
        """As `write`, without the common lock and generation: `work` takes the locks that it needs."""
        result = self._attempts(lambda: self._write_once(work))
        return result.value if isinstance(result, Unchanged) else result

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    def _write_once(self, work: Callable[[Connection], T | Unchanged[T]]) -> T | Unchanged[T]:
        with self.writer.connect() as connection:
            with self._turn:
                result = work(connection)
                if isinstance(result, Unchanged):
                    return result  # and nothing of what it did is kept
                if not self._commits_overlap:
                    _commit(connection)
            if self._commits_overlap:
                _commit(connection)
            return result

    def _attempts(self, once: Callable[[], T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return once()
            except exc.IntegrityError as error:
                # The checks under the common lock leave only what the database finds alike and we do not, as names
                # of projects that differ in a space at their end.
                raise ConflictError(f"something else has that value already: {_said(error)}") from error
            except (exc.ProgrammingError, exc.DataError):
                raise
            except exc.DBAPIError as error:
                # A lost connection, as after a restart of the database, loses only what was not committed.
                if attempt == ATTEMPTS or not (error.connection_invalidated or _code(error) in RETRYABLE):
                    raise UnavailableError(_reason(error)) from error
                log.info("attempt %d of %d: %s", attempt, ATTEMPTS, _reason(error))
            except exc.TimeoutError as error:
                raise UnavailableError("every connection to the database is busy; try again") from error
            time.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 - so that two don't meet again
        raise AssertionError("the last attempt returns or raises")


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            # It may or may not be written, so another attempt might do it twice. The caller knows whether
            # repeating is safe; with an idempotency key it is.
            raise UnavailableError(f"{_reason(error)}; whether the change was made is not known") from error
        raise


def _code(error: exc.DBAPIError) -> int | None:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def _reason(error: exc.DBAPIError) -> str:
    return f"the database does not serve: {_said(error)}"


def _said(error: exc.DBAPIError) -> str:
    text = error.orig.args[-1] if error.orig is not None and error.orig.args else error
    return " ".join(str(text).split())


def _sqlite(url: URL, begin: str) -> Engine:
    engine = create_engine(url, enable_from_linting=False, pool_size=READERS, max_overflow=0, pool_timeout=POOL_SECONDS)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` says, not where the driver guesses
        connection.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")
        with _alone(url):
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # what was acknowledged survives a power cut
        connection.execute("PRAGMA foreign_keys=ON")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


@contextmanager
def _alone(url: URL) -> Iterator[None]:
    """One at a time, over all processes: of two that turn a new file to WAL at once, SQLite fails one at once."""
    # The directory, not the file: closing any descriptor of the file would drop SQLite's own locks of this process.
    directory = os.open(Path(url.database or "").parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _mariadb(url: URL, isolation: str, connections: int) -> Engine:
    return create_engine(
        url,
        enable_from_linting=False,  # the one row of meta is joined to others on purpose
        pool_reset_on_return=None,  # Connection ends its transaction itself; a second ROLLBACK would cost a round trip
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "read_timeout": LOCK_SECONDS * 3,
            "write_timeout": LOCK_SECONDS * 3,
            "init_command": f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, sql_mode = 'TRADITIONAL'",
        },
    )
