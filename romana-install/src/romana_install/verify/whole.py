"""The verification of a whole stack: its network and, where it has one, its cloud."""

from __future__ import annotations

import time
from collections.abc import Callable

from romana.client import ClientError
from romana_install.access import PORTS, auth_url
from romana_install.invocation import command
from romana_install.lock import held
from romana_install.stack import Stack
from romana_install.verify import verification
from romana_install.verify.apis import look_at_apis, look_at_services
from romana_install.verify.cloud import Cloud, CloudError
from romana_install.verify.findings import Findings
from romana_install.verify.instances import Trial
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
    report = verification.run(stack, quick=quick, password=stack.become_password, told=told)
    if not stack.has_openstack:
        return report
    start = time.monotonic()
    findings = Findings(told)
    try:
        _verify_cloud(stack, quick, findings)
    except (CloudError, ClientError) as error:
        findings.note("cloud", [f"{error}; see: {command('status')}"], "")
    cloud = findings.report(time.monotonic() - start)
    return Report(report.checks + cloud.checks, report.matrix + cloud.matrix, report.seconds + cloud.seconds)


def _verify_cloud(stack: Stack, quick: bool, findings: Findings) -> None:
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
