"""A floating IP comes, moves and goes while agents and romana-server are killed: it is old or new, never both."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
from agent_lab import Guest, Lab, until
from floating_watch import FloatingWatch
from outside_lab import Outside
from pinger import Pinger
from server_lab import LabServer

from romana.client import Client
from romana.contract import ClientError
from romana.models import EndpointStatus, FloatingIpPut, RouterPut, RouterSegment

pytestmark = pytest.mark.root

OUTSIDE = "192.168.99.1"
FLOATING, OTHER = "172.24.4.5", "172.24.4.6"
AMID = 0.1  # seconds from the request within which something is killed: what it asks for is in place by then
MANY = 6  # times the same


@dataclass(frozen=True)
class Case:
    """Whose the floating IP is and whose it shall be, by the number of guest and node; None: nobody's.

    victim: the number of the node whose agent is killed meanwhile; None: romana-server.
    """

    old: int | None
    new: int | None
    victim: int | None


CASES = [
    Case(None, 0, 0), Case(0, 1, 0), Case(1, 0, 0), Case(0, 1, None), Case(1, None, 1), Case(None, 0, None),
    Case(0, None, None),
]  # fmt: skip


class Moving:
    """A server, two nodes with a guest on each that may have the floating IP, and who watches it."""

    def __init__(self, server: LabServer, guests: list[Guest], watch: FloatingWatch) -> None:
        self._server, self._guests, self._watch = server, guests, watch
        self._before: int | None = None  # whose it was when the guests' long conversations began

    def owner(self) -> int | None:
        """Whose it is, as the server says."""
        owners = {one.endpoint for one in self._server.ask(Client.floating_ips) if str(one.address) == FLOATING}
        return next((number for number, guest in enumerate(self._guests) if guest.id in owners), None)

    def give(self, new: int | None) -> None:
        """Have it be somebody's. Raises ClientError."""
        self._server.ask(self._asking(new))

    def give_amid_kill(self, case: Case, moment: float) -> bool:
        """The same while something is killed, that many seconds after the request. Returns whether it was answered."""
        node = None if case.victim is None else self._server.lab.nodes[case.victim]
        answered = True
        with ThreadPoolExecutor(1) as pool:
            giving = pool.submit(self.give, case.new)
            time.sleep(moment)  # any moment will do
            self._server.kill() if node is None else node.kill_agent()
            try:
                giving.result()
            except ClientError:
                answered = False
        self._server.start() if node is None else node.start_agent()
        return answered

    def during(self, work: Callable[[], bool]) -> bool:
        """Watch while `work` goes on; its result."""
        with ThreadPoolExecutor(1) as pool:
            going_on = pool.submit(work)
            while not going_on.done():
                self._watch.go_on(0.01)
        assert self._watch.twice == set()
        assert self._watch.leaked == set()
        return going_on.result()

    def is_just(self, owner: int | None) -> None:
        """Check that it is that guest's and nobody else's, however one looks."""
        self.during(lambda: self._server.settle() is None)
        nodes = self._server.lab.nodes
        assert self._watch.answering(nodes) == ([] if owner is None else [nodes[owner].name])
        self._watch.forget()
        until(lambda: self._is_seen(owner), f"all go on, and it is {owner}'s")
        assert self._watch.reached <= {owner}
        assert self._watch.seen == self._expected(owner)
        self._watch.begin()
        self._before = owner

    def _is_seen(self, owner: int | None) -> bool:
        self._watch.go_on(0.01)
        answers = set() if owner is None else {(owner, True), (owner, False)}
        return self._watch.answered == answers and self._watch.seen.keys() == self._expected(owner).keys()

    def _expected(self, owner: int | None) -> dict[tuple[int, bool], set[str]]:
        """As whom guests are seen outside, in their long conversations and in others.

        What somebody began as whoever he was goes on, unless that was by a floating IP which is not his any more.
        """
        return {
            (number, steady): {FLOATING if number == owner and (not steady or owner == self._before) else node.address}
            for number, node in enumerate(self._server.lab.nodes)
            for steady in (True, False)
        }

    def _asking(self, new: int | None) -> Callable[[Client], object]:
        if new is None:
            return lambda client: client.delete_floating_ip(FLOATING)
        wanted = FloatingIpPut(endpoint=self._guests[new].id)
        return lambda client: client.put_floating_ip(FLOATING, wanted)


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    lab = make_lab(2)
    for node in lab.nodes:
        node.masquerade = True
        node.configure()
    server = LabServer(lab)
    try:
        for node in lab.nodes:
            node.start_agent()
        yield server
    finally:
        server.close()


@pytest.fixture
def moving(server: LabServer) -> Iterator[Moving]:
    """Beside it, an endpoint with a floating IP of its own loses nothing."""
    segment = RouterSegment(tenant="admin", segment="s1")
    server.ask(lambda client: client.put_router("out", RouterPut(segments=[segment], outside=True)))
    guests = [server.guest(number, "s1") for number in (0, 1, 0)]
    *movers, other = guests
    server.ask(lambda client: client.put_floating_ip(OTHER, FloatingIpPut(endpoint=other.id)))
    for guest in guests:
        guest.plug()
        guest.configure()
    until(lambda: all(server.endpoint(one).status is EndpointStatus.ACTIVE for one in guests), "all are active")
    with ExitStack() as stack:
        outside = stack.enter_context(closing(Outside(server.lab, OUTSIDE)))
        until(lambda: outside.reaches(OTHER) and other.reaches(OUTSIDE), "the others' conversations pass")
        pingers = Pinger(outside, OTHER), Pinger(other, OUTSIDE)
        yield Moving(server, movers, stack.enter_context(closing(FloatingWatch(outside, OUTSIDE, FLOATING, movers))))
        for pinger in pingers:
            sent, lost = pinger.losses()
            assert sent > len(CASES)
            assert lost == 0


@pytest.fixture
def dice() -> random.Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return random.Random(seed)  # noqa: S311 - it is to be the same again for the same seed


def give_and_kill(moving: Moving, case: Case, moment: float) -> None:
    print(f"{case}, {moment:.3f} s")
    if moving.owner() != case.old:  # the last one ended as it began
        moving.give(case.old)
        moving.is_just(case.old)
    answered = moving.during(lambda: moving.give_amid_kill(case, moment))
    owner = moving.owner()
    assert owner in ((case.new,) if answered else (case.old, case.new))
    moving.is_just(owner)


def test_it_ends_where_it_was_or_where_it_goes_whatever_is_killed(moving: Moving, dice: random.Random) -> None:
    for case in CASES:
        give_and_kill(moving, case, dice.uniform(0, AMID))


@pytest.mark.long("tries more moments; seven are tried in every run")
def test_it_ends_where_it_was_or_where_it_goes_at_many_moments(moving: Moving, dice: random.Random) -> None:
    for number in range(MANY):
        for case in CASES:
            give_and_kill(moving, case, AMID * (number + dice.random()) / MANY)
