"""One verification from beginning to end: place probes, look from inside them, compare, remove."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from romana.client import Client
from romana.contract import ClientError
from romana_install.verify import endpoints as api
from romana_install.verify.explained import explain
from romana_install.verify.findings import Findings
from romana_install.verify.network import Network
from romana_install.verify.network_checks import look_around
from romana_install.verify.policy_trial import try_policy
from romana_install.verify.probe_places import MOST_HOSTS, choose, spread
from romana_install.verify.probing import Probing
from romana_install.verify.report import Check, Report

QUICK_HOSTS = 2


class _Node(Protocol):
    @property
    def name(self) -> str: ...


class VerifiableStack(Protocol):
    """What a verification needs of a stack."""

    @property
    def name(self) -> str: ...
    @property
    def directory(self) -> Path: ...
    @property
    def nodes(self) -> Sequence[_Node]: ...
    def ssh_command(self, node_name: str, *argv: str) -> list[str]:
        """Arguments that run `argv` as root on a node."""

    def client(self) -> AbstractContextManager[Client]:
        """A client that may do everything."""


def run(
    stack: VerifiableStack,
    quick: bool = False,
    password: str = "",
    told: Callable[[Check], None] | None = None,
) -> Report:
    """Verify the network of a stack; everything made for it is removed again, also on Ctrl-C.

    Nobody else may verify meanwhile: any probe found in the API is taken for a leftover.

    Args:
        stack: whose network.
        quick: probes on two hosts only, and no trial of a policy.
        password: what sudo asks for on the nodes; empty for nothing.
        told: called with each check as it is made.

    Raises:
        StackError: the stack's secrets cannot be read.
    """
    start = time.monotonic()
    findings = Findings(told)
    with stack.client() as client:
        try:
            _verify(stack, client, quick, password, findings)
        except ClientError as error:
            findings.note("api", [f"{error}; see: journalctl -u romana-server on the controller"], "")
    return findings.report(time.monotonic() - start)


def _verify(stack: VerifiableStack, client: Client, quick: bool, password: str, findings: Findings) -> None:
    names = [node.name for node in stack.nodes]
    network = Network(stack.ssh_command, password)
    mark = api.new_run()
    try:
        network.connect(spread(names, QUICK_HOSTS if quick else MOST_HOSTS))
        leftovers = api.remove(client)
        if leftovers:
            findings.note("leftovers", [], f"of an earlier verification removed: {', '.join(leftovers)}")
        probing = _place(names, client, network, mark, findings)
        look_around(probing, findings)
        if not quick:
            try_policy(probing, findings)
        failures = network.take_problems()
        if failures:
            findings.note("probes", failures, "")
        if not findings.ok:
            explain(probing, findings)
    finally:
        network.close()
        _clean_up(client, mark, findings)


def _place(names: Sequence[str], client: Client, network: Network, mark: str, findings: Findings) -> Probing:
    """Choose places and make an endpoint at each."""
    registered = {host.name: host for host in client.hosts()}
    hosts = sorted((registered[name] for name in names if name in registered), key=lambda host: host.index)
    unknown = [f"romana-server does not know {name}; see: romana host list" for name in names if name not in registered]
    findings.note("hosts", unknown, f"{len(hosts)} registered")
    ready = network.ready()
    findings.note("nodes", network.take_problems(), f"romana-probe answers on {', '.join(ready)}")
    segments = [(tenant.name, segment.name) for tenant in client.tenants() for segment in client.segments(tenant.name)]
    owners = {host.name: host.owner for host in hosts if host.owner is not None}
    places = choose([host.name for host in hosts if host.name in ready], segments, owners)
    if not places.spots:
        findings.note("probes", ["no node or no segment to put one in; see: romana host list, romana tenant list"], "")
    policies = list(client.policies())
    made = api.create(client, mark, places.spots)
    return Probing(client, network, mark, hosts, list(registered.values()), places, policies, made)


def _clean_up(client: Client, mark: str, findings: Findings) -> None:
    """Remove what this run made. Raises nothing, so that it hides no other failure."""
    try:
        removed = api.remove(client, mark)
        left = api.remaining(client, mark)
    except ClientError as error:
        findings.note("clean up", [f"{error}; the next verification removes what is left"], "")
        return
    problems = [f"{name} is still there" for name in left]
    findings.note("clean up", problems, f"{len(removed)} endpoints removed, none left")
