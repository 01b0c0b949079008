"""Endpoints come and go, hosts restart, the agent is removed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_lab import Guest, Lab, Node, until
from pinger import Pinger
from starting import SOURCES

pytestmark = pytest.mark.root

S1, S2 = (1, 2), (1, 3)


def has_route(guest: Guest) -> bool:
    return f"{guest.address} dev {guest.interface}" in guest.node.routes()


def test_tap_that_comes_later_is_wired_when_it_comes(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    here, later = lab.guest(0, *S1), lab.guest(0, *S1, plug=False)
    lab.push()
    assert not has_route(later)
    later.plug()
    until(lambda: has_route(later), "the route of the new tap")
    assert later.lease()
    assert here.lease()
    assert here.reaches(later)


def test_tap_made_again_under_its_name_is_wired_again(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    a, b = lab.guest(0, *S1), lab.guest(0, *S1)
    lab.push()
    assert a.lease()
    for _ in range(3):
        b.unplug()
        b.plug()
    until(lambda: has_route(b), "the route of the last tap")
    assert b.lease()
    assert a.reaches(b)
    assert lab.nodes[0].sysctl(f"net/ipv4/conf/{b.interface}/proxy_arp") == "1"


def test_tap_that_goes_while_it_is_being_wired_leaves_no_error(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    a, b = lab.guest(0, *S1), lab.guest(0, *S1)
    lab.push()
    assert a.lease()
    node = lab.nodes[0]
    b.unplug()
    pinger = Pinger(a, node.gateway)
    coming_and_going = [f"tuntap add {b.interface} mode tap", f"link set {b.interface} up", f"link del {b.interface}"]
    node.namespace.run("ip", "-batch", "-", stdin="\n".join(200 * coming_and_going) + "\n")
    b.plug()
    until(lambda: has_route(b), "the route of the last tap")
    assert b.lease()
    assert a.reaches(b)
    assert node.errors() == []
    sent, lost = pinger.losses()
    assert sent > 5
    assert lost == 0


def test_tap_with_two_addresses_gets_the_first_by_dhcp_and_may_use_both(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    guest, peer = lab.guest(0, *S1), lab.guest(1, *S1)
    second = lab.guest(0, *S1, plug=False)
    second.interface, second.mac = guest.interface, guest.mac
    lab.push()
    assert guest.lease() == f"{guest.address}/16 {guest.node.gateway}"
    guest.inside.run("ip", "addr", "add", f"{second.address}/16", "dev", "eth0")
    assert peer.lease()
    assert peer.reaches(guest)
    assert peer.reaches(second)
    assert guest.node.errors() == []


def test_real_tap_device_is_wired(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    guest = lab.guest(0, *S1, plug=False)
    lab.push()
    node = lab.nodes[0]
    for _ in range(2):
        node.namespace.run("ip", "tuntap", "add", guest.interface, "mode", "tap")
        node.namespace.run("ip", "link", "set", guest.interface, "up")
        until(lambda: has_route(guest), "the route of the tap")
        node.namespace.run("ip", "tuntap", "del", guest.interface, "mode", "tap")
    until(lambda: not has_route(guest), "the route has gone with the tap")


def test_removed_endpoint_leaves_nothing_but_a_shut_tap(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    node = lab.nodes[0]
    a, b = lab.guest(0, *S1), lab.guest(0, *S1)
    lab.push()
    assert a.lease()
    assert b.lease()
    lab.guests.remove(b)
    try:
        lab.push()
        assert not has_route(b)
        assert b.address not in node.namespace.run("ip", "neigh")
        assert b.address not in str(node.set_elements("sources"))
        assert not b.reaches(a)
        assert not b.reaches(node.gateway)
        assert b.lease() == ""
        b.unplug()
        until(lambda: b.interface not in node.set_elements("taps"), "the tap is forgotten once it has gone")
    finally:
        b.inside.close()


def test_released_address_goes_to_its_next_owner(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    first = lab.guest(0, *S1)
    lab.push()
    assert first.lease()
    first.inside.close()
    lab.guests.remove(first)
    second = lab.guest(0, *S1)
    assert second.address == first.address
    lab.push()
    assert second.lease().startswith(f"{first.address}/")


def test_network_is_back_after_a_reboot_without_the_server(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(2)
    a, b = lab.guest(0, *S1), lab.guest(1, *S1)
    lab.push()
    a.inside.close()
    a.namespace = None
    lab.nodes[0].reboot()
    assert "romana-gw" not in lab.nodes[0].namespace.run("ip", "link")
    lab.nodes[0].start_agent()
    a.plug()
    until(lambda: has_route(a), "the route after the reboot")
    assert a.lease()
    assert b.lease()
    assert a.reaches(b)


PICTURES = (
    "ip -d link",
    "ip addr",
    "ip route show table all",
    "ip -6 route",
    "ip rule",
    "ip neigh show nud permanent",
    "nft list ruleset",
    "sysctl -a --pattern '^net\\.' 2>/dev/null",
)


def settled(node: Node, guest: Guest) -> bool:
    """Whether the kernel has finished giving interfaces their IPv6 addresses."""
    shown = node.namespace.run("ip", "-6", "addr", "show", "scope", "link")
    return guest.interface in shown and "tentative" not in shown


def machine(node: Node) -> dict[str, str]:
    """Everything about a node's network that can be seen, but for counters and times."""
    shown = {command: node.namespace.run("sh", "-c", command) for command in PICTURES}
    moving = re.compile(r"^net\.netfilter\.nf_conntrack_count.*\n|^net\.ipv6\.route\.flush.*\n", re.MULTILINE)
    return {command: moving.sub("", text) for command, text in shown.items()}


