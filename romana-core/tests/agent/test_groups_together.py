"""Many who join and leave groups at once: in the end server, database and every agent's firewall say the same."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network

import pytest
from agent_lab import Lab, Node, until
from server_lab import ADMIN, LabServer

from romana.agent.desired import desired
from romana.agent.membership import Membership, updated
from romana.agent.ruleset import GROUP_SETS, observe
from romana.models import (
    AddressPair,
    Changes,
    Direction,
    Endpoint,
    EndpointCreate,
    EndpointUpdate,
    GroupPut,
    GroupRule,
    Permissions,
)

pytestmark = pytest.mark.root

THREADS = 20
STEPS = 8
GROUPS = ("g0", "g1", "g2", "g3")
OUT = GroupRule(direction=Direction.EGRESS)


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    """Whose groups let in each other's members, each on a port of its own."""
    server = LabServer(make_lab(2))
    try:
        for name, other in zip(GROUPS, GROUPS[1:] + GROUPS[:1], strict=True):
            let_in = GroupRule(direction=Direction.INGRESS, protocol=6, ports="80", remote_group=other)
            server.ask(lambda client, name=name, rule=let_in: client.put_group(name, GroupPut(rules=[OUT, rule])))
        for node in server.lab.nodes:
            node.start_agent()
        yield server
    finally:
        server.close()


def join_and_leave(server: LabServer, number: int, seed: int) -> None:
    """One endpoint's life: groups come and go, also as pairs' addresses; sometimes it is made anew."""
    dice = random.Random(seed + number)  # noqa: S311 - it is to be the same again for the same seed
    wanted = EndpointCreate(
        host=f"node{number % 2}", tenant="admin", segment="s1", mac=f"02:00:00:00:00:{number:02x}",
        interface=f"tap{number}",
    )  # fmt: skip
    endpoint = server.ask(lambda client: client.create_endpoint(wanted))
    for _ in range(STEPS):
        if dice.random() < 0.15:
            identifier = endpoint.id
            server.ask(lambda client, identifier=identifier: client.delete_endpoint(identifier))
            endpoint = server.ask(lambda client: client.create_endpoint(wanted))
        pairs = [AddressPair(network=IPv4Network("192.0.2.0/24"))] if dice.random() < 0.3 else []
        groups = dice.sample(GROUPS, dice.randint(0, len(GROUPS)))
        update = EndpointUpdate(permissions=Permissions(groups=groups, address_pairs=pairs))
        identifier = endpoint.id
        server.ask(lambda client, identifier=identifier, update=update: client.update_endpoint(identifier, update))


def test_everybody_agrees_when_many_have_joined_and_left_at_once(server: LabServer) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(join_and_leave, server, number, seed) for number in range(THREADS)]:
            done.result()
    endpoints = server.ask(lambda client: client.endpoints())
    assert len(endpoints) == THREADS
    assert server.ask(lambda client: client.ipam_check()).findings == []
    known = 0
    for node in server.lab.nodes:
        changes = server.ask(lambda client, name=node.name: client.changes(name))
        members = told(changes)
        assert members == {name: there for name, there in said(endpoints).items() if name in members}
        until(lambda node=node, changes=changes: has(node, changes), f"{node.name} has what the server says")
        known += sum(len(there) for there in members.values())
    in_groups = sum(len(endpoint.permissions.groups or ()) for endpoint in endpoints)
    expected = {f"romana_group_members {in_groups:.1f}", f"romana_agent_group_members {known:.1f}"}
    until(lambda: expected <= set(metrics(server)), "the agents have said how many members they know")


def said(endpoints: list[Endpoint]) -> Membership:
    """Members by what endpoints say."""
    there: dict[str, set[IPv4Network]] = {}
    for endpoint in endpoints:
        for group in endpoint.permissions.groups or ():
            pairs = (pair.network for pair in endpoint.permissions.address_pairs)
            there.setdefault(group, set()).update([IPv4Network(endpoint.address), *pairs])
    return {name: frozenset(networks) for name, networks in there.items()}


def told(changes: Changes) -> Membership:
    """Members by what the server says to a host that asks for all."""
    assert changes.members is not None
    assert changes.members.whole
    return updated({}, changes.members)


def has(node: Node, changes: Changes) -> bool:
    """Whether the sets of the node's firewall are those that follow from all that there is for it."""
    assert changes.state is not None
    must = desired(changes.state, told(changes)).groups
    found = observe(node.namespace.run("nft", "--json", "--numeric-protocol", "list", "table", "inet", "romana"))
    return all(found.elements[name] == getattr(must, name) for name in GROUP_SETS)


def metrics(server: LabServer) -> list[str]:
    argv = ("curl", "-sS", "--cacert", str(server.lab.directory / "ca.pem"), "-H", f"Authorization: Bearer {ADMIN}")
    return server.namespace.run(*argv, f"{server.lab.url}/metrics").splitlines()
