"""romana group."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from romana.cli import arguments
from romana.cli.base import Listing, Showing, argument
from romana.models import Group


class ListGroups(Listing):
    """List the security groups."""

    example = "romana group list"
    columns = ("id", "name", "project_id", "endpoints")

    def things(self, args: argparse.Namespace) -> Iterable[Group]:  # noqa: ARG002 - it has no arguments
        return self.api.groups()


class ShowGroup(Showing):
    """Show a security group with its rules."""

    example = "romana group show 3d6c9773-ffa7-43f3-93f6-ca57223dc117"
    shows = Group
    takes = (argument("group", metavar="GROUP", type=arguments.name, help="id of the group"),)

    def thing(self, args: argparse.Namespace) -> Group:
        return self.api.group(args.group)
