"""Nodes on which IPv6 is switched off, as many are: before the agent comes, and while it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent_lab import Lab, until

pytestmark = pytest.mark.root

S1 = (1, 2)


def switch_off(lab: Lab) -> None:
    for node in lab.nodes:
        for part in ("all", "default"):
            node.sysctl(f"net/ipv6/conf/{part}/disable_ipv6", "1")


def is_well(lab: Lab) -> None:
    """Two new endpoints get their addresses and reach each other."""
    here, there = lab.guest(0, *S1), lab.guest(1, *S1)
    lab.push()
    for guest in (here, there):
        assert guest.lease() == f"{guest.address}/16 {guest.node.gateway}"
    assert here.reaches(there)


def test_an_agent_starts(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    switch_off(lab)
    is_well(lab)


def test_an_agent_goes_on(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    is_well(lab)
    switch_off(lab)
    node, guest = lab.nodes[0], lab.guests[0]
    (old,) = node.dnsmasqs()
    node.stop_dnsmasq()
    until(lambda: node.dnsmasqs() not in ([], [old]), "there is another dnsmasq")
    assert guest.lease() == f"{guest.address}/16 {node.gateway}"
    is_well(lab)
    node.reboot()
    switch_off(lab)
    for gone in [item for item in lab.guests if item.node is node]:
        gone.inside.close()
        lab.guests.remove(gone)
    is_well(lab)
