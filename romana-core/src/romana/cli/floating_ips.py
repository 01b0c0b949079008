"""romana floating-ip."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.find_endpoint import find_endpoint
from romana.models import FloatingIp, FloatingIpPut

_ADDRESS = argument("address", metavar="ADDRESS", type=arguments.address, help="the floating IP")


class ListFloatingIps(Listing):
    """List the floating IPs, each with the endpoint that is reached by it."""

    example = "romana floating-ip list"
    columns = ("address", "endpoint", "endpoint_address", "host", "project_id")

    def things(self, args: argparse.Namespace) -> Iterable[FloatingIp]:  # noqa: ARG002 - it has no arguments
        return self.api.floating_ips()


class ShowFloatingIp(Showing):
    """Show a floating IP."""

    example = "romana floating-ip show 172.24.4.20"
    shows = FloatingIp
    takes = (_ADDRESS,)

    def thing(self, args: argparse.Namespace) -> FloatingIp:
        return self.api.floating_ip(args.address)


class CreateFloatingIp(Showing):
    """Give an endpoint a floating IP, by which it is reached from outside; one that another has moves to it.

    The address must lead to the hosts: one that nobody has, of their own network, or of a network that routers there
    have on their link. Who asks from outside needs no policy; security groups of the endpoint decide.
    """

    example = "romana floating-ip create 172.24.4.20 --endpoint web1"
    shows = FloatingIp
    takes = (
        _ADDRESS,
        argument(
            "--endpoint",
            metavar="ENDPOINT",
            required=True,
            help="id of the endpoint, its beginning, name, or address",
        ),
    )

    def thing(self, args: argparse.Namespace) -> FloatingIp:
        endpoint = find_endpoint(self.api, args.endpoint)
        return self.api.put_floating_ip(args.address, FloatingIpPut(endpoint=endpoint.id))


class DeleteFloatingIp(Deleting):
    """Delete a floating IP; connections by it end."""

    example = "romana floating-ip delete 172.24.4.20"
    takes = (_ADDRESS,)

    def delete(self, args: argparse.Namespace) -> str:
        self.api.delete_floating_ip(args.address)
        return f"floating IP {args.address} deleted"
