"""Servers as people have them, asked by ssh as people have it: what is said when one does not let us in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from logins import SUBNET, Logins
from users_ssh import HARMFUL

Config = Callable[[str], Any]
NOISE = r"""
printf 'welcome\nname nobody\nsystem broken\n'
echo 'me@here: Permission denied (publickey).' >&2
printf 'no end of line'
"""

GATE = f"debian@{SUBNET}.2"
NOWHERE = "no-such-name.invalid"


def at(host: int | str, user: str = "debian", key: str = "key", **more: Any) -> dict[str, Any]:
    """How a server is reached. host: its number in the lab, or a name; key: in the lab's directory, empty for none."""
    place = host if isinstance(host, str) else f"{SUBNET}.{host}"
    return {"host": place, "user": user, "key": key, **more}


# What is wrong, by what is between us and the server: how it is reached, and what is said. {} is the lab's directory.
FINDINGS: dict[str, dict[str, tuple[dict[str, Any], str]]] = {
    "": {
        "nothing is wrong": (at(10), ""),
        "its user's shell is fish": (at(10, "fish"), ""),
        "its user's shell is tcsh": (at(10, "tcsh"), ""),
        "its user has no shell": (at(10, "nobodys"), "nothing is run there (exit code 1), and says: This account is"),
        "its user's start-up files end it": (at(10, "ends"), "that its start-up files, as ~/.bashrc, do not end it"),
        "passphrase": (at(10, key="locked"), 'no agent holds it; run: eval "$(ssh-agent)" && ssh-add {}/locked'),
        "key of mode 0644": (at(10, key="open"), "others may read it; run: chmod 600 {}/open"),
        "missing key": (at(10, key="none"), "{}/none is not there; correct ansible_ssh_private_key_file, or make it"),
        "public key": (at(10, key="public"), "{}/public is no private key that ssh can read; name the private one"),
        "wrong key": (at(10, key="other"), "give its key to the server: ssh-copy-id -i {}/other debian@192.168.94.10"),
        "no key": (at(10, key=""), "debian may not log in with a key that ssh finds; give its key to the server"),
        "wrong key, no password": (at(12, key="other"), "append {}/other.pub to ~debian/.ssh/authorized_keys there"),
        "no keys at all": (at(17), "it takes no keys (password,"),
        "unknown host key": (at(15), "ssh-keyscan -p 22 192.168.94.15 >>~/.ssh/known_hosts"),
        "unknown host key at a port": (at(16, port=2222), "ssh-keyscan -p 2222 192.168.94.16 >>~/.ssh/known_hosts"),
        "changed host key": (at(20), "ssh-keygen -R 192.168.94.20 -f {}/home/.ssh/known_hosts, and then: ssh-keyscan"),
        "no such name": (at(NOWHERE), f"no name server knows {NOWHERE}; give its address as ansible_host"),
        "refused": (at(11), "nothing listens on its port 22; start sshd on it, or correct ansible_port"),
        "silent": (at(99), "does not answer on port 22 of 192.168.94.99; see that it is on"),
        "no route": (at(81), "cannot be reached from here (No route to host)"),
        "no forwarding": (
            at(3),
            "its sshd forwards no connections; set AllowTcpForwarding yes in its /etc/ssh/sshd_config",
        ),
        "no common algorithm": (at(19), "no matching key exchange method found"),
    },
    f"debian@{SUBNET}.2": {
        "nothing is wrong": (at(10), ""),
        "refused": (at(11), "nothing listens on its port 22, says the bastion debian@192.168.94.2; start sshd"),
        "silent": (at(99), "does not answer on port 22 of 192.168.94.99, says the bastion debian@192.168.94.2"),
        "no route": (at(81), "cannot be reached from the bastion debian@192.168.94.2"),
        "no such name": (at(NOWHERE), f"the bastion debian@192.168.94.2 does not know the name {NOWHERE}"),
        "unknown host key": (at(15), "ssh -o StrictHostKeyChecking=ask -i {}/key -o 'ProxyCommand=ssh -i {}/key -W"),
        "changed host key": (
            at(20),
            "ssh-keygen -R 192.168.94.20 -f {}/home/.ssh/known_hosts, and then: ssh -o Strict",
        ),
        "denied": (
            at(10, "nobody-here"),
            "nobody-here may not log in with {}/key; give its key to the server: ssh-copy-id",
        ),
    },
    f"debian@{SUBNET}.15": {"unknown host key": (at(10), "the host key of the bastion debian@192.168.94.15 is not in")},
    f"debian@{SUBNET}.16:2222": {
        "unknown host key": (at(10), "ssh-keyscan -p 2222 192.168.94.16 >>~/.ssh/known_hosts")
    },
    f"debian@{SUBNET}.20": {"changed host key": (at(10), "the bastion debian@192.168.94.20 has another host key than")},
    f"you@{SUBNET}.2": {
        "denied": (at(10), "the bastion you@192.168.94.2 does not let you in with {}/key; give its key")
    },
    f"debian@{SUBNET}.3": {"prohibited": (at(10), "the bastion debian@192.168.94.3 forwards no connections to")},
    f"debian@{SUBNET}.11": {"refused": (at(10), "the bastion debian@192.168.94.11 is there, but nothing listens on")},
    f"debian@{SUBNET}.99": {"silent": (at(10), "the bastion debian@192.168.94.99 does not answer on port 22")},
    f"debian@{SUBNET}.81": {"no route": (at(10), "the bastion debian@192.168.94.81 cannot be reached from here")},
    NOWHERE: {"no such name": (at(10), f"the bastion {NOWHERE} cannot be found: no name server knows")},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logins]:
    with Logins(tmp_path_factory.mktemp("logins")) as lab:
        lab.serve("server", 10)
        lab.serve("bastion", 2)
        lab.serve("closed", 3, "AllowTcpForwarding no")
        lab.serve("picky", 12, "PasswordAuthentication no", "KbdInteractiveAuthentication no")
        lab.serve("stranger", 15, known=False)
        lab.serve("stranger-at-port", 16, known=False, port=2222)
        lab.serve("keyless", 17, "PubkeyAuthentication no")
        lab.serve("old", 19, "KexAlgorithms diffie-hellman-group1-sha1")
        lab.serve("changed", 20, known=False)
        lab.shell(f"echo {SUBNET}.20 $(cat root/etc/ssh/server.pub) >>home/.ssh/known_hosts")
        lab.shell("cp key open; chmod 644 open; cp key.pub public; chmod 600 public")
        for user in ("noisy", "ends"):
            lab.shell(f"chroot root useradd --create-home --shell /bin/bash --password '*' {user}")
        lab.shell("cat >root/home/noisy/.bashrc; echo echo name sshrc >root/etc/ssh/sshrc", input=NOISE)
        lab.shell("echo exit 3 >root/home/ends/.bashrc")
        yield lab


