"""The first process of a world of its own (see world.py): its places and its network, and the end of its orphans.

usage: init.py DIRECTORY

Everything mounted and started in that world goes with this process.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

USER = "libvirt-qemu"  # libvirtd does not start without it, and its packages make it only with their own service
QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
namespaces = []
cgroup_controllers = []
"""


def mount(*words: object) -> None:
    """Mount; raises CalledProcessError."""
    subprocess.run(["mount", *map(str, words)], check=True)


def main() -> None:
    """Make the world, and be its first process until it is over."""
    directory = Path(sys.argv[1])
    for place in ("etc", "var"):
        upper, work = directory / place, directory / f".{place}"
        shutil.rmtree(upper, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)
        upper.mkdir()
        work.mkdir()
        mount("-t", "overlay", "overlay", "-o", f"lowerdir=/{place},upperdir={upper},workdir={work}", f"/{place}")
    mount("-t", "tmpfs", "tmpfs", "/run")
    mount("-t", "sysfs", "sysfs", "/sys")  # which shows this network's devices, not this machine's
    for name, line in (("passwd", f"{USER}:x:64055:64055::/:/bin/false"), ("group", f"{USER}:x:64055:")):
        with Path("/etc", name).open("a+") as accounts:
            accounts.seek(0)
            if USER not in accounts.read():
                accounts.write(f"{line}\n")
    Path("/etc/libvirt").mkdir(exist_ok=True)
    Path("/etc/libvirt/qemu.conf").write_text(QEMU_CONF)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans are forgotten when they end
    (directory / "ready").touch()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
