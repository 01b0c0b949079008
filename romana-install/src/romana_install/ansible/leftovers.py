"""What a run that was cut short has left running, and its end.

Everything Ansible starts inherits a variable that names the stack. Nodes do not: whoever starts them gives them an
environment of their own; but for VirtualBox, whose programs are told by their names.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TAG = "ROMANA_SETUP_RUN"
PATIENCE = 5.0  # seconds a process gets to end by itself when told to
ROUNDS = 5  # of looking for more: what is told to end may start others until it has ended
LOOKS = 1000  # at a process that begins a program, a millisecond apart: it takes less than one, but on a busy machine
PACKAGE_PATIENCE = 300.0  # seconds the package manager gets to finish: cut short it would need repair
_PACKAGE_MANAGERS = ("apt", "dpkg")
_MACHINES = (
    "VBox"  # how VirtualBox's programs begin: they are nodes, and who keeps them; each has its starter's variables
)
_BUILDERS = ("mmdebstrap",)  # package managers below these work on an image that is thrown away
_WITHOUT_MEMORY = 0x00000004 | 0x00200000  # the kernel's flags of a process that ends, and of a part of the kernel


@dataclass(frozen=True)
class Process:
    """A process: its parent's id and its name."""

    parent: int
    name: str


def end(directory: Path) -> bool:
    """End what is left of a run on the stack kept in `directory`; True when there was something.

    Call it only when nothing of that run is to go on: with the stack's lock held.
    """
    for found in range(ROUNDS):
        processes = _tagged(f"{TAG}={directory}")
        if not processes:
            return found > 0
        _end(processes)
    return True


def _end(processes: Mapping[int, Process]) -> None:
    busy = set(finishing(processes))
    others = [pid for pid in processes if pid not in busy]
    _signal(others, signal.SIGTERM)
    stubborn = _wait(others, PATIENCE)
    _signal(stubborn, signal.SIGKILL)
    _wait(stubborn, PATIENCE)
    _wait(busy, PACKAGE_PATIENCE)


def finishing(processes: Mapping[int, Process]) -> list[int]:
    """Which of the processes are the machine's package manager at work, and so must be let finish. Pure."""
    found = []
    for pid in processes:
        names = []
        at = pid
        while at in processes:
            names.append(processes[at].name)
            at = processes[at].parent
        manages = any(name.startswith(_PACKAGE_MANAGERS) for name in names)
        if manages and not any(name.startswith(_BUILDERS) for name in names):
            found.append(pid)
    return found


def _tagged(mark: str) -> dict[int, Process]:
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it has ended, or is not ours
            if mark.encode() in _environment(directory).split(b"\0"):
                name, fields = _stat(directory)
                if not name.startswith(_MACHINES):
                    found[int(directory.name)] = Process(int(fields[1]), name)
    return found


def _environment(directory: Path) -> bytes:
    """The environment of a process. Around execve(2) the kernel shows none for a moment: look again until it does."""
    for look in range(LOOKS):
        environment = (directory / "environ").read_bytes()
        fields = _stat(directory)[1]
        if environment or int(fields[6]) & _WITHOUT_MEMORY:
            return environment
        # proc(5), env_start and env_end: where its environment is; both are the same for that moment, too
        if look and fields[47] == fields[48] != "0":
            return environment
        time.sleep(0.001)
    return b""


def _stat(directory: Path) -> tuple[str, list[str]]:
    """The name of a process, and what follows: its state, its parent, ... A name may hold blanks and brackets."""
    before, _, after = (directory / "stat").read_text().rpartition(")")
    return before.partition("(")[2], after.split()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait(pids: Iterable[int], seconds: float) -> list[int]:
    """Wait until the processes have ended; returns those that have not within that time."""
    deadline = time.monotonic() + seconds
    remaining = []
    for pid in pids:
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                if not select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))[0]:
                    remaining.append(pid)
            finally:
                os.close(descriptor)
    return remaining
