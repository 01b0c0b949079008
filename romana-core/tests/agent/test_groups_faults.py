"""Groups that an agent cannot put in place: who is shut, who is not, and who says so."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from agent_lab import Guest, Lab, LabError, until
from newer_server import NewerGroup, NewerPermissions, NewerRule, NewerUpdate
from server_lab import LabServer

from romana.contract import AnswerError
from romana.models import (
    AppliedError,
    Direction,
    Endpoint,
    EndpointStatus,
    EndpointUpdate,
    GroupPut,
    GroupRule,
    Permissions,
)

pytestmark = pytest.mark.root

OUT = GroupRule(direction=Direction.EGRESS)
REFUSED_PORT = 5999
PORTS = (21, 22, 80, 81, 82)
# As nft of another version would: it refuses one element, and with it the whole transaction.
NFT = f"""#!/bin/sh
case " $* " in *" -f - "*) ;; *) exec {shutil.which("nft")} "$@";; esac
input=$(cat)
case "$input" in *{REFUSED_PORT}*) echo "Error: Could not process rule: Operation not supported" >&2; exit 1;; esac
printf '%s\\n' "$input" | {shutil.which("nft")} "$@"
"""


def tcp(port: int) -> GroupRule:
    return GroupRule(direction=Direction.INGRESS, protocol=6, ports=str(port))


class Served:
    """A server, and three guests that it knows: one each in `faulty` and `sound`, and one that asks them."""

    def __init__(self, server: LabServer) -> None:
        self.server = server
        for name, rules in (("faulty", [OUT, tcp(21), tcp(22)]), ("sound", [OUT, tcp(80)]), ("asking", [OUT])):
            self.put(name, GroupPut(rules=rules))
        self.faulty, self.sound, self.asking = (
            self.guest(node, group) for node, group in ((0, "faulty"), (0, "sound"), (1, "asking"))
        )
        for guest in (self.faulty, self.sound):
            for port in PORTS:
                guest.listen(port)

    def put(self, name: str, group: GroupPut) -> None:
        with suppress(AnswerError):  # what is newer this client does not know either
            self.server.ask(lambda client: client.put_group(name, group))

    def guest(self, node: int, *groups: str) -> Guest:
        guest = self.server.guest(node, "s1")
        permissions = EndpointUpdate(permissions=Permissions(groups=list(groups)))
        self.server.ask(lambda client: client.update_endpoint(guest.id, permissions))
        guest.plug()
        until(lambda: self.endpoint(guest).status is EndpointStatus.ACTIVE, f"it is active: {self.endpoint(guest)}")
        guest.configure()
        return guest

    def endpoint(self, guest: Guest) -> Endpoint:
        return self.server.endpoint(guest)

    def opened(self, guest: Guest) -> list[int]:
        with ThreadPoolExecutor(len(PORTS)) as pool:
            there = pool.map(lambda port: self.asking.tcp(guest, port), PORTS)
            return [port for port, is_open in zip(PORTS, there, strict=True) if is_open]

    def errors(self) -> list[AppliedError]:
        return self.server.ask(lambda client: client.applied("node0")).errors


@contextmanager
def served(lab: Lab, program: tuple[str, ...] | None = None) -> Iterator[Served]:
    server = LabServer(lab, program)
    try:
        for node in lab.nodes:
            node.start_agent()
        yield Served(server)
    finally:
        server.close()


def shuts_one_group_only(there: Served, unusable: str) -> None:
    """After the group `faulty` is to lose 21 and to let in 82, beside something unusable, and `sound` to let in 81."""
    until(lambda: there.opened(there.sound) == [81], "the sound group has changed")
    assert there.opened(there.faulty) == [22]
    until(lambda: there.endpoint(there.faulty).status is EndpointStatus.ERROR, "its endpoint is in error")
    detail = there.endpoint(there.faulty).detail or ""
    assert detail.startswith("group faulty: the rule ")
    assert unusable in detail
    assert there.endpoint(there.sound).status is EndpointStatus.ACTIVE
    assert [error.subject for error in there.errors()] == ["group faulty"]
    assert unusable in there.errors()[0].message


def recovers(there: Served) -> None:
    there.put("faulty", GroupPut(rules=[OUT, tcp(82)]))
    until(lambda: there.endpoint(there.faulty).status is EndpointStatus.ACTIVE, "it is active again")
    assert there.opened(there.faulty) == [82]
    assert there.errors() == []


def test_a_rule_that_only_a_newer_server_knows_shuts_its_own_group_only(make_lab: Callable[[int], Lab]) -> None:
    program = (str(Path(__file__).with_name("newer_server.py")),)
    with served(make_lab(2), program) as there:
        unknown = NewerRule(direction=Direction.INGRESS, protocol=6, ports="80", log=True)
        there.put("faulty", NewerGroup(rules=[OUT, tcp(22), unknown, tcp(82)]))
        there.put("sound", GroupPut(rules=[OUT, tcp(81)]))
        shuts_one_group_only(there, '"log": true')
        node = there.faulty.node
        node.kill_agent()
        there.server.kill()
        node.start_agent()  # from what it has kept
        assert there.opened(there.faulty) == [22]
        assert there.opened(there.sound) == [81]
        there.server.start()
        shuts_one_group_only(there, '"log": true')
        recovers(there)


def test_a_rule_that_nft_refuses_shuts_its_own_group_only(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    lab.nodes[0].programs = programs = lab.directory / "programs"
    programs.mkdir()
    (programs / "nft").write_text(NFT)
    (programs / "nft").chmod(0o755)
    with served(lab) as there:
        there.put("faulty", GroupPut(rules=[OUT, tcp(22), tcp(REFUSED_PORT), tcp(82)]))
        there.put("sound", GroupPut(rules=[OUT, tcp(81)]))
        shuts_one_group_only(there, f"ingress tcp {REFUSED_PORT} from anywhere")
        node = there.faulty.node
        node.kill_agent(signal.SIGTERM)
        node.start_agent()
        shuts_one_group_only(there, f"ingress tcp {REFUSED_PORT} from anywhere")
        recovers(there)


def test_an_answer_that_cannot_be_read_changes_nothing_and_is_said(make_lab: Callable[[int], Lab]) -> None:
    program = (str(Path(__file__).with_name("newer_server.py")),)
    with served(make_lab(2), program) as there:
        newer = NewerUpdate(permissions=NewerPermissions(groups=["faulty"], shield=True))
        with suppress(AnswerError):
            there.server.ask(lambda client: client.update_endpoint(there.faulty.id, newer))
        there.put("faulty", GroupPut(rules=[OUT, tcp(82)]))
        until(lambda: [error.subject for error in there.errors()] == ["state"], "it is said")
        assert "shield" in there.errors()[0].message
        assert there.opened(there.faulty) == [21, 22]
        known = EndpointUpdate(permissions=Permissions(groups=["faulty"]))
        there.server.ask(lambda client: client.update_endpoint(there.faulty.id, known))
        until(lambda: there.errors() == [], "it is over")
        assert there.opened(there.faulty) == [82]


def test_the_lab_says_when_nft_refuses_what_it_pushes(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    lab.nodes[0].programs = programs = lab.directory / "programs"
    programs.mkdir()
    (programs / "nft").write_text("#!/bin/sh\necho 'Error: nothing is taken' >&2\nexit 1\n")
    (programs / "nft").chmod(0o755)
    with pytest.raises(LabError, match="ERROR firewall: nft refuses: Error: nothing is taken"):
        lab.push()
