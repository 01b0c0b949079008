"""Servers that are reached by a bastion alone, and whose sudo asks for a password. Steps, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest
from server_state import state
from servers import PASSWORD, Static

LAB = ("bas", "192.168.95")
HERE, THERE = "192.168.195.1", "192.168.195.2"
SUDO = "what-sudo-asks-for"


NOISE = r"""printf 'welcome\nname nobody\n42\n'
echo 'me@here: Permission denied (publickey).' >&2
printf 'no end of line'
"""


def noisy(upper: Path) -> None:
    (upper / "home/debian/.bashrc").write_text(NOISE)


@pytest.fixture(scope="module")
def before(static: Static) -> dict[str, dict[str, list[str]]]:
    """What the servers were like before."""
    lab = static.lab
    lab.add("bastion", 2, prepare=noisy)
    for name, number in (("alpha", 10), ("beta", 11)):
        lab.add(name, number, sudoers=PASSWORD, prepare=noisy).shell(f"echo debian:{SUDO} | chpasswd")
    lab.close_in("bastion", HERE, THERE)
    static.setup.settings["ssh_jump"] = f"debian@{THERE}"
    return {name: state(lab.servers[name]) for name in ("alpha", "beta")}


@pytest.fixture(scope="module")
def installed(static: Static, before: dict[str, dict[str, list[str]]]) -> Static:
    """A stack on the two."""
    inventory = str(static.lab.inventory("alpha", "beta"))
    assert set(before) == {"alpha", "beta"}
    static.setup.run("install", "-K", "-i", inventory, answer=f"{SUDO}\n")
    return static


def test_nothing_but_the_bastion_is_reached_from_here(installed: Static) -> None:
    refused = installed.setup.run("check", "-K", "-e", '{"ssh_jump": ""}', answer=f"{SUDO}\n", code=3)
    assert "alpha: cannot be reached" in refused


def test_a_bastion_that_does_not_answer_is_a_finding(installed: Static) -> None:
    refused = installed.setup.run("check", "-K", "-e", f"ssh_jump=debian@{HERE}", answer=f"{SUDO}\n", code=3)
    assert f"alpha: the bastion debian@{HERE} " in refused


def test_status_needs_no_password(installed: Static) -> None:
    assert '"ok": true' in installed.setup.run("status", "--format", "json")


def test_verify_says_that_it_needs_the_password(installed: Static) -> None:
    assert "a password is required" in installed.setup.run("verify", code=4)


def test_the_password_is_written_nowhere(installed: Static) -> None:
    directory = installed.setup.directory
    holding = [path for path in directory.rglob("*") if path.is_file() and SUDO.encode() in path.read_bytes()]
    assert holding == []


def test_uninstall_gives_them_back_as_they_were(installed: Static, before: dict[str, dict[str, list[str]]]) -> None:
    installed.setup.run("uninstall", "-K", "--yes", answer=f"{SUDO}\n")
    for name in ("alpha", "beta"):
        now = state(installed.lab.servers[name])
        assert {what: lines for what, lines in now.items() if lines != before[name][what]} == {}
