"""The life of a stack, from nothing to nothing, as README tells it. The tests of this file are steps, in this order."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator

import httpx
import pytest
from machine_network import machine_network
from romana_setup import Setup
from traffic import Lab, lab
from waiting import eventually

STACK = ("e2e", "192.168.96.0/24")


@pytest.fixture(scope="module")
def before(stack: Setup) -> dict[str, str]:
    """This machine's network before there was a stack, and without what a killed run has left of it."""
    assert not stack.journal()
    return machine_network(stack.inside)


@pytest.fixture(scope="module")
def installed(before: dict[str, str], stack: Setup) -> Setup:
    """The stack with a controller and two compute nodes."""
    assert before
    stack.settings["devstack_compute_node"] = 2
    if not stack.journal():
        stack.run("install")
    return stack


@pytest.fixture
def endpoints(installed: Setup) -> Iterator[Lab]:
    with lab(installed) as made:
        yield made


def services(stack: Setup, node: str) -> dict[str, str]:
    """Main process of each Romana service on a node, and when the node was booted."""
    shown = stack.ssh(node, "systemctl show --value --property=MainPID romana-agent romana-server; stat -c %Z /proc/1")
    return {"shown": shown}


def test_check_mode_from_nothing_changes_nothing(before: dict[str, str], stack: Setup) -> None:
    stack.run("install", "--", "--check", "--diff")
    assert machine_network(stack.inside) == before
    assert not (stack.directory / "nodes").exists()


def test_plan_lists_nodes_and_prefixes(stack: Setup) -> None:
    nodes = json.loads(stack.run("plan", "--format", "json"))["nodes"]
    assert [(node["name"], node["address"], node["prefix"], node["change"]) for node in nodes] == [
        ("controller", stack.address(10), "10.0.0.0/16", "add"),
        ("compute01", stack.address(11), "10.1.0.0/16", "add"),
    ]


@pytest.mark.usefixtures("before")
def test_install_says_what_it_made(stack: Setup) -> None:
    stack.settings["devstack_compute_node"] = 2
    output = stack.run("install")
    for expected in (stack.address(10), stack.address(12), "compute02", "ssh", "verify", "uninstall"):
        assert expected in output


def test_second_install_changes_nothing(installed: Setup) -> None:
    assert "changed=0" in installed.run("install")


def test_check_mode_on_a_running_stack_changes_nothing(installed: Setup) -> None:
    assert "changed=0" in installed.run("install", "--", "--check")


def test_route_table_is_the_documented_one(installed: Setup) -> None:
    def main(node: str) -> list[str]:
        return [" ".join(line.split()[:5]) for line in installed.ssh(node, "ip route").splitlines()]

    net = installed.network
    shown = {node: main(node) for node in ("controller", "compute01")}
    assert shown["controller"] == [
        f"default via {installed.address(1)} dev eth0",
        "10.0.0.0/16 dev romana-gw proto kernel",
        f"10.1.0.0/16 via {installed.address(11)} dev eth0",
        f"10.2.0.0/16 via {installed.address(12)} dev eth0",
        f"{net} dev eth0 proto kernel",
    ]
    assert shown["compute01"][1:3] == [
        f"10.0.0.0/16 via {installed.address(10)} dev eth0",
        "10.1.0.0/16 dev romana-gw proto kernel",
    ]


def test_first_endpoint_of_s1_has_the_documented_address_and_is_up(installed: Setup, endpoints: Lab) -> None:
    made = endpoints.endpoint("controller", "admin", "s1")
    assert str(made.address) == "10.0.18.3"
    assert f"10.0.18.3 dev {made.interface}" in installed.ssh("controller", "ip route")
    explained = installed.romana("explain", "10.0.18.3")
    owner = (explained["host"], explained["tenant"], explained["segment"], explained["endpoint"]["address"])
    assert owner == ("controller", "admin", "s1", "10.0.18.3")
    assert explained["ok"]
    assert explained["checks"]
    assert installed.ssh("controller", "ping -c 1 -W 2 10.0.18.3")


