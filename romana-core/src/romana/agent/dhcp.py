"""DHCP for the endpoints: one stock dnsmasq, listening on exactly their interfaces.

Guests get the host's whole prefix as their network, with the gateway as router: every DHCP client there is can do
that (a /32 with classless routes is beyond some), and the taps answer ARP for all of it. So a guest needs nothing
but address, mask and router, and everything goes through the host. Of several addresses behind one tap, DHCP gives the
lowest; it has no way to give more.

dnsmasq reads names of interfaces at start only, and remembers leases of addresses that were released. So any change
means a new process: it starts beside the old one (both may bind the port), and then the old one is stopped. The name
of its configuration file has the digest of the content, so the command line of a running process says what it serves;
an agent that finds one that serves the right thing leaves it alone. It is found by that command line, as its files may
have been removed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from romana.agent.cache import write_atomically
from romana.agent.desired import Desired
from romana.agent.plumbing import GATEWAY

log = logging.getLogger(__name__)

LEASE = "24h"  # guests keep their address that long when nobody answers
TIMEOUT = 10.0  # seconds to start or stop


class DhcpError(Exception):
    """dnsmasq does not run; the text says why, one line."""


def configuration(wanted: Desired) -> str:
    """Content of dnsmasq's configuration file; empty when there is nobody to answer. Pure."""
    if not wanted.endpoints:
        return ""
    network = IPv4Network(wanted.prefix)
    taps = sorted({item.interface for item in wanted.endpoints})
    given: dict[str, str] = {}  # address by MAC; dnsmasq takes one
    for item in wanted.endpoints:
        given.setdefault(item.mac, item.address)
    lines = [
        "port=0",
        "no-resolv",
        "bind-dynamic",
        "except-interface=lo",
        f"interface={GATEWAY}",
        # Named as interfaces, too: with the gateway alone dnsmasq would bind its socket to that device.
        *(f"interface={name}" for name in taps),
        *(f"bridge-interface={GATEWAY},{name}" for name in taps),
        f"dhcp-range={network.network_address},static,{network.netmask},{LEASE}",
        f"dhcp-option=option:router,{wanted.gateway}",
        f"dhcp-lease-max={network.num_addresses}",
        "dhcp-authoritative",
        "dhcp-broadcast",  # else dnsmasq writes into the neighbour table, where we have entered the guests for good
        "leasefile-ro",
        "no-ping",
        "quiet-dhcp",
        *(f"dhcp-host={mac},{address}" for mac, address in given.items()),
    ]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Process:
    """A running dnsmasq. `handle` is a pidfd: it cannot come to mean another process."""

    config: Path
    pid: int
    handle: int

    def ended(self) -> bool:
        return bool(select.select([self.handle], [], [], 0)[0])

    def restore_files(self, content: str) -> list[str]:
        """Write those of its files again that are gone. Returns what was done. Raises OSError."""
        files = ((self.config, content), (_pid_file(self.config), f"{self.pid}\n"))
        missing = [(path, text) for path, text in files if not path.exists()]
        for path, text in missing:
            _write(path, text)
        return [f"{path} was gone and is there again" for path, _ in missing]

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGTERM)
        if not select.select([self.handle], [], [], TIMEOUT)[0]:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            select.select([self.handle], [], [], TIMEOUT)
        self.config.unlink(missing_ok=True)
        _pid_file(self.config).unlink(missing_ok=True)


