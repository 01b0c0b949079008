"""romana router."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from pydantic import ValidationError

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.errors import UsageError
from romana.models import Router, RouterPut, RouterSegment

_ROUTER = argument("router", metavar="ROUTER", type=arguments.name, help="id of the router")


class ListRouters(Listing):
    """List the routers."""

    example = "romana router list"
    columns = ("id", "name", "project_id", "segments", "outside")

    def things(self, args: argparse.Namespace) -> Iterable[Router]:  # noqa: ARG002 - it has no arguments
        return self.api.routers()


class ShowRouter(Showing):
    """Show a router."""

    example = "romana router show r1"
    shows = Router
    takes = (_ROUTER,)

    def thing(self, args: argparse.Namespace) -> Router:
        return self.api.router(args.router)


class CreateRouter(Showing):
    """Create a router, or have it be like this: it joins segments, and may lead outside.

    Endpoints of each two of its segments may ask each other for anything. With --outside they may also ask addresses
    outside the address plan. Security groups still decide. A router is no machine: it is on no packet's way.
    """

    example = "romana router create r1 --segment admin/s1 --segment admin/s2 --outside"
    shows = Router
    takes = (
        _ROUTER,
        argument(
            "--segment",
            dest="segments",
            metavar="TENANT/SEGMENT",
            type=arguments.place,
            action="append",
            default=[],
            help="a segment that it joins; can be repeated",
        ),
        argument("--outside", action="store_true", help="let its segments ask addresses outside the plan"),
    )

    def thing(self, args: argparse.Namespace) -> Router:
        try:
            wanted = RouterPut(
                segments=[RouterSegment(tenant=tenant, segment=segment) for tenant, segment in args.segments],
                outside=args.outside,
            )
        except ValidationError as error:
            raise UsageError("; ".join(item["msg"].removeprefix("Value error, ") for item in error.errors())) from None
        return self.api.put_router(args.router, wanted)


class DeleteRouter(Deleting):
    """Delete a router; traffic that only it allowed is blocked."""

    example = "romana router delete r1"
    takes = (_ROUTER,)

    def delete(self, args: argparse.Namespace) -> str:
        self.api.delete_router(args.router)
        return f"router {args.router} deleted"
