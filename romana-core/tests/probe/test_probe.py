"""romana-probe against a real kernel and a real dnsmasq: it behaves like an instance, and leaves nothing behind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import eventually

from .conftest import GATEWAY, Helper, Node

FIRST = ("one", "tap00000000001", "fa:16:3e:00:00:01", "10.0.18.3")
SECOND = ("two", "tap00000000002", "fa:16:3e:00:00:02", "10.0.18.4")


def attach(helper: Helper, node: Node, probe: tuple[str, str, str, str]) -> dict[str, object]:
    name, interface, mac, address = probe
    assert helper.ask("attach", probe=name, interface=interface, mac=mac) == {"interface": interface}
    node.plug(interface, mac, address)
    lease: dict[str, object] = helper.ask("lease", probe=name, timeout=5)
    return lease


def test_probe_is_a_real_tap_and_gets_its_lease(helper: Helper, node: Node) -> None:
    lease = attach(helper, node, FIRST)
    (link,) = json.loads(node.run("ip", "-j", "-d", "link", "show", FIRST[1]))
    assert link["linkinfo"]["info_kind"] == "tun"
    assert link["linkinfo"]["info_data"]["type"] == "tap"
    assert (lease["address"], lease["router"], lease["netmask"]) == (FIRST[3], GATEWAY, "255.255.0.0")
    assert (lease["prefix_length"], lease["server"], lease["lease"]) == (16, GATEWAY, 3600)


def test_probes_reach_each_other_and_say_who_they_are(helper: Helper, node: Node) -> None:
    attach(helper, node, FIRST)
    attach(helper, node, SECOND)
    helper.ask("listen", probe="two", tcp=[8080, 8081], udp=[53])
    targets = [
        {"to": SECOND[3], "protocol": "tcp", "port": 8080},
        {"to": SECOND[3], "protocol": "icmp"},
        {"to": SECOND[3], "protocol": "udp", "port": 53},
        {"to": SECOND[3], "protocol": "tcp", "port": 9},
        {"to": GATEWAY, "protocol": "icmp"},
        {"to": SECOND[3], "protocol": "tcp", "port": 8081},
    ]
    results = helper.ask("reach", probe="one", targets=targets, timeout=5)
    assert [result["outcome"] for result in results] == ["reply", "reply", "reply", "refused", "reply", "reply"]
    assert [result.get("name") for result in results] == ["two", None, "two", None, None, "two"]
    assert helper.ask("traceroute", probe="one", to=SECOND[3], hops=5, timeout=5) == [GATEWAY, SECOND[3]]


def test_what_the_firewall_drops_does_not_answer(helper: Helper, node: Node) -> None:
    attach(helper, node, FIRST)
    attach(helper, node, SECOND)
    node.run("nft", "add table ip t; add chain ip t c { type filter hook forward priority 0; policy drop; }")
    helper.ask("listen", probe="two", tcp=[8080], udp=[53])
    targets = [{"to": SECOND[3], "protocol": "icmp"}] + [
        {"to": SECOND[3], "protocol": protocol, "port": port} for protocol, port in (("tcp", 8080), ("udp", 53))
    ]
    results = helper.ask("reach", probe="one", targets=targets, timeout=0.4)
    assert [result["outcome"] for result in results] == ["timeout"] * 3
    assert helper.ask("traceroute", probe="one", to=SECOND[3], hops=2, timeout=0.4) == [GATEWAY, None]


def test_node_pings_its_probe_and_tells_its_facts(helper: Helper, node: Node) -> None:
    attach(helper, node, FIRST)
    node.run("nft", "add table ip t; add chain ip t c; add rule ip t c accept; add rule ip t c drop")
    assert [pong["outcome"] for pong in helper.ask("ping", to=FIRST[3], count=2, timeout=5)] == ["reply", "reply"]
    facts = helper.ask("facts")
    assert {"dst": FIRST[3], "dev": FIRST[1]}.items() <= next(
        r for r in facts["routes"] if r["dst"] == FIRST[3]
    ).items()
    assert facts["rules"] == {"ip t": 2}


def test_requests_run_at_the_same_time(helper: Helper) -> None:
    slow = helper.send("ping", to="127.0.0.1", count=1, timeout=5)
    slower = helper.send("reach", targets=[{"to": "192.0.2.1", "protocol": "icmp"}], timeout=1)
    quick = helper.send("ping", to="127.0.0.1", count=1, timeout=5)
    answers = [helper.read() for _ in range(3)]
    assert {answer["id"] for answer in answers[:2]} == {slow, quick}
    assert answers[2]["id"] == slower
    assert answers[2]["result"][0]["outcome"] == "timeout"


def test_without_a_server_there_is_no_lease(helper: Helper) -> None:
    helper.ask("attach", probe="one", interface=FIRST[1], mac=FIRST[2])
    assert "no DHCP answer within 1 s" in helper.error("lease", probe="one", timeout=1)


def test_detach_takes_the_tap_away_before_it_answers(helper: Helper, node: Node) -> None:
    attach(helper, node, FIRST)
    attach(helper, node, SECOND)
    helper.ask("detach", probe="one")
    assert node.taps() == [SECOND[1]]
    assert "no probe 'one' is attached" in helper.error("lease", probe="one", timeout=1)
    assert helper.ask("ping", to=SECOND[3], count=1, timeout=5)[0]["outcome"] == "reply"


def kill(helper: Helper) -> None:
    helper.process.kill()


def close_input(helper: Helper) -> None:
    assert helper.process.stdin is not None
    helper.process.stdin.close()


@pytest.mark.parametrize("end", [kill, close_input])
def test_nothing_is_left_behind(end: Callable[[Helper], None], helper: Helper, node: Node) -> None:
    for name, interface, mac, _ in (FIRST, SECOND):
        helper.ask("attach", probe=name, interface=interface, mac=mac)
    helper.send("lease", probe="one", timeout=60)  # nobody answers it, so a DHCP client is running
    helper.send("reach", targets=[{"to": "192.0.2.1", "protocol": "icmp"}], timeout=60)
    eventually(lambda: len(helper.processes()) == 5, "helper, node's worker, two probes and a DHCP client run")
    processes = helper.processes()
    namespaces = {Path(f"/proc/{pid}/ns/net").readlink() for pid in processes}
    assert len(namespaces) == 3
    assert sorted(node.taps()) == [FIRST[1], SECOND[1]]

    end(helper)

    helper.process.wait()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "all its processes are gone")
    eventually(lambda: node.taps() == [], "its taps are gone")


def test_a_worker_that_is_killed_is_reported(helper: Helper, node: Node) -> None:
    helper.ask("attach", probe="one", interface=FIRST[1], mac=FIRST[2])
    before = helper.processes()
    request = helper.send("lease", probe="one", timeout=60)
    eventually(lambda: len(helper.processes()) == len(before) + 1, "the DHCP client runs")
    (worker,) = before - {helper.process.pid}
    os.kill(worker, 9)
    assert helper.read() == {"id": request, "ok": False, "error": "probe 'one' has ended"}
    eventually(lambda: node.taps() == [], "its tap is gone")


def test_an_existing_device_is_never_taken_over(helper: Helper, node: Node) -> None:
    node.run("ip", "tuntap", "add", FIRST[1], "mode", "tap")
    error = helper.error("attach", probe="one", interface=FIRST[1], mac=FIRST[2])
    assert error == f"cannot make tap {FIRST[1]}: a device of that name exists"
    assert node.taps() == [FIRST[1]]


@pytest.mark.parametrize(
    ("request_fields", "error"),
    [
        ({"do": "attach", "probe": "one"}, "attach needs interface and mac"),
        ({"do": "lease", "probe": "one"}, "no probe 'one' is attached"),
        ({"do": "dance"}, "unknown command 'dance'; known: facts, lease, listen, ping, reach, traceroute"),
        ({"do": "ping", "to": "127.0.0.1"}, "ping: 'count' is missing"),
        ({"do": "reach", "targets": [{"to": "127.0.0.1", "protocol": "sctp"}], "timeout": 1}, "none of icmp, tcp, udp"),
    ],
)
def test_a_bad_request_is_answered_with_what_is_wrong(
    helper: Helper, request_fields: dict[str, str], error: str
) -> None:
    assert error in helper.error(**request_fields)


@pytest.mark.parametrize("line", [b"garbage\n", b"[]\n", b'{"id": 1}\n', b"\xff\xfe\n", b"7\n"])
def test_garbage_is_answered_and_the_helper_goes_on(helper: Helper, line: bytes) -> None:
    assert helper.process.stdin is not None
    helper.process.stdin.write(line)
    assert "one line of JSON" in helper.error("facts")
    assert helper.read()["ok"]


def test_a_tap_that_somebody_deletes_harms_nobody_else(helper: Helper, node: Node) -> None:
    attach(helper, node, FIRST)
    attach(helper, node, SECOND)
    node.run("ip", "link", "delete", FIRST[1])
    cut = helper.ask("reach", probe="one", targets=[{"to": GATEWAY, "protocol": "icmp"}], timeout=0.4)
    whole = helper.ask("reach", probe="two", targets=[{"to": GATEWAY, "protocol": "icmp"}], timeout=5)
    assert (cut[0]["outcome"], whole[0]["outcome"]) == ("timeout", "reply")
    helper.ask("detach", probe="one")
    assert node.taps() == [SECOND[1]]
