"""The verification of a whole stack: its network and, where it has one, its cloud."""

from __future__ import annotations

import time
from collections.abc import Callable

from romana.contract import ClientError
from romana_install.base.invocation import command
from romana_install.state.access import PORTS, auth_url
from romana_install.state.lock import held
from romana_install.state.stack import Stack
from romana_install.verify import verification
from romana_install.verify.apis import look_at_apis, look_at_services
from romana_install.verify.cloud import Cloud, CloudError
from romana_install.verify.findings import Findings
from romana_install.verify.instances import Trial
from romana_install.verify.nodes import ask_nodes
from romana_install.verify.report import Check, Report


def run(stack: Stack, quick: bool = False, told: Callable[[Check], None] | None = None) -> Report:
    """Verify a stack; everything made for it is removed again, also on Ctrl-C.

    Args:
        stack: which one.
        quick: the network with fewer probes, the cloud without booting instances.
        told: called with each check as it is made.

    Raises:
        LockedError: another verification of this stack is running.
        StackError: the stack's secrets cannot be read.
    """
    # One at a time, with the instances too: what bears a verification's name is taken for a leftover, and removed.
    with held(stack.directory / "verify.lock", "verify"):
        return _verify(stack, quick, told)


def _verify(stack: Stack, quick: bool, told: Callable[[Check], None] | None) -> Report:
    reports = [
        _noted(lambda findings: _look_at_nodes(stack, findings), told),  # first: it may be why the rest fails
        verification.run(stack, quick=quick, password=stack.become_password, told=told),
    ]
    if stack.has_openstack:
        reports.append(_noted(lambda findings: _verify_cloud(stack, quick, findings), told))
    return Report(
        checks=tuple(check for report in reports for check in report.checks),
        matrix=tuple(cell for report in reports for cell in report.matrix),
        seconds=sum(report.seconds for report in reports),
    )


def _noted(look: Callable[[Findings], None], told: Callable[[Check], None] | None) -> Report:
    """What a part of the verification finds."""
    start = time.monotonic()
    findings = Findings(told)
    look(findings)
    return findings.report(time.monotonic() - start)


def _look_at_nodes(stack: Stack, findings: Findings) -> None:
    """Whether nodes can work at all. The services of a network without a cloud are looked at with the network."""
    problems = [
        f"{node.name}: {problem}"
        for node, answer in ask_nodes(stack).items()
        for problem in (answer.problems if stack.has_openstack else answer.faulty)
    ]
    findings.note("health", problems, f"services answer, disks have room and clocks agree on {len(stack.nodes)} nodes")


def _verify_cloud(stack: Stack, quick: bool, findings: Findings) -> None:
    try:
        _look_at_cloud(stack, quick, findings)
    except (CloudError, ClientError) as error:
        findings.note("cloud", [f"{error}; see: {command('status')}"], "")


def _look_at_cloud(stack: Stack, quick: bool, findings: Findings) -> None:
    passwords = stack.secrets()["passwords"]
    with (
        stack.client() as client,
        stack.forwarded(*PORTS) as sockets,
        Cloud(auth_url(stack), "admin", passwords["admin"], "admin", sockets) as admin,
    ):
        hosts = look_at_services(admin, findings)
        if not stack.demo_key.exists():
            return  # without the demo there is no image to boot
        look_at_apis(admin, findings)
        if quick or not hosts:
            return
        with Cloud(auth_url(stack), "demo", passwords["demo"], "demo", sockets) as demo:
            Trial(stack, {"demo": demo, "admin": admin}, client, findings).run(len(hosts))
