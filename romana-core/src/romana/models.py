"""The wire format of the API: what server, agent, command line and installer say to each other.

Everything is validated here; unknown keys are refused. Ids, names and numbers: a *name* is chosen by a user, a
*number* is a field of the address (tenant 1..15 in the default plan), an *index* is a host's number (from 0).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from romana.addressing import AddressPlan, PlanError, plan_findings
from romana.contract import LARGEST_BURST, LARGEST_RATE, NAME, NAME_RULE

ICMP = 1
PROTOCOLS_WITH_PORTS = (6, 17, 33, 132, 136)  # TCP, UDP, DCCP, SCTP, UDP-Lite (IANA)
BIGGEST_PORT = 65535
SOME = 1000  # entries of a list that people write
SPARE = 100  # keys that an object may have too much to be told each of them
BIGGEST = 2**63 - 1  # generation: what a BIGINT column holds
BIGGEST_COUNT = 2**31 - 1  # a number of things: what an INTEGER column holds
MANY = 65_536  # entries of a list that a program writes: pairs of all segments, hosts or endpoints of the largest plans

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=rf"^{NAME}$"),
    Field(description=NAME_RULE),
]
Mac = Annotated[
    str,
    StringConstraints(to_lower=True, pattern=r"^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"),
    Field(description="unicast MAC address, six pairs of hexadecimal digits"),
]
InterfaceName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=15, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    Field(description="name of a network interface (IFNAMSIZ: at most 15)"),
]
ProjectId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    Field(description="id of the OpenStack project that a tenant stands for"),
]
NetworkId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=rf"^{NAME}$"),
    Field(description="id of the OpenStack network that a segment stands for"),
]
GroupId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=rf"^{NAME}$"),
    Field(description="id of a security group: OpenStack's, or a name"),
]
GroupName = Annotated[
    str,
    StringConstraints(max_length=255),
    Field(description="name of a security group; it need not be the only one of that name"),
]
RouterId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=rf"^{NAME}$"),
    Field(description="id of a router: OpenStack's, or a name"),
]
RouterName = Annotated[
    str,
    StringConstraints(max_length=255),
    Field(description="name of a router; it need not be the only one of that name"),
]
EndpointId = Annotated[str, StringConstraints(min_length=1, max_length=36)]
PortRange = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,5}(-[0-9]{1,5})?$"),
    Field(description="a port, '80', or a range of ports, '8000-8010'"),
]


def _as_text(value: object) -> object:
    """JSON has addresses as strings; `ipaddress` would take numbers, too, and true as 0.0.0.1."""
    if isinstance(value, str | IPv4Address | IPv4Network):
        return value
    raise ValueError("must be a string")


Address = Annotated[IPv4Address, BeforeValidator(_as_text)]
Network = Annotated[IPv4Network, BeforeValidator(_as_text)]
# Of its own accord pydantic takes "5" and true for a number, and "off" and 0 for false.
Number = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
ForwardedPort = Annotated[Number, Field(ge=1, le=BIGGEST_PORT)]

# DHCP (RFC 2132, RFC 3442).
OPTION_SIZE = 255  # bytes that an option holds
ADDRESS_SIZE = 4  # bytes
# Mask, broadcast, and what client, relay and server say to each other.
PROTOCOL_OPTIONS = frozenset({1, 28, 50, 51, 52, 53, 54, 55, 56, 57, 61, 82})


class Model(BaseModel):
    """Base of all wire models: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_an_end(cls, values: object) -> object:
        # Each unknown key is an error of its own: a million of them would take seconds.
        if isinstance(values, dict) and len(values) > len(cls.model_fields) + SPARE:
            raise ValueError(f"has {len(values)} keys; there are {', '.join(cls.model_fields)}")
        return values


