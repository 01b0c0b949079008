"""Endpoints of the release before security groups: the same packets pass as before."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from agent_lab import Guest, Lab, until
from earlier_store import OldEndpoint, fill
from server_lab import LabServer

pytestmark = pytest.mark.root

PLACES = ((0, 1, 3), (0, 2, 3), (1, 1, 3), (1, 2, 3))  # host, segment, number


def passes(source: OldEndpoint, target: OldEndpoint, port: int) -> bool:
    """By segments, and by the policy that lets the first ask the second for port 80."""
    return source.segment == target.segment or (source.segment == 1 and port == 80)


def test_what_passed_before_groups_passes_and_nothing_else(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    guests: list[tuple[OldEndpoint, Guest]] = []
    for host, segment, number in PLACES:
        guest = lab.guest(host, 1, 1, plug=False)
        old = OldEndpoint(host, segment, number, guest.mac, guest.interface)
        guest.id, guest.address = old.id, str(old.address)
        guests.append((old, guest))
    hosts = {node.name: node.address for node in lab.nodes}
    server = LabServer(lab, before=lambda url: fill(url, hosts, [old for old, _ in guests]))
    try:
        for node in lab.nodes:
            node.start_agent()
        for _, guest in guests:
            guest.plug()
        until(lambda: all(is_wired(guest) for _, guest in guests), "all are wired")
        for _, guest in guests:
            assert guest.lease() == f"{guest.address}/16 {guest.node.gateway}"
            guest.listen(80)
            guest.listen(81)
        for (old, source), (other, target) in itertools.permutations(guests, 2):
            for port in (80, 81):
                assert source.tcp(target, port) == passes(old, other, port), (old, other, port)
            assert source.reaches(target) == (old.segment == other.segment)
    finally:
        server.close()


def is_wired(guest: Guest) -> bool:
    return f"{guest.address} dev {guest.interface}" in guest.node.routes()
