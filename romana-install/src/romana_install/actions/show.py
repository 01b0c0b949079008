"""The actions that look and change nothing: validate, check, plan, verify, ssh."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import NoReturn

from romana_install import targets
from romana_install.actions.context import Wanted, existing_stack, wanted, which_stack
from romana_install.actions.summary import roles
from romana_install.base.errors import UsageError
from romana_install.base.terminal import table
from romana_install.config.address_plan import address_plan
from romana_install.config.options import Options
from romana_install.state.login import become
from romana_install.state.stack import SUDO_ASKS, Stack

INSTANCES = "instances"


def validate(options: Options) -> int:
    """Say whether the configuration is right."""
    want = wanted(options)
    nodes = f"{len(want.nodes)} nodes on {want.target.name}"
    print(f"the configuration of stack {want.config.stack_name} is right ({nodes})")
    return 0


def check(options: Options) -> int:
    """Say whether this machine is ready; returns 3 when it is not."""
    from romana_install.actions.install import preflight_findings  # slow to import

    want = wanted(options)
    found = preflight_findings(want)
    if options.format == "json":
        print(json.dumps({"ok": not found, "findings": [asdict(finding) for finding in found]}, indent=2))
    elif found:
        print("\n".join(str(finding) for finding in found))
    else:
        print(f"this machine is ready{want.target.ready}")
    return 3 if found else 0


def plan(options: Options) -> int:
    """Show what an installation would make, and what of it is there."""
    if options.iam_policy:
        return _policy(options)
    want = wanted(options)
    config, change = want.config, want.change
    addresses = address_plan(config)
    listed = [*((node, want.kept if node in change.keep else "add") for node in want.nodes)]
    listed += [(node, "remove") for node in change.remove]
    nodes = [
        {
            "name": node.name,
            "address": node.address,
            "index": node.index,
            "prefix": str(addresses.host_network(node.index)),
            "gateway": str(addresses.gateway(node.index)),
            "roles": roles(node),
            "change": action,
        }
        for node, action in listed
    ]
    more = want.target.plan(config, want.stack)
    tenants = {tenant.name: list(tenant.segments) for tenant in config.romana_tenants}
    if options.format == "json":
        print(
            json.dumps(
                {
                    "stack": config.stack_name,
                    "target": want.target.name,
                    "engine": want.engine,
                    "network": want.stack.network,
                    "cidr": config.romana_cidr,
                    "external": config.openstack_external_cidr or None,
                    "nodes": nodes,
                    "tenants": tenants,
                    "phases": want.phases,
                    "tried_with": _tried_with(want),
                    **(more.facts if more else {}),
                },
                indent=2,
            )
        )
        return 0
    print(f"stack {config.stack_name} on {want.target.name}, engine {want.engine}", *want.warning, sep="\n")
    where = f"in {want.stack.network}" if want.stack.network else "on your servers"
    print(
        f"nodes {where}, endpoints in {config.romana_cidr}: {addresses.host_bits} host, "
        f"{addresses.tenant_bits} tenant, {addresses.segment_bits} segment, {addresses.endpoint_bits} endpoint bits"
    )
    if floating := want.target.floating_text(config, want.stack):
        print(f"floating {floating}")
    columns = ("change", "name", "address", "prefix", "gateway", "roles")
    print(table(columns, [[str(node[column]) for column in columns] for node in nodes]))
    if more:
        print(more.text)
    for name, segments in tenants.items():
        print(f"tenant {name}: {', '.join(segments)}")
    print(f"phases: {', '.join(want.phases)}")
    tried = _tried_with(want)
    only = "; no floating IP, as there is no external network" if tried[-1] == INSTANCES else ""
    print(f"verify makes, and removes again: {', '.join(tried)}{only}")
    if not (change.add or change.remove) and want.kept == "keep":
        print("no node is added or removed")
    return 0


def _tried_with(want: Wanted) -> list[str]:
    """What a verification makes for a moment."""
    if not (want.stack.has_openstack and want.config.openstack_demo):
        return ["endpoints"]
    has_external = bool(want.target.floating_text(want.config, want.stack))
    outside = ["a network of its own", "a router", "a floating IP"] if has_external else []
    return ["endpoints", INSTANCES, *outside]


def _policy(options: Options) -> int:
    """Show the permissions that its user needs, to whoever grants them; nothing else is looked at."""
    kind = targets.named(options.target or targets.DEFAULT)
    print(json.dumps(kind.permissions(which_stack(options)), indent=2))
    return 0


def verify(options: Options) -> int:
    """Compare what reaches what with what should; returns 4 when they differ."""
    from romana_install.verify import Check, check_line, conclusion, render, run

    def tell(check: Check) -> None:
        print(check_line(check), flush=True)  # it takes minutes until all are made

    in_words = options.format == "text"
    report = run(existing_stack(options), quick=options.quick, told=tell if in_words else None)
    print(f"\n{conclusion(report)}" if in_words else render(report, options.format))
    return 0 if report.ok else 4


def _login(stack: Stack, guest: str, words: Sequence[str]) -> list[str]:
    """The command that leads to an instance."""
    from romana_install.verify.cloud import CloudError
    from romana_install.verify.guest_login import login

    try:
        return login(stack, guest, *words)
    except CloudError as error:
        raise UsageError(f"whether {guest!r} is an instance cannot be told: {error}") from None


def ssh(options: Options) -> NoReturn:
    """Become ssh to a node, or to an instance."""
    stack = existing_stack(options)
    if not options.words:
        names = ", ".join(node.name for node in stack.nodes)
        raise UsageError(f"ssh to which node? stack {stack.name} has: {names}")
    where, words = options.words[0], (*options.words[1:], *options.passed_on)
    is_node = where in ("controller", *(node.name for node in stack.present))
    if is_node or not stack.has_openstack:
        command = stack.ssh_command(where, *words, sudo=SUDO_ASKS)
    else:
        command = _login(stack, where, words)
    if command[0] == "ssh" and sys.stdin.isatty() and sys.stdout.isatty():
        command[1:1] = ["-t"]  # sudo asks on a terminal
    become(command)
