"""romana host."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from romana.cli import arguments
from romana.cli.base import Deleting, Listing, Showing, argument
from romana.cli.errors import UsageError
from romana.cli.in_use import say_what_is_in_the_way
from romana.models import Applied, AppliedError, Host, HostCreate, HostUpdate, first_finding

_OWNER = "tenant that owns the host; the host then gets endpoints of that tenant only"
_FLOATING_IP = (
    "floating IP that the network delivers to this host only, as on AWS; may be repeated. It can then be given to"
    " endpoints of this host, and to no others"
)
_NAME = argument("name", metavar="NAME", type=arguments.name, help="name of the host")


class HostRow(Host):
    """A host with a summary of its agent's last report."""

    status: str


class HostDetails(HostRow):
    """A host with what its agent reported of groups, and its errors."""

    groups: int
    group_members: int
    reported: list[str]


class ListHosts(Listing):
    """List the hosts, or the given ones.

    The status is "applied" if the agent has applied the server's state, and "behind" if it has not reported that yet.
    """

    example = "romana host list -f json"
    columns = ("name", "index", "address", "prefix", "gateway", "owner", "endpoints", "status")
    takes = (argument("names", nargs="*", metavar="NAME", type=arguments.name, help="only these hosts; default: all"),)

    def things(self, args: argparse.Namespace) -> Iterable[HostRow]:
        hosts = [self.api.host(name) for name in args.names] if args.names else self.api.hosts()
        return [HostRow(**dict(host), status=status(host)) for host in hosts]


class ShowHost(Showing):
    """Show a host, and what its agent reported: how much of security groups it has, and errors."""

    example = "romana host show compute01"
    shows = HostDetails
    takes = (_NAME,)

    def thing(self, args: argparse.Namespace) -> HostDetails:
        host = self.api.host(args.name)
        applied = Applied(generation=0) if host.applied is None else self.api.applied(host.name)
        return HostDetails(
            **dict(host),
            status=status(host),
            groups=applied.groups,
            group_members=applied.group_members,
            reported=[_in_words(error) for error in applied.errors],
        )


class CreateHost(Showing):
    """Create a host and give it a prefix.

    The other hosts then route its prefix through its address. Creating the same host again changes nothing.
    """

    example = "romana host create compute03 192.168.99.13"
    shows = Host
    takes = (
        _NAME,
        argument(
            "address", metavar="ADDRESS", type=arguments.address, help="the host's own address on the host network"
        ),
        argument(
            "--index", metavar="N", type=arguments.index, help="number in the address plan; default: the lowest free"
        ),
        argument("--owner", metavar="TENANT", type=arguments.name, help=_OWNER),
        argument("--floating-ip", metavar="ADDRESS", type=arguments.address, action="append", help=_FLOATING_IP),
    )

    def thing(self, args: argparse.Namespace) -> Host:
        with _usage():
            wanted = HostCreate(
                name=args.name,
                address=args.address,
                index=args.index,
                owner=args.owner,
                floating_ips=args.floating_ip,
            )
        return self.api.create_host(wanted)


class SetHost(Showing):
    """Change a host's own address, its owner, or the floating IPs that are delivered to it only.

    A host with an owner is restricted: it gets endpoints of that tenant only, and the other hosts accept no other
    tenant's addresses from it. With --floating-ip, just these floating IPs are the host's alone.
    """

    example = (
        "romana host set compute03 --owner demo\n"
        "  romana host set compute03 --floating-ip 172.31.0.201 --floating-ip 172.31.0.202"
    )
    shows = Host
    takes = (_NAME, argument("--address", metavar="ADDRESS", type=arguments.address, help="the host's own address"))

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--owner", metavar="TENANT", type=arguments.name, help=_OWNER)
        whose.add_argument("--no-owner", action="store_true", help="remove the owner")
        floating = parser.add_mutually_exclusive_group()
        floating.add_argument(
            "--floating-ip", metavar="ADDRESS", type=arguments.address, action="append", help=_FLOATING_IP
        )
        floating.add_argument("--no-floating-ip", action="store_true", help="no floating IP is for this host only")
        return parser

    def thing(self, args: argparse.Namespace) -> Host:
        wanted: dict[str, Any] = {} if args.address is None else {"address": args.address}
        if args.owner is not None or args.no_owner:
            wanted["owner"] = args.owner
        if args.floating_ip is not None or args.no_floating_ip:
            wanted["floating_ips"] = args.floating_ip or []
        if not wanted:
            raise UsageError("nothing to set; give --address, --owner, --no-owner, --floating-ip or --no-floating-ip")
        with _usage():
            update = HostUpdate(**wanted)
        return self.api.update_host(args.name, update)


class DeleteHost(Deleting):
    """Delete a host that has no endpoints; its number and prefix can then be reused."""

    example = "romana host delete compute03"
    takes = (_NAME,)

    def delete(self, args: argparse.Namespace) -> str:
        with say_what_is_in_the_way(self.api, host=args.name):
            self.api.delete_host(args.name)
        return f"host {args.name} deleted"


@contextmanager
def _usage() -> Iterator[None]:
    """What arguments say together is checked like one alone. Raises UsageError."""
    try:
        yield
    except ValidationError as error:
        raise UsageError(first_finding(error)) from None


def status(host: Host) -> str:
    """A summary of the agent's last report."""
    if host.applied is None:
        return "never reported"
    if host.errors:
        return f"{host.errors} error{'s' if host.errors > 1 else ''}"
    return "applied" if host.applied >= host.generation else "behind"


def _in_words(error: AppliedError) -> str:
    return f"{error.subject}: {error.message}"
