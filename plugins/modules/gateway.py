#!/usr/bin/python
"""Ansible module: the gateway interface of a machine."""

from __future__ import annotations

DOCUMENTATION = """
---
module: gateway
short_description: Manages the interface with a machine's address in the Romana network
version_added: 1.0.0
description:
  - Creates the interface C(romana-gw) with the first address of a host's prefix, of the kernel's type C(dummy), or
    C(bridge) where the kernel has no C(dummy).
  - It is for routers and other machines without C(romana-agent). The agent manages its own gateway.
  - The alias of the interface holds its address, which is how the module recognizes its interface. It changes neither
    other interfaces nor other addresses.
  - The interface exists until the machine restarts.
options:
  name:
    description: Name of the interface, at most 15 characters.
    type: str
    default: romana-gw
  address:
    description:
      - The interface's IPv4 address with the length of the host's prefix, like C(10.0.0.1/16).
      - The filter P(romana.openstack.romana_gateway#filter) computes it.
      - Required when O(state=present).
    type: str
  state:
    description: Whether the interface exists.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.route
"""

EXAMPLES = """
- name: Give a router the address 10.9.0.1 in the Romana network
  romana.openstack.gateway:
    address: 10.9.0.1/16

- name: Give it the gateway address of host 9 in the address plan
  romana.openstack.gateway:
    address: "{{ 9 | romana.openstack.romana_gateway }}"

- name: Remove the interface
  romana.openstack.gateway:
    state: absent
"""

RETURN = """
gateway:
  description: The interface as it is now, or would be in check mode; empty if it does not exist.
  returned: success
  type: dict
  sample: {"name": "romana-gw", "address": "10.9.0.1/16", "up": true}
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import Difference, RefusedError
from ..module_utils.iproute import Command, Ip, IpError, run

MARK = "romana.openstack.gateway "


@dataclass(frozen=True)
class Link:
    """An interface as the kernel has it; addresses like 10.0.0.1/16."""

    alias: str
    up: bool
    addresses: tuple[str, ...]


def read(ip: Ip, name: str) -> Link | None:
    """The interface, or None when there is none of that name. Raises IpError."""
    what = f"read interface {name}"
    try:
        links = ip.show(what, "link", "show", "dev", name)
    except IpError as error:
        if "does not exist" in error.reason:
            return None
        raise
    addresses = ip.show(what, "-4", "address", "show", "dev", name)
    return Link(
        alias=links[0].get("ifalias", ""),
        up="UP" in links[0]["flags"],
        addresses=tuple(f"{info['local']}/{info['prefixlen']}" for link in addresses for info in link["addr_info"]),
    )


def difference(name: str, address: str | None, link: Link | None) -> Difference[Command]:
    """From the interface as it is to the one with `address`, or to none. RefusedError: it is another's."""
    if link and not link.alias.startswith(MARK):
        if address is None:
            return Difference({}, {}, warning=f"interface {name} was not made by this module; it is left as it is")
        raise RefusedError(
            f"interface {name} exists and was not made by this module; give another name, or remove it with:"
            f" ip link delete {name}"
        )
    marked = link.alias.removeprefix(MARK) if link else None
    before = {"name": name, "address": marked if marked in link.addresses else None, "up": link.up} if link else {}
    if address is None:
        return Difference(before, {}, (("link", "delete", "dev", name),) if link else ())
    steps: list[Command] = []
    if link is None:
        steps.append(("link", "add", "name", name, "type", "dummy"))
    elif marked != address and marked in link.addresses:
        steps.append(("address", "delete", marked, "dev", name))
        # The kernel takes the other addresses of a network away with its first one: put the user's back.
        network = IPv4Interface(marked).network
        others = [other for other in link.addresses if other not in (marked, address)]
        steps += [
            ("address", "replace", other, "dev", name) for other in others if IPv4Interface(other).network == network
        ]
    if marked != address:
        steps.append(("link", "set", "dev", name, "alias", MARK + address))
    if link is None or marked != address or address not in link.addresses:
        steps.append(("address", "replace", address, "dev", name))
    if link is None or not link.up:
        steps.append(("link", "set", "dev", name, "up"))
    return Difference(before, {"name": name, "address": address, "up": True}, tuple(steps))


def change(ip: Ip, step: Command) -> None:
    """Run one step, with a bridge in place of a dummy where the kernel has none. Raises IpError."""
    what = f"change the gateway (ip {' '.join(step)})"
    try:
        ip.change(what, *step)
    except IpError as error:
        if step[-1] != "dummy" or "Unknown device type" not in error.reason:
            raise
        ip.change(what, *step[:-1], "bridge")


def checked(params: dict[str, Any]) -> tuple[str, str | None]:
    """The interface's name and, when it is to be there, its address. Raises RefusedError."""
    name, address = params["name"], params["address"]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", name):
        raise RefusedError(f"name {name!r} is not an interface name; use at most 15 of letters, digits, '.', '_', '-'")
    if params["state"] == "absent":
        return name, None
    try:
        interface = IPv4Interface(address)
    except ValueError:
        interface = None
    if interface is None or "/" not in address or interface.ip == interface.network.network_address:
        raise RefusedError(f"address {address!r} is not an interface's address; write it like 10.0.0.1/16")
    return name, interface.with_prefixlen


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "romana-gw"},
            "address": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["address"])],
        supports_check_mode=True,
    )
    try:
        name, address = checked(module.params)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    run(module, "gateway", lambda ip: read(ip, name), lambda link: difference(name, address, link), change)


if __name__ == "__main__":
    main()
