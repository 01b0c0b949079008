"""The first process of a world of its own (see world.py): its places and its network, and the end of its orphans.

usage: init.py DIRECTORY

Everything mounted and started in that world goes with this process.
"""

import signal
import subprocess
import sys
from pathlib import Path


def mount(*words: object) -> None:
    """Mount; raises CalledProcessError."""
    subprocess.run(["mount", *map(str, words)], check=True)


def mount_sysfs(cgroups: Path) -> None:
    """A /sys that shows this network's devices, not this machine's, and still its cgroups. cgroups: empty directory."""
    mount("--rbind", "/sys/fs/cgroup", cgroups)
    mount("-t", "sysfs", "sysfs", "/sys")
    mount("--rbind", cgroups, "/sys/fs/cgroup")


def main() -> None:
    """Make the world, and be its first process until it is over."""
    directory = Path(sys.argv[1])
    for place in ("etc", "var"):
        upper, work = directory / place, directory / f".{place}"
        upper.mkdir()
        work.mkdir()
        mount("-t", "overlay", "overlay", "-o", f"lowerdir=/{place},upperdir={upper},workdir={work}", f"/{place}")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    cgroups = directory / "cgroups"
    cgroups.mkdir()
    mount_sysfs(cgroups)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans are forgotten when they end
    (directory / "ready").touch()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
