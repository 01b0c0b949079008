"""Makes what a project has on a cloud, as programs do that keep it as described: by openstacksdk, on a controller.

Each thing is made, waited for, and read back; then changed, and read back; and all is removed in reverse order, and
waited for until it is gone. What is read back has to be what was asked for, or such a program would change it for ever.

usage: sdk_project.py CLOUD IMAGE
Prints, as JSON, what was not read back as it was asked for, what the server's addresses are, and what is left.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import openstack

NAME = "described"
WITHIN = 300.0  # seconds
LOOK = 0.5  # seconds between two looks; the APIs tell nobody outside
Found = list[str]


def until(look: Callable[[], Any], what: str) -> Any:
    """The first true result of `look`."""
    end = time.monotonic() + WITHIN
    while not (found := look()):
        if time.monotonic() > end:
            sys.exit(f"not within {WITHIN} s: {what}")
        time.sleep(LOOK)
    return found


class Project:
    """What is made, by Neutron's kinds of things.

    drifted: what was read back otherwise than it was asked for, a line each.
    """

    def __init__(self, cloud: str) -> None:
        self.connection = openstack.connect(cloud=cloud)
        self.network = self.connection.network
        self.drifted: Found = []

    @contextmanager
    def have(self, kind: str, change: dict[str, Any], **wanted: Any) -> Iterator[Any]:
        """Such a thing, as it is after a change; gone at the end."""
        made = getattr(self.network, f"create_{kind}")(**wanted)
        read = getattr(self.network, f"get_{kind}")
        try:
            if getattr(made, "status", None):
                until(lambda: read(made.id).status in ("ACTIVE", "DOWN"), f"{kind} is made")
            self.compare(kind, read(made.id), wanted)
            if change:
                getattr(self.network, f"update_{kind}")(made.id, **change)
                self.compare(kind, read(made.id), wanted | change)
            yield read(made.id)
        finally:
            getattr(self.network, f"delete_{kind}")(made.id, ignore_missing=False)
            until(lambda: not list(self._all(kind, made.id)), f"{kind} is gone")

    def compare(self, kind: str, found: Any, wanted: dict[str, Any]) -> None:
        """Note what of a thing is not as it was asked for; of what has parts, those that were given."""
        for key, value in wanted.items():
            there = found[key]
            if isinstance(value, dict):
                there = {part: (there or {}).get(part) for part in value}
            if there != value:
                self.drifted.append(f"{kind}: {key} is {there!r}, not {value!r}")

    @contextmanager
    def interface(self, router: Any, subnet: Any) -> Iterator[None]:
        """A subnet on a router; off it at the end."""
        made = self.network.add_interface_to_router(router, subnet_id=subnet.id)
        until(lambda: self.network.get_port(made["port_id"]).status == "ACTIVE", "the router's interface is active")
        try:
            yield
        finally:
            self.network.remove_interface_from_router(router, subnet_id=subnet.id)
            until(lambda: self.network.find_port(made["port_id"]) is None, "the router's interface is gone")

    @contextmanager
    def server(self, image: str, network: Any, groups: list[str]) -> Iterator[Any]:
        """A server; gone at the end."""
        compute = self.connection.compute
        made = compute.create_server(
            name=NAME,
            image_id=compute.find_image(image, ignore_missing=False).id,
            flavor_id=compute.find_flavor("tiny", ignore_missing=False).id,
            networks=[{"uuid": network.id}],
            security_groups=[{"name": name} for name in groups],
        )
        try:
            yield compute.wait_for_server(made, wait=WITHIN)
        finally:
            compute.delete_server(made.id)
            compute.wait_for_delete(made, wait=WITHIN)

    def addresses(self, server: Any) -> list[tuple[str, str]]:
        """Kind and address of each that the server has, as Nova shows it."""
        shown = self.connection.compute.get_server(server.id).addresses
        return sorted((one["OS-EXT-IPS:type"], one["addr"]) for there in shown.values() for one in there)

    def left(self) -> Found:
        """What is there still, of what was made or came with it."""
        kinds = ("network", "subnet", "router", "security_group", "ip")
        names = {NAME, "changed"}
        found = [f"{kind} {one.id}" for kind in kinds for one in self._all(kind) if {one.name, one.description} & names]
        return found + [f"server {one.id}" for one in self.connection.compute.servers() if one.name == NAME]

    def _all(self, kind: str, identifier: str | None = None) -> Iterator[Any]:
        everything = getattr(self.network, f"{kind}s")()
        return (one for one in everything if identifier in (None, one.id))


def main(cloud: str, image: str) -> None:
    """Make all, look at it, and remove it."""
    project = Project(cloud)
    network_api = project.network
    public = network_api.find_network("public", ignore_missing=False)
    pool = network_api.find_subnet_pool("romana", ignore_missing=False)
    with ExitStack() as stack:
        enter = stack.enter_context
        network = enter(
            project.have("network", {"description": "changed"}, name=NAME, is_admin_state_up=True, description="")
        )
        subnet = enter(
            project.have(
                "subnet", {"dns_nameservers": ["192.0.2.53"]}, name=NAME, network_id=network.id, ip_version=4,
                subnet_pool_id=pool.id, is_dhcp_enabled=True,
            )
        )  # fmt: skip
        router = enter(
            project.have(
                "router", {"name": "changed"}, name=NAME, is_admin_state_up=True,
                external_gateway_info={"network_id": public.id},
            )
        )  # fmt: skip
        enter(project.interface(router, subnet))
        group = enter(project.have("security_group", {"description": "changed"}, name=NAME, description=""))
        for rule in (
            {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
            {"direction": "ingress", "remote_group_id": group.id},
        ):
            enter(project.have("security_group_rule", {}, ether_type="IPv4", security_group_id=group.id, **rule))
        server = enter(project.server(image, network, [group.name]))
        (port,) = network_api.ports(device_id=server.id)
        floating = enter(project.have("ip", {"port_id": port.id}, floating_network_id=public.id, description=NAME))
        until(lambda: network_api.get_ip(floating.id).status == "ACTIVE", "the floating IP is active")
        until(lambda: len(project.addresses(server)) == 2, "the server has its floating IP")
        addresses = project.addresses(server)
        network_api.update_ip(floating.id, port_id=None)
        until(lambda: network_api.get_ip(floating.id).status == "DOWN", "the floating IP is nobody's")
        until(lambda: len(project.addresses(server)) == 1, "the server has its own address alone")
    print(json.dumps({"drifted": project.drifted, "addresses": addresses, "left": project.left()}))


main(*sys.argv[1:])
