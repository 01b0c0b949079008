"""A MariaDB server of our own: private directory, unix socket only, gone when it is closed."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pymysql
from pymysql.err import OperationalError
from sqlalchemy import URL

START_SECONDS = 60
PROGRAMS = ("mariadbd", "mariadb-install-db")
MEMORY = Path("/dev/shm")  # noqa: S108 - only the place of a private directory


class MariaDb:
    """Started by `with`; `stop` and `start` in between are an outage.

    Args:
        parent: where its directory is made; None: where temporary files are. Its commits wait for that disk.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._directory = Path()
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Not below pytest's directory: the path of a socket must be shorter than 108 bytes.
        self._directory = Path(tempfile.mkdtemp(prefix="romana-db-", dir=self._parent))
        try:
            self._install()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    @property
    def socket(self) -> Path:
        return self._directory / "socket"

    def start(self) -> None:
        """Run it; returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "mariadbd",
                    "--no-defaults",
                    "--user=root",
                    f"--datadir={self._directory / 'data'}",
                    f"--socket={self.socket}",
                    f"--pid-file={self._directory / 'pid'}",
                    "--skip-networking",
                    "--innodb-buffer-pool-size=64M",
                    "--max-connections=300",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, f"mariadbd ended: {self._log.read_text()}"
            assert time.monotonic() < deadline, f"mariadbd does not answer: {self._log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in an orderly way; connections break."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=START_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def database(self) -> Iterator[URL]:
        """A new empty database, as the server's configuration names it."""
        name = f"romana{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            yield URL.create("mysql+pymysql", "root", database=name, query={"unix_socket": str(self.socket)})
        finally:
            if self._process is not None:
                self._execute(f"DROP DATABASE {name}")

    @property
    def _log(self) -> Path:
        return self._directory / "log"

    def _install(self) -> None:
        done = subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                "--user=root",
                f"--datadir={self._directory / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        connection = pymysql.connect(unix_socket=str(self.socket), user="root")
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()


def fastest_place() -> Path | None:
    """Memory where the system has it as a directory: tests make many tables, and fear no power cut."""
    return MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
