"""DHCP for the endpoints: one stock dnsmasq, listening on exactly their interfaces.

Guests get the host's whole prefix as their network, with the gateway as router: every DHCP client there is can do
that (a /32 with classless routes is beyond some), and the taps answer ARP for all of it. So a guest needs nothing
but address, mask and router, and everything goes through the host. Of several addresses behind one tap, DHCP gives the
lowest; it has no way to give more.

dnsmasq reads names of interfaces at start only, and remembers leases of addresses that were released. So any change
of these means a new process: it starts beside the old one (both may bind the port), and then the old one is stopped.
The name of its configuration file has the digest of the content, so the command line of a running process says what it
serves; an agent that finds one that serves the right thing keeps it. It is found by that command line, as its files may
have been removed. What an endpoint is told beside its address, and whether it is answered, is in two files that dnsmasq
reads again at SIGHUP: that change needs no new process. An agent that finds a process has it read them, as it cannot
know what it has read. Tags are set in the configuration alone: dnsmasq (2.90) crashes at SIGHUP once it has answered
somebody whose tag is set by such a file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from romana.agent.desired import Desired, Endpoint
from romana.agent.plumbing import GATEWAY
from romana.files import write_file
from romana.models import Lease

log = logging.getLogger(__name__)

NAMESERVERS, HOST_NAME, DOMAIN, MTU, ROUTES = 6, 12, 15, 26, 121
LEASE = "24h"  # guests keep their address that long when nobody answers
TIMEOUT = 10.0  # seconds to start or stop


class DhcpError(Exception):
    """dnsmasq does not run; the text says why, one line."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a running dnsmasq can be told anew: the contents of its files of hosts and of options."""

    hosts: str
    options: str


def configuration(wanted: Desired) -> str:
    """Content of dnsmasq's configuration file; empty when there is nobody to answer. Pure."""
    if not wanted.endpoints:
        return ""
    network = IPv4Network(wanted.prefix)
    taps = sorted({item.interface for item in wanted.endpoints})
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
        *(f"dhcp-host={item.mac},set:{_tag(item)},{item.address}" for item in _answered(wanted)),
    ]
    return _text(lines)


def terms(wanted: Desired) -> Terms:
    """What dnsmasq answers to whom. Pure."""
    answered = _answered(wanted)
    return Terms(
        # Without it dnsmasq would refuse an address, which is an answer. Of two lines it takes the last.
        hosts=_text(f"{item.mac},ignore" for item in answered if not item.lease.offered),
        options=_text(line for item in answered if item.lease.offered for line in option_lines(item, wanted.gateway)),
    )


def _answered(wanted: Desired) -> list[Endpoint]:
    """One endpoint of each MAC: dnsmasq takes one."""
    found: dict[str, Endpoint] = {}
    for item in wanted.endpoints:
        if item.mac not in found or (item.lease.offered and not found[item.mac].lease.offered):
            found[item.mac] = item
    return list(found.values())


def option_lines(endpoint: Endpoint, gateway: str) -> list[str]:
    """The lines of a file for --dhcp-optsfile: what one endpoint is told beside its address. Pure."""
    told = _options(endpoint.lease, gateway)
    return [f"tag:{_tag(endpoint)},{number},{value}" for number, value in told.items()]


def _tag(endpoint: Endpoint) -> str:
    return f"a{int(IPv4Address(endpoint.address)):08x}"


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _options(lease: Lease, gateway: str) -> dict[int, str]:
    """What a lease says, by the options' codes (RFC 2132, RFC 3442)."""
    found: dict[int, str] = {}
    if lease.nameservers:
        found[NAMESERVERS] = ",".join(map(str, lease.nameservers))
    if lease.host_name is not None:
        found[HOST_NAME] = lease.host_name
    if lease.domain is not None:
        found[DOMAIN] = lease.domain
    if lease.mtu is not None:
        found[MTU] = str(lease.mtu)
    if lease.routes:
        # Who is given these ignores the option for the router, so the default route is among them.
        routes = [("0.0.0.0/0", gateway), *((str(one.destination), str(one.via)) for one in lease.routes)]
        found[ROUTES] = ",".join(f"{destination},{via}" for destination, via in routes)
    return found | {one.number: one.value for one in lease.options}


@dataclass(slots=True)
class _Process:
    """A running dnsmasq. `handle` is a pidfd: it cannot come to mean another process."""

    config: Path
    pid: int
    handle: int
    terms: Terms | None = None  # that it was told by this agent

    def ended(self) -> bool:
        return bool(select.select([self.handle], [], [], 0)[0])

    def restore_files(self, content: str) -> list[str]:
        """Write those of its files again that are gone. Returns what was done. Raises OSError."""
        files = {self.config: content, _pid_file(self.config): f"{self.pid}\n"}
        if self.terms is not None:
            files |= _files(self.config, self.terms)
        missing = [path for path in files if not path.exists()]
        for path in missing:
            _write(path, files[path])
        return [f"{path} was gone and is there again" for path in missing]

    def tell(self, terms: Terms) -> list[str]:
        """Have it answer by these terms. Returns what was done. Raises OSError."""
        if self.terms == terms:
            return []
        self.terms = None  # until it has been asked to read them
        for path, text in _files(self.config, terms).items():
            _write(path, text)
        # It reads them before the next request: dnsmasq looks at its signals first.
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGHUP)
        self.terms = terms
        return [f"dnsmasq {self.pid} told what endpoints are told"]

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGTERM)
        if not select.select([self.handle], [], [], TIMEOUT)[0]:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            select.select([self.handle], [], [], TIMEOUT)
        _remove_files(self.config)