def test_verify_finds_nothing_wrong_and_leaves_nothing(installed: Setup) -> None:
    def taps(node: str) -> list[str]:
        return re.findall(r"tap[0-9a-f]{8,}", installed.ssh(node, "ip -o link; ip route; nft list ruleset"))

    report = installed.verify()
    answers = {(cell["expected"], cell["observed"]) for cell in report["matrix"]}
    assert len(answers) == 2, "some are reachable and some are not, and all as expected"
    assert all(expected == observed for expected, observed in answers)
    assert installed.romana("endpoint", "list") == []
    eventually(lambda: not any(taps(node) for node in ("controller", "compute01", "compute02")), "no tap is left")


def test_verify_writes_junit(installed: Setup) -> None:
    suites = ElementTree.fromstring(installed.run("verify", "--format", "junit"))  # noqa: S314 - our own output
    assert len(list(suites.iter("testcase"))) > 10


def test_verify_exits_with_4_when_isolation_is_gone(installed: Setup, endpoints: Lab) -> None:
    """The agent repairs its table, so it is held while the table is away."""
    endpoints.endpoint("compute01")  # the table of a host without endpoints has nothing to hide
    installed.ssh("compute01", "systemctl kill --signal=STOP romana-agent; nft delete table inet romana")
    try:
        output = installed.run("verify", code=4)
        assert "compute01" in output
    finally:
        installed.ssh("compute01", "systemctl kill --signal=CONT romana-agent")
    eventually(lambda: "romana" in installed.ssh("compute01", "nft list tables"), "the table is back")
    installed.verify("--quick")


def test_status_is_well(installed: Setup) -> None:
    status = json.loads(installed.run("status", "--format", "json"))
    assert status["ok"]
    found = [(node["name"], node["server"], node["agent"], node["problem"]) for node in status["nodes"]]
    assert found == [
        ("controller", "active", "active", ""),
        ("compute01", "", "active", ""),
        ("compute02", "", "active", ""),
    ]


def test_ssh_runs_a_command_on_a_node(installed: Setup) -> None:
    assert installed.run("ssh", "compute01", "--", "hostname") == "compute01\n"


@pytest.mark.parametrize(
    ("node", "command"),
    [
        ("compute01", "systemctl kill --signal=KILL romana-agent"),
        ("controller", "systemctl kill --signal=KILL romana-server"),
        ("compute01", "kill -KILL $(cat /run/romana/*.pid)"),
    ],
    ids=["agent", "server", "dnsmasq"],
)
def test_a_killed_service_comes_back_and_no_packet_is_lost(
    installed: Setup, endpoints: Lab, node: str, command: str
) -> None:
    here, there = endpoints.endpoint("compute01"), endpoints.endpoint("compute02")
    with endpoints.traffic(here, there) as outcomes:
        installed.ssh(node, command)
        new = eventually(lambda: endpoints.endpoint("compute01"), "a new endpoint works")
    assert set(outcomes) == {"reply"}
    assert endpoints.ping(new, there) == ["reply"]


def test_traffic_goes_on_while_the_server_is_away(installed: Setup, endpoints: Lab) -> None:
    here, there = endpoints.endpoint("compute01"), endpoints.endpoint("compute02")
    with endpoints.traffic(here, there) as outcomes:
        installed.ssh("controller", "systemctl stop romana-server")
        installed.ssh("compute01", "systemctl restart romana-agent")
        installed.ssh("controller", "systemctl start romana-server")
    assert set(outcomes) == {"reply"}


def reboot(stack: Setup, node: str) -> None:
    stack.ssh(node, "systemctl reboot", check=False)


def kill_container(stack: Setup, node: str) -> None:
    log = (stack.directory / "nodes" / node / "console.log").read_text()
    container = re.findall(r"started, pid (\d+)", log)[-1]
    subprocess.run([*stack.inside, "kill", "-KILL", container], check=True)


