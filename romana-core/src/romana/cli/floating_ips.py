"""romana floating-ip."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict, replace

from pydantic import ValidationError

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.errors import UsageError
from romana.cli.find_endpoint import find_endpoint
from romana.models import FloatingIp, FloatingIpPut, first_finding

_ADDRESS = argument("address", metavar="ADDRESS", type=arguments.address, help="the floating IP")


class ListFloatingIps(Listing):
    """List the floating IPs, each with the endpoint that is reached by it, or those that its ports lead to."""

    example = "romana floating-ip list"
    columns = ("address", "endpoint", "endpoint_address", "host", "forwardings", "project_id")

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

    With --forward, single ports of the floating IP lead to ports of endpoints, which may be on several hosts; those
    that led to others do no more. The address must lead to the hosts: one that nobody has, of their own network, or of
    a network that routers there have on their link. Who asks from outside needs no policy; security groups of the
    endpoint decide.
    """

    example = (
        "romana floating-ip create 172.24.4.20 --endpoint web1\n"
        "  romana floating-ip create 172.24.4.21 --forward tcp/2222=web1:22 --forward tcp/80=web2:8080"
    )
    shows = FloatingIp
    takes = (
        _ADDRESS,
        argument("--endpoint", metavar="ENDPOINT", help="id of the endpoint, its beginning, name, or address"),
        argument(
            "--forward",
            metavar="PROTOCOL/PORT=ENDPOINT:PORT",
            type=arguments.forward,
            action="append",
            default=[],
            help="tcp or udp, a port of the floating IP, and whom it leads to; may be repeated",
        ),
    )

    def thing(self, args: argparse.Namespace) -> FloatingIp:
        if (args.endpoint is None) == (not args.forward):
            raise UsageError("give either --endpoint or --forward; see romana floating-ip create --help")
        return self.api.put_floating_ip(args.address, self._wanted(args))

    def _wanted(self, args: argparse.Namespace) -> FloatingIpPut:
        """Raises UsageError."""
        if args.endpoint is not None:
            return FloatingIpPut(endpoint=find_endpoint(self.api, args.endpoint).id)
        there = [replace(one, endpoint=find_endpoint(self.api, one.endpoint).id) for one in args.forward]
        try:
            return FloatingIpPut.model_validate({"forwardings": [asdict(one) for one in there]})
        except ValidationError as error:
            raise UsageError(first_finding(error)) from None


class DeleteFloatingIp(Deleting):
    """Delete a floating IP; connections by it end."""

    example = "romana floating-ip delete 172.24.4.20"
    takes = (_ADDRESS,)

    def delete(self, args: argparse.Namespace) -> str:
        self.api.delete_floating_ip(args.address)
        return f"floating IP {args.address} deleted"
