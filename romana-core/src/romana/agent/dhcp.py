"""DHCP for the endpoints: one stock dnsmasq, listening on exactly their interfaces.

Guests get the host's whole prefix as their network, with the gateway as router: every DHCP client there is can do
that (a /32 with classless routes is beyond some), and the taps answer ARP for all of it. So a guest needs nothing
but address, mask and router, and everything goes through the host. Of several addresses behind one tap, DHCP gives the
lowest; it has no way to give more.

dnsmasq reads names of interfaces at start only, and remembers leases of addresses that were released. So any change
means a new process: it starts beside the old one (both may bind the port), and then the old one is stopped. The name
of its configuration file has the digest of the content, so the command line of a running process says what it serves;
an agent that finds one that serves the right thing leaves it alone.
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

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGTERM)
        if not select.select([self.handle], [], [], TIMEOUT)[0]:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            select.select([self.handle], [], [], TIMEOUT)
        os.close(self.handle)
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
        """Have a dnsmasq run that serves these endpoints. Returns what was done. Raises DhcpError."""
        started = time.monotonic()
        content = configuration(wanted)
        config = self._directory / f"dnsmasq-{hashlib.sha256(content.encode()).hexdigest()[:16]}.conf"
        if self._process and not self._process.ended() and content and self._process.config == config:
            return []
        running = self._running()
        self._process = next((item for item in running if content and item.config == config), None)
        done = []
        if self._process is not None:
            done.append(f"dnsmasq {self._process.pid} adopted")
        elif content:
            self._process = self._start(config, content)
            done.append(
                f"dnsmasq {self._process.pid} started for {len(wanted.endpoints)} endpoints"
                f" ({time.monotonic() - started:.3f} s)"
            )
        for old in running:
            if old is not self._process:
                old.stop()
                done.append(f"dnsmasq {old.pid} stopped")
        self._answers = frozenset((item.mac, item.address) for item in wanted.endpoints)
        return done

    def answers(self, mac: str, address: str) -> bool:
        """Whether a running dnsmasq gives this MAC this address, or the first of those it has."""
        return self._process is not None and not self._process.ended() and (mac, address) in self._answers

    def stop(self) -> None:
        """End every dnsmasq of ours, also of an earlier agent, and remove its files."""
        for process in self._running():
            process.stop()
        self._process = None

    def _start(self, config: Path, content: str) -> _Process:
        write_atomically(config, content, 0o644)
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
        process = _open(config)
        if process is None:
            raise DhcpError(
                f"dnsmasq ended right after its start; see journalctl -t dnsmasq, or: dnsmasq -d -C {config}"
            )
        return process

    def _running(self) -> list[_Process]:
        """Every dnsmasq of ours, this agent's or an earlier one's. Files of those that are gone are removed."""
        found = []
        known = self._process
        for config in sorted(self._directory.glob("dnsmasq-*.conf")):
            if known is not None and config == known.config:
                if not known.ended():
                    found.append(known)
                    continue
                os.close(known.handle)
            if process := _open(config):
                found.append(process)
            else:
                config.unlink(missing_ok=True)
                _pid_file(config).unlink(missing_ok=True)
        return found


def _pid_file(config: Path) -> Path:
    return config.with_suffix(".pid")


def _open(config: Path) -> _Process | None:
    """The process that runs with this configuration; None when there is none."""
    try:
        pid = int(_pid_file(config).read_text())
        handle = os.pidfd_open(pid)
    except (OSError, ValueError):
        return None
    with suppress(OSError):
        if f"--conf-file={config}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return _Process(config, pid, handle)
    os.close(handle)
    return None


def _advice(said: str) -> str:
    if "Address already in use" in said:
        return (
            f"{said}; another DHCP server holds port 67 of all interfaces: `ss -lunp sport = 67` says which;"
            " stop it, or have it bind to its own interfaces (dnsmasq: bind-dynamic)"
        )
    return said or "dnsmasq did not start and gave no reason"
