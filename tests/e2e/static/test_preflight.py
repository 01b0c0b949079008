"""What is wrong with servers is really made wrong here, and all of it is said in one run, each with its fix."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from servers import PASSWORD, Lab, Static

LAB = ("pre", "192.168.93")
OWN_PASSWORD = "right-one"  # noqa: S105 - of a container that nobody reaches
FINDINGS = {
    "alpha": (
        "TCP port 9600 is taken; choose another romana_server_port, or stop what listens there",
        "MiB are free in /opt, 100 MiB are needed; make room there",
        "is debian 11; the engine none needs Debian 12 or 13, or Ubuntu 24.04",
        "its route 10.5.0.0/16 overlaps 10.0.0.0/8 (romana_cidr); choose another network",
        "its name server 10.1.2.3 is in 10.0.0.0/8 (romana_cidr); choose another network",
        "0.1 GiB of memory are available, 0.25 GiB are needed; add some, or swap",
        "belongs to another stack (/etc/romana/ca.pem); uninstall that first",
        " s behind this machine's; set both by NTP",
    ),
    "beta": (
        "has no /usr/bin/python3; as root: apt-get install python3",
        "sudo asks debian for a password; give it with -K, or let debian use sudo without",
    ),
    "gamma": (
        "has no sudo; as root: apt-get install sudo",
        "192.168.193.12 is in no network of alpha's, so routers between them would have to know each host's prefix;"
        " if they do, set static_routes_announced",
    ),
    "delta": ("debian may not log in with", "give its key to the server: ssh-copy-id -i ", " debian@192.168.93.13\n"),
    "twin": (
        "has the machine-id of alpha: one server under two names, or a copy of it; take one out",
        "has no address 192.168.93.77; give as node_address the one by which the other servers reach it",
    ),
    "stranger": ("its host key is not in", "ssh-keyscan -p 22 192.168.93.15"),
    "nobody": ("cannot be reached from here (No route to host)", "ip route get 192.168.93.99"),
}


def spoil_controller(upper: Path) -> None:
    (upper / "etc/os-release").write_text('ID=debian\nVERSION_ID="11"\n')
    (upper / "etc/resolv.conf").write_text("nameserver 10.1.2.3\n")
    (upper / "etc/romana").mkdir()
    (upper / "etc/romana/ca.pem").write_text("somebody else's\n")
    clock = upper / "usr/local/sbin/date"
    clock.parent.mkdir(parents=True)
    clock.write_text('#!/bin/sh\nexec /usr/bin/date --date="1 hour ago" "$@"\n')
    clock.chmod(0o755)


def without_key(upper: Path) -> None:
    (upper / "home/debian/.ssh/authorized_keys").unlink()


@pytest.fixture(scope="module")
def spoiled(static: Static) -> Static:
    """Servers, each with several things wrong."""
    lab = static.lab
    alpha = lab.add("alpha", 10, prepare=spoil_controller)
    alpha.shell("mount -t tmpfs -o size=8m tmpfs /opt")
    alpha.shell("ip route add 10.5.0.0/16 via 192.168.93.1; ip addr add 192.168.93.15/24 dev eth0")
    alpha.shell(
        "printf 'MemAvailable: 99999 kB\\nSwapFree: 0 kB\\n' >/run/meminfo; mount --bind /run/meminfo /proc/meminfo"
    )
    alpha.shell("systemd-run --quiet busybox nc -l -p 9600")
    beta = lab.add("beta", 11, sudoers=PASSWORD)
    beta.shell(f"rm /usr/bin/python3; echo debian:{OWN_PASSWORD} | chpasswd")
    gamma = lab.add("gamma", 12)
    gamma.shell("rm /usr/bin/sudo; ip addr add 192.168.193.12/24 dev eth0")
    lab.add("delta", 13, prepare=without_key)
    return static


def inventory(lab: Lab) -> Path:
    """All of them, and three that are not what they seem."""
    path = lab.inventory("alpha", "beta", "gamma", "delta")
    content = json.loads(path.read_text())
    computes = content["all"]["children"]["compute"]["hosts"]
    computes["gamma"]["node_address"] = "192.168.193.12"
    computes["twin"] = {"ansible_host": "192.168.93.10", "node_address": "192.168.93.77"}
    computes["stranger"] = {"ansible_host": "192.168.93.15"}
    computes["nobody"] = {"ansible_host": "192.168.93.99"}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def found(spoiled: Static) -> dict[str, str]:
    """What one run finds, by server."""
    output = spoiled.setup.run("check", "-i", str(inventory(spoiled.lab)), "--format", "json", code=3)
    by_server: dict[str, str] = {}
    for finding in json.loads(output)["findings"]:
        by_server[finding["where"]] = by_server.get(finding["where"], "") + finding["text"] + "\n"
    return by_server


@pytest.mark.parametrize(("server", "text"), [(server, text) for server, texts in FINDINGS.items() for text in texts])
def test_finding_is_said_with_its_fix(found: dict[str, str], server: str, text: str) -> None:
    assert text in found[server]


def test_clock_is_compared(found: dict[str, str]) -> None:
    said = re.search(r"([0-9]+) s behind", found["alpha"])
    assert said
    assert abs(int(said[1]) - 3600) < 60  # it takes a moment to look


def test_nothing_else_is_found(found: dict[str, str]) -> None:
    assert {server: text.count("\n") for server, text in found.items()} == {
        "alpha": 8,
        "beta": 2,
        "gamma": 2,
        "delta": 1,
        "twin": found["twin"].count("\n"),  # all that alpha has, too
        "stranger": 1,
        "nobody": 1,
    }


def test_install_is_refused_and_makes_nothing(spoiled: Static) -> None:
    output = spoiled.setup.run("install", "-i", str(inventory(spoiled.lab)), code=3)
    assert "nobody: cannot be reached" in output
    assert not spoiled.setup.directory.exists()


@pytest.mark.parametrize(("password", "expected"), [(OWN_PASSWORD, False), ("wrong-one", True)])
def test_sudo_password_is_tried(spoiled: Static, password: str, expected: bool) -> None:
    path = str(inventory(spoiled.lab))
    output = spoiled.setup.run("check", "-i", path, "-K", answer=f"{password}\n", code=3)
    refused = "beta: sudo does not take the password that was given for debian; give the right one to -K"
    assert (refused in output) == expected
    assert password not in output


def test_names_have_to_be_the_servers_own_with_openstack(spoiled: Static) -> None:
    spoiled.setup.settings["openstack_engine"] = "packages"
    output = spoiled.setup.run("check", "-i", str(inventory(spoiled.lab)), code=3)
    assert "twin: calls itself alpha; give it the inventory's name with: hostnamectl set-hostname twin" in output
    assert "alpha: is debian 11; the engine packages needs Debian 13" in output
