"""Packet filters of others on this machine, as the kernel has them, that keep it from its nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import IPv4Network

import pytest

from romana.filters.barriers import barriers, filters
from romana_install.targets.passage import needs

NETWORK = IPv4Network("192.168.99.0/24")
ASK = f"""
from ipaddress import IPv4Network
import sys
from romana_install.targets.passage import findings
for finding in findings(IPv4Network("{NETWORK}"), "ro-romana", sys.argv[1] == "uplink"):
    print(finding)
"""
DOCKER = "iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER"
UFW = (
    "iptables -P INPUT DROP; iptables -N ufw-before-input; iptables -A INPUT -j ufw-before-input;"
    "iptables -A ufw-before-input -i lo -j ACCEPT;"
    "iptables -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
)
CLOSED = (
    "nft add table inet site; nft add chain inet site in '{ type filter hook input priority 0; policy drop; }';"
    "nft add rule inet site in iifname lo accept; nft add rule inet site in tcp dport 22 accept"
)


def ask(rules: str, uplink: bool = False) -> str:
    """What is found on a machine with these rules only: a network namespace."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it makes a network namespace")
    arguments = [sys.executable, "-c", ASK, "uplink" if uplink else "none"]
    command = ["unshare", "--net", "sh", "-ec", f'{rules}; exec "$@"', "sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("rules", ["true", DOCKER, UFW, f"{DOCKER}; {UFW}"], ids=["none", "docker", "ufw", "both"])
def test_what_lets_the_nodes_be_reached_is_no_finding(rules: str) -> None:
    assert ask(rules) == ""


def test_chain_that_drops_answers_of_nodes_is_found() -> None:
    assert ask(CLOSED) == (
        "packet filter: chain inet site in (policy drop) drops the nodes' answers; let it through, as root: nft insert"
        f" rule inet site in ip saddr {NETWORK} accept; the same in the file that makes the table, often"
        " /etc/nftables.conf\n"
    )


def test_docker_is_found_where_this_machine_is_the_nodes_way_out() -> None:
    said = ask(DOCKER, uplink=True)
    assert said.startswith("packet filter: chain ip filter FORWARD (policy drop) drops the nodes' way out; ")
    assert f"iptables -I DOCKER-USER -s {NETWORK} -j ACCEPT; iptables -I DOCKER-USER -d {NETWORK} -j ACCEPT" in said
    allowed = f"iptables -I DOCKER-USER -s {NETWORK} -j ACCEPT; iptables -I DOCKER-USER -d {NETWORK} -j ACCEPT"
    assert ask(f"{DOCKER}; {allowed}", uplink=True) == ""


SAVED_UFW = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:ufw-user-forward - [0:0]
-A FORWARD -j ufw-user-forward
COMMIT
"""
FIREWALLD = """{"nftables": [
{"table": {"family": "inet", "name": "firewalld"}},
{"chain": {"family": "inet", "table": "firewalld", "name": "filter_FORWARD", "type": "filter", "hook": "forward",
 "prio": 10, "policy": "accept"}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_FORWARD",
 "expr": [{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
 {"accept": null}]}},
{"rule": {"family": "inet", "table": "firewalld", "chain": "filter_FORWARD",
 "expr": [{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]}}]}"""


def test_advice_is_in_the_words_of_who_keeps_the_chain() -> None:
    wanted = needs(NETWORK, "ro-romana", uplink=True)
    (of_ufw,) = barriers(filters("", SAVED_UFW), wanted)
    assert of_ufw.fix == (f"ufw route allow from {NETWORK} to any", f"ufw route allow from any to {NETWORK}")
    (of_firewalld,) = barriers(filters(FIREWALLD), wanted)
    assert of_firewalld.fix == (
        f"firewall-cmd --permanent --zone=trusted --add-source={NETWORK}",
        "firewall-cmd --reload",
    )
    assert str(of_firewalld).startswith("chain inet firewalld filter_FORWARD (by its rules) drops the nodes' way out")
