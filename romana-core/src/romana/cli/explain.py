"""romana explain."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

from cliff.formatters.base import SingleFormatter
from cliff.formatters.json_format import JSONFormatter
from cliff.formatters.table import TableFormatter
from cliff.formatters.yaml_format import YAMLFormatter

from romana.cli import arguments, exit_codes
from romana.cli.base import Listing, argument
from romana.cli.cells import cell
from romana.cli.errors import UsageError
from romana.cli.find_endpoint import find_endpoint
from romana.cli.observe import Seen, observe
from romana.cli.picture import Field, draw, fields
from romana.client import Client
from romana.models import Explain, ExplainCheck, FloatingIp
from romana.verdict import NUMBERS, Service, Side, Step, verdict

T = TypeVar("T")
AGENT_CONFIG = Path("/etc/romana/agent.toml")


class ExplainAddress(Listing):
    """Explain an address: its fields, owner and state on the hosts; or whether it may ask another for a service.

    With two sides and a service, the command says who decides whether the first may begin such a conversation with the
    second: segments, policies and routers, then the security groups of each side. The exit code is 1 if somebody does
    not let it pass. A side is an endpoint's id, name or address, or an address or network outside the address plan;
    the second may also be a floating IP. With --observed, each decision stands beside what the firewall of this
    machine has, if it is made here; the exit code is 1 also if they differ. What another host decides is not looked
    at; run the command there. Nor is what a host passes on to others for a floating IP whose ports are forwarded.

    With one address, the command compares what each host should have for the address (route, lease, allowed pairs)
    with what its agent last applied. It also names chains of other programs on the hosts that drop endpoints' packets,
    with the commands that let the packets pass. The exit code is 1 if something differs or is dropped.
    """

    example = "romana explain 10.0.18.5\n  romana explain web1 10.0.18.5 tcp/22 --observed"
    columns = ("host", "what", "expected", "applied", "ok")
    _steps: list[Step] | None = None
    _seen: list[Seen] | None = None
    takes = (
        argument("address", metavar="ADDRESS", help="an address in the address plan, or who begins"),
        argument("target", metavar="TARGET", nargs="?", help="with whom the conversation begins"),
        argument("service", metavar="SERVICE", nargs="?", help="tcp/22, udp/53, icmp, icmp/3/4, 47, ..."),
        argument("--observed", action="store_true", help="compare with what this machine's firewall has; needs root"),
        argument("--agent-config", metavar="FILE", type=Path, default=AGENT_CONFIG, help="default: %(default)s"),
    )

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """Columns and rows."""
        if parsed_args.target is None:
            if parsed_args.observed:
                raise UsageError("--observed needs two sides and a service")
            parsed_args.address = _argument(arguments.address, parsed_args.address)
            return super().take_action(parsed_args)
        if parsed_args.service is None:
            raise UsageError("name the service, like tcp/22, udp/53 or icmp")
        service = _argument(arguments.service, parsed_args.service)
        self._sides = find_sides(self.api, parsed_args.address, parsed_args.target, service)
        groups = {group.id: group for group in self.api.groups()}
        policies, routers = self.api.policies(), self.api.routers()
        self._steps = verdict(*self._sides, service, policies, groups, self.api.endpoints(), routers)
        if not parsed_args.observed:
            return ("who", "passes", "why"), [(step.where, cell(step.passes), step.why) for step in self._steps]
        self._seen = observe(self.api, parsed_args.agent_config, self._sides, service, self._steps)
        return ("who", "passes", "why", "host", "observed", "differs"), [
            (one.step.where, cell(one.step.passes), one.step.why, *map(cell, (one.host, one.passes, one.differs)))
            for one in self._seen
        ]

    def things(self, args: argparse.Namespace) -> Iterable[ExplainCheck]:
        self._explained = self.api.explain(args.address)
        self._fields = fields(self.api.plan().address_plan(), self._explained)
        return self._explained.checks

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any) -> int:
        """Above a table there is a picture of the address; json and yaml are one object with everything in it."""
        if parsed_args.target is not None:
            if isinstance(self.formatter, TableFormatter):
                passes = "passes" if all(step.passes for step in self._steps or ()) else "does not pass"
                source, target = self._sides
                self.app.stdout.write(f"{parsed_args.service} from {source} to {target} {passes}\n\n")
            return super().produce_output(parsed_args, column_names, data)
        if isinstance(self.formatter, JSONFormatter | YAMLFormatter):
            return self._produce_object(self.formatter, parsed_args)
        if isinstance(self.formatter, TableFormatter):
            self.app.stdout.write(f"{owner_in_words(self._explained)}\n\n{draw(self._fields)}\n")
            if not self._explained.checks:
                return exit_codes.OK
            self.app.stdout.write("\n")
            code = super().produce_output(parsed_args, column_names, data)
            self.app.stdout.writelines(f"{advice}\n" for advice in self._explained.advice)
            return code
        return super().produce_output(parsed_args, column_names, data)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Print; 1 when something differs."""
        super().run(parsed_args)
        return exit_codes.OK if self._ok() else exit_codes.FAILED

    def _produce_object(self, formatter: SingleFormatter, parsed_args: argparse.Namespace) -> int:
        values = self._explained.model_dump(mode="json")
        values |= {"ok": self._ok(), "fields": [_plain(field) for field in self._fields]}
        formatter.emit_one(tuple(values), tuple(values.values()), self.app.stdout, parsed_args)
        return 0

    def _ok(self) -> bool:
        if self._seen is not None:
            return all(one.ok for one in self._seen)
        if self._steps is not None:
            return all(step.passes for step in self._steps)
        return all(check.ok for check in self._explained.checks)