def first_finding(error: ValidationError) -> str:
    """Why JSON is none of these models: the first of the reasons, with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the answer"
    return f"{where}: {first['msg']}"


class ErrorCode(StrEnum):
    """Every error the API answers with; stable, for programs. What each means, and its status: romana.server.errors."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GENERATION_CONFLICT = "generation_conflict"
    IN_USE = "in_use"
    ADDRESS_IN_USE = "address_in_use"
    ADDRESS_MISMATCH = "address_mismatch"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    HOST_RESTRICTED = "host_restricted"
    HOSTS_EXHAUSTED = "hosts_exhausted"
    TENANTS_EXHAUSTED = "tenants_exhausted"
    SEGMENTS_EXHAUSTED = "segments_exhausted"
    ENDPOINTS_EXHAUSTED = "endpoints_exhausted"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Error(Model):
    """Body of every answer that is not 2xx: {"error": {...}}."""

    code: ErrorCode
    message: str
    details: dict[str, object] = {}


class ErrorBody(Model):
    error: Error


class Plan(Model):
    """The address plan on the wire."""

    cidr: str = "10.0.0.0/8"
    host_bits: int = 8
    tenant_bits: int = 4
    segment_bits: int = 4
    endpoint_bits: int = 8

    @model_validator(mode="after")
    def _adds_up(self) -> Plan:
        findings = plan_findings(self.cidr, self.host_bits, self.tenant_bits, self.segment_bits, self.endpoint_bits)
        if findings:
            raise PlanError(findings)
        return self

    def address_plan(self) -> AddressPlan:
        """The plan as the pure object that computes addresses."""
        return AddressPlan(self.cidr, self.host_bits, self.tenant_bits, self.segment_bits, self.endpoint_bits)


# --- hosts, tenants, segments ---------------------------------------------------------------------------------------


def _each_once(addresses: list[IPv4Address]) -> list[IPv4Address]:
    seen: set[IPv4Address] = set()
    for address in addresses:
        if address in seen:
            raise ValueError(f"{address} is listed twice; list it once")
        seen.add(address)
    return addresses


DeliveredAddresses = Annotated[list[Address], Field(max_length=SOME), AfterValidator(_each_once)]


class HostCreate(Model):
    name: Name
    address: Address = Field(description="the host's own address: next hop of its prefix for the other hosts")
    index: Number | None = Field(default=None, ge=0, le=BIGGEST, description="host number; None: the lowest free one")
    owner: Name | None = Field(default=None, description="tenant whose own machine it is, and to whom it is restricted")
    floating_ips: DeliveredAddresses | None = Field(
        default=None,
        description="floating IPs that the network delivers to this host only; None: none, and a host that exists keeps"
        " what it has",
    )


class HostUpdate(Model):
    """PATCH /v1/hosts/{name}: what is left out stays; null for `owner` makes it everybody's again."""

    address: Address | None = None
    owner: Name | None = None
    floating_ips: DeliveredAddresses | None = Field(
        default=None,
        description="all floating IPs that the network delivers to this host only; []: none; None: they stay",
    )

    @model_validator(mode="after")
    def _says_something(self) -> HostUpdate:
        if not self.model_fields_set:
            raise ValueError("give address, owner or floating_ips")
        return self


class Host(Model):
    name: Name
    address: IPv4Address
    index: int
    owner: Name | None = Field(default=None, description="the one tenant that it may speak for; None: all")
    floating_ips: list[IPv4Address] = Field(
        default=[], description="floating IPs that the network delivers to this host only, sorted"
    )
    prefix: IPv4Network
    gateway: IPv4Address
    endpoints: int = Field(description="how many endpoints it has")
    generation: int = Field(description="generation of its desired state")
    applied: int | None = Field(description="generation its agent last applied; None: it never reported")
    applied_at: datetime | None = None
    errors: int = Field(default=0, description="how many errors the agent's last report had")


class TenantCreate(Model):
    name: Name
    project_id: ProjectId | None = None


class TenantUpdate(Model):
    """PATCH /v1/tenants/{name}: a tenant that was made before its project gets it; null takes it away."""

    project_id: ProjectId | None


class Tenant(Model):
    name: Name
    number: int
    project_id: str | None = None
    segments: int = Field(description="how many segments it has")
    endpoints: int = Field(description="how many endpoints it has")
    generation: int


