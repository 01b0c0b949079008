"""romana ipam and romana plan."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from typing import Any

from cliff.formatters.table import TableFormatter

from romana.cli import arguments, exit_codes
from romana.cli.base import Listing, Showing, argument
from romana.models import IpamUsage, Model, Plan


class UsageRow(IpamUsage):
    """How full a network is."""

    free: int


class Finding(Model):
    """One inconsistency in the store."""

    finding: str


class PlanDetails(Plan):
    """The address plan and what follows from it."""

    host_prefix_length: int
    hosts: int
    tenants: int
    segments_per_tenant: int
    endpoints_per_host_and_segment: int
    segment_mask: IPv4Address


class ShowIpam(Listing):
    """Show how many addresses of each host's segment networks are used and free."""

    example = "romana ipam show --host compute01"
    columns = ("host", "tenant", "segment", "network", "used", "free", "capacity")
    takes = (
        argument("--host", metavar="HOST", type=arguments.name, help="only on this host"),
        argument("--tenant", metavar="TENANT", type=arguments.name, help="only of this tenant"),
        argument("--segment", metavar="SEGMENT", type=arguments.name, help="only of segments with this name"),
    )

    def things(self, args: argparse.Namespace) -> Iterable[UsageRow]:
        return [
            UsageRow(**dict(usage), free=usage.capacity - usage.used)
            for usage in self.api.ipam()
            if args.host in (None, usage.host)
            and args.tenant in (None, usage.tenant)
            and args.segment in (None, usage.segment)
        ]


class CheckIpam(Listing):
    """Check whether the store is consistent; the exit code is 1 if it is not."""

    example = "romana ipam check"
    columns = ("finding",)

    def things(self, args: argparse.Namespace) -> Iterable[Finding]:  # noqa: ARG002 - it has no arguments
        self._findings = [Finding(finding=finding) for finding in self.api.ipam_check().findings]
        return self._findings

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any) -> int:
        """In a table format, print a sentence if there are no findings."""
        if isinstance(self.formatter, TableFormatter) and not self._findings:
            self.app.stdout.write("no contradictions\n")
            return exit_codes.OK
        return super().produce_output(parsed_args, column_names, data)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Print the findings; 1 if there are any."""
        super().run(parsed_args)
        return exit_codes.FAILED if self._findings else exit_codes.OK


class ShowPlan(Showing):
    """Show the address plan and its capacity."""

    example = "romana plan show"
    shows = PlanDetails

    def thing(self, args: argparse.Namespace) -> PlanDetails:  # noqa: ARG002 - it has no arguments
        wire = self.api.plan()
        plan = wire.address_plan()
        return PlanDetails(
            **dict(wire),
            host_prefix_length=plan.host_prefix_length,
            hosts=len(plan.hosts),
            tenants=len(plan.tenants),
            segments_per_tenant=len(plan.segments),
            endpoints_per_host_and_segment=len(plan.endpoints),
            segment_mask=plan.segment_mask,
        )
