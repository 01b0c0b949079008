"""What is made of the words of OpenSSH 9.2 to 10.0, at LogLevel INFO; tests/e2e/static/test_logins.py has them said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from romana_install.state.ssh_errors import Hop, Key, Way, last_words, sentence

KEY = Key("/k/one")
DIRECT = Way(Hop("192.0.2.10", "me"), (KEY,), named=True)
BEHIND = replace(DIRECT, jumps=(Hop("gate", "you", 2200),), proxied=True, own=True)
AFTER = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n"
ASKED = "and you have requested strict checking.\nHost key verification failed.\n"
CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.
Offending ED25519 key in /home/me/.ssh/known_hosts:7
  remove with:
  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "{0}"
Host key for {0} has changed """
DENIED = "me@192.0.2.10: Permission denied (publickey,password,keyboard-interactive).\n"
FORWARD = "channel 0: open failed: {}\nstdio forwarding failed\n" + AFTER
BANNER = "Only for those who may. Permission denied to others.\n"


def keyed(state: str) -> Way:
    return replace(DIRECT, keys=(Key("/k/one", state),))


@pytest.mark.parametrize(
    ("said", "way", "expected"),
    [
        (
            DENIED,
            DIRECT,
            "me may not log in with /k/one; give its key to the server: ssh-copy-id -i /k/one me@192.0.2.10",
        ),
        (
            DENIED,
            replace(DIRECT, server=Hop("192.0.2.10", "me", 2222), keys=()),
            "me may not log in with a key that ssh finds; give its key to the server: ssh-copy-id -p 2222 me@192.0.2.",
        ),
        (
            "me@192.0.2.10: Permission denied (publickey).\n",
            DIRECT,
            "append /k/one.pub to ~me/.ssh/authorized_keys there, or name another user or key",
        ),
        (
            "me@192.0.2.10: Permission denied (password).\n",
            DIRECT,
            "it takes no keys (password); set PubkeyAuthentication",
        ),
        (
            DENIED,
            keyed("locked"),
            'has a passphrase, and no agent holds it; run: eval "$(ssh-agent)" && ssh-add /k/one',
        ),
        (DENIED, replace(keyed("locked"), agent=True), "no agent holds it; run: ssh-add /k/one"),
        (DENIED, keyed("open"), "others may read it; run: chmod 600 /k/one"),
        (DENIED, keyed("missing"), "/k/one is not there; correct ansible_ssh_private_key_file, or make it: ssh-keygen"),
        (DENIED, replace(keyed("missing"), named=False), "is not there; correct IdentityFile in ~/.ssh/config"),
        (DENIED, keyed("unusable"), "/k/one is no private key that ssh can read"),
        (
            "Received disconnect from 192.0.2.10 port 22:2: Too many authentication failures\n"
            "Disconnected from 192.0.2.10 port 22\n",
            DIRECT,
            "ssh offers more keys than sshd looks at; name the one as ansible_ssh_private_key_file",
        ),
        (
            f"No ED25519 host key is known for 192.0.2.10 {ASKED}",
            DIRECT,
            "its host key is not in ~/.ssh/known_hosts; enter it, and compare it with the server's own: "
            "ssh-keyscan -p 22 192.0.2.10 >>~/.ssh/known_hosts",
        ),
        (
            f"No ED25519 host key is known for 192.0.2.10 {ASKED}",
            replace(DIRECT, known_hosts="/h/known hosts"),
            "ssh-keyscan -p 22 192.0.2.10 >>'/h/known hosts'",
        ),
        (
            f"No ED25519 host key is known for 192.0.2.10 {ASKED}",
            replace(BEHIND, named=False),
            "ssh -o StrictHostKeyChecking=ask -J you@gate:2200 me@192.0.2.10 true",
        ),
        (
            f"No ED25519 host key is known for [gate]:2200 {ASKED}{AFTER}",
            BEHIND,
            "the host key of the bastion you@gate:2200 is not in ~/.ssh/known_hosts; enter it, and compare it with the "
            "server's own: ssh-keyscan -p 2200 gate >>~/.ssh/known_hosts",
        ),
        (
            CHANGED.format("192.0.2.10") + ASKED,
            DIRECT,
            "has another host key than the one in /home/me/.ssh/known_hosts (line 7); somebody else may answer in its "
            "place; if that is right, as after an installation anew: "
            "ssh-keygen -R 192.0.2.10 -f /home/me/.ssh/known_hosts, and then: ssh-keyscan -p 22 192.0.2.10",
        ),
        (
            CHANGED.format("[gate]:2200") + ASKED + AFTER,
            BEHIND,
            "the bastion you@gate:2200 has another host key than the one in /home/me/.ssh/known_hosts (line 7)",
        ),
        (
            "ssh: Could not resolve hostname web1: Name or service not known\n",
            replace(DIRECT, server=Hop("web1", "me")),
            "cannot be found: no name server knows web1; give its address as ansible_host",
        ),
        (
            f"ssh: Could not resolve hostname gate: Temporary failure in name resolution\n{AFTER}",
            BEHIND,
            "the bastion you@gate:2200 cannot be found: no name server knows gate; give its address as ssh_jump",
        ),
        (
            "ssh: connect to host 192.0.2.10 port 22: Connection refused\n",
            DIRECT,
            "is there, but nothing listens on its port 22; start sshd on it, or correct ansible_port",
        ),
        (
            f"ssh: connect to host gate port 2200: Connection refused\n{AFTER}",
            BEHIND,
            "the bastion you@gate:2200 is there, but nothing listens on its port 2200; start sshd on it, or",
        ),
        (
            "ssh: connect to host 192.0.2.10 port 22: Connection timed out\n",
            DIRECT,
            "does not answer on port 22 of 192.0.2.10; see that it is on, that its address is right",
        ),
        (
            "ssh: connect to host 192.0.2.10 port 22: No route to host\n",
            DIRECT,
            "cannot be reached from here (No route to host); see that it is on",
        ),
        ("ssh: connect to host 192.0.2.10 port 22: Network is unreachable\n", DIRECT, "ip route get 192.0.2.10"),
        (
            "Connection timed out during banner exchange\nConnection to 192.0.2.10 port 22 timed out\n",
            DIRECT,
            "port 22 of 192.0.2.10 is open, but no sshd answers in time",
        ),
        (
            "Connection timed out during banner exchange\nConnection to UNKNOWN port 65535 timed out\n",
            BEHIND,
            "does not answer on port 22 of 192.0.2.10, says the bastion you@gate:2200",
        ),
        (
            "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 192.0.2.10 port 22\n",
            DIRECT,
            "is open, but what answers ends the connection at once (read: Connection reset by peer)",
        ),
        (
            "Unable to negotiate with 192.0.2.10 port 22: no matching host key type found. Their offer: ssh-rsa\n",
            DIRECT,
            "has an sshd that agrees on nothing with ssh here (no matching host key type found. Their offer: ssh-rsa)",
        ),
        (
            f"you@gate: Permission denied (publickey,password).\n{AFTER}",
            BEHIND,
            "the bastion you@gate:2200 does not let you in with /k/one; give its key to it: ssh-copy-id -i /k/one "
            "-p 2200 you@gate; or correct the user in ssh_jump",
        ),
        (
            DENIED,
            BEHIND,
            "give its key to the server: ssh-copy-id -i /k/one -o 'ProxyCommand=ssh -i /k/one -W '\"'\"'[%h]:%p'\"'\"' "
            "ssh://you@gate:2200' me@192.0.2.10",
        ),
        (
            FORWARD.format("administratively prohibited: open failed"),
            BEHIND,
            "the bastion you@gate:2200 forwards no connections to 192.0.2.10; set AllowTcpForwarding yes in its",
        ),
        (
            "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n",
            BEHIND,  # which has not ended
            "its sshd forwards no connections; set AllowTcpForwarding yes in its /etc/ssh/sshd_config",
        ),
        (
            FORWARD.format("connect failed: Connection refused"),
            BEHIND,
            "is there, but nothing listens on its port 22, says the bastion you@gate:2200",
        ),
        (
            FORWARD.format("connect failed: Connection timed out"),
            BEHIND,
            "does not answer on port 22 of 192.0.2.10, says the bastion you@gate:2200",
        ),
        (
            FORWARD.format("connect failed: No route to host"),
            BEHIND,
            "cannot be reached from the bastion you@gate:2200 (No route to host)",
        ),
        (
            FORWARD.format("connect failed: Name or service not known"),
            replace(BEHIND, server=Hop("web1", "me")),
            "cannot be found: the bastion you@gate:2200 does not know the name web1",
        ),
        (
            f"stdio forwarding failed\n{AFTER}",
            BEHIND,
            "the bastion you@gate:2200 does not lead to port 22 of 192.0.2.10",
        ),
        (
            "Bad owner or permissions on /home/me/.ssh/config\n",
            DIRECT,
            "ssh does not read /home/me/.ssh/config, as others may write it; run: chmod 600 /home/me/.ssh/config",
        ),
        (
            '/home/me/.ssh/config line 3: no argument after keyword "port"\n'
            "/home/me/.ssh/config: terminating, 1 bad configuration options\n",
            DIRECT,
            "ssh cannot use its configuration: /home/me/.ssh/config line 3: no argument after keyword",
        ),
        ("something new\n", DIRECT, "cannot be reached: something new; try: ssh -i /k/one me@192.0.2.10"),
        ("", DIRECT, "cannot be reached: no answer; try: ssh -i /k/one me@192.0.2.10"),
    ],
)
@pytest.mark.parametrize("before", ["", BANNER])
def test_words_become_a_sentence_with_its_fix(before: str, said: str, way: Way, expected: str) -> None:
    found = sentence(before + said, way)
    if before and not said:
        expected = "cannot be reached: Only for those who may."
    assert expected in found


def test_a_bastion_at_the_servers_own_address_is_told_by_its_port() -> None:
    way = replace(BEHIND, server=Hop("gate", "me"))
    behind = sentence(f"No ED25519 host key is known for gate {ASKED}", way)
    before = sentence(f"No ED25519 host key is known for [gate]:2200 {ASKED}{AFTER}", way)
    assert behind.startswith("its host key")
    assert before.startswith("the host key of the bastion")


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("gate", Hop("gate")),
        ("you@gate:2200", Hop("gate", "you", 2200)),
        ("ssh://you@gate", Hop("gate", "you")),
        ("[2001:db8::1]:22", Hop("2001:db8::1")),
        ("2001:db8::1", Hop("2001:db8::1")),
    ],
)
def test_what_a_jump_is(text: str, hop: Hop) -> None:
    assert Hop.parsed(text) == hop


def test_last_words_are_those_that_tell() -> None:
    assert last_words(f"ssh: connect to host gate port 22: Connection refused\n{AFTER}").startswith("ssh: connect to")
