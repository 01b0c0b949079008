"""What a verification looks at once its endpoints exist: leases, the matrix, routes, hops, agents, addresses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from romana.models import Endpoint, EndpointStatus, Host
from romana_install.verify import endpoints as api
from romana_install.verify.expect import expected_hops, full_matrix, is_expected_path, label, next_hop, route_findings
from romana_install.verify.findings import Findings
from romana_install.verify.probing import APPLIED_WITHIN, CONFIRM_WAIT, LEASE_WITHIN, MATRIX_WAIT, Probing

FIREWALL = "inet romana"  # the table that isolates; how many rules it has does not depend on what it lets pass
OPENED_PORT, OTHER_PORT = 8080, 8081  # what the temporary policy opens, and one beside it; probes listen on both


def look_around(probing: Probing, findings: Findings) -> None:
    """Attach probes and check everything that needs no change of policy, as much as possible at the same time."""
    _attach(probing, findings)
    _leases(probing, findings)
    looks = (_matrix, _hops, _pings_from_nodes, _nodes, _agents, _ipam)
    parts = [Findings() for _ in looks]  # one for each, so that a report has the same order every time
    with ThreadPoolExecutor(len(looks)) as pool:
        list(pool.map(lambda look, part: look(probing, part), looks, parts))
    for part in parts:
        findings.add(part)


def _attach(probing: Probing, findings: Findings) -> None:
    attached = probing.network.attach(probing.endpoints, (OPENED_PORT, OTHER_PORT))
    problems = probing.network.take_problems()
    probing.probes = api.wait_active(probing.client, attached, APPLIED_WITHIN)
    problems += [
        f"{label(probe)} is {probe.status.value}{f' ({probe.detail})' if probe.detail else ''}, not active after"
        f" {APPLIED_WITHIN:g} s; see: journalctl -u romana-agent on {probe.host}"
        for probe in probing.probes
        if probe.status is not EndpointStatus.ACTIVE
    ]
    findings.note("endpoints", problems, f"{len(attached)} of {len(probing.endpoints)} active")


def _leases(probing: Probing, findings: Findings) -> None:
    gateways = {host.name: str(host.gateway) for host in probing.hosts}
    active = [probe for probe in probing.probes if probe.status is EndpointStatus.ACTIVE]  # the others are reported
    leases = probing.network.leases(active, LEASE_WITHIN)
    problems = [
        problem
        for probe, lease in zip(active, leases, strict=True)
        if (problem := _lease_problem(probe, lease, gateways[probe.host]))
    ]
    slowest = max((lease["seconds"] for lease in leases if lease is not None), default=0.0)
    good = f"{len(leases)} leases, each the API's address; slowest {slowest:.2f} s"
    findings.note("dhcp", problems, good)


def _lease_problem(probe: Endpoint, lease: dict[str, Any] | None, gateway: str) -> str:
    if lease is None:
        return f"{label(probe)} got no lease; see: journalctl -u romana-agent on {probe.host}"
    if lease["address"] != str(probe.address):
        return f"{label(probe)} got {lease['address']}; see: journalctl -u romana-agent on {probe.host}"
    if lease["router"] != gateway:
        return f"{label(probe)} got router {lease['router']}, not {gateway}"
    return ""


def _matrix(probing: Probing, findings: Findings) -> None:
    questions = full_matrix(probing.probes, OPENED_PORT)
    cells, second_try = probing.answers(questions, probing.policies, MATRIX_WAIT)
    findings.matrix(cells, second_try)


def _hops(probing: Probing, findings: Findings) -> None:
    primary = probing.of(probing.places.primary)
    hosts = {host.name: host for host in probing.hosts}
    for name, same in (("traceroute on a host", True), ("traceroute across hosts", False)):
        pair = next(((a, b) for a in primary for b in primary if a is not b and (a.host == b.host) == same), None)
        if pair is None:
            continue  # one host only, or its second probe failed, which is reported
        source, target = pair
        expected = expected_hops(hosts[source.host], hosts[target.host], str(target.address))
        routed = _is_routed(probing, hosts[source.host], hosts[target.host])
        for wait in (MATRIX_WAIT, CONFIRM_WAIT):  # as in the matrix: with more patience before silence is a fault
            seen = probing.network.trace(source, target, wait)
            if good := is_expected_path(expected, seen, routed):
                break
        way = f"{source.address} to {target.address}"
        problem = f"{way} goes by {_path(seen)}, not {_path(expected)}; see: ip route on {source.host}"
        findings.note(name, [] if good else [problem], f"{way}: {_path(seen)}")


def _is_routed(probing: Probing, source: Host, target: Host) -> bool:
    """Whether there are routers between two hosts."""
    facts = probing.network.facts([source.name])
    routes = facts[source.name]["routes"] if facts else []
    return source.name != target.name and next_hop(target.address, routes) != str(target.address)


def _path(hops: list[str | None]) -> str:
    return ", ".join(hop or "*" for hop in hops) or "nothing"


def _pings_from_nodes(probing: Probing, findings: Findings) -> None:
    pongs = probing.network.ping_from_nodes(probing.probes, CONFIRM_WAIT)
    silent = [
        f"{probe.address} does not answer its node {probe.host}; see: nft list ruleset on {probe.host}"
        for probe, pong in zip(probing.probes, pongs, strict=True)
        if not pong
    ]
    findings.note("node to endpoint", silent, f"{len(pongs)} of {len(pongs)} answer a ping from their node")


def _nodes(probing: Probing, findings: Findings) -> None:
    """Routes and services of all nodes, those without probes too."""
    before = probing.client.endpoints()
    facts = probing.network.facts([host.name for host in probing.hosts])
    after = {endpoint.id: endpoint for endpoint in probing.client.endpoints()}
    steady = [endpoint for endpoint in before if after.get(endpoint.id) == endpoint]
    moving = {str(endpoint.address) for endpoint in [*before, *after.values()] if endpoint not in steady}
    network = probing.client.plan().address_plan().network
    for host in probing.hosts:
        if host.name not in facts:
            findings.note(f"routes {host.name}", ["the node does not tell; see: romana-setup ssh"], "")
            continue
        there = [endpoint for endpoint in steady if endpoint.host == host.name]
        active = [endpoint for endpoint in there if endpoint.status is EndpointStatus.ACTIVE]
        waiting = {str(endpoint.address) for endpoint in there if endpoint.status is not EndpointStatus.ACTIVE}
        routes = facts[host.name]["routes"]
        problems = route_findings(network, host, probing.registered, active, routes, moving | waiting)
        good = f"own prefix {host.prefix}, {len(probing.registered) - 1} other hosts, {len(active)} endpoints"
        findings.note(f"routes {host.name}", problems, good)
    _firewalls(facts, findings)
    _services(facts, findings)


def _firewalls(facts: dict[str, dict[str, Any]], findings: Findings) -> None:
    rules = {node: found["rules"].get(FIREWALL, 0) for node, found in facts.items()}
    usual = max(rules.values(), default=0)
    problems = [
        f"{node} has {count} rules in table {FIREWALL}, others have {usual}; see: journalctl -u romana-agent there"
        if count
        else f"{node} has no rules in table {FIREWALL}; see: journalctl -u romana-agent there"
        for node, count in rules.items()
        if count != usual or not count
    ]
    findings.note("firewall", problems, f"{usual} rules on every node")


def _services(facts: dict[str, dict[str, Any]], findings: Findings) -> None:
    stopped = [
        f"{service} on {node} is {state}; see: journalctl -u {service}"
        for node, found in facts.items()
        for service, state in found["services"].items()
        if state != "active"
    ]
    count = sum(len(found["services"]) for found in facts.values())
    if count:
        findings.note("services", stopped, f"{count} active")


def _agents(probing: Probing, findings: Findings) -> None:
    try:
        hosts = api.wait_applied(probing.client, [host.name for host in probing.hosts], APPLIED_WITHIN)
    except api.NotYetError as error:
        findings.note("agents", [str(error)], "")
        return
    problems = [
        f"{host.name}: {error.subject}: {error.message}"
        for host in hosts
        if host.errors
        for error in probing.client.applied(host.name).errors
    ]
    findings.note("agents", problems, f"{len(hosts)} have applied the current generation, without errors")


def _ipam(probing: Probing, findings: Findings) -> None:
    check = probing.client.ipam_check()
    findings.note("ipam", check.findings, "the store has no contradictions")