@pytest.fixture
def config(lab: Logins) -> Iterator[Config]:
    """Writes the configuration of ssh of the lab's user."""
    path = "home/.ssh/config"
    yield lambda text: lab.shell(f"cat >{path}", input=text)
    lab.shell(f"rm -f {path}")


def ask(
    lab: Logins, *servers: dict[str, Any], env: dict[str, str] | None = None, jump: str = "", known_hosts: str = ""
) -> list[str]:
    """Why each says nothing, or does not forward; empty for one with which all is well."""
    hosts = Counter(one["host"] for one in servers)
    reach = {
        str(number): {
            **one,
            "key": one["key"] and str(lab.directory / one["key"]),
            "destination": one["host"] if hosts[one["host"]] == 1 else "",  # as an inventory is read
        }
        for number, one in enumerate(servers)
    }
    answers = lab.ask(reach, env, jump=jump, known_hosts=known_hosts).values()
    assert all(name == ("" if silence else os.uname().nodename) for silence, name, _ in answers)
    return [silence or forwarding for silence, _, forwarding in answers]


@pytest.fixture(scope="module")
def found(lab: Logins) -> dict[str, dict[str, str]]:
    """What is said, by what is between and what is wrong; all are asked at once: some are waited for in vain."""
    with ThreadPoolExecutor(len(FINDINGS)) as pool:
        said = pool.map(lambda way: ask(lab, *(one for one, _ in FINDINGS[way].values()), jump=way), FINDINGS)
        return {way: dict(zip(FINDINGS[way], texts, strict=True)) for way, texts in zip(FINDINGS, said, strict=True)}


@pytest.mark.parametrize(("way", "case"), [(way, case) for way, cases in FINDINGS.items() for case in cases])
def test_each_trouble_has_its_own_sentence(lab: Logins, found: dict[str, dict[str, str]], way: str, case: str) -> None:
    said, expected = found[way][case], FINDINGS[way][case][1].replace("{}", str(lab.directory))
    assert expected in said
    assert bool(expected) == bool(said)


def test_no_sentence_is_said_twice(found: dict[str, dict[str, str]]) -> None:
    said = [text for cases in found.values() for text in cases.values() if text]
    assert len(set(said)) == len(said)


