"""Nothing opens while romana-server is killed, and while nodes boot; the packets are watched the whole time."""

from __future__ import annotations

import itertools
import random
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from agent_lab import Guest, Lab, until
from calls import ICMP, TCP, UDP, Call, Calls, settle
from server_lab import LabServer

from romana.contract import ClientError
from romana.models import Direction, EndpointStatus, EndpointUpdate, GroupPut, GroupRule, Permissions

pytestmark = pytest.mark.long("test_groups_changes.py watches packets while agents are killed")

PORTS = (5001, 5002, 5003, 5004)
PING = 8 << 8
KILLS = 5  # of the server
BOOTS = 3  # of each node


def rule(direction: Direction, protocol: int | None = None, port: int | None = None, **more: object) -> GroupRule:
    ports = {} if port is None else {"ports": str(port)}
    return GroupRule.model_validate({"direction": direction, "protocol": protocol, **ports, **more})


OUT, IN = rule(Direction.EGRESS), Direction.INGRESS
# Either of two states lets in what the other does not; neither lets in what is for 5004 or a ping.
SERVED = (
    [rule(IN, UDP, 5001), rule(IN, UDP, 5002)],
    [rule(IN, UDP, 5001), rule(IN, UDP, 5003, remote_group="mates")],
)
MEMBERSHIPS = (["out", "served"], ["out", "served"], ["mates", "out", "served"], ["mates", "out"])
STRANGERS = (0, 1)  # are never among the mates
UNSERVED = 3
PAIRS = list(itertools.permutations(range(len(MEMBERSHIPS)), 2))
FORBIDDEN = sorted(
    {
        *(Call(*pair, *what) for pair in PAIRS for what in ((UDP, 5004), (ICMP, PING))),
        *(Call(source, target, UDP, 5003) for source, target in PAIRS if source in STRANGERS),
        *(Call(source, UNSERVED, UDP, port) for source in range(UNSERVED) for port in PORTS[:3]),
    }
)
ONCE = [Call(*pair, TCP, 5004) for pair in PAIRS]  # the kernel goes on asking by itself
ALLOWED = [Call(source, target, UDP, 5001) for source, target in PAIRS if target != UNSERVED]


class Watched:
    """Guests whose packets are watched, what may pass and what may not."""

    def __init__(self, guests: list[Guest]) -> None:
        self.calls = Calls([(guest.inside.name, guest.address) for guest in guests], PORTS, 41000)
        self.calls.begin(ALLOWED)
        settle(lambda: self.calls.answered >= set(ALLOWED), [self.calls], 0, 10)
        self.pass_what_may()
        assert self.calls.arrived == self.calls.answered == set(ALLOWED)

    def pass_what_may(self) -> None:
        """What is allowed in either state passes, both ways."""
        until(self._what_may_passes, "what is allowed passes")

    def _what_may_passes(self) -> bool:
        """Of a host that has just begun, the first packets wait for its neighbours' answers, and not all can."""
        self.calls.speak(ALLOWED)
        settle(lambda: self.calls.spoken >= set(ALLOWED), [self.calls], 0, 2)
        return self.calls.spoken == set(ALLOWED)

    def during(self, work: Callable[[], None]) -> None:
        """Nothing that is forbidden passes while `work` goes on."""
        self.calls.begin(ONCE)
        rounds = 0
        with ThreadPoolExecutor(1) as pool:
            going_on = pool.submit(work)
            while not going_on.done():
                self.calls.begin(FORBIDDEN)
                self.calls.speak(ALLOWED)
                self.calls.poll(0.01)
                rounds += 1
            going_on.result()
        assert rounds > KILLS
        assert sorted(self.calls.arrived - set(ALLOWED)) == []


@contextmanager
def watched(guests: list[Guest]) -> Iterator[Watched]:
    for guest in guests:
        guest.configure()
    there = Watched(guests)
    try:
        yield there
    finally:
        there.calls.close()


@pytest.fixture
def dice() -> random.Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return random.Random(seed)  # noqa: S311 - it is to be the same again for the same seed


@pytest.mark.root
def test_nothing_opens_while_the_server_is_killed(make_lab: Callable[[int], Lab], dice: random.Random) -> None:
    server = LabServer(make_lab(2))
    try:
        for node in server.lab.nodes:
            node.start_agent()
        for name, rules in {"out": [OUT], "served": SERVED[0], "mates": []}.items():
            put(server, name, rules)
        guests = [server.guest(number % 2, "s1") for number in range(len(MEMBERSHIPS))]
        for guest, groups in zip(guests, MEMBERSHIPS, strict=True):
            join(server, guest, groups)
            guest.plug()
        until(lambda: all(server.endpoint(one).status is EndpointStatus.ACTIVE for one in guests), "all are active")
        with watched(guests) as there:
            there.during(lambda: change_and_kill(server, guests, dice))
            there.pass_what_may()
    finally:
        server.close()


def put(server: LabServer, name: str, rules: list[GroupRule]) -> None:
    server.ask(lambda client: client.put_group(name, GroupPut(rules=rules)))


def join(server: LabServer, guest: Guest, groups: list[str]) -> None:
    wanted = EndpointUpdate(permissions=Permissions(groups=groups))
    server.ask(lambda client: client.update_endpoint(guest.id, wanted))


def change_and_kill(server: LabServer, guests: list[Guest], dice: random.Random) -> None:
    """Change rules and members again and again, and kill the server in the middle of whatever it is at."""
    for number in range(1, KILLS + 1):
        with ThreadPoolExecutor(1) as killer:
            killing = killer.submit(kill_after, server, dice.uniform(0, 0.3))
            for step in itertools.count(number):
                if killing.done():
                    break
                with suppress(ClientError):  # it has been killed meanwhile
                    put(server, "served", SERVED[step % 2])
                    join(server, guests[UNSERVED], MEMBERSHIPS[UNSERVED] if step % 2 else ["out"])
            killing.result()
        server.start()
    put(server, "served", SERVED[0])
    join(server, guests[UNSERVED], MEMBERSHIPS[UNSERVED])
    server.settle()


def kill_after(server: LabServer, seconds: float) -> None:
    time.sleep(seconds)  # any moment will do
    server.kill()


@pytest.mark.root
def test_nothing_opens_while_nodes_boot(make_lab: Callable[[int], Lab], dice: random.Random) -> None:
    lab = make_lab(2)
    lab.groups = {"out": [OUT], "served": SERVED[0], "mates": []}
    guests = [lab.guest(number % 2, 1, 1) for number in range(len(MEMBERSHIPS))]
    for guest, groups in zip(guests, MEMBERSHIPS, strict=True):
        guest.permissions = Permissions(groups=groups)
    lab.push()
    with watched(guests) as there:
        there.during(lambda: boot(lab, dice))
        there.pass_what_may()


def boot(lab: Lab, dice: random.Random) -> None:
    """Boot nodes, with other rules than before, and kill their agents while they begin."""
    for number, node in enumerate(BOOTS * lab.nodes, 1):
        lab.groups["served"] = SERVED[number % 2]
        lab.store()
        node.reboot()
        # The worst there is: taps come before the agent, on a machine that forwards whatever it has a route to.
        node.sysctl("net/ipv4/ip_forward", "1")
        for guest in lab.guests:
            if guest.node is node:
                guest.plug()
                guest.configure()
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(node.start_agent)
            time.sleep(dice.uniform(0.3, 1.2))  # any moment will do, in the middle of what the agent does or not
            node.kill_agent()
            starting.exception()  # an agent that was killed is not ready, and must not be
        node.start_agent()
