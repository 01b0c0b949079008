"""What the answers of a node say about whether it can work."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from romana_install.state.stack import SUDO_READS, Node, Reach, Stack
from romana_install.targets.local.target import Local
from romana_install.targets.static.target import Static
from romana_install.verify import health, nodes

NOW = 1_800_000_000.0
NODE = Node("controller", "192.168.99.10", 0, True, True)
EMULATED = 45  # seconds; what asks RabbitMQ takes 20 where processors are emulated, and more while much else runs


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("part rabbitmq-server Node rabbit@localhost reported no local alarms", ""),
        (
            "part rabbitmq-server Error: Memory alarm on node rabbit@localhost",
            "no messages: memory alarm; give it more",
        ),
        (
            "part rabbitmq-server Error: Free disk space alarm on node rabbit@a",
            "no messages: free disk space alarm; free",
        ),
        (
            "part rabbitmq-server Error: File descriptor alarm on node rabbit@a",
            "File descriptor alarm on node rabbit@a",
        ),
        (
            "part rabbitmq-server Error: unable to connect",
            "active, but does not answer (Error: unable to connect); have",
        ),
        (
            "part rabbitmq-server",
            "rabbitmq-server is active, but does not answer; have it start anew: systemctl restart",
        ),
        ("part mariadb 0 ", ""),
        ("part mariadb OFF", ""),
        ("part mariadb 1", "mariadb is read-only; let it write again"),
        ("part mariadb ON", "mariadb is read-only"),
        ("part mariadb ERROR 1040 (HY000): Too many connections", "does not answer (ERROR 1040 (HY000): Too many"),
        ("part mariadb ERROR 1698 (28000): Access denied for user 'root'@'localhost'", ""),
        ("part memcached VERSION 1.6.38 ", ""),
        ("part memcached", "memcached is active, but does not answer"),
        ("disk   102400   8% /", ""),
        ("disk   102399   8% /var", "/var is full, with 99 MiB left; free some (du -xh"),
        ("disk   102400  100% /var", "/var has no inode left; remove files"),
        ("disk   102400    - /var", ""),
        ("disk ", ""),  # df could not say
        ("read-only", ""),
        ("read-only /var", "/var is read-only; see why: dmesg"),
        (f"clock {NOW + 66}", ""),
        (f"clock {NOW + 96.4}", "its clock is 89 s ahead of this machine's; set both by NTP"),
        (f"clock {NOW - 61}", "its clock is 61 s behind this machine's; set both by NTP"),
        ("unit romana-agent active", ""),
    ],
)
def test_an_answer_means(line: str, said: str) -> None:
    found = health.problems([line, "", line], NOW, NOW + 7)  # what two places say of one file system is said once
    assert [said in problem for problem in found] == ([True] if said else [])


def test_a_healthy_machine_has_no_problems(tmp_path: Path) -> None:
    begun = time.time()
    asked = health.script(Stack("test", tmp_path, (NODE,), Local()), NODE)
    said = subprocess.run(["sh"], input=asked, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in said.splitlines()} >= {"clock", "disk", "read-only"}
    assert health.problems(said.splitlines(), begun, time.time()) == ()


def test_root_is_reached_as_everywhere(tmp_path: Path) -> None:
    stack = Stack("test", tmp_path, (NODE,), Static({"controller": Reach("198.51.100.1", "user")}))
    assert health.script(stack, NODE).splitlines()[:2] == ["sudo='sudo -n'", "password=''"]
    password = "p'w"  # noqa: S105 - nobody's
    first, second = health.script(replace(stack, become_password=password), NODE).splitlines()[:2]
    assert (first, second) == (f"sudo={shlex.quote(SUDO_READS)}", f"password={shlex.quote(password)}")


def test_a_node_has_time_for_the_slowest_answer_of_a_service() -> None:
    (seconds,) = re.findall(r"\btimeout (\d+) ", health.SCRIPT.read_text())
    assert int(seconds) >= EMULATED
    assert int(seconds) < nodes.PATIENCE
