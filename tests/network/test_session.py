"""A conversation with romana-probe: answers find their requests, and every failure is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from romana_install.verify.session import ProbeError, Session

PROBE = [sys.executable, "-m", "romana.probe"]
SECONDS = 30


@contextmanager
def session(*command: str) -> Iterator[Session]:
    opened = Session("compute01", list(command))
    try:
        yield opened
    finally:
        opened.close()


def test_answers_find_their_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    with session(*PROBE) as opened:
        pings = [opened.send("ping", to="127.0.0.1", count=count, timeout=SECONDS) for count in (3, 1, 2)]
        assert [len(ping.result(SECONDS)) for ping in pings] == [3, 1, 2]
        with pytest.raises(ProbeError, match=r"^compute01: unknown command 'dance'"):
            opened.send("dance").result(SECONDS)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo banner; echo no route to host >&2; exit 255", "compute01: no route to host"),
        ("exit 3", "compute01: romana-probe ended with code 3"),
        ("read line; kill -9 $$", "compute01: romana-probe ended with code -9"),
    ],
)
def test_a_session_that_ends_fails_all_its_requests(script: str, message: str) -> None:
    with session("sh", "-c", script) as opened:
        requests = [opened.send("facts") for _ in range(3)]
        for request in requests:
            with pytest.raises(ProbeError, match=f"^{message}$"):
                request.result(SECONDS)
        with pytest.raises(ProbeError, match=f"^{message}$"):
            opened.send("facts").result(SECONDS)


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(ProbeError, match="compute01: cannot start /nowhere/ssh"):
        Session("compute01", ["/nowhere/ssh"])
