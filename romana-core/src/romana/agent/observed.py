"""The part of the kernel's network that concerns us, kept up to date by its events. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

PROTOCOL = 82  # the mark of our routes and neighbours: `ip route show proto 82`


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface."""

    index: int
    name: str
    kind: str  # as `ip -d link` calls it; empty for a real device
    up: bool
    mac: str = ""  # of Ethernet only


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address of an interface."""

    link: int
    address: str
    length: int


@dataclass(frozen=True, slots=True)
class Route:
    """A unicast IPv4 route of the main table. `link` 0: more than one next hop; not one of ours."""

    prefix: str
    link: int
    via: str | None
    source: str | None
    protocol: int
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent neighbour with our mark."""

    link: int
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Proxy:
    """An address that the host answers ARP for on an interface, in the place of who has it; with our mark."""

    link: int
    address: str


@dataclass(slots=True)
class Observed:
    """What there is.

    neighbours: by interface and address. proxies: as they were when last read: the kernel tells of no change, but they
    go with their interface. sysctls: name of the interface ('' for the host's own) -> path below
    /proc/sys -> value; only those that were asked for.
    """

    links: dict[int, Link] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    addresses: set[Address] = field(default_factory=set)
    routes: dict[str, set[Route]] = field(default_factory=dict)
    neighbours: dict[tuple[int, str], Neighbour] = field(default_factory=dict)
    proxies: set[Proxy] = field(default_factory=set)
    sysctls: dict[str, dict[str, str]] = field(default_factory=dict)

    def link(self, name: str) -> Link | None:
        """The interface of that name."""
        index = self.names.get(name)
        return None if index is None else self.links.get(index)

    def add_link(self, link: Link) -> None:
        """An interface appeared or changed."""
        before = self.links.get(link.index)
        if before is not None and before.name != link.name:
            self._forget_name(before)
        self.links[link.index] = link
        self.names[link.name] = link.index
        if not link.up:
            self.forget_routes(link.index)  # the kernel drops them without a word
            self._forget_proxies(link.index)

    def remove_link(self, index: int) -> None:
        """An interface is gone, and all that hung on it."""
        self.forget_routes(index)
        self._forget_proxies(index)
        self.addresses = {item for item in self.addresses if item.link != index}
        for key in [key for key in self.neighbours if key[0] == index]:
            del self.neighbours[key]
        if link := self.links.pop(index, None):
            self._forget_name(link)
            self.sysctls.pop(link.name, None)

    def add_route(self, route: Route, *, replaces: bool) -> None:
        """A route appeared; `replaces`: in place of the one with the same prefix and metric."""
        there = self.routes.setdefault(route.prefix, set())
        if replaces:
            there -= {item for item in there if item.metric == route.metric}
        there.add(route)

    def remove_route(self, route: Route) -> None:
        """A route is gone."""
        there = self.routes.get(route.prefix, set())
        there.discard(route)
        if not there:
            self.routes.pop(route.prefix, None)

    def forget_routes(self, link: int) -> None:
        """All routes through an interface are gone."""
        for route in [route for there in self.routes.values() for route in there if route.link == link]:
            self.remove_route(route)

    def _forget_proxies(self, link: int) -> None:
        self.proxies = {item for item in self.proxies if item.link != link}

    def _forget_name(self, link: Link) -> None:
        if self.names.get(link.name) == link.index:
            del self.names[link.name]