def test_the_agent_holds_the_key(lab: Logins) -> None:
    """Once what is said about a passphrase is done, ssh gets in."""
    socket = f"{lab.directory}/agent"
    lab.shell(f"ssh-agent -a {socket}; printf 'echo secret' >pass; chmod 700 pass")
    agent = {"SSH_AUTH_SOCK": socket}
    (said,) = ask(lab, at(10, key="locked"), env=agent)
    assert said.endswith(f"run: ssh-add {lab.directory}/locked")
    adding = {**agent, "SSH_ASKPASS": f"{lab.directory}/pass", "SSH_ASKPASS_REQUIRE": "force"}
    lab.shell(f"printf '#!/bin/sh\necho secret\n' >pass; {said.partition('run: ')[2]} 2>&1", env=adding)
    assert ask(lab, at(10, key="locked"), env=agent) == [""]


@pytest.mark.parametrize(("jump", "host"), [("", 15), (GATE, 15), (f"debian@{SUBNET}.15", 10)])
def test_what_is_said_about_an_unknown_host_key_enters_it(lab: Logins, jump: str, host: int) -> None:
    known = f"{lab.directory}/known of this test"
    lab.shell(f"cp home/.ssh/known_hosts '{known}'")
    (said,) = ask(lab, at(host), jump=jump, known_hosts=known)
    command = said.rpartition("own: ")[2]
    lab.typed(command, "yes/no", "yes")
    assert ask(lab, at(host), jump=jump, known_hosts=known) == [""]


def test_what_shells_print_is_not_read(lab: Logins) -> None:
    assert ask(lab, at(10, "noisy"), at(10)) == ["", ""]


@pytest.mark.parametrize("jump", ["", GATE])
def test_nothing_else_is_taken_from_the_users_configuration(lab: Logins, config: Config, jump: str) -> None:
    config(HARMFUL)
    before = lab.shell("ls -A home home/.ssh")
    assert ask(lab, at(10), jump=jump) == [""]
    assert lab.shell("ls -A home home/.ssh") == before, "no command of the user's has run, and no socket was made"
    (said,) = ask(lab, at(15), jump=jump)
    assert "its host key is not in" in said


def test_the_users_configuration_says_how_to_get_there(lab: Logins, config: Config) -> None:
    """By an alias, and by a pattern of addresses that names a bastion, which is an alias itself."""
    key = f"IdentityFile {lab.directory}/key"
    config(
        f"Host mine\n Hostname {SUBNET}.10\n {key}\nHost {SUBNET}.1?\n ProxyJump gate\n"
        f"Host gate\n Hostname {SUBNET}.2\n User debian\n {key}\n{HARMFUL}"
    )
    assert ask(lab, at("mine", key=""), at(10)) == ["", ""]
    (said,) = ask(lab, at(11))
    assert "says the bastion gate" in said


def test_user_and_port_are_those_of_the_configuration_where_the_inventory_has_none(lab: Logins, config: Config) -> None:
    config("Host mine\n User somebody\n Port 2222\n")
    inventory = """[controller]
a ansible_host=mine node_address=192.0.2.1
[compute]
b ansible_host=mine node_address=192.0.2.2 ansible_user=me ansible_port=22
"""
    assert lab.reaches(inventory) == [["a", "mine", "somebody", 2222, ""], ["b", "mine", "me", 22, ""]]


def test_ports_are_brought_by_ssh_alone(lab: Logins, config: Config) -> None:
    """No shell has a part in it, and none of what the user forwards: of an account that runs nothing, too."""
    config(HARMFUL)
    lab.shell("echo it >page; python3 -m http.server --bind 127.0.0.1 8080 >/dev/null 2>&1 &")
    for user in ("noisy", "nobodys"):
        assert lab.fetched(at(10, user, str(lab.directory / "key")), "page") == "it\n"


@pytest.mark.parametrize("user", ["noisy", "fish", "tcsh"])
def test_ansible_gets_there_too(lab: Logins, config: Config, user: str) -> None:
    config(HARMFUL)
    assert f'"said.stdout": "{user}"' in lab.played(at(10, user, str(lab.directory / "key")))


def test_what_ssh_says_to_ansible_is_kept(lab: Logins) -> None:
    said = lab.played(at(10, key=str(lab.directory / "other")))
    assert f"debian@{SUBNET}.10: Permission denied (publickey" in said


def test_a_server_that_does_not_forward_is_told(lab: Logins) -> None:
    said = lab.fetched(at(3, key=str(lab.directory / "key")), "page")
    assert "set AllowTcpForwarding yes in its /etc/ssh/sshd_config" in said
