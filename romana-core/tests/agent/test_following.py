"""Agents and a real romana-server: states that arrive, reports that return, and either side going away."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest
from agent_lab import Guest, Lab, until
from pinger import Pinger
from server_lab import LabServer

from romana.models import DhcpOption, EndpointStatus, EndpointUpdate, Lease, Peer, PolicyCreate, Protocol

pytestmark = pytest.mark.root


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    """A server and two nodes whose agents follow it."""
    server = LabServer(make_lab(2))
    try:
        for node in server.lab.nodes:
            node.start_agent()
        yield server
    finally:
        server.close()


def active(server: LabServer, *guests: Guest) -> None:
    """Wait until the server says that all is in place for them."""
    until(
        lambda: all(server.endpoint(guest).status is EndpointStatus.ACTIVE for guest in guests),
        f"active: {[server.endpoint(guest) for guest in guests]}",
    )


def plugged(server: LabServer, node: int, segment: str) -> Guest:
    guest = server.guest(node, segment)
    guest.plug()
    active(server, guest)
    assert guest.lease() == f"{guest.address}/16 {guest.node.gateway}"
    return guest


def test_endpoint_is_pending_until_its_tap_is_there_then_active(server: LabServer) -> None:
    guest = server.guest(0, "s1")
    until(lambda: server.endpoint(guest).detail is not None, "the agent has said what is missing")
    endpoint = server.endpoint(guest)
    assert endpoint.status is EndpointStatus.PENDING
    assert endpoint.detail == f"interface {guest.interface} does not exist yet"
    guest.plug()
    active(server, guest)
    assert guest.lease()
    server.ask(lambda client: client.delete_endpoint(guest.id))
    until(lambda: f"{guest.address} dev {guest.interface}" not in guest.node.routes(), "the route is gone")
    assert guest.lease() == ""


def test_policy_opens_and_closes_without_a_restart(server: LabServer) -> None:
    client, target = plugged(server, 0, "s1"), plugged(server, 1, "s2")
    pid = [node.process.pid for node in server.lab.nodes if node.process]
    target.listen(80)
    assert not client.tcp(target, 80)
    policy = PolicyCreate(
        name="web", source=Peer(tenant="admin", segment="s1"), target=Peer(tenant="admin", segment="s2"),
        protocol=Protocol.TCP, ports=["80"],
    )  # fmt: skip
    server.ask(lambda api: api.create_policy(policy))
    until(lambda: client.tcp(target, 80), "the policy is in place")
    assert not client.reaches(target)
    server.ask(lambda api: api.delete_policy("web"))
    until(lambda: not client.tcp(target, 80), "the policy is gone")
    assert pid == [node.process.pid for node in server.lab.nodes if node.process]


def test_a_lease_changes_for_one_endpoint_while_the_same_dnsmasq_answers(server: LabServer) -> None:
    changed, other = plugged(server, 0, "s1"), plugged(server, 0, "s1")
    process = changed.node.dnsmasqs()
    offer(server, changed, Lease(host_name="web", mtu=1400))
    assert changed.lease().startswith(changed.address)
    assert (changed.told()["host"], changed.told()["mtu"]) == ("web", "1400")
    assert other.lease().startswith(other.address)
    assert (other.told()["host"], other.told()["mtu"]) == ("", "")
    offer(server, changed, Lease(offered=False))
    assert changed.lease() == ""
    assert other.lease().startswith(other.address)
    offer(server, changed, Lease())
    assert changed.lease().startswith(changed.address)
    assert (changed.told()["host"], changed.told()["mtu"]) == ("", "")
    assert changed.node.dnsmasqs() == process


def offer(server: LabServer, guest: Guest, lease: Lease) -> None:
    """Change what an endpoint is told, and wait until its agent says that it is."""
    changed = server.ask(lambda client: client.update_endpoint(guest.id, EndpointUpdate(lease=lease)))
    name = guest.node.name
    until(lambda: server.ask(lambda client: client.applied(name)).generation >= changed.generation, "it is applied")
    active(server, guest)


def test_options_that_dnsmasq_refuses_are_no_lease(server: LabServer) -> None:
    guest = plugged(server, 0, "s1")
    refused = Lease(options=[DhcpOption(number=3, value="nowhere")])
    server.ask(lambda client: client.update_endpoint(guest.id, EndpointUpdate(lease=refused)))
    until(lambda: server.endpoint(guest).status is EndpointStatus.ERROR, "what is wrong is said")
    (endpoint,) = server.ask(lambda client: client.applied("node0")).endpoints
    assert not endpoint.lease


def test_report_says_what_is_in_place(server: LabServer) -> None:
    guest = plugged(server, 0, "s1")
    report = server.ask(lambda client: client.applied("node0"))
    assert report.errors == []
    assert [str(prefix) for prefix in report.routes] == ["10.1.0.0/16"]
    assert [(str(source), str(target)) for source, target in report.pairs] == [
        ("10.0.17.0", "10.0.17.0"),
        ("10.0.18.0", "10.0.18.0"),
    ]
    (endpoint,) = report.endpoints
    assert (endpoint.route, endpoint.lease, endpoint.firewall) == (True, True, True)
    node = guest.node.namespace
    node.run("ip", "route", "replace", "10.1.0.0/16", "via", "192.168.99.1")
    until(lambda: server.ask(lambda client: client.host("node0")).errors == 1, "the conflict is reported")
    node.run("ip", "route", "del", "10.1.0.0/16", "via", "192.168.99.1")
    until(lambda: server.ask(lambda client: client.host("node0")).errors == 0, "the conflict is over")


def test_server_that_is_away_costs_nothing_and_is_followed_again(server: LabServer) -> None:
    a, b = plugged(server, 0, "s1"), plugged(server, 1, "s1")
    pinger = Pinger(a, b)
    server.kill()
    node = a.node
    node.kill_agent(signal.SIGKILL)
    node.start_agent()
    assert plugged_again(a)
    server.start()
    c = plugged(server, 0, "s1")
    assert c.reaches(b)
    sent, lost = pinger.losses()
    assert sent > 10
    assert lost == 0


def plugged_again(guest: Guest) -> bool:
    """The agent has its cache only: the tap is still wired."""
    return f"{guest.address} dev {guest.interface}" in guest.node.routes()


def test_wrong_token_is_told_with_the_fix(server: LabServer) -> None:
    node = server.lab.nodes[0]
    node.kill_agent()
    (node.directory / "token").write_text("wrong\n")
    node.start_agent()
    until(lambda: f"put a valid token into {node.directory}/token" in node.log.read_text(), "the advice")
    (node.directory / "token").write_text(node.token)
    until(lambda: "the server answers again" in node.log.read_text(), "the new token is used without a restart")
