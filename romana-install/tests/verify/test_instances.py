"""What of the verification's instances needs no cloud: where they are put, and how their output is read."""

from __future__ import annotations

import subprocess

import pytest

from romana_install.verify.guests import NOT_ASKED, Instance, answers, hops, missing_markers, questions, row
from romana_install.verify.instances import Wanted, all_wanted

TRACE = """traceroute to 10.2.34.3 (10.2.34.3), 5 hops max, 46 byte packets
 1  10.1.0.1  1.851 ms
 2  *
 3  10.2.34.3  5.473 ms
"""
CONSOLE = """[    0.1] Linux version
romana-guest: booted
romana-guest: lease 10.1.34.3/16
romana-guest: metadata ok
romana-guest: ready
"""


@pytest.mark.parametrize("own", [None, Wanted("demo", "romana-verify-own", network="romana-verify-own")])
def test_names_are_unique_and_there_are_four_with_and_without_an_own_network(own: Wanted | None) -> None:
    wanted = all_wanted(own)
    assert len({one.name for one in wanted}) == len(wanted)
    assert {one.name.count("romana-verify-") for one in wanted} == {1}
    assert sum(one.count for one in wanted) == 4


def test_hops_of_a_traceroute() -> None:
    assert hops(TRACE) == ["10.1.0.1", "*", "10.2.34.3"]


def test_guest_that_is_well() -> None:
    assert missing_markers(CONSOLE) == []


def test_guest_without_an_address_or_metadata() -> None:
    assert missing_markers("romana-guest: booted\nromana-guest: no metadata: no route\nromana-guest: ready\n") == [
        "metadata ok",
        "lease",
    ]


def test_guest_that_has_not_said_anything() -> None:
    assert missing_markers("") == ["metadata ok", "ready", "lease"]


def instance(number: int, project: str, segment: str) -> Instance:
    return Instance(f"{project}-{segment}-{number}", "", project, segment, f"10.{number}.0.3", f"compute0{number}")


A, B, OTHER, FOREIGN = (
    instance(1, "demo", "s1"),
    instance(2, "demo", "s1"),
    instance(1, "demo", "s2"),
    instance(2, "admin", "s1"),
)


def test_who_is_reached_is_compared_with_projects_and_segments() -> None:
    cells = row(A, [B, OTHER, FOREIGN], dict(enumerate(["0", "0", "1", "0", "0", "1"])))
    assert [(cell.target, cell.protocol, cell.ok) for cell in cells] == [
        (B.name, "icmp", True),
        (B.name, "tcp", True),
        (OTHER.name, "icmp", True),
        (OTHER.name, "tcp", False),
        (FOREIGN.name, "icmp", False),
        (FOREIGN.name, "tcp", True),
    ]


def test_an_instance_nobody_could_ask_is_not_as_expected() -> None:
    cells = row(A, [B, OTHER], {})
    assert len(cells) == 4
    assert not any(cell.ok for cell in cells)
    assert {cell.observed for cell in cells} == {NOT_ASKED}


def test_questions_are_asked_at_once_and_answered_by_number() -> None:
    """The shell prints what it would in a guest, in which no target answers here."""
    programs = "ping() { return 1; }; timeout() { [ $6 = http://10.2.0.3/ ]; }"
    script = questions([A, B]).partition("\n")[2]  # without the kernel's setting, which would be this machine's
    said = subprocess.run(["sh", "-c", f"{programs}\n{script}"], capture_output=True, text=True, check=True).stdout
    assert answers(said) == {0: "1", 1: "1", 2: "1", 3: "0"}


def test_what_is_no_answer_is_not_taken_for_one() -> None:
    assert answers("0 0\nwelcome\n1") == {0: "0"}
