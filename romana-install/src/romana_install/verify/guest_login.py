"""How somebody logs in to an instance: by the node it is on, which is the only one that may open a connection to it."""

from __future__ import annotations

import shlex
from ipaddress import AddressValueError, IPv4Address

from romana.addressing import AddressPlan
from romana_install.base.errors import UsageError
from romana_install.state.access import PORTS, auth_url
from romana_install.state.ssh import quoted
from romana_install.state.stack import Stack

PATIENCE = 30  # seconds for an instance to answer, whose processor is emulated, maybe twice over


def login(stack: Stack, guest: str, *words: str) -> list[str]:
    """Arguments that run words in an instance; a shell there when there are none.

    guest: name or address of an instance, with `user@` before it for another than root. Raises UsageError when there
    is none, or several; CloudError and StackError when nobody can say.
    """
    user, _, who = guest.rpartition("@")
    address = _address(stack, who)
    plan = AddressPlan(**{key.removeprefix("romana_"): value for key, value in stack.plan.items()})
    if address not in plan.network:
        raise UsageError(f"{address} is outside {plan.cidr}: no instance of stack {stack.name} has it")
    index = plan.locate(address).host
    node = next((node.name for node in stack.present if node.index == index), None)
    if node is None:
        raise UsageError(f"{address} belongs to host {index}, which stack {stack.name} does not have")
    return command(stack, node, f"{user or 'root'}@{address}", *words)


def command(stack: Stack, node: str, destination: str, *words: str, options: tuple[str, ...] = ()) -> list[str]:
    """Arguments of ssh to an instance by its node, with the stack's key for instances.

    Its host key is nobody's to know: who has that address is what the node's agent sees to.
    """
    given = [
        *options,
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        f"ConnectTimeout={PATIENCE}",
        f"IdentityFile={quoted(stack.demo_key)}",
    ]
    way = stack.login_command(node)
    if way[0] == "ssh":  # it joins us to the instance without a shell, and what that would print
        by = shlex.join(["ssh", "-W", f"{destination.rpartition('@')[2]}:22", *way[1:]])
        given.append(f"ProxyCommand={by.replace('%', '%%')}")
    # None of the user's own configuration: this is no machine that it knows.
    return ["ssh", "-q", "-F", "none", *(word for option in given for word in ("-o", option)), destination, *words]


def _address(stack: Stack, who: str) -> IPv4Address:
    """That of an instance, by its name or itself."""
    try:
        return IPv4Address(who)
    except AddressValueError:
        return IPv4Address(_only(stack, who, _addresses(stack, who)))


def _addresses(stack: Stack, name: str) -> list[str]:
    """The first address of each instance of that name, in all projects."""
    from romana_install.verify.cloud import Cloud  # slow to import, and most do without it

    with (
        stack.forwarded(*PORTS) as sockets,
        Cloud(auth_url(stack), "admin", stack.secrets()["passwords"]["admin"], "admin", sockets) as cloud,
    ):
        found = cloud.list("compute", "/servers/detail?all_tenants=1", "servers")
    named = [one for one in found if name in (one["name"], one["id"])]
    return [str(next(iter(one["addresses"].values()))[0]["addr"]) for one in named if one["addresses"]]


def _only(stack: Stack, name: str, addresses: list[str]) -> str:
    """Raise UsageError where there is none, or more than one."""
    if not addresses:
        nodes = ", ".join(node.name for node in stack.nodes)
        raise UsageError(f"stack {stack.name} has no node and no running instance named {name!r}; its nodes: {nodes}")
    if len(addresses) > 1:
        raise UsageError(f"several instances are named {name!r}; give an address: {', '.join(addresses)}")
    return addresses[0]
