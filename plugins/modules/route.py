#!/usr/bin/python
"""Ansible module: one route to a host's prefix."""

from __future__ import annotations

DOCUMENTATION = """
---
module: route
short_description: Manages a route to the prefix of a Romana host
version_added: 1.0.0
description:
  - Routes an IPv4 prefix via a next hop in the kernel's main table, with route protocol number 82.
  - It is for routers and other machines without C(romana-agent). The agent manages its own routes.
  - The module never changes a route with another protocol number, which another program created, and refuses to add
    its own beside it.
  - The route exists until the machine restarts or its interface is removed.
options:
  destination:
    description: The prefix to reach, like C(10.1.0.0/16).
    type: str
    required: true
  via:
    description:
      - Address of the next hop, the host that has the prefix. It must be in a network of this machine.
      - Required when O(state=present).
    type: str
  dev:
    description: Interface of the next hop. By default, the kernel chooses it.
    type: str
  state:
    description: Whether the route exists. V(absent) removes a route of protocol 82 whatever its next hop.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - romana.openstack.attributes
seealso:
  - module: romana.openstack.gateway
"""

EXAMPLES = """
- name: Reach the endpoints of host 1 through the host's own address
  romana.openstack.route:
    destination: 10.1.0.0/16
    via: 192.168.99.11

- name: Reach every host's endpoints from a router
  romana.openstack.route:
    destination: "{{ item.prefix }}"
    via: "{{ item.address }}"
  loop: "{{ found.hosts }}" # of romana.openstack.host_info
  loop_control:
    label: "{{ item.name }}"

- name: Remove the route to a host that no longer exists
  romana.openstack.route:
    destination: 10.1.0.0/16
    state: absent
"""

RETURN = """
route:
  description: The route as it is now, or would be in check mode; empty if it does not exist.
  returned: success
  type: dict
  sample: {"destination": "10.1.0.0/16", "via": "192.168.99.11"}
"""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.difference import Difference, RefusedError
from ..module_utils.iproute import ROUTE_PROTOCOL, Command, Ip, IpError, run

# What rtnetlink calls boot: the number of a route made by hand; `ip` leaves it out of its answer.
HAND_MADE = 3


def read(ip: Ip, destination: str) -> list[dict[str, Any]]:
    """Every route of the main table to exactly this prefix, numbers not names. Raises IpError."""
    return ip.show(f"read the routes to {destination}", "-4", "-Numeric", "route", "show", "exact", destination)


def difference(wanted: dict[str, str], present: bool, routes: list[dict[str, Any]]) -> Difference[Command]:
    """From the kernel's routes to the wanted one (keys destination, via, perhaps dev), or to none of ours.

    Raises RefusedError where a route of another protocol has the destination.
    """
    destination = wanted["destination"]
    ours = [route for route in routes if _protocol(route) == ROUTE_PROTOCOL]
    others = [route for route in routes if _protocol(route) != ROUTE_PROTOCOL]
    before = {"destination": destination} | _next_hop(ours[0], wanted) if ours else {}
    delete = ("route", "delete", destination, "proto", str(ROUTE_PROTOCOL))
    if not present:
        warning = f"a route to {destination} that this module did not make is left as it is" if others else None
        return Difference(before, {}, tuple(_at_metric(delete, route) for route in ours), warning)
    if others:
        raise RefusedError(
            f"{destination} already has a route of protocol {_protocol(others[0])}, not {ROUTE_PROTOCOL}:"
            f" something else made it; leave this route to it, or remove it with: ip route delete {destination}"
            f" proto {_protocol(others[0])}"
        )
    main = [route for route in ours if not route.get("metric")]
    steps = [_at_metric(delete, route) for route in ours if route.get("metric")]
    if not main or ("nexthops" in main[0]) or _next_hop(main[0], wanted) != _next_hop_of(wanted):
        device = ("dev", wanted["dev"]) if "dev" in wanted else ()
        command = ("route", "replace", destination, "via", wanted["via"], *device, "proto", str(ROUTE_PROTOCOL))
        steps.insert(0, command)
    return Difference(before, wanted, tuple(steps))


def _protocol(route: dict[str, Any]) -> int:
    return int(route.get("protocol", HAND_MADE))


def _next_hop(route: dict[str, Any], wanted: dict[str, str]) -> dict[str, str]:
    """The route's next hop, with its interface only where one is wanted."""
    found = {"via": route.get("gateway"), "dev": route.get("dev")}
    return {key: value for key, value in found.items() if value is not None and (key == "via" or key in wanted)}


def _next_hop_of(wanted: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if key != "destination"}


def _at_metric(delete: Command, route: dict[str, Any]) -> Command:
    return (*delete, "metric", str(route.get("metric", 0)))


def change(ip: Ip, step: Command) -> None:
    """Run one step. Raises RefusedError."""
    action, destination, *rest = step[1:]
    what = f"route {destination} via {rest[1]}" if action == "replace" else f"delete the route to {destination}"
    try:
        ip.change(what, *step)
    except IpError as error:
        if "invalid gateway" not in error.reason:
            raise
        raise RefusedError(
            f"cannot {what}: the next hop is in no network of this machine; correct via or dev"
        ) from error


def checked(params: dict[str, Any]) -> dict[str, str]:
    """The wanted route with its addresses written as the kernel writes them. Raises RefusedError."""
    wanted = {key: params[key] for key in ("destination", "via", "dev") if params[key] is not None}
    try:
        wanted["destination"] = IPv4Network(params["destination"]).with_prefixlen
    except ValueError as error:
        raise RefusedError(
            f"destination {params['destination']!r} is no prefix ({error}); write it like 10.1.0.0/16"
        ) from None
    try:
        if "via" in wanted:
            wanted["via"] = str(IPv4Address(params["via"]))
    except ValueError:
        raise RefusedError(f"via {params['via']!r} is no IPv4 address; write it like 192.168.99.11") from None
    return wanted


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "destination": {"type": "str", "required": True},
            "via": {"type": "str"},
            "dev": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["via"])],
        supports_check_mode=True,
    )
    try:
        wanted = checked(module.params)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    present = module.params["state"] == "present"
    run(
        module,
        "route",
        lambda ip: read(ip, wanted["destination"]),
        lambda routes: difference(wanted, present, routes),
        change,
    )


if __name__ == "__main__":
    main()
