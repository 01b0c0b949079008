"""What the journal remembers, and what it tells about the time left."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from romana_install.ansible.progress import DONE, Position, Screen
from romana_install.state.journal import KEPT_RUNS, Journal, Phase


def completed(journal: Journal, kind: str, **seconds: float) -> None:
    run = journal.begin("install", kind, "digest")
    run.phases = [Phase(name, took, ok=True) for name, took in seconds.items()]
    run.ok = True
    journal.save()


def test_estimates_are_those_of_the_last_completed_run_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    journal = Journal(path)
    completed(journal, "first", provision=60, romana=9)
    completed(journal, "again", provision=3, romana=2)
    journal.begin("install", "again", "digest").phases = [Phase("provision", 99)]
    journal.save()
    read = Journal(path)
    assert read.estimates("install", "first") == {"provision": 60, "romana": 9}
    assert read.estimates("install", "again") == {"provision": 3, "romana": 2}
    assert read.estimates("install", "change") == {}
    assert read.estimates("uninstall", "again") == {}


def test_run_that_was_killed_has_left_its_trace(tmp_path: Path) -> None:
    run = Journal(tmp_path / "journal.json").begin("install", "first", "digest")
    read = Journal(tmp_path / "journal.json")
    assert [(was.action, was.ok) for was in read.runs] == [("install", False)]
    assert not read.has_completed("install")
    assert run.started.endswith("+00:00")


def test_journal_does_not_grow_for_ever(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    for _ in range(KEPT_RUNS + 5):
        completed(journal, "again", romana=1)
    assert len(Journal(tmp_path / "journal.json").runs) == KEPT_RUNS


@pytest.mark.parametrize("content", ["", "{", "[]", '{"runs": [{"action": "install"}]}', '{"runs": [1]}'])
def test_damaged_journal_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "journal.json").write_text(content)
    assert Journal(tmp_path / "journal.json").runs == []


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left() -> None:
    clock = Clock()
    position = Position(["a", "b", "c"], {"a": 10, "b": 20, "c": 30}, clock)
    assert position.left == 60
    position.enter("a")
    clock.now += 4
    assert position.left == 56
    clock.now += 10  # slower than last time
    assert position.left == 50
    assert position.leave() == 14
    assert position.left == 50
    position.enter("c")
    assert (position.number, position.left) == (3, 30)
    clock.now += 1
    assert position.seconds == 15


def test_no_time_left_is_told_without_a_last_time() -> None:
    assert Position(["a"]).left is None


def test_phase_nobody_expected_takes_its_place() -> None:
    position = Position(["a", "c"])
    position.enter("a")
    position.enter("b")
    assert position.phases == ["a", "b", "c"]
    assert position.number == 2


class Heard(io.StringIO):
    """Output that tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def flush(self) -> None:
        self.event.set()


def test_a_phase_that_takes_long_is_said_to_have_begun() -> None:
    out, position = Heard(), Position(["a", "b"])
    with Screen(position, out, long=0.0) as screen:
        position.enter("a")
        screen.phase_begun()
        assert out.event.wait(30)
    assert out.getvalue().split() == ["[1/2]", "a", "begun"]


def test_a_phase_that_does_not_is_shown_once() -> None:
    out, position = io.StringIO(), Position(["a", "b"])
    with Screen(position, out, long=3600.0) as screen:
        position.enter("a")
        screen.phase_begun()
        screen.phase_over(1.0, DONE)
    assert out.getvalue().split() == ["[1/2]", "a", "1.0", "s", "[", "DONE", "]"]


def test_a_stack_is_unfinished_until_an_installation_is_completed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    assert journal.stopped() is None
    run = journal.begin("install", "first", "digest", command="./romana-setup -t local")
    run.phases = [Phase("release", 1, ok=True), Phase("provision", 2)]
    journal.save()
    read = Journal(tmp_path / "journal.json")
    assert read.stopped() == run
    assert read.was_never_finished()
    completed(read, "first", provision=3)
    assert read.stopped() is None
    assert not read.was_never_finished()
    read.begin("install", "again", "digest")
    assert read.stopped() is not None
    assert not read.was_never_finished()


def test_a_trial_stops_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    completed(journal, "first", provision=3)
    journal.begin("install-check", "check", "digest")
    assert journal.stopped() is None
