"""The kernel's network over netlink: reads it whole, hears its changes, makes ours; and the sysctls."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkDumpInterrupted, NetlinkError
from pyroute2.netlink.rtnl import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELNEIGH,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_LINK,
    RTMGRP_NEIGH,
)
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from romana.agent.announce import announce
from romana.agent.observed import PROTOCOL, Address, Link, Neighbour, Observed, Proxy, Route
from romana.agent.plumbing import GATEWAY, GATEWAY_KINDS, Change, Gateway, Sysctl, Up

GROUP_IPV4_NETCONF = 1 << 23  # RTNLGRP_IPV4_NETCONF: forwarding, rp_filter, proxy_arp
GROUP_IPV6_IFADDR = 0x100  # an address appears when disable_ipv6 is taken back
NEWNETCONF = 80
EVERY_LINK = -1  # NETCONFA_IFINDEX_ALL
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
CLONED = 0x200  # RTM_F_CLONED: a cached look-up, not a route
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 16 << 20  # bytes; 1,000 taps appearing at once
REPLACE = 0x100  # NLM_F_REPLACE in an event: the route took the place of another
MAIN = 254
DEFAULT = str(IPv4Address(0))
UNICAST = 1
LINK_SCOPE = 253
IFF_UP = 1
ARPHRD_ETHER = 1
NUD_PERMANENT = 0x80
NTF_PROXY = 0x08
DUMPS = 5
SYSCTLS = Path("/proc/sys")

Message = Any  # of pyroute2, which has no types


class NetError(Exception):
    """The kernel refused; the text is its reason, one line."""


class Kernel:
    """This network namespace. `observed` is what there is, as of the last `hear`."""

    def __init__(self) -> None:
        self._requests = IPRoute()
        self._marshal = MarshalRtnl()
        self._events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        with suppress(OSError):
            self._events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self._events.bind(
            (
                0,
                RTMGRP_LINK
                | RTMGRP_NEIGH
                | RTMGRP_IPV4_IFADDR
                | RTMGRP_IPV4_ROUTE
                | GROUP_IPV4_NETCONF
                | GROUP_IPV6_IFADDR,
            )
        )
        self.observed = Observed()

    def fileno(self) -> int:
        """The socket of the events, for a selector."""
        return self._events.fileno()

    def load(self) -> None:
        """Read everything anew. Raises NetError."""
        self._discard_events()
        observed = Observed()
        for dump, take in (
            (lambda: self._requests.get_links(), self._link),
            (lambda: self._requests.get_addr(family=socket.AF_INET), self._address),
            (lambda: self._requests.get_routes(family=socket.AF_INET, table=MAIN), self._route),
            (lambda: self._requests.get_neighbours(family=socket.AF_INET), self._neighbour),
        ):
            for message in _dump(dump):
                take(observed, message)
        self.observed = observed
        self.read_proxies()

    def hear(self) -> bool:
        """Take in the events that have come. Returns whether anything changed that may concern us. Raises NetError."""
        changed = False
        reread = reread_proxies = False
        while True:
            try:
                data = self._events.recv(1 << 20)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.load()
                return True
            changed = self._sysctls_changed(data) or changed
            for message in self._marshal.parse(data):
                kind = message["header"]["type"]
                if kind == RTM_NEWLINK:  # some kernels let go of proxies when there is no carrier
                    reread_proxies |= any(proxy.link == message["index"] for proxy in self.observed.proxies)
                changed = self._take(kind, message) or changed
                reread = reread or (kind == RTM_DELADDR and message["family"] == socket.AF_INET)
        if reread:  # routes with that source address went without a word
            self._load_routes()
        if reread_proxies:
            before = self.observed.proxies
            self.read_proxies()
            changed = changed or self.observed.proxies != before
        return changed

    def read_sysctls(self, interesting: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Observe these parameters (owner, paths)."""
        for owner, paths in list(interesting):
            values = self.observed.sysctls[owner] = {}
            for path in paths:
                with suppress(OSError):  # no IPv6 in this kernel, or the interface has just gone
                    values[path] = (SYSCTLS / path).read_text().strip()

    def read_proxies(self) -> None:
        """Read anew for whom the host answers ARP: the kernel tells of no change. Raises NetError."""
        # Only with a filter of ours does pyroute2 send the flag, without which the kernel leaves proxies out.
        everything = {"family": socket.AF_INET, "flags": NTF_PROXY, "dump_filter": lambda _: True}
        messages = _dump(lambda: self._requests.neigh("dump", **everything))
        self.observed.proxies = {
            Proxy(message["ifindex"], message.get_attr("NDA_DST"))
            for message in messages
            if message["flags"] & NTF_PROXY and message.get_attr("NDA_PROTOCOL") == PROTOCOL
        }

    def announce_proxies(self) -> None:
        """Tell neighbours again for whom the host answers ARP: what was said once may not have been heard."""
        for proxy in self.observed.proxies:
            with suppress(OSError):  # its interface is down; it will be said again
                self._announce(proxy)

    def apply(self, change: Change) -> None:
        """Make one change. Raises NetError."""
        try:
            self._apply(change)
        except NetlinkError as error:
            raise NetError(_reason(error.code)) from None
        except OSError as error:
            raise NetError(error.strerror or str(error)) from None

    def remove_link(self, link: Link) -> None:
        """Take an interface away, with all that hangs on it. Raises NetError."""
        try:
            self._requests.link("del", index=link.index)
        except NetlinkError as error:
            raise NetError(f"{link.name}: {_reason(error.code)}") from None

    def close(self) -> None:
        """Give the sockets back."""
        self._events.close()
        self._requests.close()

    def _apply(self, change: Change) -> None:
        ip, verb = self._requests, change.verb
        match change.thing:
            case Gateway():
                self._add_gateway()
            case Up(link):
                ip.link("set", index=link, state="up")
            case Address(link, address, length):
                ip.addr("del" if verb == "remove" else "add", index=link, address=address, prefixlen=length)
            case Route() as route:
                ip.route("del" if verb == "remove" else verb, **_route_request(route))
            case Neighbour(link, address, mac):
                mark = {"ifindex": link, "dst": address, "lladdr": mac, "state": "permanent", "protocol": PROTOCOL}
                ip.neigh("del" if verb == "remove" else verb, **mark)
            case Proxy() as proxy:
                self._proxy(verb, proxy)
            case Sysctl(owner, path, value):
                (SYSCTLS / path).write_text(value)
                self.observed.sysctls.setdefault(owner, {})[path] = value

    def _proxy(self, verb: str, proxy: Proxy) -> None:
        mark = {"state": "permanent", "flags": NTF_PROXY, "protocol": PROTOCOL}
        self._requests.neigh("del" if verb == "remove" else verb, ifindex=proxy.link, dst=proxy.address, **mark)
        if verb == "remove":
            self.observed.proxies.discard(proxy)
            return
        self.observed.proxies.add(proxy)
        self._announce(proxy)  # neighbours may know another host that had it until now

    def _announce(self, proxy: Proxy) -> None:
        link = self.observed.links[proxy.link]
        if link.mac:
            announce(link.name, link.mac, proxy.address)

    def _add_gateway(self) -> None:
        for kind in GATEWAY_KINDS:
            try:
                self._requests.link("add", ifname=GATEWAY, kind=kind)
            except NetlinkError as error:
                if error.code != errno.EOPNOTSUPP or kind == GATEWAY_KINDS[-1]:
                    raise
            else:
                return

    def _take(self, kind: int, message: Message) -> bool:
        take: Callable[[Observed, Message], bool] | None = {
            RTM_NEWLINK: self._link,
            RTM_DELLINK: self._no_link,
            RTM_NEWADDR: self._address,
            RTM_DELADDR: self._no_address,
            RTM_NEWROUTE: self._route,
            RTM_DELROUTE: self._no_route,
            RTM_NEWNEIGH: self._neighbour,
            RTM_DELNEIGH: self._no_neighbour,
        }.get(kind)
        return take is not None and take(self.observed, message)

    def _link(self, observed: Observed, message: Message) -> bool:
        if message["family"] != socket.AF_UNSPEC:  # a bridge speaking of its port
            return False
        info = message.get_attr("IFLA_LINKINFO")
        kind = (info.get_attr("IFLA_INFO_KIND") if info else None) or ""
        mac = message.get_attr("IFLA_ADDRESS") if message["ifi_type"] == ARPHRD_ETHER else ""
        link = Link(message["index"], message.get_attr("IFLA_IFNAME"), kind, bool(message["flags"] & IFF_UP), mac)
        if observed.links.get(link.index) == link:
            return False
        observed.add_link(link)
        return True

    def _no_link(self, observed: Observed, message: Message) -> bool:
        if message["family"] != socket.AF_UNSPEC:
            return False
        observed.remove_link(message["index"])
        return True

    def _address(self, observed: Observed, message: Message) -> bool:
        if message["family"] != socket.AF_INET:
            return self._ipv6(observed, message)
        observed.addresses.add(_address(message))
        return True

    def _no_address(self, observed: Observed, message: Message) -> bool:
        if message["family"] != socket.AF_INET:
            return False
        observed.addresses.discard(_address(message))
        return True

    def _ipv6(self, observed: Observed, message: Message) -> bool:
        link = observed.links.get(message["index"])
        return link is not None and observed.sysctls.pop(link.name, None) is not None

    def _sysctls_changed(self, data: bytes) -> bool:
        changed = False
        for index in _netconf_links(data):
            if index == EVERY_LINK:
                self.observed.sysctls.clear()
                changed = True
            elif link := self.observed.links.get(index):
                changed = self.observed.sysctls.pop(link.name, None) is not None or changed
        return changed

    def _route(self, observed: Observed, message: Message) -> bool:
        if not _is_ours_to_see(message):
            return False
        observed.add_route(_route(message), replaces=bool(message["header"]["flags"] & REPLACE))
        return True

    def _no_route(self, observed: Observed, message: Message) -> bool:
        if not _is_ours_to_see(message):
            return False
        observed.remove_route(_route(message))
        return True

    def _neighbour(self, observed: Observed, message: Message) -> bool:
        if message["family"] != socket.AF_INET or message["flags"] & NTF_PROXY:
            return False
        key = (message["ifindex"], message.get_attr("NDA_DST"))
        before = observed.neighbours.pop(key, None)
        now = None
        if message["state"] & NUD_PERMANENT and message.get_attr("NDA_PROTOCOL") == PROTOCOL:
            now = observed.neighbours[key] = Neighbour(*key, message.get_attr("NDA_LLADDR"))
        return before != now

    def _no_neighbour(self, observed: Observed, message: Message) -> bool:
        if message["flags"] & NTF_PROXY:
            return False
        return observed.neighbours.pop((message["ifindex"], message.get_attr("NDA_DST")), None) is not None

    def _load_routes(self) -> None:
        self.observed.routes = {}
        for message in _dump(lambda: self._requests.get_routes(family=socket.AF_INET, table=MAIN)):
            self._route(self.observed, message)

    def _discard_events(self) -> None:
        while True:
            try:
                self._events.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise


