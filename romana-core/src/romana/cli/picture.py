"""An address as a picture of its bits; pure."""

from __future__ import annotations

from dataclasses import dataclass

from romana.addressing import ADDRESS_BITS, AddressPlan
from romana.models import Explain

PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an address: its bits as text ("0001"), its value, and who has that value."""

    name: str
    bits: str
    value: int
    owner: str | None


def fields(plan: AddressPlan, explained: Explain) -> list[Field]:
    """The fields of the address, first bit first; a field of no bits is left out."""
    widths = {
        PREFIX: plan.network.prefixlen,
        "host": plan.host_bits,
        "tenant": plan.tenant_bits,
        "segment": plan.segment_bits,
        "endpoint": plan.endpoint_bits,
    }
    endpoint = explained.endpoint
    owners = {
        PREFIX: plan.cidr,
        "host": explained.host,
        "tenant": explained.tenant,
        "segment": explained.segment,
        "endpoint": (endpoint.name or endpoint.id) if endpoint else explained.role,
    }
    bits = f"{int(explained.address):0{ADDRESS_BITS}b}"
    found = []
    for name, width in widths.items():
        own, bits = bits[:width], bits[width:]
        if own:
            found.append(Field(name, own, int(own, 2), owners[name]))
    return found


def draw(parts: list[Field]) -> str:
    """The fields side by side: bits, name with value, owner."""
    columns = [(field.bits, _label(field), field.owner or "-") for field in parts]
    widths = [max(len(text) for text in column) for column in columns]
    rows = zip(*columns, strict=True)
    lines = [" | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _label(field: Field) -> str:
    return field.name if field.name == PREFIX else f"{field.name} {field.value}"
