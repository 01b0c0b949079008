"""What of the verification's instances needs no cloud: where they are put, and how their output is read."""

from __future__ import annotations

from romana_install.verify.guests import NOT_ASKED, Instance, hops, missing_markers, questions, row
from romana_install.verify.instances import WANTED

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


def test_names_are_unique() -> None:
    assert len({one.name for one in WANTED}) == len(WANTED)


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
    cells = row(A, [B, OTHER, FOREIGN], ["0", "0", "1", "0", "0", "1"])
    assert [(cell.target, cell.protocol, cell.ok) for cell in cells] == [
        (B.name, "icmp", True),
        (B.name, "tcp", True),
        (OTHER.name, "icmp", True),
        (OTHER.name, "tcp", False),
        (FOREIGN.name, "icmp", False),
        (FOREIGN.name, "tcp", True),
    ]


def test_an_instance_nobody_could_ask_is_not_as_expected() -> None:
    cells = row(A, [B, OTHER], [])
    assert len(cells) == 4
    assert not any(cell.ok for cell in cells)
    assert {cell.observed for cell in cells} == {NOT_ASKED}


def test_questions_are_answered_by_two_words_for_each_target() -> None:
    assert questions([A, B]).count("echo $?") == 4