class Dhcp:
    """The one dnsmasq of this agent. `run_dir` holds its files; dnsmasq's own user must be able to read it."""

    def __init__(self, run_dir: Path) -> None:
        self._directory = run_dir
        self._process: _Process | None = None
        self.refused: dict[str, str] = {}
        self._answers: dict[tuple[str, str], Lease] = {}
        self._tested: dict[tuple[str, ...], str] = {}  # why dnsmasq refuses such lines; empty: it does not

    @property
    def handle(self) -> int | None:
        """A file descriptor that becomes readable when dnsmasq ends; None when none runs."""
        return self._process.handle if self._process else None

    def apply(self, wanted: Desired) -> list[str]:
        """Have a dnsmasq run that serves these endpoints. Returns what was done. Raises DhcpError, OSError.

        One that has options which dnsmasq refuses is served without them; `refused` says whose these are.
        """
        self.refused = self._refused(wanted)
        told = terms(_without_options(wanted, self.refused.keys()))
        content = configuration(wanted)
        config = self._directory / f"dnsmasq-{hashlib.sha256(content.encode()).hexdigest()[:16]}.conf"
        if self._process and not self._process.ended() and content and self._process.config == config:
            done = [*self._process.restore_files(content), *self._process.tell(told)]
        else:
            done = self._change(config, content, told, len(wanted.endpoints))
        self._answers = {
            (item.mac, item.address): item.lease for item in wanted.endpoints if item.id not in self.refused
        }
        return done

    def _change(self, config: Path, content: str, told: Terms, endpoints: int) -> list[str]:
        known, running = self._process, self._running()
        try:
            return self._replace(running, config, content, told, endpoints)
        finally:
            # Not before: the next one must not get the number of a descriptor that is still watched.
            for old in running if known is None or known in running else [known, *running]:
                if old is not self._process:
                    os.close(old.handle)

    def _refused(self, wanted: Desired) -> dict[str, str]:
        """Why dnsmasq would not start with the options of an endpoint, by the endpoints' ids."""
        lines = {item.id: tuple(option_lines(item, wanted.gateway)) for item in wanted.endpoints if item.lease.options}
        self._tested = {one: self._tested[one] if one in self._tested else _test(one) for one in lines.values()}
        return {name: self._tested[one] for name, one in lines.items() if self._tested[one]}

    def answers(self, endpoint: Endpoint) -> bool:
        """Whether a running dnsmasq answers as this endpoint wants, or as the first wants that has its MAC."""
        if self._process is None or self._process.ended():
            return False
        return self._answers.get((endpoint.mac, endpoint.address)) == endpoint.lease

    def stop(self) -> None:
        """End every dnsmasq of ours, also of an earlier agent, and remove its files."""
        for process in self._running():
            process.stop()
            os.close(process.handle)
        self._process = None

    def _replace(self, running: list[_Process], config: Path, content: str, told: Terms, endpoints: int) -> list[str]:
        """Have the one with this configuration run, and none of the others. Returns what was done."""
        started = time.monotonic()
        self._process = next((item for item in running if content and item.config == config), None)
        done = []
        if self._process is not None:
            done += [
                f"dnsmasq {self._process.pid} adopted",
                *self._process.restore_files(content),
                *self._process.tell(told),
            ]
        elif content:
            self._process = self._start(config, content, told)
            done.append(
                f"dnsmasq {self._process.pid} started for {endpoints} endpoints ({time.monotonic() - started:.3f} s)"
            )
        for old in running:
            if old is not self._process:
                old.stop()
                done.append(f"dnsmasq {old.pid} stopped")
        return done

    def _start(self, config: Path, content: str, told: Terms) -> _Process:
        hosts, options = files = _files(config, told)
        for path, text in {config: content, **files}.items():
            _write(path, text)
        pid_file = _pid_file(config)
        pid_file.unlink(missing_ok=True)
        try:
            # It comes back when the daemon has bound its sockets and written its pid file.
            run = subprocess.run(
                [
                    *("dnsmasq", f"--conf-file={config}", f"--pid-file={pid_file}"),
                    *(f"--dhcp-hostsfile={hosts}", f"--dhcp-optsfile={options}"),
                ],
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
                process = replace(item, terms=told)
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
            _remove_files(config)
        known = self._process
        if known is None or known.ended():
            return found
        for item in found:
            if item.pid == known.pid:
                os.close(item.handle)
        return [known if item.pid == known.pid else item for item in found]


def _without_options(wanted: Desired, refused: Collection[str]) -> Desired:
    if not refused:
        return wanted
    endpoints = tuple(
        replace(item, lease=item.lease.model_copy(update={"options": []})) if item.id in refused else item
        for item in wanted.endpoints
    )
    return replace(wanted, endpoints=endpoints)


def _test(lines: Sequence[str]) -> str:
    """Why dnsmasq refuses these lines; empty when it does not, or cannot be asked: then it does not start either."""
    try:
        run = subprocess.run(
            ["dnsmasq", "--test", "--conf-file=/dev/stdin"],
            input=_text(f"dhcp-option={line}" for line in lines),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return run.stderr.strip().rpartition("\n")[2] if run.returncode else ""


def _pid_file(config: Path) -> Path:
    return config.with_suffix(".pid")


def _files(config: Path, terms: Terms) -> dict[Path, str]:
    """The files that are read again, with their contents: hosts, then options."""
    return {config.with_suffix(".hosts"): terms.hosts, config.with_suffix(".options"): terms.options}


def _remove_files(config: Path) -> None:
    for path in (config, _pid_file(config), *_files(config, Terms("", ""))):
        path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_file(path, text, 0o644)


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