def find_sides(api: Client, source: str, target: str, service: Service) -> tuple[Side, Side]:
    """Who begins, and with whom; that may be an endpoint by a floating IP, or by a port of one.

    Raises CommandError and UsageError.
    """
    asker, asked = find_side(api, source), find_side(api, target)
    those = api.floating_ips()
    floating = next((one for one in those if IPv4Network(one.address) == asked.network), None)
    if floating is None:
        return asker, asked
    asked = _asked_by(api, floating, service)
    if asker.endpoint is None:
        return asker, asked
    own = next((one.address for one in those if one.endpoint == asker.endpoint.id), None)
    if asked.answering == asker.endpoint.host:
        own = None  # that host brings it to the endpoint, as itself
    return replace(asker, outside=own or api.host(asker.endpoint.host).address), asked


def _asked_by(api: Client, floating: FloatingIp, service: Service) -> Side:
    """Whom a floating IP leads to for a service; nobody when no port of it does."""
    if floating.endpoint is not None:
        endpoint = api.endpoint(floating.endpoint)
        return Side(IPv4Network(endpoint.address), endpoint, floating.address)
    wanted = (service.protocol, service.port)
    leading = next((one for one in floating.forwardings if (NUMBERS[one.protocol], one.port) == wanted), None)
    if leading is None:
        return Side(IPv4Network(floating.address), None, floating.address, answering=floating.host)
    endpoint = api.endpoint(leading.endpoint)
    return Side(
        IPv4Network(endpoint.address),
        endpoint,
        floating.address,
        port=leading.endpoint_port,
        answering=floating.host,
    )


def find_side(api: Client, reference: str) -> Side:
    """An endpoint, or an address or network outside the plan. Raises CommandError."""
    try:
        network = IPv4Network(reference)
    except ValueError:
        network = None
    if network is None or network.subnet_of(IPv4Network(api.plan().cidr)):
        endpoint = find_endpoint(api, reference)
        return Side(IPv4Network(endpoint.address), endpoint)
    return Side(network)


def _argument(kind: Callable[[str], T], text: str) -> T:
    try:
        return kind(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{error}; see romana explain --help") from None


def owner_in_words(explained: Explain) -> str:
    """One sentence: what the address is and whose."""
    host = explained.host or f"no host (number {explained.host_index} is free)"
    place = f"{explained.tenant or explained.tenant_number}/{explained.segment or explained.segment_number}"
    address = explained.address
    if explained.endpoint is not None:
        endpoint = explained.endpoint
        name = f"{endpoint.name} (id {endpoint.id})" if endpoint.name else endpoint.id
        detail = f" ({endpoint.detail})" if endpoint.detail else ""
        return (
            f"{address} is endpoint {name} of {place} on {host},"
            f" interface {endpoint.interface}, {endpoint.mac}, {endpoint.status.value}{detail}"
        )
    match explained.role:
        case "gateway":
            return f"{address} is the gateway of {host}"
        case "reserved":
            return f"{address} is reserved; no endpoint ever gets it"
        case _:
            return f"{address} belongs to no endpoint; it is of {place} on {host}"


def _plain(field: Field) -> dict[str, object]:
    return {"name": field.name, "bits": field.bits, "value": field.value, "owner": field.owner}
