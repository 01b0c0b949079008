"""romana explain."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.formatters.base import SingleFormatter
from cliff.formatters.json_format import JSONFormatter
from cliff.formatters.table import TableFormatter
from cliff.formatters.yaml_format import YAMLFormatter

from romana.cli import arguments, exit_codes
from romana.cli.base import Listing
from romana.cli.picture import Field, draw, fields
from romana.models import Explain, ExplainCheck


class ExplainAddress(Listing):
    """Explain an address: show its fields and its owner, and check its state on the hosts.

    The command compares what each host should have for the address (route, lease, allowed pairs) with what its agent
    last applied. It also names chains of other programs on the hosts that drop endpoints' packets, with the commands
    that let the packets pass. The exit code is 1 if something differs or is dropped.
    """

    example = "romana explain 10.0.18.5"
    columns = ("host", "what", "expected", "applied", "ok")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("address", metavar="ADDRESS", type=arguments.address, help="an address in the address plan")
        return parser

    def things(self, args: argparse.Namespace) -> Iterable[ExplainCheck]:
        self._explained = self.api.explain(args.address)
        self._fields = fields(self.api.plan().address_plan(), self._explained)
        return self._explained.checks

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any) -> int:
        """Above a table there is a picture of the address; json and yaml are one object with everything in it."""
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
        return all(check.ok for check in self._explained.checks)


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