@pytest.mark.parametrize("end", [reboot, kill_container])
def test_a_node_has_its_network_back_without_the_server(installed: Setup, end: Callable[[Setup, str], None]) -> None:
    def boot() -> str:
        return installed.ssh("compute01", "cat /proc/sys/kernel/random/boot_id; stat -c %Z /proc/1", check=False)

    wanted = installed.ssh("compute01", "ip route")
    installed.ssh("controller", "systemctl stop romana-server")
    try:
        before = boot()
        end(installed, "compute01")
        eventually(lambda: boot() not in ("", before), "the node has started again")
        eventually(lambda: installed.ssh("compute01", "ip route", check=False) == wanted, "its routes are back")
    finally:
        installed.ssh("controller", "systemctl start romana-server")
    installed.verify()


def tokens(stack: Setup) -> list[str]:
    found = json.loads((stack.directory / "secrets.json").read_text())["tokens"]
    return [found["admin"], found["neutron"], *found["agents"].values()]


def answers(stack: Setup, token: str) -> int:
    """The status of romana-server's answer to somebody with that token."""
    authority = ssl.create_default_context(cafile=str(stack.directory / "pki" / "ca.pem"))
    with httpx.Client(verify=authority, trust_env=False) as client:
        url = f"https://{stack.address(10)}:9600/metrics"
        return client.get(url, headers={"Authorization": f"Bearer {token}"}).status_code


def test_tokens_are_rotated_and_nobody_notices(installed: Setup, endpoints: Lab) -> None:
    here, there = endpoints.endpoint("compute01"), endpoints.endpoint("compute02")
    nodes = ("controller", "compute01", "compute02")
    running = {node: services(installed, node) for node in nodes}
    old = tokens(installed)
    # Where one cannot be given its new token, all go on with those they have, old or new.
    installed.ssh("compute02", "mount --bind /etc/romana/agent.token /etc/romana/agent.token")
    assert "compute02" in installed.run("rotate", "tokens", code=1)
    assert tokens(installed) == old
    installed.verify("--quick")
    installed.ssh("compute02", "umount /etc/romana/agent.token")
    with endpoints.traffic(here, there) as outcomes:
        installed.run("rotate", "tokens")
        installed.verify()
    assert set(outcomes) == {"reply"}
    new = tokens(installed)
    assert not set(old) & set(new)
    eventually(lambda: [answers(installed, token) for token in old] == [401] * len(old), "the old ones are refused")
    assert [answers(installed, token) for token in new[:2]] == [200, 200]
    assert {node: services(installed, node) for node in nodes} == running
    for node in nodes:
        assert "put a valid token" not in installed.ssh(node, "journalctl --boot -o cat -u romana-agent")
        assert installed.ssh(node, "cat /etc/romana/agent.token").strip() in new
    assert installed.romana("host", "list")
    assert not set(old) & set(re.findall(r"[\w-]{40,}", (installed.directory / "vars.json").read_text()))
    assert "changed=0" in installed.run("install")


def test_a_node_without_ipv6_is_like_the_others(installed: Setup) -> None:
    off = "/etc/sysctl.d/90-without-ipv6.conf"
    written = [f"net.ipv6.conf.{part}.disable_ipv6=1" for part in ("all", "default")]
    installed.ssh("compute01", f"printf '%s\\n' {' '.join(written)} >{off}; sysctl -qp {off}")
    installed.verify("--quick")
    before = installed.ssh("compute01", "stat -c %Z /proc/1")
    reboot(installed, "compute01")
    eventually(lambda: installed.ssh("compute01", "stat -c %Z /proc/1", check=False) not in ("", before), "it is back")
    assert installed.ssh("compute01", "cat /proc/sys/net/ipv6/conf/*/disable_ipv6 | sort -u") == "1\n"
    installed.verify()
    installed.run("status")
    installed.ssh("compute01", f"rm {off}; sysctl -qw net.ipv6.conf.all.disable_ipv6=0")


