"""Arguments of commands, checked before anything is sent; each error says what is right."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from pydantic import TypeAdapter, ValidationError

from romana.models import BIGGEST_PORT, ICMP, PROTOCOLS_WITH_PORTS, InterfaceName, Mac, Name, Peer, PortRange
from romana.verdict import NAMES, Service

TYPE_AND_CODE = 2
SHOWN = 40  # characters of a wrong value that an error repeats


def name(text: str) -> str:
    """A name as the API takes it."""
    rule = "1 to 64 letters, digits, '.', '_' or '-', beginning and ending with a letter or digit"
    return _checked(_NAME, text, "a name", rule)


def mac(text: str) -> str:
    """A unicast MAC address, in lower case."""
    return _checked(_MAC, text, "a MAC address of one interface", "like fa:16:3e:00:00:01")


def interface(text: str) -> str:
    """The name of a network interface."""
    return _checked(_INTERFACE, text, "an interface name", "1 to 15 letters, digits, '.', '_' or '-'")


def port(text: str) -> str:
    """A port or a range of ports."""
    return _checked(_PORT, text, "a port", "80, or a range like 8000-8010")


def address(text: str) -> IPv4Address:
    """An IPv4 address."""
    try:
        return IPv4Address(text)
    except ValueError:
        raise _error(text, "an IPv4 address", "like 10.0.18.5") from None


def place(text: str) -> tuple[str, str]:
    """'tenant/segment'."""
    tenant, slash, segment = text.partition("/")
    if not slash:
        raise _error(text, "a tenant and its segment", "tenant/segment, like admin/s1")
    return name(tenant), name(segment)


def peer(text: str) -> Peer:
    """A tenant, 'tenant/segment' or a CIDR."""
    if _is_address(text.partition("/")[0]):
        try:
            return Peer(cidr=IPv4Network(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{_short(text)} is not a network: {error}") from None
    if "/" in text:
        tenant, segment = place(text)
        return Peer(tenant=tenant, segment=segment)
    return Peer(tenant=name(text))


@dataclass(frozen=True, slots=True)
class Forward:
    """A port of a floating IP, and an endpoint's that it leads to. endpoint: as commands name one."""

    protocol: str
    port: int
    endpoint: str
    endpoint_port: int


def forward(text: str) -> Forward:
    """'tcp/2222=web1:22'."""
    found = re.fullmatch(r"(tcp|udp)/([0-9]{1,5})=(.+):([0-9]{1,5})", text)
    if found is None or not all(1 <= int(found[group]) <= BIGGEST_PORT for group in (2, 4)):
        raise _error(text, "a port that leads to an endpoint", "like tcp/2222=web1:22")
    return Forward(found[1], int(found[2]), found[3], int(found[4]))


def service(text: str) -> Service:
    """'tcp/22', 'udp/53', 'icmp', 'icmp/8', 'icmp/3/4', or the number of another protocol, '47' or '132/5060'."""
    word, *numbers = text.split("/")
    known = {protocol.value: number for number, protocol in NAMES.items()}
    try:
        protocol = known[word] if word in known else _number(word, 255)
        if protocol == ICMP:
            kind = tuple(_number(one, 255) for one in numbers) or (8, 0)
            if len(kind) <= TYPE_AND_CODE:
                return Service(protocol, kind=(kind[0], kind[1] if len(kind) == TYPE_AND_CODE else None))
        elif protocol in PROTOCOLS_WITH_PORTS and len(numbers) == 1:
            return Service(protocol, port=_number(numbers[0], BIGGEST_PORT))
        elif protocol not in PROTOCOLS_WITH_PORTS and not numbers:
            return Service(protocol)
    except ValueError:
        pass
    raise _error(text, "a service", "like tcp/22, udp/53, icmp, icmp/3/4, or a protocol's number")


def _number(text: str, largest: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > largest:
        raise ValueError(text)
    return int(text)


def index(text: str) -> int:
    """A host's number."""
    if not text.isascii() or not text.isdigit():
        raise _error(text, "a host number", "0, 1, 2, ...")
    return int(text)


_NAME: TypeAdapter[str] = TypeAdapter(Name)
_MAC: TypeAdapter[str] = TypeAdapter(Mac)
_INTERFACE: TypeAdapter[str] = TypeAdapter(InterfaceName)
_PORT: TypeAdapter[str] = TypeAdapter(PortRange)


def _checked(adapter: TypeAdapter[str], text: str, what: str, rule: str) -> str:
    try:
        return adapter.validate_python(text)
    except ValidationError:
        raise _error(text, what, rule) from None


def _error(text: str, what: str, rule: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{_short(text)} is not {what} ({rule})")


def _short(text: str) -> str:
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(text)} characters)"


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
