"""Runs a command, and fails when it leaves something on this machine: processes, mounts, networks, files, cgroups.

usage: leaves_nothing.py COMMAND [ARGUMENT ...]

It is quiet when nothing is left. What was there before may go, but not change or come.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # our environment leaves it out

from machine_network import machine_network

PR_SET_CHILD_SUBREAPER = 36
ENDS_WITHIN = 10.0  # seconds until what the command's own children started must have ended, too
LOOK = 0.1  # seconds between two looks
# Where programs put what is to go again (caches stay on purpose), and how they call it.
PLACES = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/netns")))  # noqa: S108
NAMES = ("romana", "pytest", "ansible", "mitogen", "vagrant", "libvirt", "qemu")
# What romana-setup and Ansible cannot remove when tests kill them.
OF_KILLED = re.compile(r"romana-[a-z0-9_]{8}|ansible_.+_payload_.+|mitogen_unix_.+\.sock")
CGROUPS = Path("/sys/fs/cgroup")
State = dict[str, set[str]]


def entries(directory: Path) -> list[Path]:
    """What is in a directory; nothing, if there is none."""
    return list(directory.iterdir()) if directory.is_dir() else []


def state() -> State:
    """What there is on this machine that can be left, by what it is about."""
    groups = [group for parent in (CGROUPS, *entries(CGROUPS)) for group in entries(parent) if group.is_dir()]
    return {
        "mounts": {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()},
        "cgroups": set(map(str, groups)),
        "files": {str(path) for place in PLACES for path in entries(place) if path.name.startswith(NAMES)},
        **{what: set(shown.splitlines()) for what, shown in machine_network().items()},
    }


def left(before: State, now: State) -> list[str]:
    """A line for everything that came or changed. The kernel has more settings once its modules are loaded."""
    known = {line.partition(" = ")[0] for line in before["sysctls"]} - {"net.netfilter.nf_conntrack_count"}
    come = {what: lines - before[what] for what, lines in now.items()}
    come["sysctls"] = {line for line in come["sysctls"] if line.partition(" = ")[0] in known}
    return [f"{what}: {line}" for what, lines in come.items() for line in sorted(lines)]


def orphans() -> list[str]:
    """The processes that this one has got from those it started."""
    command = ["ps", "--ppid", str(os.getpid()), "-o", "stat=,pid=,args="]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    running = [line.split(maxsplit=2) for line in lines]
    return [f"{pid} {what}" for status, pid, what in running if status[0] != "Z" and what != " ".join(command)]


def run(command: list[str]) -> int:
    """The exit status of a command. Processes whose parents end before them become this one's, and are reaped."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = os.posix_spawnp(command[0], command, os.environ)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def sweep(before: State) -> None:
    """Remove what pytest keeps, and what runs that tests killed have left."""
    for path in map(Path, state()["files"] - before["files"]):
        if path.name.startswith("pytest-of-") or OF_KILLED.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> int:
    """The command's exit status; 1 when it is 0 and something is left, which is then said."""
    before = state()
    status = run(sys.argv[1:])
    end = time.monotonic() + ENDS_WITHIN
    while (running := orphans()) and time.monotonic() < end:
        time.sleep(LOOK)
    sweep(before)
    lines = [*(f"processes: {line}" for line in running), *left(before, state())]
    for line in lines:
        print(f"left behind: {line}", file=sys.stderr)
    return status or int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