class Dhcp:
    """The one dnsmasq of this agent. `run_dir` holds its files; dnsmasq's own user must be able to read it."""

    def __init__(self, run_dir: Path) -> None:
        self._directory = run_dir
        self._process: _Process | None = None
        self._answers: frozenset[tuple[str, str]] = frozenset()

    @property
    def handle(self) -> int | None:
        """A file descriptor that becomes readable when dnsmasq ends; None when none runs."""
        return self._process.handle if self._process else None

    def apply(self, wanted: Desired) -> list[str]:
        """Have a dnsmasq run that serves these endpoints. Returns what was done. Raises DhcpError, OSError."""
        content = configuration(wanted)
        config = self._directory / f"dnsmasq-{hashlib.sha256(content.encode()).hexdigest()[:16]}.conf"
        if self._process and not self._process.ended() and content and self._process.config == config:
            return self._process.restore_files(content)
        known, running = self._process, self._running()
        try:
            done = self._replace(running, config, content, len(wanted.endpoints))
        finally:
            # Not before: the next one must not get the number of a descriptor that is still watched.
            for old in running if known is None or known in running else [known, *running]:
                if old is not self._process:
                    os.close(old.handle)
        self._answers = frozenset((item.mac, item.address) for item in wanted.endpoints)
        return done

    def answers(self, mac: str, address: str) -> bool:
        """Whether a running dnsmasq gives this MAC this address, or the first of those it has."""
        return self._process is not None and not self._process.ended() and (mac, address) in self._answers

    def stop(self) -> None:
        """End every dnsmasq of ours, also of an earlier agent, and remove its files."""
        for process in self._running():
            process.stop()
            os.close(process.handle)
        self._process = None

    def _replace(self, running: list[_Process], config: Path, content: str, endpoints: int) -> list[str]:
        """Have the one with this configuration run, and none of the others. Returns what was done."""
        started = time.monotonic()
        self._process = next((item for item in running if content and item.config == config), None)
        done = []
        if self._process is not None:
            done += [f"dnsmasq {self._process.pid} adopted", *self._process.restore_files(content)]
        elif content:
            self._process = self._start(config, content)
            done.append(
                f"dnsmasq {self._process.pid} started for {endpoints} endpoints ({time.monotonic() - started:.3f} s)"
            )
        for old in running:
            if old is not self._process:
                old.stop()
                done.append(f"dnsmasq {old.pid} stopped")
        return done

    def _start(self, config: Path, content: str) -> _Process:
        _write(config, content)
        pid_file = _pid_file(config)
        pid_file.unlink(missing_ok=True)
        try:
            # It comes back when the daemon has bound its sockets and written its pid file.
            run = subprocess.run(
                ["dnsmasq", f"--conf-file={config}", f"--pid-file={pid_file}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise DhcpError("dnsmasq is not installed; install the package dnsmasq-base") from None
        except subprocess.TimeoutExpired:
            raise DhcpError(f"dnsmasq did not start within {TIMEOUT:.0f} s; try: dnsmasq -d -C {config}") from None
        if run.returncode:
            raise DhcpError(_advice(run.stderr.strip().rpartition("\n")[2]))
        process = None
        for item in _processes(self._directory):
            if item.config == config:
                process = item
            else:
                os.close(item.handle)
        if process is None:
            raise DhcpError(
                f"dnsmasq ended right after its start; see journalctl -t dnsmasq, or: dnsmasq -d -C {config}"
            )
        return process

    def _running(self) -> list[_Process]:
        """Every dnsmasq of ours, this agent's or an earlier one's. Files of those that are gone are removed."""
        found = _processes(self._directory)
        for config in set(self._directory.glob("dnsmasq-*.conf")) - {item.config for item in found}:
            config.unlink(missing_ok=True)
            _pid_file(config).unlink(missing_ok=True)
        known = self._process
        if known is None or known.ended():
            return found
        for item in found:
            if item.pid == known.pid:
                os.close(item.handle)
        return [known if item.pid == known.pid else item for item in found]


def _pid_file(config: Path) -> Path:
    return config.with_suffix(".pid")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomically(path, text, 0o644)


def _processes(directory: Path) -> list[_Process]:
    """Those that run with a configuration in this directory, in this network."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (process := _open(int(entry.name), directory)):
            found.append(process)
    return sorted(found, key=lambda item: item.config)


def _open(pid: int, directory: Path) -> _Process | None:
    """That process, if it is a dnsmasq of ours."""
    if _config(pid, directory) is None:
        return None
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    config = _config(pid, directory)  # again: only now it cannot be another process of that number
    if config is None:
        os.close(handle)
        return None
    return _Process(config, pid, handle)


def _config(pid: int, directory: Path) -> Path | None:
    """The file in `directory` that a dnsmasq runs with; None where it is no dnsmasq, not there, or in another network.

    Containers on this machine have agents of their own, whose files may have the same names.
    """
    try:
        program, *options = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
        if Path(program).name != "dnsmasq" or not Path(f"/proc/{pid}/ns/net").samefile("/proc/self/ns/net"):
            return None
    except OSError:
        return None
    start = f"--conf-file={directory}/dnsmasq-"
    named = (option.partition("=")[2] for option in options if option.startswith(start))
    return next(map(Path, named), None)


def _advice(said: str) -> str:
    if "Address already in use" in said:
        return (
            f"{said}; another DHCP server holds port 67 of all interfaces: `ss -lunp sport = 67` says which;"
            " stop it, or have it bind to its own interfaces (dnsmasq: bind-dynamic)"
        )
    return said or "dnsmasq did not start and gave no reason"
