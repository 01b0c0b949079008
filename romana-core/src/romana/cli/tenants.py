"""romana tenant."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.in_use import say_what_is_in_the_way
from romana.models import Model, Tenant, TenantCreate

_NAME = argument("name", metavar="NAME", type=arguments.name, help="name of the tenant")


class TenantDetails(Model):
    """A tenant with its segments by name."""

    name: str
    number: int
    project_id: str | None
    segments: list[str]
    endpoints: int
    generation: int


class ListTenants(Listing):
    """List the tenants, or the given ones."""

    example = "romana tenant list"
    columns = ("name", "number", "project_id", "segments", "endpoints")
    takes = (
        argument("names", nargs="*", metavar="NAME", type=arguments.name, help="only these tenants; default: all"),
    )

    def things(self, args: argparse.Namespace) -> Iterable[Tenant]:
        return [self.api.tenant(name) for name in args.names] if args.names else self.api.tenants()


class ShowTenant(Showing):
    """Show a tenant and the names of its segments."""

    example = "romana tenant show admin"
    shows = TenantDetails
    takes = (_NAME,)

    def thing(self, args: argparse.Namespace) -> TenantDetails:
        tenant = self.api.tenant(args.name)
        segments = [segment.name for segment in self.api.segments(tenant.name)]
        return TenantDetails(**dict(tenant) | {"segments": segments})


class CreateTenant(Showing):
    """Create a tenant; creating the same one again changes nothing.

    A new tenant has no segments: see romana segment create.
    """

    example = "romana tenant create blue"
    shows = Tenant
    takes = (
        _NAME,
        argument("--project-id", metavar="ID", help="id of the tenant's OpenStack project"),
    )

    def thing(self, args: argparse.Namespace) -> Tenant:
        return self.api.create_tenant(TenantCreate(name=args.name, project_id=args.project_id))


class DeleteTenant(Deleting):
    """Delete a tenant and its segments; refused while it has endpoints or hosts, or a policy names it."""

    example = "romana tenant delete blue"
    takes = (_NAME,)

    def delete(self, args: argparse.Namespace) -> str:
        with say_what_is_in_the_way(self.api, tenant=args.name):
            self.api.delete_tenant(args.name)
        return f"tenant {args.name} deleted"
