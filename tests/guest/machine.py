"""A guest in qemu, and the other end of its cable: a network namespace without a way out."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GUEST = "var/lib/romana/guest"  # its directory, below the root of a node
MAC = "fa:16:3e:00:00:01"
ADDRESS = "10.1.18.3"
SECOND_MAC, SECOND_ADDRESS = "fa:16:3e:00:00:02", "10.1.18.4"
GATEWAY = "10.1.0.1"
METADATA = "169.254.169.254"
SCREEN, COLUMNS, ROWS = 0xB8000, 80, 25  # the text mode of a VGA, as its BIOS sets it up
PATIENCE = 300  # seconds for what takes four on an idle machine


class Guest:
    """A running guest and what its console has said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.console = ""

    def wait_for(self, text: str, after: str = "") -> None:
        """Until the console has said it, after this. Raises AssertionError with the console when it doesn't."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while text not in self.console[self.console.find(after) :]:
            readable, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            said = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            assert said, f"the guest did not say {text!r}, but:\n{self.console}"
            self.console += said.decode(errors="replace")

    def markers(self) -> list[str]:
        """What the guest has said of itself, line by line."""
        prefix = "romana-guest: "
        lines = self.console.splitlines()
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]

    def type(self, text: str) -> None:
        """Type on the console."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()


class Network:
    """What a compute node is to a guest: DHCP, a gateway and the metadata service."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []
        self._cards: dict[str, str] = {}  # MAC by tap

    def start(self) -> None:
        """Make the namespace, and the guest's tap in it."""
        self._holder = self._spawn("unshare", "--net", "sh", "-c", "echo; exec sleep infinity", stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()  # from now on it is in a namespace of its own
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
        self._plug("guest", MAC, ADDRESS)

    def plug_second(self) -> None:
        """Give the guest a second card, whose tap is the only way to and from its address."""
        self._plug("second", SECOND_MAC, SECOND_ADDRESS)

    def stop(self) -> None:
        """End everything; with its last process the namespace is gone."""
        for process in reversed(self._processes):
            process.kill()
            process.communicate()

    def run(self, *command: str) -> str:
        """What the program prints in the namespace. Raises CalledProcessError."""
        return subprocess.run(self._inside(command), check=True, capture_output=True, text=True).stdout

    def dhcp(self, *options: str) -> None:
        """Give the guest its address; options are dnsmasq's."""
        pid_file = self.directory / "dnsmasq.pid"
        common = ["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces"]
        leases = ["--leasefile-ro", "--dhcp-authoritative", f"--pid-file={pid_file}"]
        leases += [f"--dhcp-host={MAC},{ADDRESS},1h", f"--dhcp-host={SECOND_MAC},{SECOND_ADDRESS},1h"]
        leases += [f"--interface={tap}" for tap in self._cards]
        self._spawn(
            *self._inside(("dnsmasq", *common, *leases, "--dhcp-range=10.1.0.0,static,255.255.0.0,1h", *options))
        )

    def metadata(self, contents: dict[str, str]) -> None:
        """Serve these by their paths, and nothing else."""
        root = self.directory / "metadata"
        for path, content in contents.items():
            file = root / "latest" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        served = (sys.executable, "-m", "http.server", "--bind", METADATA, "--directory", str(root), "80")
        self._spawn(*self._inside(served), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def boot(self, image: Path) -> Guest:
        """Start the guest as OpenStack does on a machine without hardware virtualization.

        Except for one instruction: qemu 7.2 now and then leaves cmpxchg16b with flags that make the kernel panic. The
        nodes' qemu does not, but these tests run on whatever machine has one.
        """
        cpu = ("-machine", "pc,accel=tcg", "-cpu", "qemu64,-cx16")
        machine = ("-nodefaults", "-no-user-config", *cpu, "-m", "96", "-display", "none", "-device", "virtio-vga")
        cards: tuple[str, ...] = ()
        for tap, mac in self._cards.items():
            cards += ("-netdev", f"tap,id={tap},ifname={tap},script=no,downscript=no")
            cards += ("-device", f"virtio-net-pci,netdev={tap},mac={mac}")
        kernel = ("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.gz"))
        line = "console=tty0 console=ttyS0 quiet no_timer_check cryptomgr.notests"
        start = ("-append", line, "-serial", "stdio", "-no-reboot")
        monitor = ("-monitor", f"unix:{self._monitor},server,nowait")
        command = ("qemu-system-x86_64", *machine, *cards, *kernel, *start, *monitor)
        return Guest(self._spawn(*self._inside(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def press_power_button(self) -> None:
        """What OpenStack does to stop an instance."""
        self._command("system_powerdown")

    def press(self, *keys: str) -> None:
        """Press keys of the keyboard, by qemu's names."""
        for key in keys:
            self._command(f"sendkey {key}")

    def screen(self) -> str:
        """What the screen shows. In text mode its memory has each character with its colour behind."""
        shown = self.directory / "screen"
        self._command(f'pmemsave {SCREEN} {COLUMNS * ROWS * 2} "{shown}"')
        text = shown.read_bytes()[::2].decode("cp437")
        return "\n".join(text[row : row + COLUMNS].rstrip() for row in range(0, len(text), COLUMNS))

    def _plug(self, tap: str, mac: str, address: str) -> None:
        """Make a tap as an agent has it: what comes from another address than its own is dropped."""
        self.run("ip", "tuntap", "add", tap, "mode", "tap")
        self.run("ip", "link", "set", tap, "up")
        self.run("ip", "address", "add", f"{GATEWAY}/16", "dev", tap)
        self.run("ip", "route", "add", f"{address}/32", "dev", tap)
        self.run("sysctl", "--quiet", "--write", f"net.ipv4.conf.{tap}.rp_filter=1")
        self._cards[tap] = mac

    def _command(self, text: str) -> None:
        """Give qemu's monitor a command, and wait until it is carried out."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._monitor))
            connection.settimeout(PATIENCE)
            for number in (1, 2):  # it asks for one, and asks again when that is done
                said = b""
                while not said.endswith(b"(qemu) "):
                    said += connection.recv(65536)
                if number == 1:
                    connection.sendall(f"{text}\n".encode())

    @property
    def _monitor(self) -> Path:
        return self.directory / "monitor"

    def _inside(self, command: tuple[str, ...]) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self._holder.pid), "--net", *command)

    def _spawn(
        self, *command: str, stdin: int | None = None, stdout: int | None = None, stderr: int | None = None
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)
        self._processes.append(process)
        return process
