"""romana segment."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.in_use import say_what_is_in_the_way
from romana.models import Segment, SegmentCreate

_TENANT = argument("tenant", metavar="TENANT", type=arguments.name, help="name of the tenant")
_NAME = argument("name", metavar="NAME", type=arguments.name, help="name of the segment")


class ListSegments(Listing):
    """List the segments of all tenants, or of the given ones."""

    example = "romana segment list admin"
    columns = ("tenant", "name", "number", "endpoints")
    takes = (
        argument(
            "tenants", nargs="*", metavar="TENANT", type=arguments.name, help="only of these tenants; default: all"
        ),
    )

    def things(self, args: argparse.Namespace) -> Iterable[Segment]:
        tenants = args.tenants or [tenant.name for tenant in self.api.tenants()]
        return [segment for tenant in tenants for segment in self.api.segments(tenant)]


class ShowSegment(Showing):
    """Show a segment."""

    example = "romana segment show admin s1"
    shows = Segment
    takes = (_TENANT, _NAME)

    def thing(self, args: argparse.Namespace) -> Segment:
        return self.api.segment(args.tenant, args.name)


class CreateSegment(Showing):
    """Create a segment of a tenant; creating the same one again changes nothing.

    Endpoints of one segment reach each other; other segments need a policy (romana policy create).
    """

    example = "romana segment create admin s3"
    shows = Segment
    takes = (_TENANT, _NAME)

    def thing(self, args: argparse.Namespace) -> Segment:
        return self.api.create_segment(args.tenant, SegmentCreate(name=args.name))


class DeleteSegment(Deleting):
    """Delete a segment of a tenant; refused while it has endpoints or a policy names it."""

    example = "romana segment delete admin s3"
    takes = (_TENANT, _NAME)

    def delete(self, args: argparse.Namespace) -> str:
        with say_what_is_in_the_way(self.api, tenant=args.tenant, segment=args.name):
            self.api.delete_segment(args.tenant, args.name)
        return f"segment {args.tenant}/{args.name} deleted"
