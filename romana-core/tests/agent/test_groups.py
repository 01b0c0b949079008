"""Security groups, by agents in a network of namespaces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent_lab import Lab

from romana.models import Direction, GroupRule, Permissions

pytestmark = pytest.mark.root

OUT = GroupRule(direction=Direction.EGRESS)


def test_groups_say_what_passes(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    lab.groups = {
        "ssh": [OUT, GroupRule(direction=Direction.INGRESS, protocol=6, ports="22")],
        "mates": [OUT, GroupRule(direction=Direction.INGRESS, remote_group="mates")],
        "none": [],
    }
    guests = {}
    for name, node, groups in (
        ("a", 0, ["mates"]),
        ("b", 0, ["ssh"]),
        ("c", 1, ["mates"]),
        ("d", 1, ["none"]),
        ("e", 1, ["ssh", "mates"]),
    ):
        guest = guests[name] = lab.guest(node, 1, 1)
        guest.permissions = Permissions(groups=groups)
    lab.push()
    for guest in guests.values():
        guest.configure()
        guest.listen(22)
        guest.listen(80)
    a, b, c, d, e = guests.values()
    assert a.reaches(c)
    assert c.reaches(a)
    assert a.tcp(b, 22)
    assert not a.tcp(b, 80)
    assert not a.reaches(b)
    assert not b.reaches(a)
    assert not a.reaches(d)
    assert not d.tcp(a, 22)
    assert a.reaches(e)
    assert b.tcp(e, 22)
    assert not b.tcp(e, 80)
