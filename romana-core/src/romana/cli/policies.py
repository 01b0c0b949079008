"""romana policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from pydantic import ValidationError

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.errors import UsageError
from romana.models import Policy, PolicyCreate, Protocol

_SIDE = "TENANT[/SEGMENT]|CIDR"
_NAME = argument("name", metavar="NAME", type=arguments.name, help="name of the policy")


class ListPolicies(Listing):
    """List the policies."""

    example = "romana policy list"
    columns = ("name", "source", "target", "protocol", "ports")

    def things(self, args: argparse.Namespace) -> Iterable[Policy]:  # noqa: ARG002 - it has no arguments
        return self.api.policies()


class ShowPolicy(Showing):
    """Show a policy."""

    example = "romana policy show web"
    shows = Policy
    takes = (_NAME,)

    def thing(self, args: argparse.Namespace) -> Policy:
        return self.api.policy(args.name)


class CreatePolicy(Showing):
    """Create a policy: allow traffic, and its replies, from one side to the other.

    A side is a tenant (all its segments), one segment, or a network outside the address plan. Without a policy
    endpoints reach only their own segment. Creating the same policy again changes nothing.
    """

    example = (
        "romana policy create web --from demo --to admin/s1 --protocol tcp --port 80 --port 8000-8010\n"
        "  romana policy create monitoring --from 192.0.2.0/24 --to admin --protocol icmp"
    )
    shows = Policy
    takes = (
        _NAME,
        argument(
            "--from",
            dest="source",
            metavar=_SIDE,
            type=arguments.peer,
            required=True,
            help="side that may open connections",
        ),
        argument(
            "--to", dest="target", metavar=_SIDE, type=arguments.peer, required=True, help="side that it may connect to"
        ),
        argument(
            "--protocol", choices=[item.value for item in Protocol], default=Protocol.ANY.value, help="default: any"
        ),
        argument(
            "--port",
            dest="ports",
            metavar="PORT[-PORT]",
            type=arguments.port,
            action="append",
            default=[],
            help="destination port or range of ports, for tcp or udp; can be repeated; default: all",
        ),
    )

    def thing(self, args: argparse.Namespace) -> Policy:
        try:
            wanted = PolicyCreate(
                name=args.name, source=args.source, target=args.target, protocol=args.protocol, ports=args.ports
            )
        except ValidationError as error:
            raise UsageError("; ".join(item["msg"].removeprefix("Value error, ") for item in error.errors())) from None
        return self.api.create_policy(wanted)


class DeletePolicy(Deleting):
    """Delete a policy; traffic that only this policy allowed is blocked."""

    example = "romana policy delete web"
    takes = (_NAME,)

    def delete(self, args: argparse.Namespace) -> str:
        self.api.delete_policy(args.name)
        return f"policy {args.name} deleted"
