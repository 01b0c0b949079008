"""romana endpoint."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from ipaddress import IPv4Address

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.find_endpoint import find_endpoint
from romana.client import Client
from romana.models import Endpoint, EndpointCreate

_ENDPOINT = argument("endpoint", metavar="ENDPOINT", help="id of the endpoint or its beginning, name, or address")


class ShownEndpoint(Endpoint):
    """An endpoint with its floating IP."""

    floating_ip: IPv4Address | None


class ListEndpoints(Listing):
    """List the endpoints, or those that match all options."""

    example = "romana endpoint list --host compute01 --tenant admin"
    columns = ("id", "name", "address", "host", "tenant", "segment", "interface", "status", "floating_ip")
    takes = (
        argument("--host", metavar="HOST", type=arguments.name, help="only on this host"),
        argument("--tenant", metavar="TENANT", type=arguments.name, help="only of this tenant"),
        argument("--segment", metavar="SEGMENT", type=arguments.name, help="only of segments with this name"),
        argument("--address", metavar="ADDRESS", type=arguments.address, help="only with this address"),
        argument("--interface", metavar="NAME", type=arguments.interface, help="only on this interface"),
    )

    def things(self, args: argparse.Namespace) -> Iterable[ShownEndpoint]:
        found = self.api.endpoints(
            host=args.host,
            tenant=args.tenant,
            segment=args.segment,
            address=args.address,
            interface=args.interface,
        )
        return _with_floating_ips(self.api, found)


class ShowEndpoint(Showing):
    """Show an endpoint."""

    example = "romana endpoint show 10.0.18.5"
    shows = ShownEndpoint
    takes = (_ENDPOINT,)

    def thing(self, args: argparse.Namespace) -> ShownEndpoint:
        return _with_floating_ips(self.api, [find_endpoint(self.api, args.endpoint)])[0]


class CreateEndpoint(Showing):
    """Create an endpoint: give an interface on a host an address in a tenant's segment.

    The agent of the host sets up route, lease and rules as soon as the interface is there.
    """

    example = "romana endpoint create admin/s1 --host compute01 --interface tap0 --mac fa:16:3e:00:00:01 --name web1"
    shows = ShownEndpoint
    takes = (
        argument("place", metavar="TENANT/SEGMENT", type=arguments.place, help="tenant and segment of the endpoint"),
        argument("--host", metavar="HOST", type=arguments.name, required=True, help="host of the endpoint"),
        argument(
            "--interface",
            metavar="NAME",
            type=arguments.interface,
            required=True,
            help="interface of the endpoint on that host",
        ),
        argument(
            "--mac",
            metavar="MAC",
            type=arguments.mac,
            required=True,
            help="MAC address of the endpoint, for its DHCP lease",
        ),
        argument("--name", metavar="NAME", type=arguments.name, help="name of the endpoint"),
        argument("--address", metavar="ADDRESS", type=arguments.address, help="a free address of the host and segment"),
        argument("--key", metavar="KEY", help="idempotency key: the same key returns the same endpoint"),
    )

    def thing(self, args: argparse.Namespace) -> ShownEndpoint:
        tenant, segment = args.place
        wanted = EndpointCreate(
            host=args.host,
            tenant=tenant,
            segment=segment,
            mac=args.mac,
            interface=args.interface,
            name=args.name,
            address=args.address,
        )
        return _with_floating_ips(self.api, [self.api.create_endpoint(wanted, args.key)])[0]


class DeleteEndpoint(Deleting):
    """Delete an endpoint; its address becomes free, its route, lease and rules are removed."""

    example = "romana endpoint delete web1"
    takes = (_ENDPOINT,)

    def delete(self, args: argparse.Namespace) -> str:
        endpoint = find_endpoint(self.api, args.endpoint)
        self.api.delete_endpoint(endpoint.id)
        return f"endpoint {endpoint.id} ({endpoint.address}) deleted"


def _with_floating_ips(api: Client, endpoints: Iterable[Endpoint]) -> list[ShownEndpoint]:
    floating = {one.endpoint: one.address for one in api.floating_ips()}
    return [ShownEndpoint(**dict(one), floating_ip=floating.get(one.id)) for one in endpoints]
