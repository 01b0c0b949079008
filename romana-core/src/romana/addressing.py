"""The address plan: how host, tenant, segment and endpoint become the bits of an IPv4 address.

    | prefix of the plan | host | tenant | segment | endpoint |

Each host has one prefix (plan prefix + host bits), so routes aggregate; tenant and segment are the same bits on
every host, so isolation is one look-up under one mask. This module is pure and is the only home of that logic.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

ADDRESS_BITS = 32
GATEWAY_ENDPOINT = 1
FIRST_ENDPOINT = 3
FIRST_TENANT = 1
FIRST_SEGMENT = 1
FIRST_HOST = 0


class PlanError(ValueError):
    """An address plan that cannot be; `findings` lists every reason, one sentence each with its fix."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class FieldError(ValueError):
    """A number that does not fit its field of the address."""

    def __init__(self, field: str, value: int, first: int, last: int) -> None:
        super().__init__(f"{field} {value} is outside {first}..{last}")
        self.field = field
        self.value = value


@dataclass(frozen=True, slots=True)
class Location:
    """What an address says: field values, all int. endpoint 0..2**endpoint_bits - 1."""

    host: int
    tenant: int
    segment: int
    endpoint: int


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """A partition of one IPv4 network into host, tenant, segment and endpoint bits.

    Raises PlanError when prefix length and bits do not add up to 32, or a field is too small to hold anything.
    """

    cidr: str = "10.0.0.0/8"
    host_bits: int = 8
    tenant_bits: int = 4
    segment_bits: int = 4
    endpoint_bits: int = 8

    def __post_init__(self) -> None:
        findings = plan_findings(self.cidr, self.host_bits, self.tenant_bits, self.segment_bits, self.endpoint_bits)
        if findings:
            raise PlanError(findings)

    @property
    def network(self) -> IPv4Network:
        """The whole plan's network."""
        return IPv4Network(self.cidr)

    @property
    def host_prefix_length(self) -> int:
        """Prefix length of one host's network."""
        return self.network.prefixlen + self.host_bits

    @property
    def hosts(self) -> range:
        """Host indexes that exist."""
        return range(FIRST_HOST, 2**self.host_bits)

    @property
    def tenants(self) -> range:
        """Tenant numbers that can be given out."""
        return range(FIRST_TENANT, 2**self.tenant_bits)

    @property
    def segments(self) -> range:
        """Segment numbers that can be given out in each tenant."""
        return range(FIRST_SEGMENT, 2**self.segment_bits)

    @property
    def endpoints(self) -> range:
        """Endpoint numbers that can be given out in each (host, tenant, segment); the last one is its broadcast."""
        return range(FIRST_ENDPOINT, 2**self.endpoint_bits - 1)

    def host_network(self, host: int) -> IPv4Network:
        """The one prefix of a host. Raises FieldError."""
        _in_range("host", host, self.hosts)
        return IPv4Network((self._compose(host, 0, 0, 0), self.host_prefix_length))

    def gateway(self, host: int) -> IPv4Address:
        """Address of the host's gateway interface. Raises FieldError."""
        return self.host_network(host)[GATEWAY_ENDPOINT]

    def tenant_network(self, host: int, tenant: int) -> IPv4Network:
        """What a tenant's endpoints on one host have their addresses from. Raises FieldError."""
        _in_range("host", host, self.hosts)
        _in_range("tenant", tenant, self.tenants)
        return IPv4Network((self._compose(host, tenant, 0, 0), self.host_prefix_length + self.tenant_bits))

    def segment_network(self, host: int, tenant: int, segment: int) -> IPv4Network:
        """The network of one tenant's segment on one host. Raises FieldError."""
        _in_range("host", host, self.hosts)
        self._check_segment(tenant, segment)
        return IPv4Network((self._compose(host, tenant, segment, 0), ADDRESS_BITS - self.endpoint_bits))

    def address(self, host: int, tenant: int, segment: int, endpoint: int) -> IPv4Address:
        """The address of an endpoint. Raises FieldError; never spills into a neighbouring field."""
        _in_range("host", host, self.hosts)
        self._check_segment(tenant, segment)
        _in_range("endpoint", endpoint, self.endpoints)
        return IPv4Address(self._compose(host, tenant, segment, endpoint))

    def locate(self, address: IPv4Address | str) -> Location:
        """Take an address apart. Raises ValueError when it is not an address of the plan."""
        address = IPv4Address(address)
        if address not in self.network:
            raise ValueError(f"{address} is outside the address plan {self.cidr}")
        value = int(address)
        endpoint, value = _split(value, self.endpoint_bits)
        segment, value = _split(value, self.segment_bits)
        tenant, value = _split(value, self.tenant_bits)
        host, _ = _split(value, self.host_bits)
        return Location(host, tenant, segment, endpoint)

    @property
    def segment_mask(self) -> IPv4Address:
        """Mask that keeps the plan's prefix, tenant and segment and hides host and endpoint: 255.0.255.0 by default."""
        bits = 2**ADDRESS_BITS - 1
        bits ^= 2**self.endpoint_bits - 1
        bits ^= (2**self.host_bits - 1) << (self.tenant_bits + self.segment_bits + self.endpoint_bits)
        return IPv4Address(bits)

    def segment_key(self, tenant: int, segment: int) -> IPv4Address:
        """What `address & segment_mask` gives for every endpoint of the segment, on any host. Raises FieldError."""
        self._check_segment(tenant, segment)
        return IPv4Address(self._compose(0, tenant, segment, 0))

    def _check_segment(self, tenant: int, segment: int) -> None:
        _in_range("tenant", tenant, self.tenants)
        _in_range("segment", segment, self.segments)

    def _compose(self, host: int, tenant: int, segment: int, endpoint: int) -> int:
        value = host
        value = (value << self.tenant_bits) | tenant
        value = (value << self.segment_bits) | segment
        value = (value << self.endpoint_bits) | endpoint
        return int(self.network.network_address) | value


def plan_findings(cidr: str, host_bits: int, tenant_bits: int, segment_bits: int, endpoint_bits: int) -> list[str]:
    """Every reason why these numbers are no address plan, one sentence each with its fix; empty when they are."""
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        return [f"cidr {cidr!r} is not an IPv4 network ({error}); write it like 10.0.0.0/8"]
    findings = []
    fields = {"host": host_bits, "tenant": tenant_bits, "segment": segment_bits, "endpoint": endpoint_bits}
    smallest = {"host": 0, "tenant": 1, "segment": 1, "endpoint": 3}
    for name, bits in fields.items():
        if bits < smallest[name]:
            findings.append(f"{name}_bits is {bits}; it must be at least {smallest[name]}")
    total = network.prefixlen + sum(fields.values())
    if total != ADDRESS_BITS:
        parts = " + ".join(f"{bits} ({name})" for name, bits in fields.items())
        findings.append(
            f"{network.prefixlen} (prefix of {cidr}) + {parts} = {total} bits, not {ADDRESS_BITS};"
            f" {'take away' if total > ADDRESS_BITS else 'add'} {abs(total - ADDRESS_BITS)}"
        )
    return findings


def _in_range(field: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise FieldError(field, value, allowed.start, allowed.stop - 1)


def _split(value: int, bits: int) -> tuple[int, int]:
    return value & (2**bits - 1), value >> bits
