"""What guests of a verification say: on their consoles, and asked over ssh."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from romana_install.guest_login import command
from romana_install.stack import Stack
from romana_install.verify.report import REACHABLE, UNREACHABLE, Cell

MARKERS = ("metadata ok", "ready")  # what the guest says on its console, after its name
LEASE = "lease "
NOT_ASKED = "not asked, as ssh into it fails"
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
    """The shell commands that ask each target by ping and by TCP, and print the exit code of each. Pure.

    Busybox's wget has a time for its end only, and where the processor is emulated it takes a second to begin.
    """
    asked = (
        f"ping -c 1 -W 2 {one.address} >/dev/null 2>&1; echo $?;"
        f" timeout 4 wget -q -O /dev/null http://{one.address}/ 2>/dev/null; echo $?"
        for one in targets
    )
    return "; ".join(asked)


def row(source: Instance, targets: Sequence[Instance], answers: Sequence[str]) -> list[Cell]:
    """One instance's part of the matrix. Pure.

    answers: what `questions` has printed, by words; fewer of them when nobody could ask.
    """
    asked = [(target, protocol) for target in targets for protocol in ("icmp", "tcp")]
    told = [*answers, *[None] * (len(asked) - len(answers))]
    cells = []
    for (target, protocol), answer in zip(asked, told, strict=True):
        expected = REACHABLE if source.scope == target.scope else UNREACHABLE
        observed = NOT_ASKED if answer is None else REACHABLE if answer == "0" else UNREACHABLE
        cells.append(Cell(source.name, target.name, protocol, expected, observed))
    return cells


def inside(stack: Stack, instance: Instance, what: str) -> str:
    """What a command prints inside an instance, over ssh by its node; empty when that does not work."""
    ssh = command(stack, instance.node, f"root@{instance.address}", what, options=("BatchMode=yes",))
    return subprocess.run(ssh, capture_output=True, text=True, check=False).stdout