class SegmentCreate(Model):
    name: Name
    network_id: NetworkId | None = None


class Segment(Model):
    name: Name
    tenant: Name
    number: int
    network_id: str | None = None
    endpoints: int
    generation: int


# --- security groups ------------------------------------------------------------------------------------------------


class Direction(StrEnum):
    INGRESS = "ingress"  # to the group's endpoints
    EGRESS = "egress"  # from them


class GroupRule(Model):
    """Connections that a group lets begin; what belongs to such a connection passes both ways.

    Protocols are numbers (IANA): 1 is ICMP, 6 TCP, 17 UDP.
    """

    direction: Direction
    protocol: Number | None = Field(default=None, ge=0, le=255, description="IP protocol; None: all")
    ports: PortRange | None = Field(default=None, description="destination ports; None: all")
    icmp_type: Number | None = Field(default=None, ge=0, le=255, description="None: all")
    icmp_code: Number | None = Field(default=None, ge=0, le=255, description="None: all of the type")
    remotes: list[Network] | None = Field(
        default=None, min_length=1, max_length=MANY, description="the other side's networks; None: all"
    )
    remote_group: GroupId | None = Field(default=None, description="the other side is an endpoint in this group")

    @model_validator(mode="after")
    def _consistent(self) -> GroupRule:
        if self.ports is not None:
            if self.protocol not in PROTOCOLS_WITH_PORTS:
                raise ValueError(f"ports need one of the protocols {', '.join(map(str, PROTOCOLS_WITH_PORTS))}")
            low, high = port_bounds(self.ports)
            if not low <= high <= BIGGEST_PORT:
                raise ValueError(f"port range {self.ports!r} is not within 0-{BIGGEST_PORT} in ascending order")
        if self.icmp_type is not None and self.protocol != ICMP:
            raise ValueError(f"icmp_type needs protocol {ICMP}")
        if self.icmp_code is not None and self.icmp_type is None:
            raise ValueError("icmp_code needs icmp_type")
        if self.remotes is not None and self.remote_group is not None:
            raise ValueError("give remotes or remote_group, not both")
        return self


class GroupPut(Model):
    """PUT /v1/groups/{id}: the group with all its rules; it is made where there is none."""

    name: GroupName | None = None
    project_id: ProjectId | None = None
    rules: Annotated[list[GroupRule], FailFast()] = Field(default=[], max_length=MANY)


class Group(GroupPut):
    """A security group: what its endpoints may begin, and what may begin with them. Without a rule that is nothing."""

    id: GroupId
    endpoints: int = Field(description="how many endpoints are in it")
    generation: int


# --- endpoints ------------------------------------------------------------------------------------------------------


class EndpointStatus(StrEnum):
    PENDING = "pending"  # allocated, the agent has not seen its interface yet
    ACTIVE = "active"  # the agent has applied route, lease and rules
    ERROR = "error"  # the agent could not apply it; `detail` says why


class AddressPair(Model):
    """Addresses beside its own that an endpoint may send from."""

    network: Network
    mac: Mac | None = Field(default=None, description="None: the endpoint's own")


class Permissions(Model):
    """What an endpoint may do beyond its segment's say."""

    groups: list[GroupId] | None = Field(
        default=None,
        max_length=SOME,
        description="security groups: their rules together are what may pass; an empty list: nothing;"
        " None: groups have no say, only segments",
    )
    address_pairs: list[AddressPair] = Field(default=[], max_length=SOME)
    port_security: Flag = Field(default=True, description="false: it may send from any address, and has no groups")
    enabled: Flag = Field(default=True, description="false: nothing passes")

    @model_validator(mode="after")
    def _makes_sense(self) -> Permissions:
        if not self.port_security and (self.groups is not None or self.address_pairs):
            raise ValueError("without port_security an endpoint has neither groups nor address_pairs")
        return self


class DhcpRoute(Model):
    destination: Network
    via: Address


