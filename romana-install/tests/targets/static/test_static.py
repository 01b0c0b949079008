"""Inventories of servers: what is read, what is wrong; and what a server's answer means."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from romana_install.config.options import Options
from romana_install.config.read import Draft
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.static import checks, inventory, preflight
from romana_install.targets.static.facts import SCRIPT, Facts, parse
from romana_install.targets.static.target import Static

GOOD = """all:
  vars: {ansible_user: debian}
  children:
    controller:
      hosts:
        alpha: {ansible_host: 192.0.2.10}
    compute:
      hosts:
        alpha:
        beta: {ansible_host: my.name, node_address: 192.0.2.11, ansible_port: 2222}
"""


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    # As cli.main has it.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def read(directory: Path, text: str, existing: Stack | None = None, name: str = "servers.yml") -> inventory.Servers:
    path = directory / name
    path.write_text(text)
    return inventory.read(str(path), existing)


def test_nodes_are_as_the_groups_say(tmp_path: Path) -> None:
    servers = read(tmp_path, GOOD)
    assert servers.findings == ()
    assert servers.nodes == (
        Node("alpha", "192.0.2.10", 0, controller=True, compute=True),
        Node("beta", "192.0.2.11", 1, controller=False, compute=True),
    )
    assert servers.reach["beta"] == Reach("my.name", "debian", 2222)


def test_an_inventory_may_be_ini_and_have_variables_beside_it(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("ansible_user: root\nansible_ssh_private_key_file: keys/one\n")
    servers = read(tmp_path, "[controller]\na ansible_host=192.0.2.1\n[compute]\na\n", name="hosts")
    assert servers.reach == {"a": Reach("192.0.2.1", "root", key=str(tmp_path / "keys/one"))}
    assert not servers.reach["a"].becomes


def test_the_example_is_right(tmp_path: Path) -> None:
    example = Path(__file__).parents[4] / inventory.EXAMPLE
    assert len(read(tmp_path, example.read_text()).nodes) == 3


def test_nodes_keep_their_numbers(tmp_path: Path) -> None:
    kept = (Node("alpha", "192.0.2.10", 0, True, True), Node("gone", "192.0.2.9", 1, False, True))
    staying = Node("beta", "192.0.2.11", 2, False, True)
    existing = Stack("romana", tmp_path, (*kept[:1], staying), Static(), leaving=kept[1:])
    more = GOOD + "        delta: {ansible_host: 192.0.2.13}\n"
    indexes = {node.name: node.index for node in read(tmp_path, more, existing).nodes}
    assert indexes == {"alpha": 0, "beta": 2, "delta": 3}


@pytest.mark.parametrize(
    ("change", "line", "text"),
    [
        (
            ("compute:", "computes:"),
            10,
            "beta is in computes (did you mean compute?); put it into controller or compute",
        ),
        (("compute:", "computes:"), None, "no compute node; put hosts into the group compute"),
        (("controller:", "controler:"), None, "no controller; put one server into the group controller"),
        (("alpha: {", "al_pha: {"), 6, "'al_pha' is no host name"),
        (
            ("my.name, node_address", "my.name, nod_address"),
            10,
            "beta: 'my.name' is no IPv4 address; give node_address",
        ),
        (("192.0.2.11", "192.0.2.10"), 10, "beta and alpha have the same address 192.0.2.10"),
        (("2222", "x"), 10, "beta: ansible_port is 'x'"),
        (("ansible_port: 2222", "ansible_become_pass: x"), 10, "passwords belong into no file"),
        (("ansible_port: 2222", "ansible_connection: winrm"), 10, "ansible_connection is 'winrm'"),
        (("ansible_port: 2222", "ansible_become_method: su"), 10, "ansible_become_method is not sudo"),
        (("  children:", "  childern:"), None, "unexpected key"),
        (("vars: {", "vars: ["), 2, "is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int | None, text: str
) -> None:
    findings = read(tmp_path, GOOD.replace(*change, 1)).findings
    where = f"{tmp_path}/servers.yml" + (f":{line}" if line else "")
    assert any(text in finding.text and finding.where.startswith(where) for finding in findings), findings


def test_an_inventory_that_is_not_there_is_said_with_how_to_begin(tmp_path: Path) -> None:
    (finding,) = inventory.read(str(tmp_path / "none.yml"), None).findings
    assert f"cp {inventory.EXAMPLE}" in finding.text


def test_no_inventory_is_said_with_the_commands_that_mend_it() -> None:
    (finding,) = Static.asked(Options(), Config(), None).servers.findings
    assert finding.where == "-t static"
    assert f"cp {inventory.EXAMPLE} my-servers.yml" in finding.text
    assert finding.text.endswith("-i my-servers.yml")


def test_a_server_of_the_stack_keeps_its_address(tmp_path: Path) -> None:
    existing = Stack("romana", tmp_path, (Node("beta", "192.0.2.99", 1, False, True),), Static())
    (finding,) = read(tmp_path, GOOD, existing).findings
    assert "beta is 192.0.2.11, but stack romana has it at 192.0.2.99" in finding.text


ANSWER = """time 1000
name alpha.example
arch x86_64
machine 0123
os debian 13
python 3.13
systemd yes
memory 1000
memory 24
disk 500 / /dev/sda1
route Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
route eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
route eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
trie Local:
trie            |-- 192.0.2.10
trie               /32 host LOCAL
resolver nameserver 192.0.2.53
socket   0: 00000000:2580 00000000:0000 0A 00000000:00000000 00:00000000
socket   1: 0100007F:0016 0100007F:1234 01 00000000:00000000 00:00000000
end"""


def test_an_answer_is_understood() -> None:
    facts = parse(ANSWER.splitlines(), now=990.0)
    assert facts.clock == 10.0
    assert (facts.os, facts.python, facts.memory) == (("debian", "13"), "3.13", 1024 * 1024)
    assert facts.disks == {"/": 500 * 1024}
    assert facts.addresses == {IPv4Address("192.0.2.10")}
    assert facts.routes == ((IPv4Network("192.0.2.0/24"), True),)
    assert facts.routers == (IPv4Address("192.0.2.1"),)
    assert facts.ports == {9600}


NODES = (Node("alpha", "192.0.2.10", 0, True, True), Node("beta", "192.0.2.11", 1, False, True))
SERVERS = Stack("romana", Path("/nowhere"), NODES, Static({n.name: Reach(n.address, "me") for n in NODES}))


def test_servers_of_another_kind_are_found() -> None:
    """What no container on this machine can be: another processor, and another Python than its neighbour."""
    facts = parse(ANSWER.replace("x86_64", "s390x").splitlines(), now=1000.0)
    texts = [finding.text for finding in preflight.of_node(NODES[0], facts, SERVERS, "")]
    assert any("is s390x" in text for text in texts)
    older = parse(ANSWER.replace("3.13", "3.11").replace("0123", "4567").splitlines(), now=1000.0)
    (finding,) = preflight.of_all(NODES, {"alpha": facts, "beta": older}, Config())
    assert "Python 3.11, 3.13" in finding.text


@pytest.mark.parametrize(
    ("cidr", "found"),
    [
        ("", []),
        ("192.0.2.64/26", []),
        ("192.0.2.0/29", ["its router 192.0.2.1"]),
        ("192.0.2.48/28", ["its name server 192.0.2.53"]),
        ("192.0.2.16/28", ["its address 192.0.2.20"]),
    ],
)
def test_what_a_server_has_is_no_floating_ip(cidr: str, found: list[str]) -> None:
    another = ANSWER.replace(
        "trie Local:", "trie Local:\ntrie            |-- 192.0.2.20\ntrie               /32 host LOCAL"
    )
    facts = parse(another.splitlines(), now=1000.0)
    said = [finding.text for finding in preflight.of_external(NODES[0], facts, cidr)]
    assert said == [f"{what} is in {cidr} (openstack_external_cidr); choose another network" for what in found]


def test_silence_is_one_finding() -> None:
    facts = Facts(silence="ssh: connect to host 192.0.2.10 port 22: Connection refused")
    found = [
        *preflight.of_node(NODES[0], facts, SERVERS, ""),
        *preflight.of_new_node(NODES[0], facts, Config(), SERVERS),
    ]
    assert len(found) == 1


def test_a_server_whose_ports_we_need_has_to_forward() -> None:
    facts = replace(parse(ANSWER.splitlines(), now=1000.0), forwarding="its sshd forwards no connections")
    found = {
        (node.name, engine): facts.forwarding
        in [finding.text for finding in preflight.of_node(node, facts, replace(SERVERS, engine=engine), "")]
        for node in NODES
        for engine in ("none", "packages")
    }
    assert [need for need, there in found.items() if not there] == [("beta", "none")]


def test_root_is_reached_by_sudo_and_without_a_question() -> None:
    assert SERVERS.ssh_command("beta", "id", "-u")[-1] == "sudo -n -- sh -c 'id -u'"
    assert SERVERS.login_command("beta", "id", "-u")[-2:] == ["id", "-u"]
    assert SERVERS.ssh_command("controller", "id")[3] == "alpha"


def test_ssh_goes_by_the_bastion_with_the_servers_key(tmp_path: Path) -> None:
    reach = {"alpha": Reach("192.0.2.10", "me", 2222, "/keys/one"), "beta": Reach("", "root")}
    stack = Stack("romana", tmp_path, NODES, Static(reach, "you@gate:2200"))
    lines = [line.strip() for line in stack.target.ssh_config(stack, "ERROR").splitlines()]
    for expected in (
        "HostName 192.0.2.10",
        "Port 2222",
        'IdentityFile "/keys/one"',
        f"ProxyCommand ssh -F {tmp_path}/ssh_config -W [%h]:%p ssh://you@gate:2200",
        "Host gate",
    ):
        assert expected in lines
    assert "StrictHostKeyChecking yes" in lines
    assert not any("beta" in line for line in lines), "this machine itself is not reached by ssh"


def test_a_tenants_own_server_is_one_of_the_inventory(tmp_path: Path) -> None:
    servers = read(tmp_path, GOOD)
    for name, expected in (("beta", []), ("betta", ["betta is no compute node of the inventory (did you mean beta?)"])):
        draft = Draft(Config(romana_host_owners={name: "demo"}, openstack_engine="none"))
        found = [finding.text.partition(";")[0] for finding in checks.findings(draft, Static(servers=servers), None)]
        assert found == expected


def test_devstack_and_addresses_in_the_plan_are_refused(tmp_path: Path) -> None:
    servers = read(tmp_path, GOOD)
    draft = Draft(Config(romana_cidr="192.0.0.0/8", openstack_engine="devstack"))
    texts = [finding.text for finding in checks.findings(draft, Static(servers=servers), None)]
    assert any("is devstack" in text for text in texts)
    assert sum("own address 192.0.2.1" in text for text in texts) == 2


CLOSED = """iptables *filter
iptables :INPUT DROP [0:0]
iptables :FORWARD DROP [0:0]
iptables :OUTPUT ACCEPT [0:0]
iptables :DOCKER-USER - [0:0]
iptables -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -j DOCKER-USER
iptables COMMIT
end"""


def test_packet_filters_of_others_are_found_with_what_lets_us_through() -> None:
    facts = parse(ANSWER.replace("\nend", f"\n{CLOSED}").splitlines(), now=1000.0)
    found = [finding.text for finding in preflight.of_filters(NODES[0], facts, SERVERS, Config())]
    assert len(found) == 2
    assert found[0].startswith("chain ip filter INPUT (policy drop) drops endpoints' DHCP, TCP 9600 from 192.0.2.11; ")
    assert "iptables -I INPUT -p udp --dport 67 -j ACCEPT; iptables -I INPUT -s 192.0.2.11 -j ACCEPT" in found[0]
    assert found[1].startswith("chain ip filter FORWARD (policy drop) drops packets of endpoints")
    assert "iptables -I DOCKER-USER -s 10.0.0.0/8 -j ACCEPT" in found[1]


def test_packet_filters_are_asked_for() -> None:
    """The script itself, in a network namespace with rules that a kernel took."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it makes a network namespace")
    closed = "nft add chain ip site c '{ type filter hook forward priority 0; policy drop; }'"
    script = f'nft add table ip site; {closed}; iptables-legacy -P INPUT DROP; sudo= password= exec sh "$0"'
    command = ["unshare", "--net", "sh", "-ec", f"export sudo password; {script}", str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = parse(done.stdout.splitlines(), now=0.0)
    found = [finding.text for finding in preflight.of_filters(NODES[0], facts, SERVERS, Config())]
    assert [text.partition(" drops ")[0] for text in found] == [
        "chain ip site c (policy drop)",
        "chain ip filter INPUT of iptables-legacy (policy drop)",
    ]


def test_packet_filters_that_let_us_through_are_no_finding() -> None:
    opened = CLOSED.replace("iptables COMMIT", "iptables -A INPUT -j ACCEPT\niptables -A DOCKER-USER -j ACCEPT")
    facts = parse(ANSWER.replace("\nend", f"\n{opened}").splitlines(), now=1000.0)
    assert [*preflight.of_filters(NODES[0], facts, SERVERS, Config())] == []
