"""Endpoints reach what is outside of the plan with their host's address, as far as policies let them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from agent_lab import Lab, Namespace, run

pytestmark = pytest.mark.root

OUTSIDE = "198.51.100.7"
CREDENTIALS = "169.254.169.254"


@pytest.fixture
def lab(make_lab: Callable[[int], Lab]) -> Lab:
    """A node with a guest each of a segment that a policy lets out, and of one that none does; and an outside."""
    lab = make_lab(1)
    (node,) = lab.nodes
    node.masquerade = True
    node.configure()
    lab.guest(0, 1, 1)
    lab.guest(0, 1, 2)
    lab.allow((1, 1), "0.0.0.0/0")
    lab.push()
    for guest in lab.guests:
        guest.configure()
    return lab


@pytest.fixture
def outside(lab: Lab) -> Iterator[Namespace]:
    """A router of the node's network, with addresses beyond it. It has no way back to the plan."""
    outside = Namespace(lab.unique("o"))
    run("ip", "link", "add", "po", "netns", lab.switch.name, "type", "veth", "peer", "eth0", "netns", outside.name)
    lab.switch.run("ip", "link", "set", "po", "master", "bridge0", "up")
    for address in ("192.168.99.1/24", f"{OUTSIDE}/32", f"{CREDENTIALS}/32"):
        outside.run("ip", "addr", "add", address, "dev", "eth0")
    outside.run("ip", "link", "set", "eth0", "up")
    yield outside
    outside.close()


@pytest.mark.usefixtures("outside")
def test_the_way_out_is_policys_to_open(lab: Lab) -> None:
    open_, shut = lab.guests
    assert open_.reaches(OUTSIDE)
    assert not shut.reaches(OUTSIDE)
    assert not open_.reaches(CREDENTIALS)
    lab.nodes[0].namespace.run("busybox", "ping", "-c", "1", "-W", "2", CREDENTIALS)  # the host itself reaches it