class DhcpOption(Model):
    number: Number = Field(ge=1, le=254, description="option code (RFC 2132)")
    value: str = Field(
        max_length=255,
        pattern=r"^[A-Za-z0-9._:/@%+=-]+(,[A-Za-z0-9._:/@%+=-]+)*$",
        description="text, numbers, addresses, or bytes like 0a:0b; several are separated by commas",
    )


class Lease(Model):
    """What DHCP tells an endpoint beside its address and gateway."""

    offered: Flag = Field(default=True, description="false: DHCP does not answer it")
    host_name: Name | None = Field(default=None, description="None: DHCP gives no name")
    domain: str | None = Field(default=None, max_length=255, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
    nameservers: list[Address] | None = Field(default=None, max_length=SOME, description="None: as on every host")
    routes: list[DhcpRoute] = Field(default=[], max_length=SOME, description="beside the default route (option 121)")
    options: list[DhcpOption] = Field(default=[], max_length=SOME, description="these replace our own of that number")
    mtu: Number | None = Field(default=None, ge=68, le=65535, description="bytes; None: as the host's way allows")

    @model_validator(mode="after")
    def _fits(self) -> Lease:
        if protocol := sorted(PROTOCOL_OPTIONS & {one.number for one in self.options}):
            raise ValueError(f"option {protocol[0]} is part of DHCP itself and has no value to choose; leave it out")
        if len(self.nameservers or []) * ADDRESS_SIZE > OPTION_SIZE:
            raise ValueError(f"DHCP has room for {OPTION_SIZE // ADDRESS_SIZE} nameservers; give fewer")
        # The default route is one of them: a byte of length, and where it leads.
        size = 1 + ADDRESS_SIZE + sum(1 + -(-one.destination.prefixlen // 8) + ADDRESS_SIZE for one in self.routes)
        if size > OPTION_SIZE:
            raise ValueError(f"the routes take {size} bytes and DHCP has room for {OPTION_SIZE}; give fewer")
        return self


class BandwidthLimit(Model):
    """How much passes in one direction; what is more is dropped."""

    rate: Number = Field(ge=1, le=LARGEST_RATE, description="kbit/s, of IP packets with their headers")
    burst: Number = Field(
        default=0,
        ge=0,
        le=LARGEST_BURST,
        description="kbit that pass at once after a pause, beyond what passes in a second; 64 KiB at least",
    )


class Bandwidth(Model):
    """Limits of what an endpoint sends, and of what it is sent; what is sent and then refused counts as sent."""

    egress: BandwidthLimit | None = Field(default=None, description="of what it sends; None: no limit")
    ingress: BandwidthLimit | None = Field(default=None, description="of what it is sent; None: no limit")


class EndpointCreate(Model):
    """POST /v1/endpoints; header Idempotency-Key: the same key gives the same endpoint again."""

    host: Name
    tenant: Name
    segment: Name
    mac: Mac
    interface: InterfaceName
    name: Name | None = None
    address: Address | None = Field(default=None, description="a free address of that host, tenant and segment")
    permissions: Permissions = Permissions()
    lease: Lease = Lease()
    bandwidth: Bandwidth = Bandwidth()


class EndpointUpdate(Model):
    """PATCH /v1/endpoints/{id}: what may change while an endpoint keeps its address."""

    mac: Mac | None = None
    interface: InterfaceName | None = None
    name: Name | None = None
    permissions: Permissions | None = Field(default=None, description="whole; None: they stay")
    lease: Lease | None = Field(default=None, description="whole; None: it stays")
    bandwidth: Bandwidth | None = Field(default=None, description="whole; None: it stays")


class Endpoint(Model):
    id: str
    name: Name | None
    host: Name
    tenant: Name
    segment: Name
    address: IPv4Address
    mac: Mac
    interface: InterfaceName
    permissions: Permissions = Permissions()
    lease: Lease = Lease()
    bandwidth: Bandwidth = Bandwidth()
    status: EndpointStatus
    detail: str | None = None
    generation: int


class ReportedEndpoint(Model):
    """An endpoint as those see it who wait for it to work."""

    id: str
    name: Name | None
    host: Name
    address: IPv4Address
    interface: InterfaceName
    status: EndpointStatus
    detail: str | None


class Statuses(Model):
    """GET /v1/statuses?after=&wait=: what has become of endpoints."""

    generation: int = Field(description="as of when; give it as `after` to get what comes later")
    endpoints: list[ReportedEndpoint] = Field(description="those whose status was set after `after`; without it all")


# --- policies -------------------------------------------------------------------------------------------------------


class Peer(Model):
    """One side of a policy: a tenant, one of its segments, or a CIDR outside the plan; 0.0.0.0/0 is all of that."""

    tenant: Name | None = None
    segment: Name | None = None
    cidr: Network | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Peer:
        if (self.tenant is None) == (self.cidr is None):
            raise ValueError("give either tenant (with or without segment) or cidr")
        if self.segment is not None and self.tenant is None:
            raise ValueError("a segment needs its tenant")
        return self


class Protocol(StrEnum):
    ANY = "any"
    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


class PolicyCreate(Model):
    """Lets traffic (and its replies) pass from `source` to `target`. At least one side is a tenant or segment."""

    name: Name
    source: Peer
    target: Peer
    protocol: Protocol = Protocol.ANY
    ports: list[PortRange] = Field(default=[], max_length=SOME, description="destination ports; empty: all")

    @model_validator(mode="after")
    def _consistent(self) -> PolicyCreate:
        if self.source.cidr is not None and self.target.cidr is not None:
            raise ValueError("source and target are both CIDRs; one of them must be a tenant or segment")
        if self.ports and self.protocol not in (Protocol.TCP, Protocol.UDP):
            raise ValueError(f"ports need protocol tcp or udp, not {self.protocol.value}")
        for text in self.ports:
            low, high = port_bounds(text)
            if not 1 <= low <= high <= 65535:
                raise ValueError(f"port range {text!r} is not within 1-65535 in ascending order")
        return self


class Policy(PolicyCreate):
    generation: int


def port_bounds(text: str) -> tuple[int, int]:
    """'80' -> (80, 80), '8000-8010' -> (8000, 8010). The text has passed PortRange."""
    low, _, high = text.partition("-")
    return int(low), int(high or low)


# --- routers and floating IPs ----------------------------------------------------------------------------------------


class RouterSegment(Model):
    """A segment, by names."""

    tenant: Name
    segment: Name


class RouterPut(Model):
    """PUT /v1/routers/{id}: the router as a whole; it is made where there is none."""

    name: RouterName | None = None
    project_id: ProjectId | None = None
    segments: list[RouterSegment] = Field(
        default=[], max_length=SOME, description="endpoints of each two of them may ask each other for anything"
    )
    outside: Flag = Field(
        default=False, description="true: their endpoints may ask addresses outside the plan for anything"
    )

    @model_validator(mode="after")
    def _has_each_once(self) -> RouterPut:
        seen: set[tuple[str, str]] = set()
        for one in self.segments:
            if (one.tenant, one.segment) in seen:
                raise ValueError(f"segment {one.tenant}/{one.segment} is listed twice; list it once")
            seen.add((one.tenant, one.segment))
        return self


class Router(RouterPut):
    """Joins segments to each other and to what is outside the plan; it is no machine and on no packet's way."""

    id: RouterId
    generation: int


class ForwardingPut(Model):
    """What is asked of a port of a floating IP, an endpoint answers at a port of its own."""

    protocol: Literal[Protocol.TCP, Protocol.UDP]
    port: ForwardedPort = Field(description="of the floating IP")
    endpoint: EndpointId = Field(description="id of the endpoint that is reached by it")
    endpoint_port: ForwardedPort = Field(description="of the endpoint")


class Forwarding(ForwardingPut):
    endpoint_address: IPv4Address
    host: Name = Field(description="where the endpoint is")


class FloatingIpPut(Model):
    """PUT /v1/floating-ips/{address}: whose it is from now on, as a whole or port by port."""

    endpoint: EndpointId | None = Field(default=None, description="id of the endpoint that is reached by it")
    project_id: ProjectId | None = None
    forwardings: Annotated[list[ForwardingPut], FailFast()] = Field(
        default=[], max_length=MANY, description="endpoints that are reached by single ports of it"
    )

    @model_validator(mode="after")
    def _is_for_somebody(self) -> FloatingIpPut:
        if (self.endpoint is None) == (not self.forwardings):
            raise ValueError("give either endpoint or forwardings")
        seen: set[tuple[str, int]] = set()
        for one in self.forwardings:
            if (one.protocol, one.port) in seen:
                raise ValueError(f"{one.protocol}/{one.port} is forwarded twice; list it once")
            seen.add((one.protocol, one.port))
        return self


class FloatingIp(FloatingIpPut):
    """An address outside the plan by which endpoints are reached from outside.

    An endpoint that has it as a whole also goes outside with it.
    """

    forwardings: list[Forwarding] = Field(  # type: ignore[assignment] # it says more
        default=[], description="endpoints that are reached by single ports of it, by protocol and port"
    )
    address: IPv4Address
    endpoint_address: IPv4Address | None = Field(description="None: it is forwarded port by port")
    host: Name = Field(description="the one that answers for it: where the endpoint is, or one of the endpoints")
    generation: int


# --- what an agent follows and reports ------------------------------------------------------------------------------


class StateHost(Model):
    name: Name
    index: int
    address: IPv4Address
    owner: int | None = Field(default=None, description="number of the one tenant that it may speak for; None: all")
    mac: Mac | None = Field(default=None, description="of its address; only where some host has an owner")


class StateSegment(Model):
    tenant: int
    segment: int


class StateEndpoint(Model):
    id: str
    address: IPv4Address
    mac: Mac
    interface: InterfaceName
    permissions: Permissions = Permissions()
    lease: Lease = Lease()
    bandwidth: Bandwidth = Bandwidth()


class StateGroup(Model):
    """A group that an endpoint of the host is in."""

    id: GroupId
    rules: list[GroupRule]


class StateFloating(Model):
    """A floating IP of one of the host's endpoints."""

    address: IPv4Address
    endpoint_address: IPv4Address


class StateForwarding(Model):
    """A port of a floating IP that leads to an endpoint; the host has the endpoint, or answers for the floating IP."""

    address: IPv4Address
    protocol: Literal[Protocol.TCP, Protocol.UDP]
    port: int
    endpoint_address: IPv4Address
    endpoint_port: int
    host: IPv4Address | None = Field(default=None, description="address of the endpoint's host; None: this one")
    answering: IPv4Address | None = Field(
        default=None, description="address of the host that answers for the floating IP; None: this one"
    )


class Selector(Model):
    """One side of a rule in numbers: a segment (tenant and segment set), or a CIDR."""

    tenant: int | None = None
    segment: int | None = None
    cidr: IPv4Network | None = None


class StateRule(Model):
    """A consequence of a policy or a router; the server has expanded tenants into their segments."""

    source: Selector
    target: Selector
    protocol: Protocol
    ports: list[tuple[int, int]] = Field(default=[], description="inclusive bounds; empty: all")


class HostState(Model):
    """GET /v1/hosts/{name}/state: everything one host must have, whole."""

    generation: int
    plan: Plan
    host: StateHost
    peers: list[StateHost] = Field(description="all other hosts")
    segments: list[StateSegment] = Field(
        description="segments of all tenants, or of the host's owner; each may talk to itself"
    )
    rules: list[StateRule] = Field(description="all, or those that have to do with the host's owner")
    endpoints: list[StateEndpoint] = Field(description="the endpoints of this host")
    groups: list[StateGroup] = Field(default=[], description="those that its endpoints are in")
    floating: list[StateFloating] = Field(default=[], description="floating IPs of its endpoints")
    forwarding: list[StateForwarding] = Field(
        default=[], description="forwardings to its endpoints, and all of floating IPs that it answers for"
    )


class GroupMembers(Model):
    """Who came into a group, and who left it: addresses of its endpoints and of their address pairs."""

    id: GroupId
    added: list[IPv4Network] = []
    removed: list[IPv4Network] = []


class Members(Model):
    """The members of the groups that rules of a host's groups name."""

    generation: int = Field(description="as of when; give it as `members_after` to get what comes later")
    whole: bool = Field(description="true: `added` is everybody; a group that is not listed has nobody")
    groups: list[GroupMembers]


class Changes(Model):
    """GET /v1/hosts/{name}/changes?state_after=&members_after=&wait=: what a host must have, as of one moment.

    Both come from one moment, so rules never meet members of another one.
    """

    state: HostState | None = Field(description="None: not newer than `state_after`")
    members: Members | None = Field(description="None: nothing is newer than `members_after`")


class AppliedEndpoint(Model):
    """What of an endpoint is in place on its host."""

    id: str
    status: EndpointStatus
    detail: str | None = None
    route: Flag = Field(description="/32 route to its interface")
    lease: Flag = Field(description="dnsmasq answers its MAC with its address")
    firewall: Flag = Field(description="spoof protection and isolation bind its interface")


class AppliedError(Model):
    subject: str = Field(
        description="what failed: 'gateway', 'route 10.1.0.0/16', 'endpoint <id>', 'group <id>', 'floating IP"
        " <address>', 'firewall', 'dhcp', 'state'"
    )
    message: str


class AppliedBarrier(Model):
    """A chain of others on the host that drops what endpoints need, or may."""

    chain: str = Field(description="family, table and chain")
    certain: Flag = Field(description="false: whether it does depends on what cannot be told from its rules")
    what: str = Field(description="what it drops, and how, in a few words")
    message: str = Field(description="one sentence, with the commands that let it through")


class Applied(Model):
    """PUT /v1/hosts/{name}/applied: what the agent has in place, whole."""

    generation: Number = Field(ge=0, le=BIGGEST)
    members: Number | None = Field(
        default=None,
        ge=0,
        le=BIGGEST,
        description="generation of the members that are in place; None: the firewall is not as it must be",
    )
    groups: Number = Field(default=0, ge=0, le=BIGGEST_COUNT, description="how many groups its endpoints are in")
    group_members: Number = Field(
        default=0, ge=0, le=BIGGEST_COUNT, description="how many members of groups it knows; one in two groups is two"
    )
    mac: Mac | None = Field(default=None, description="of the interface that has the host's own address")
    errors: Annotated[list[AppliedError], FailFast()] = Field(default=[], max_length=MANY)
    endpoints: Annotated[list[AppliedEndpoint], FailFast()] = Field(default=[], max_length=MANY)
    routes: Annotated[list[Network], FailFast()] = Field(
        default=[], max_length=MANY, description="other hosts' prefixes that are routed"
    )
    pairs: Annotated[list[tuple[Address, Address]], FailFast()] = Field(
        default=[], max_length=MANY, description="(source, destination) segment keys the firewall lets pass"
    )
    barriers: Annotated[list[AppliedBarrier], FailFast()] = Field(default=[], max_length=SOME)


# --- ipam and explain -----------------------------------------------------------------------------------------------


class IpamUsage(Model):
    host: Name
    tenant: Name
    segment: Name
    network: IPv4Network
    used: int
    capacity: int


class IpamCheck(Model):
    """GET /v1/ipam/check: every contradiction found in the store, one sentence each; none when `ok`."""

    ok: bool
    findings: list[str]


class ExplainCheck(Model):
    """One thing a host should have for the address, beside what its agent last applied."""

    host: Name
    what: Literal["route", "lease", "firewall", "pair", "generation", "chain"]
    expected: str
    applied: str
    ok: bool


class Explain(Model):
    """GET /v1/explain/{address}."""

    address: IPv4Address
    host_index: int
    tenant_number: int
    segment_number: int
    endpoint_number: int
    host: Name | None
    tenant: Name | None
    segment: Name | None
    role: Literal["endpoint", "gateway", "unallocated", "reserved"]
    endpoint: Endpoint | None
    checks: list[ExplainCheck]
    advice: list[str] = Field(default=[], description="what to do about chains of others that stand in the way")
