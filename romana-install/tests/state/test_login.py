"""What is read of a session, on this machine itself: the shell in the place of ssh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from romana_install.state.login import BEGIN, END, SilentError, marked, run, runs_nothing
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.static.target import Static
from romana_install.verify.session import ProbeError, Session

NODE = Node("one", "192.0.2.1", 0, True, True)
HERE = Stack("t", Path("/nowhere"), (NODE,), Static({"one": Reach("", "root")}))
NOISE = "printf 'welcome\\nno end of line'; echo 42; echo '{\"id\": 1}'; printf 'and again'; "


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (f"\n{BEGIN}\nmine\n{END}\n", "mine\n"),
        (f"welcome\n\n{BEGIN}\nmine\n{END}\nbye\n", "mine\n"),
        (f"no end of line\n{BEGIN}\nmine, without an end{END}\n", "mine, without an end"),
        (f"\n{BEGIN}\n{END}\n", ""),
        (f"\n{BEGIN}\nhalf of it\n", None),
        ("welcome\n", None),
        (f"{END}\n\n{BEGIN}\n", None),
        ("", None),
    ],
)
def test_what_is_marked_is_read(output: str, expected: str | None) -> None:
    assert marked(output) == expected


def test_a_script_says_what_it_prints() -> None:
    assert run(HERE, NODE, "echo mine; echo theirs >&2", 60) == "mine\n"


def test_a_script_that_does_not_come_to_its_end_is_told() -> None:
    with pytest.raises(SilentError, match=r"in the middle of its answer \(exit code 3\), and says: early"):
        run(HERE, NODE, "echo early >&2; exit 3", 60)


def test_what_a_shell_says_that_runs_nothing() -> None:
    assert "(exit code 1)" in runs_nothing(1, "\n", "me")
    said = runs_nothing(1, "This account is currently not available.", "me")
    assert "(exit code 1), and says: This account is currently not available.; see that its login" in said
    assert "chsh -s /bin/sh me" in said


def test_ssh_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    elsewhere = replace(HERE, target=Static({"one": Reach("192.0.2.1", "root")}))
    with pytest.raises(SilentError, match="ssh is not installed on this machine; install openssh-client"):
        run(elsewhere, NODE, "true", 60)


def test_a_probe_answers_whatever_a_shell_prints() -> None:
    answer = 'read -r line; echo "{\\"id\\": 1, \\"ok\\": true, \\"result\\": 7}"; cat'
    session = Session("one", ["sh", "-c", f"{NOISE}{answer}"])
    assert session.send("facts").result(60) == 7
    session.close()


def test_a_probe_that_is_not_reached_says_what_ssh_said_before_its_end() -> None:
    said = "ssh: connect to host gate port 22: Connection refused\\nConnection closed by UNKNOWN port 65535\\n"
    session = Session("one", ["sh", "-c", f"printf '{said}' >&2; exit 255"])
    with pytest.raises(ProbeError, match="one: ssh: connect to host gate port 22: Connection refused"):
        session.send("facts").result(60)
    session.close()