def test_what_is_the_users_stays_and_what_is_ours_is_repaired(installed: Setup) -> None:
    theirs = {
        "ip route add 203.0.113.0/24 via {gateway}": "ip route show 203.0.113.0/24",
        "ip addr add 198.18.0.1/32 dev lo": "ip -o addr show to 198.18.0.1",
        "nft add table inet theirs": "nft list table inet theirs",
        "sysctl -qw net.ipv4.conf.all.log_martians=1": "sysctl -n net.ipv4.conf.all.log_martians",
    }
    ours = {
        f"ip route del 10.2.0.0/16 via {installed.address(12)}": "ip route show 10.2.0.0/16",
        "ip addr del 10.1.0.1/16 dev romana-gw": "ip -o -4 addr show romana-gw | awk '{print $4}'",
        "nft delete table inet romana": "nft list tables inet | grep romana",
        "sysctl -qw net.ipv4.ip_forward=0": "sysctl -n net.ipv4.ip_forward",
    }
    good = {show: installed.ssh("compute01", show) for show in ours.values()}
    for command in theirs:
        installed.ssh("compute01", command.format(gateway=installed.address(1)))
    kept = {show: installed.ssh("compute01", show) for show in theirs.values()}
    for command in ours:
        installed.ssh("compute01", command)
    for show, expected in good.items():
        eventually(lambda show=show, expected=expected: installed.ssh("compute01", show, check=False) == expected, show)  # type: ignore[misc]
    installed.verify()
    assert {show: installed.ssh("compute01", show) for show in theirs.values()} == kept
    installed.ssh(
        "compute01", f"ip route del 203.0.113.0/24 via {installed.address(1)}; ip addr del 198.18.0.1/32 dev lo"
    )
    installed.ssh("compute01", "nft delete table inet theirs; sysctl -qw net.ipv4.conf.all.log_martians=0")


def test_adding_a_compute_leaves_the_others_alone(installed: Setup, endpoints: Lab) -> None:
    here, there = endpoints.endpoint("controller"), endpoints.endpoint("compute02")
    nodes = ("controller", "compute01", "compute02")
    running = {node: services(installed, node) for node in nodes}
    installed.settings["devstack_compute_node"] = 3
    with endpoints.traffic(here, there) as outcomes:
        installed.run("install")
    assert set(outcomes) == {"reply"}
    assert {node: services(installed, node) for node in nodes} == running
    assert "10.3.0.0/16" in installed.ssh("controller", "ip route")


def test_a_host_in_use_is_not_removed(installed: Setup, endpoints: Lab) -> None:
    here = endpoints.endpoint("compute03")
    installed.settings["devstack_compute_node"] = 2
    output = installed.run("install", code=3)
    assert "compute03" in output
    assert "endpoint" in output
    assert endpoints.ping(here, endpoints.endpoint("compute01")) == ["reply"]


def test_a_host_without_endpoints_is_removed(installed: Setup) -> None:
    installed.settings["devstack_compute_node"] = 2
    installed.run("install")
    assert [host["name"] for host in installed.romana("host", "list")] == ["controller", "compute01", "compute02"]
    eventually(lambda: "10.3.0.0/16" not in installed.ssh("controller", "ip route"), "its route is gone")
    installed.verify("--quick")


def systems(stack: Setup) -> int:
    """How many nodes run, whoever knows of them."""
    shown = subprocess.run([*stack.inside, "ps", "-e", "-o", "args="], capture_output=True, text=True, check=True)
    return shown.stdout.splitlines().count("/usr/lib/systemd/systemd")


def test_uninstall_leaves_the_machine_as_it_was(before: dict[str, str], installed: Setup) -> None:
    installed.run("uninstall", code=2)  # nobody to ask
    running = systems(installed)
    supervisor = (installed.directory / "nodes" / "compute02" / "supervisor.pid").read_text()
    subprocess.run([*installed.inside, "kill", "-KILL", supervisor], check=True)
    assert systems(installed) == running == 3  # the node outlives it
    installed.run("uninstall", "--yes")
    assert systems(installed) == 0
    assert machine_network(installed.inside) == before
    assert not installed.directory.exists()
    installed.run("uninstall", "--yes")  # nothing there: said, and no error
