"""Values of the API as cells: readable in a table, whole in json and yaml."""

from __future__ import annotations

from enum import Enum
from typing import Any

from cliff.columns import FormattableColumn
from pydantic_core import to_jsonable_python

from romana.models import (
    AddressPair,
    Bandwidth,
    BandwidthLimit,
    DhcpOption,
    DhcpRoute,
    Forwarding,
    GroupRule,
    Lease,
    Model,
    Peer,
    Permissions,
    RouterSegment,
)
from romana.verdict import describe

NOTHING = "-"


class Cell(FormattableColumn[Any]):
    """A value whose text in a table differs from what programs get."""

    def human_readable(self) -> str:
        """Text of the table."""
        return in_words(self._value)

    def machine_readable(self) -> Any:
        """Plain JSON types."""
        return to_jsonable_python(self._value)


def cell(value: object) -> object:
    """Numbers and texts as they are (cliff aligns by type); everything else becomes a Cell."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    return Cell(value)


def in_words(value: object) -> str:
    """A value for people, on one line."""
    if value is None or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(in_words(item) for item in value)
    if isinstance(value, Peer):
        return peer_in_words(value)
    if isinstance(value, RouterSegment):
        return f"{value.tenant}/{value.segment}"
    if isinstance(value, Forwarding):
        return f"{value.protocol.value}/{value.port} to {value.endpoint_address}:{value.endpoint_port}"
    if isinstance(value, GroupRule):
        return describe(value, {})
    if isinstance(value, BandwidthLimit):
        return limit_in_words(value)
    if isinstance(value, Permissions | Lease | Bandwidth | AddressPair | DhcpRoute | DhcpOption):
        return said_in_words(value)
    return str(value)


def said_in_words(said: Model) -> str:
    """What differs from when nothing is said: 'groups: a, b; enabled: no'."""
    given = {name: getattr(said, name) for name in type(said).model_fields if name in said.model_fields_set}
    parts = [f"{name}: {'none' if value == [] else in_words(value)}" for name, value in given.items()]
    return "; ".join(parts) or NOTHING


def limit_in_words(limit: BandwidthLimit) -> str:
    """'1000 kbit/s', or '1000 kbit/s, burst 800 kbit'."""
    return f"{limit.rate} kbit/s" + (f", burst {limit.burst} kbit" if limit.burst else "")


def peer_in_words(peer: Peer) -> str:
    """'admin', 'admin/s1' or '192.0.2.0/24': what --from and --to take."""
    if peer.cidr is not None:
        return str(peer.cidr)
    return f"{peer.tenant}/{peer.segment}" if peer.segment else str(peer.tenant)
