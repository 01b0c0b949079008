"""`romana explain --observed` on a host: what its firewall has, beside what it should have."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agent_lab import Guest, Lab, Node, until
from server_lab import ADMIN, LabServer
from starting import ROMANA, forked_to_its_end

from romana.models import (
    Direction,
    EndpointUpdate,
    FloatingIpPut,
    ForwardingPut,
    GroupPut,
    GroupRule,
    Permissions,
    Protocol,
    RouterPut,
    RouterSegment,
)

pytestmark = pytest.mark.root

OUT = GroupRule(direction=Direction.EGRESS)
FLOATING = "192.168.99.200"
MATES = GroupRule(direction=Direction.INGRESS, protocol=6, ports="22", remote_group="mates")


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    server = LabServer(make_lab(2))
    try:
        server.ask(lambda client: client.put_group("mates", GroupPut(rules=[OUT, MATES])))
        for node in server.lab.nodes:
            node.routers = node.masquerade = True
            node.configure()
            node.start_agent()
        yield server
    finally:
        server.close()


def mate(server: LabServer, node: int) -> Guest:
    guest = server.guest(node, "s1")
    wanted = EndpointUpdate(permissions=Permissions(groups=["mates"]))
    server.ask(lambda client: client.update_endpoint(guest.id, wanted))
    guest.plug()
    until(lambda: server.endpoint(guest).status.value == "active", "it is active")
    return guest


def explained(node: Node, source: Guest | str, target: str, port: int = 22) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code and the rows by who decides, as `romana` says on a node. target: an address."""
    token = node.lab.directory / "admin.token"
    token.write_text(ADMIN)
    options = ("--url", node.lab.url, "--ca-file", str(node.lab.directory / "ca.pem"), "--token-file", str(token))
    asker = source if isinstance(source, str) else source.address
    words = ("explain", asker, target, f"tcp/{port}", "--observed", "--agent-config", str(node.config))
    arguments = [*options, *words, "-f", "json"]
    done = forked_to_its_end(ROMANA, arguments, node.environment(), namespace=node.namespace.name)
    assert done.stdout, done.stderr
    return done.returncode, {row["who"].partition(" ")[0]: row for row in json.loads(done.stdout)}


def test_what_the_firewall_has_is_compared_on_its_own_host(server: LabServer) -> None:
    source, target = mate(server, 0), mate(server, 1)
    code, rows = explained(target.node, source, target.address)
    assert code == 0
    assert [(row["observed"], row["differs"]) for row in (rows["segments"], rows["ingress"])] == [(True, None)] * 2
    assert rows["egress"]["observed"] is None
    assert rows["egress"]["differs"] == "not looked at: run this command on node0"
    code, rows = explained(source.node, source, target.address)
    assert (code, rows["egress"]["observed"], rows["ingress"]["observed"]) == (0, True, None)

    node = target.node
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGSTOP)  # it would mend what is done now
    node.namespace.run("nft", "flush", "set", "inet", "romana", "services")
    code, rows = explained(node, source, target.address)
    assert code == 1
    assert (rows["ingress"]["passes"], rows["ingress"]["observed"]) == (True, False)
    assert rows["ingress"]["differs"].startswith("set services lacks: ")
    assert rows["segments"]["differs"] is None
    node.namespace.run("nft", "delete", "table", "inet", "romana")
    code, rows = explained(node, source, target.address)
    assert (code, rows["ingress"]["observed"]) == (1, True)
    assert rows["ingress"]["differs"] == "there is no table inet romana: nothing keeps anything out"
    os.kill(node.process.pid, signal.SIGCONT)
    until(lambda: explained(node, source, target.address)[0] == 0, "the agent has mended it")