def _dump(request: Callable[[], Iterable[Message]]) -> list[Message]:
    """A dump that no change has cut through."""
    for _ in range(DUMPS):
        try:
            return list(request())
        except NetlinkDumpInterrupted:
            time.sleep(0.01)  # whoever changes so much at once needs the lock that the dump needs
        except NetlinkError as error:
            raise NetError(_reason(error.code)) from None
    return list(request())


def _netconf_links(data: bytes) -> list[int]:
    """Indexes of the interfaces whose parameters changed, from RTM_NEWNETCONF, which pyroute2 leaves undecoded."""
    links = []
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind = HEADER.unpack_from(data, offset)[:2]
        if length < HEADER.size:
            break
        if kind == NEWNETCONF:  # one byte of family, padded; the index is the first attribute
            links.append(struct.unpack_from("=i", data, offset + HEADER.size + 4 + 4)[0])
        offset += (length + 3) & ~3
    return links


def _is_ours_to_see(message: Message) -> bool:
    return bool(
        message["family"] == socket.AF_INET
        and message["type"] == UNICAST
        and not message["flags"] & CLONED
        and message.get_attr("RTA_TABLE") == MAIN
    )


def _route(message: Message) -> Route:
    return Route(
        prefix=f"{message.get_attr('RTA_DST') or DEFAULT}/{message['dst_len']}",
        link=message.get_attr("RTA_OIF") or 0,
        via=message.get_attr("RTA_GATEWAY"),
        source=message.get_attr("RTA_PREFSRC"),
        protocol=message["proto"],
        metric=message.get_attr("RTA_PRIORITY") or 0,
    )


def _route_request(route: Route) -> dict[str, object]:
    request: dict[str, object] = {"dst": route.prefix, "proto": route.protocol, "table": MAIN}
    if route.via:
        request["gateway"] = route.via
    else:
        request["scope"] = LINK_SCOPE
    if route.link:
        request["oif"] = route.link
    if route.source:
        request["prefsrc"] = route.source
    if route.metric:
        request["priority"] = route.metric
    return request


def _address(message: Message) -> Address:
    return Address(message["index"], message.get_attr("IFA_LOCAL"), message["prefixlen"])


def _reason(code: int) -> str:
    if code == errno.ENETUNREACH:
        return "the next hop is not on a network this host is directly connected to; check the host's address"
    return os.strerror(code)
