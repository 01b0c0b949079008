"""What guests of a verification say: on their consoles, and asked over ssh."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from romana_install.state.stack import Stack
from romana_install.verify.guest_login import command
from romana_install.verify.report import REACHABLE, UNREACHABLE, Cell

MARKERS = ("metadata ok", "ready")  # what the guest says on its console, after its name
LEASE = "lease "
NOT_ASKED = "not asked, as ssh into it fails"
# Until a guest's kernel takes a connection for impossible: 3 s, or 7 s where it is older than 6.5.
SYN_RETRIES = 2
# Echo requests that the guest's kernel has taken (RFC 4293, icmpMsgStatsInPkts), as a shell command.
ECHOES = "awk '/^Icmp: [0-9]/ {print $10}' /proc/net/snmp"


@dataclass(frozen=True)
class Instance:
    """One that runs. node: where it is by its address."""

    name: str
    id: str
    project: str
    segment: str
    address: str
    node: str

    @property
    def scope(self) -> tuple[str, str]:
        """Who may reach it: those of the same."""
        return self.project, self.segment


def hops(trace: str) -> list[str]:
    """Who answered, by hop, in what busybox's `traceroute -n` prints. Pure."""
    return [line.split()[1] for line in trace.splitlines() if line.strip()[:1].isdigit()]


def missing_markers(console: str) -> list[str]:
    """What a guest that is well says on its console and this one does not. Pure."""
    said = [line.partition("romana-guest: ")[2].strip() for line in console.splitlines() if "romana-guest: " in line]
    wanted = [marker for marker in MARKERS if marker not in said]
    return wanted if any(line.startswith(LEASE) for line in said) else [*wanted, LEASE.strip()]


def questions(targets: Sequence[Instance]) -> str:
    """The shell script that asks all targets at once by ping and by TCP; prints of each question number and exit code.

    The kernel counts the seconds that TCP is given, and it counts from the first packet: where the processor is
    emulated, programs take seconds to begin. Pure.
    """
    asked = [
        command
        for one in targets
        for command in (
            f"ping -c 1 -W 5 {one.address} >/dev/null 2>&1",
            f"timeout 30 wget -q -O /dev/null http://{one.address}/ 2>/dev/null",
        )
    ]
    each = [f"{{ {command}; echo {number} $?; }} &" for number, command in enumerate(asked)]
    return "\n".join([f"echo {SYN_RETRIES} >/proc/sys/net/ipv4/tcp_syn_retries", *each, "wait"])


def answers(said: str) -> dict[int, str]:
    """The exit codes in what `questions` has printed, by the questions' numbers. Pure."""
    lines = [line.split() for line in said.splitlines()]
    return {int(words[0]): words[1] for words in lines if len(words) == 2 and words[0].isdigit()}


def row(source: Instance, targets: Sequence[Instance], answered: Mapping[int, str]) -> list[Cell]:
    """One instance's part of the matrix. Pure.

    answered: the exit code of each question of `questions`; fewer of them when nobody could ask.
    """
    asked = [(goal, protocol) for goal in targets for protocol in ("icmp", "tcp")]
    cells = []
    for number, (goal, protocol) in enumerate(asked):
        expected = REACHABLE if source.scope == goal.scope else UNREACHABLE
        code = answered.get(number)
        observed = NOT_ASKED if code is None else REACHABLE if code == "0" else UNREACHABLE
        cells.append(Cell(source.name, goal.name, protocol, expected, observed))
    return cells


def inside(stack: Stack, instance: Instance, what: str) -> str:
    """What a command prints inside an instance, over ssh by its node; empty when that does not work."""
    ssh = command(stack, instance.node, f"root@{instance.address}", what, options=("BatchMode=yes",))
    return subprocess.run(ssh, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout
