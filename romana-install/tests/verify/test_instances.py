"""What of the verification's instances needs no cloud: where they are put, and how their output is read."""

from __future__ import annotations

from romana_install.verify.instances import Place, hops, missing_markers, places, row

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


def test_one_segment_is_on_two_hosts_and_another_on_the_first() -> None:
    where = [(place.host, place.segment) for place in places(["compute01", "compute02", "compute03"])]
    assert where == [("compute01", "s1"), ("compute02", "s1"), ("compute01", "s2")]


def test_one_host_is_enough() -> None:
    assert [(place.host, place.segment) for place in places(["compute01"])] == [
        ("compute01", "s1"),
        ("compute01", "s2"),
    ]


def test_names_are_unique() -> None:
    names = [place.name for place in places(["compute01", "compute02"])]
    assert len(set(names)) == len(names)


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


A, B, OTHER = Place("compute01", "s1"), Place("compute02", "s1"), Place("compute01", "s2")


def test_who_is_reached_is_compared_with_the_segments() -> None:
    cells = row(A, [B, OTHER], ["0", "0", "1", "0"])
    assert [(cell.target, cell.protocol, cell.ok) for cell in cells] == [
        (B.name, "icmp", True),
        (B.name, "tcp", True),
        (OTHER.name, "icmp", True),
        (OTHER.name, "tcp", False),
    ]


def test_an_instance_nobody_could_ask_is_not_as_expected() -> None:
    cells = row(A, [B, OTHER], [])
    assert len(cells) == 4
    assert not any(cell.ok for cell in cells)
    assert {cell.observed for cell in cells} == {"not asked, as ssh into it fails"}