@pytest.mark.parametrize("asker", [0, 1])
def test_what_is_said_of_a_floating_ip_asked_from_inside_is_what_the_firewall_has(
    server: LabServer, asker: int
) -> None:
    """asker: the node of who asks; the floating IP's is 1."""
    source, target = mate(server, asker), mate(server, 1)
    from_host = GroupRule(direction=Direction.INGRESS, remotes=[f"{source.node.address}/32"])
    server.ask(lambda client: client.put_group("mates", GroupPut(rules=[OUT, MATES, from_host])))
    server.ask(lambda client: client.put_floating_ip(FLOATING, FloatingIpPut(endpoint=target.id)))
    source.configure()
    target.configure()
    target.listen(22)
    router = RouterPut(segments=[RouterSegment(tenant="admin", segment="s1")], outside=True)
    for way in (False, True):
        if way:
            server.ask(lambda client: client.put_router("way", router))
        server.settle()
        lets = way or asker == 1  # of one segment on one host they may talk anyway
        assert source.tcp(FLOATING, 22) == lets
        for node in server.lab.nodes:
            code, rows = explained(node, source, FLOATING)
            assert (code == 0) == lets, rows
            seen = {row["observed"] for row in rows.values() if row["host"] == node.name}
            assert seen <= {True} if lets or node is not source.node else False in seen, rows


@pytest.mark.parametrize("asker", [0, 1])
def test_what_is_said_of_a_forwarded_port_asked_from_inside_is_what_the_firewall_has(
    server: LabServer, asker: int
) -> None:
    """asker: the node of who asks; an endpoint of each answers, and node 0 has the floating IP."""
    source, *targets = mate(server, asker), mate(server, 0), mate(server, 1)
    rules = [GroupRule(direction=Direction.EGRESS, remotes=[f"{FLOATING}/32"])]
    rules += [
        GroupRule(direction=Direction.INGRESS, protocol=6, ports="22", remotes=[f"{address}/32"])
        for address in (source.address, source.node.address)
    ]
    server.ask(lambda client: client.put_group("mates", GroupPut(rules=rules)))
    forwardings = [
        ForwardingPut(protocol=Protocol.TCP, port=2200 + number, endpoint=target.id, endpoint_port=22)
        for number, target in enumerate(targets)
    ]
    server.ask(lambda client: client.put_floating_ip(FLOATING, FloatingIpPut(forwardings=forwardings)))
    source.configure()
    for target in targets:
        target.configure()
        target.listen(22)
    router = RouterPut(segments=[RouterSegment(tenant="admin", segment="s1")], outside=True)
    for way in (False, True):
        if way:
            server.ask(lambda client: client.put_router("way", router))
        server.settle()
        for port, target in ((2200, targets[0]), (2201, targets[1])):
            lets = way or asker in (0, target.node.index)
            assert source.tcp(FLOATING, port) == lets, port
            for node in server.lab.nodes:
                code, rows = explained(node, source, FLOATING, port)
                assert (code == 0) == lets, rows
                seen = {row["observed"] for row in rows.values() if row["host"] == node.name}
                assert seen <= {True} if lets or node is not source.node else False in seen, rows


def test_what_is_said_of_a_forwarded_port_asked_from_outside_is_compared_on_the_endpoints_host(
    server: LabServer,
) -> None:
    first, target = mate(server, 0), mate(server, 1)
    forwardings = [
        ForwardingPut(protocol=Protocol.TCP, port=port, endpoint=guest.id, endpoint_port=22)
        for port, guest in ((2200, first), (2201, target))
    ]
    server.ask(lambda client: client.put_floating_ip(FLOATING, FloatingIpPut(forwardings=forwardings)))
    everybody = GroupRule(direction=Direction.INGRESS, protocol=6, ports="22")
    server.ask(lambda client: client.put_group("mates", GroupPut(rules=[OUT, everybody])))
    server.settle()
    node = target.node
    code, rows = explained(node, "192.0.2.7", FLOATING, 2201)
    assert (code, rows["segments"]["observed"], rows["ingress"]["observed"]) == (0, True, True)
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGSTOP)  # it would mend what is done now
    node.namespace.run("nft", "flush", "map", "inet", "romana", "forwarded")
    code, rows = explained(node, "192.0.2.7", FLOATING, 2201)
    assert (code, rows["segments"]["observed"]) == (1, False)
    assert rows["segments"]["differs"] == f"map forwarded lacks: {FLOATING} . 6 . 2201 . {target.address} . 22"
    os.kill(node.process.pid, signal.SIGCONT)
    until(lambda: explained(node, "192.0.2.7", FLOATING, 2201)[0] == 0, "the agent has mended it")
