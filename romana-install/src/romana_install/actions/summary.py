"""What a user reads when an installation is over: what there is, how to reach it, what to try next. Pure."""

from __future__ import annotations

import shlex
from pathlib import Path

from romana_install.actions.context import Wanted
from romana_install.base.invocation import command
from romana_install.base.terminal import duration, table
from romana_install.config.address_plan import address_plan
from romana_install.config.options import Options
from romana_install.config.settings import Config
from romana_install.state import access
from romana_install.state.stack import Node, Stack
from romana_install.targets import external


def of_install(options: Options, want: Wanted, stack: Stack, changed: int, seconds: float, log: Path) -> str:
    """The summary. changed: how many things Ansible changed; seconds: how long it all took."""
    tenants = "; ".join(f"{tenant.name}: {', '.join(tenant.segments)}" for tenant in want.config.romana_tenants)
    files = ["ssh_config", "secrets.json", "pki/ca.pem", "logs/"]
    if stack.has_openstack:
        files += [access.CLOUDS_FILE, *(access.openrc_names(user)[0] for user in access.users(want.config)), "ssh/demo"]
    facts = [
        ("tenants", tenants or "none"),
        ("API", f"{stack.api_url} (its description: /docs)"),
        *(_cloud(want, stack) if stack.has_openstack else ()),
        ("files", f"{stack.directory}"),
        ("", ", ".join(files)),
        ("log", f"{log}"),
    ]
    actions = [
        ("ssh controller -- romana show-host", "hosts, their prefixes and gateways"),
        ("ssh controller -- romana ipam show", "addresses in use"),
        ("ssh controller -- ip route", "routes to hosts and endpoints"),
        ("verify", "who reaches whom: expected and seen"),
        ("status", "nodes, services, what agents have applied"),
        *stack.target.next_steps,
        ("uninstall", "remove it all"),
    ]
    steps = [(command(*action.split()), what) for action, what in actions]
    width = max(len(step) for step, _ in steps)
    lines = [
        "",
        f"Stack {stack.name} is ready ({duration(seconds)}, changed={changed}).",
        "",
        nodes(want, stack),
        "",
        *(f"  {name:<10}{text}" for name, text in facts),
        "",
        "Try next:",
        *(f"  {step:<{width}}  # {what}" for step, what in steps),
        *(_cloud_steps(want, stack) if stack.has_openstack else ()),
        *stack.target.advice(stack),
        *stack.target.growth(options.command),
    ]
    return "\n".join(lines)


def _cloud(want: Wanted, stack: Stack) -> list[tuple[str, str]]:
    people = " and ".join(access.users(want.config))
    places = [access.dashboard_url(stack), access.auth_url(stack)]
    if stack.target.by_tunnel:
        places = [f"{access.here(place)} while this runs: {command('tunnel')}" for place in places]
    return [
        *zip(("Horizon", "Keystone"), places, strict=True),
        ("users", f'{people}; their passwords are in secrets.json under "passwords", and in the openrc files'),
        *_floating(want, stack),
    ]


def _floating(want: Wanted, stack: Stack) -> list[tuple[str, str]]:
    text = stack.target.floating_text(want.config, stack)
    return [("floating", f"{text}: {external.GUIDE}")] if text else []


def _cloud_steps(want: Wanted, stack: Stack) -> list[str]:
    clouds = shlex.quote(str(stack.directory / access.CLOUDS_FILE))
    steps = [
        f"export OS_CLIENT_CONFIG_FILE={clouds}",
        f"openstack --os-cloud {access.cloud_name(stack, 'admin')} server list --all-projects",
        *(_demo_steps(want, stack) if want.config.openstack_demo else ()),
    ]
    meanwhile = f", while `{command('tunnel')}` runs" if stack.target.by_tunnel else ""
    return [
        f"The cloud, with OpenStack's client (python3-openstackclient; the controller has it, too){meanwhile}:",
        *(f"  {step}" for step in steps),
    ]


def _demo_steps(want: Wanted, stack: Stack) -> list[str]:
    client, segment = f"openstack --os-cloud {access.cloud_name(stack, 'demo')}", _segment(want.config)
    chosen = f" --property romanaSegment={segment}" if segment else ""
    return [
        f"{client} server create --wait --image tiny --flavor tiny \\",
        f"    --network romana --key-name demo{chosen} one",
        *(["  # in Horizon: Launch Instance, Metadata, Romana Network Segment"] if segment else ()),
        f"{client} console log show one",
        f"{command('ssh', 'one')}    # log in to it, by the node that it is on",
    ]


def _segment(config: Config) -> str:
    """A segment of the tenant demo into which instances get only when it is named; empty where there is none."""
    ours = [tenant.segments for tenant in config.romana_tenants if tenant.name == "demo"]
    return next((name for segments in ours for name in segments if name != "default"), "")


def nodes(want: Wanted, stack: Stack) -> str:
    """A table of the nodes with their addresses and prefixes."""
    plan = address_plan(want.config)
    rows = [
        (node.name, node.address, str(plan.host_network(node.index)), str(plan.gateway(node.index)), roles(node))
        for node in stack.nodes
    ]
    return table(("node", "address", "prefix", "gateway", "role"), rows)


def roles(node: Node) -> str:
    """What a node is for, in words."""
    return " + ".join(role for role in ("controller", "compute") if getattr(node, role))