@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_removed_agent_leaves_the_machine_as_it_was(make_lab: Callable[[int], Lab], forwarding: str) -> None:
    lab = make_lab(2)
    guest, other = lab.guest(0, *S1), lab.guest(0, *S2)
    node = lab.nodes[0]
    node.namespace.run("nft", "add", "table", "inet", "mine")
    node.namespace.run("ip", "route", "add", "172.31.0.0/16", "via", "192.168.99.1")
    node.sysctl("net/ipv4/ip_forward", forwarding)
    node.sysctl("net/ipv4/conf/all/accept_redirects", "0")
    node.sysctl("net/ipv4/conf/eth0/forwarding", "1")
    node.namespace.run("nft", "list", "ruleset")
    until(lambda: settled(node, guest), "IPv6 has settled")
    before = machine(node)
    lab.push()
    assert guest.lease()
    assert other.lease()
    node.remove_agent()
    until(lambda: settled(node, guest), "IPv6 is back")
    after = machine(node)
    for command, text in before.items():
        assert after[command] == text, command
    assert not node.state_dir.exists()
    assert not node.run_dir.exists()
    assert node.dnsmasqs() == []
    node.remove_agent()  # again: nothing to do, no error


def test_second_agent_and_removal_are_refused_while_one_runs(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(1)
    node = lab.nodes[0]
    lab.push()
    for options in ((), ("--remove",)):
        done = subprocess.run(
            node.agent(*options), env=node.environment(), capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 1
        assert done.stderr == (
            "romana-agent: another one runs on this host; stop it first: systemctl stop romana-agent\n"
        )
    assert "10.0.0.0/16 dev romana-gw" in node.routes()


def test_bad_configuration_is_told_in_full(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('host = "a b"\nurl = "controller"\ntoken = "x"\n')
    done = subprocess.run(
        [sys.executable, "-m", "romana.agent.main", "--config", str(config)],
        env=os.environ | {"PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for key in ("host", "url", "token is not known; did you mean token_file?", "token_file is missing"):
        assert key in done.stderr
