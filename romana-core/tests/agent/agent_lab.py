"""A network to run real agents in: nodes and guests are namespaces, a switch between them, no way out.

Used by the tests of the agent and by the benchmarks.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from starting import SOURCES, Process, agent_command, executed_agent

from romana.files import write_file
from romana.models import (
    Bandwidth,
    Changes,
    GroupMembers,
    GroupRule,
    HostState,
    Lease,
    Members,
    Permissions,
    Plan,
    Protocol,
    Selector,
    StateEndpoint,
    StateFloating,
    StateForwarding,
    StateGroup,
    StateHost,
    StateRule,
    StateSegment,
)

SERVER = "192.168.99.9"  # where a lab's romana-server is, if it has one
ASKED = tuple(word for name in ("mtu", "staticroutes", "ntpsrv") for word in ("-O", name))
UDHCPC_SCRIPT = """#!/bin/sh
case "$1" in
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up;;
bound|renew)
  ip addr flush dev "$interface"
  ip addr add "$ip/$mask" dev "$interface"
  ip route replace default via "$router" dev "$interface"
  echo "$ip/$mask $router"
  # Beside that, for who asks what it was told.
  echo "dns=$dns;host=$hostname;domain=$domain;mtu=$mtu;routes=$staticroutes;ntp=$ntpsrv" > "$0.told";;
esac
"""


class LabError(Exception):
    """Something the lab needs did not happen."""


def until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Wait until `condition` is true. Raises LabError after `seconds`."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited > seconds:
            raise LabError(f"not within {seconds:.0f} s: {what}")
        # To look takes from a busy machine what the condition waits for: the longer that takes, the less often.
        time.sleep(min(max(0.02, waited / 10), 0.2))


def run(*argv: str, check: bool = True, stdin: str | None = None, timeout: float = 60.0) -> str:
    """Run a program; its output."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def tcp_connects(namespace: Namespace, address: str, port: int) -> bool:
    """Whether a TCP connection from a namespace is accepted."""
    # Only that: who also waits for the connection's end waits for ever if a policy goes meanwhile.
    argv = namespace.command("timeout", "1", "bash", "-c", 'exec 3<>"/dev/tcp/$0/$1"', address, str(port))
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


class Namespace:
    """A network namespace, gone with `close`."""

    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *argv: str) -> list[str]:
        """The command line that runs `argv` inside."""
        if argv[0] == "ip":  # half the work
            return ["ip", "-n", self.name, *argv[1:]]
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str, check: bool = True, stdin: str | None = None, timeout: float = 60.0) -> str:
        """Run a program inside; its output."""
        return run(*self.command(*argv), check=check, stdin=stdin, timeout=timeout)

    def json(self, *argv: str) -> Any:
        """What a program inside prints as JSON."""
        return json.loads(self.run(*argv) or "[]")

    def close(self) -> None:
        """Remove the namespace with its devices, and end what still runs in it."""
        for pid in run("ip", "netns", "pids", self.name, check=False).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        # Else the kernel sends the ICMP errors of packets still waiting in there from the machine's own namespace.
        self.run("ip", "link", "set", "group", "default", "down", check=False)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


@dataclass
class Guest:
    """An endpoint and the namespace behind its tap. `address` is what the control plane gave it."""

    id: str
    node: Node
    interface: str
    mac: str
    tenant: int
    segment: int
    address: str
    namespace: Namespace | None = None
    permissions: Permissions = field(default_factory=Permissions)
    lease_terms: Lease = field(default_factory=Lease)
    bandwidth: Bandwidth = field(default_factory=Bandwidth)

    @property
    def inside(self) -> Namespace:
        """The guest's own namespace."""
        if self.namespace is None:
            raise LabError(f"guest {self.id} is not plugged in")
        return self.namespace

    def plug(self) -> None:
        """Make the tap, with the guest behind it."""
        if self.namespace is None:
            self.namespace = Namespace(self.node.lab.unique("g"))
        node, own = self.node.namespace.name, self.namespace.name
        run("ip", "link", "add", self.interface, "netns", node, "type", "veth", "peer", "eth0", "netns", own)
        self.namespace.run("ip", "link", "set", "eth0", "address", self.mac)
        self.node.namespace.run("ip", "link", "set", self.interface, "up")
        self.namespace.run("ip", "link", "set", "eth0", "up")

    def unplug(self) -> None:
        """Take the tap away; the guest's namespace stays."""
        self.node.namespace.run("ip", "link", "del", self.interface)

    def lease(self) -> str:
        """Get an address by DHCP and use it. Returns 'address/prefix router', empty when nobody answers."""
        script = str(self.node.lab.directory / "udhcpc")
        argv = ("busybox", "udhcpc", *ASKED, "-f", "-n", "-q", "-t", "4", "-T", "1", "-i", "eth0", "-s", script)
        said = self.inside.run(*argv, check=False)
        return next((line for line in said.splitlines() if " " in line and line[0].isdigit()), "")

    def told(self) -> dict[str, str]:
        """What DHCP said beside the address, at the last lease of any guest."""
        text = (self.node.lab.directory / "udhcpc.told").read_text()
        return dict(part.partition("=")[::2] for part in text.strip().split(";"))

    def configure(self) -> None:
        """Use the address without asking for it, as after a lease."""
        self.inside.run("ip", "addr", "replace", f"{self.address}/16", "dev", "eth0")
        self.inside.run("ip", "route", "replace", "default", "via", self.node.gateway)

    def tcp(self, target: Guest | str, port: int) -> bool:
        """Whether a TCP connection to a port is accepted."""
        address = target if isinstance(target, str) else target.address
        return tcp_connects(self.inside, address, port)

    def listen(self, port: int) -> subprocess.Popen[bytes]:
        """Accept TCP connections on a port until the lab is closed."""
        argv = self.inside.command("busybox", "nc", "-ll", "-p", str(port), "-e", "/bin/true")
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.node.lab.processes.append(process)
        until(lambda: f":{port} " in self.inside.run("ss", "-Hltn"), f"{self.id} listens on {port}")
        return process

    def reaches(self, target: Guest | str, *, count: int = 1) -> bool:
        """Whether a ping is answered."""
        address = target if isinstance(target, str) else target.address
        argv = self.inside.command("busybox", "ping", "-c", str(count), "-W", "1", address)
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


class Node:
    """A host: a namespace with eth0 on the switch, and an agent in it."""

    def __init__(self, lab: Lab, index: int) -> None:
        self.lab = lab
        self.metadata = ""  # address:port of the metadata service, as in agent.toml
        self.consoles = ""  # who may reach which ports, as in agent.toml
        self.routers = False  # as in agent.toml
        self.masquerade = False  # as in agent.toml
        self.programs: Path | None = None  # where the agent looks for programs first
        self.index = index
        self.name = f"node{index}"
        self.address = f"192.168.99.{10 + index}"
        self.prefix = f"10.{index}.0.0/16"
        self.gateway = f"10.{index}.0.1"
        self.directory = lab.directory / self.name
        self.state_dir, self.run_dir = self.directory / "state", self.directory / "run"
        self.config = self.directory / "agent.toml"
        self.log = self.directory / "agent.log"
        self.process: Process | None = None
        self.boot()

    def boot(self) -> None:
        """A namespace as a host has it right after its start."""
        self.namespace = Namespace(self.lab.unique("n"))
        port = f"p{self.index}"
        run("ip", "link", "add", port, "netns", self.lab.switch.name, "type", "veth",
            "peer", "eth0", "netns", self.namespace.name)  # fmt: skip
        self.lab.switch.run("ip", "link", "set", port, "master", "bridge0", "up")
        # A machine keeps it when it boots; others would ask for the old one for half a minute.
        self.namespace.run("ip", "link", "set", "eth0", "address", f"02:00:00:00:99:{10 + self.index:02x}")
        self.namespace.run("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        self.namespace.run("ip", "link", "set", "eth0", "up")
        self.namespace.run("ip", "route", "add", "default", "via", "192.168.99.1")
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o755)
        self.token = f"agent-of-{self.name}-0123456789abcdef0123456789abcdef"
        (self.directory / "token").write_text(f"{self.token}\n")
        self.configure()

    def configure(self) -> None:
        """Write the agent's configuration."""
        self.config.write_text(
            f'host = "{self.name}"\nurl = "{self.lab.url}"\ntoken_file = "{self.directory / "token"}"\n'
            f'ca_file = "{self.lab.directory / "ca.pem"}"\n'
            f'state_dir = "{self.state_dir}"\nrun_dir = "{self.run_dir}"\n'
            + (f'metadata = "{self.metadata}"\n' if self.metadata else "")
            + (f'consoles = "{self.consoles}"\n' if self.consoles else "")
            + ("routers = true\n" if self.routers else "")
            + ("masquerade = true\n" if self.masquerade else "")
        )

    def mac(self) -> str:
        """What the other nodes see its packets come from."""
        return str(self.namespace.json("ip", "-j", "link", "show", "eth0")[0]["address"])

    def reboot(self) -> None:
        """All that lives in memory is gone; files stay, but for those of running processes."""
        self.kill_agent()
        self.stop_dnsmasq()
        shutil.rmtree(self.run_dir, ignore_errors=True)
        # The kernel clears a namespace some time after it is closed; guests get new taps at once.
        for guest in self.lab.guests:
            if guest.node is self:
                self.namespace.run("ip", "link", "del", guest.interface, check=False)
        self.namespace.close()
        self.lab.switch.run("ip", "link", "del", f"p{self.index}", check=False)
        self.boot()

    def agent(self, *options: str) -> list[str]:
        """The agent's command line."""
        return agent_command(self._arguments(*options), self.namespace.name)

    def environment(self) -> dict[str, str]:
        """The agent's environment."""
        path = os.environ["PATH"] if self.programs is None else f"{self.programs}:{os.environ['PATH']}"
        return os.environ | {"PYTHONPATH": str(SOURCES), "PATH": path}

    def start_agent(self, seconds: float = 120.0) -> float:
        """Start the agent and wait until it says it is ready. Returns the seconds that took."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.directory / "notify"
        path.unlink(missing_ok=True)
        channel.bind(str(path))
        started = time.monotonic()
        environment = self.environment() | {"NOTIFY_SOCKET": str(path)}
        self.process = self.lab.start(self._arguments(), environment, self.namespace.name, self.log)
        handle = os.pidfd_open(self.process.pid)
        try:
            poll = select.poll()  # `select` has no room for the handles of a test with many sockets
            poll.register(channel, select.POLLIN)
            poll.register(handle, select.POLLIN)
            ready = [number for number, _ in poll.poll(seconds * 1000)]
        finally:
            os.close(handle)
        if channel.fileno() not in ready:
            raise LabError(f"the agent of {self.name} is not ready:\n{self.log.read_text()[-2000:]}")
        channel.close()
        return time.monotonic() - started

    def start_agent_in_force(self) -> None:
        """Start the agent; raises LabError also when what it began with is not in force."""
        said = self.log.stat().st_size if self.log.exists() else 0
        self.start_agent()
        refused = re.findall(rb"^ERROR (?:firewall|group .*): .*$", self.log.read_bytes()[said:], re.MULTILINE)
        if refused:
            raise LabError(f"the agent of {self.name} says: {refused[0].decode()}")

    def errors(self) -> list[str]:
        """What its agent has logged as errors, but that nobody can be asked: the lab alone has no server."""
        lines = re.findall(r"^ERROR .*$", self.log.read_text(), re.MULTILINE)
        return [line for line in lines if not line.startswith("ERROR the network stays as it is: ")]

    def kill_agent(self, number: int = signal.SIGKILL) -> None:
        """End the agent."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=120)
            self.process = None

    def remove_agent(self) -> None:
        """What uninstalling does."""
        self.kill_agent(signal.SIGTERM)
        done = subprocess.run(
            self.agent("--remove"), env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"--remove: {done.stderr}")

    def dnsmasqs(self) -> list[int]:
        """Process ids of the dnsmasqs of this node's agent, whatever has become of their files."""
        start = f"--conf-file={self.run_dir}/".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(b"dnsmasq\0" + start):
                    found.append(int(entry.name))
        return sorted(found)

    def stop_dnsmasq(self) -> None:
        """End them, hard."""
        for pid in self.dnsmasqs():
            os.kill(pid, signal.SIGKILL)

    def routes(self) -> set[str]:
        """Routes of the main table: 'prefix via|dev where'."""
        return {
            f"{item['dst']} " + (f"via {item['gateway']}" if "gateway" in item else f"dev {item['dev']}")
            for item in self.namespace.json("ip", "-j", "-4", "route")
        }

    def set_elements(self, name: str, family: str = "inet") -> list[Any]:
        """Elements of a set of the agent's table."""
        listed = self.namespace.json("nft", "-j", "list", "set", family, "romana", name)
        return next(item["set"] for item in listed["nftables"] if "set" in item).get("elem", [])  # type: ignore[no-any-return]

    def rule_count(self) -> int:
        """How many nft rules there are on the node."""
        return sum("rule" in item for item in self.namespace.json("nft", "-j", "list", "ruleset")["nftables"])

    def sysctl(self, path: str, value: str | None = None) -> str:
        """Read a parameter below /proc/sys, or write it."""
        if value is not None:
            self.namespace.run("sh", "-c", f"echo {value} > /proc/sys/{path}")
        return self.namespace.run("cat", f"/proc/sys/{path}").strip()

    def _arguments(self, *options: str) -> list[str]:
        """Of the agent's program."""
        return ["--config", str(self.config), *options]

    def close(self) -> None:
        """End all that runs and remove the namespace."""
        self.kill_agent()
        self.stop_dnsmasq()
        self.namespace.close()


@dataclass
class Lab:
    """Nodes on a switch, and what the control plane would say of them. start: how agents start, see starting.py."""

    count: int
    start: Callable[[Sequence[str], Mapping[str, str], str, Path], Process] = executed_agent
    url: str = f"https://{SERVER}:9600"
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="romana-lab-")))
    nodes: list[Node] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    segments: list[tuple[int, int]] = field(default_factory=lambda: [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)])
    rules: list[StateRule] = field(default_factory=list)
    groups: dict[str, list[GroupRule]] = field(default_factory=dict)
    floating: dict[str, Guest] = field(default_factory=dict)  # floating IPs, and whose they are
    # By floating IP, protocol and port: whom it leads to, and to which port.
    forwarded: dict[tuple[str, str, int], tuple[Guest, int]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)  # groups whose members nobody tells
    owners: dict[int, int] = field(default_factory=dict)  # tenants, of nodes that are not everybody's
    generation: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tag = f"r{secrets.token_hex(3)}"
        self._numbers = itertools.count()
        self.directory.chmod(0o755)  # dnsmasq reads its files as its own user
        script = self.directory / "udhcpc"
        script.write_text(UDHCPC_SCRIPT)
        script.chmod(0o755)
        self.switch = Namespace(self.unique("s"))
        self.switch.run("ip", "link", "add", "bridge0", "type", "bridge")
        self.switch.run("ip", "link", "set", "bridge0", "up")
        for index in range(self.count):
            self.nodes.append(Node(self, index))

    def unique(self, kind: str) -> str:
        """A name no other namespace has."""
        return f"{self._tag}{kind}{next(self._numbers)}"

    def guest(self, node: int, tenant: int, segment: int, *, plug: bool = True) -> Guest:
        """Add an endpoint on a node to the desired state (`push` says so to the agents)."""
        number = next(self._numbers)
        host = self.nodes[node]
        plan = Plan().address_plan()
        taken = {item.address for item in self.guests}
        address = next(
            text
            for endpoint in plan.endpoints
            if (text := str(plan.address(host.index, tenant, segment, endpoint))) not in taken
        )
        guest = Guest(f"e{number}", host, f"tap{number:08x}", f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}",
                      tenant, segment, address)  # fmt: skip
        self.guests.append(guest)
        if plug:
            guest.plug()
        return guest

    def allow(
        self,
        source: tuple[int, int] | str,
        target: tuple[int, int] | str,
        protocol: str = "any",
        ports: Iterable[tuple[int, int]] = (),
    ) -> StateRule:
        """Add a rule to the desired state; a side is (tenant, segment) or a CIDR."""
        rule = StateRule(
            source=_selector(source), target=_selector(target), protocol=Protocol(protocol), ports=list(ports)
        )
        self.rules.append(rule)
        return rule

    def state(self, node: Node) -> HostState:
        """What the server would send to a node."""
        hosts = [
            StateHost(
                name=item.name,
                index=item.index,
                address=IPv4Address(item.address),
                owner=self.owners.get(item.index),
                mac=item.mac() if self.owners else None,
            )
            for item in self.nodes
        ]
        return HostState(
            generation=self.generation,
            plan=Plan(),
            host=hosts[node.index],
            peers=[host for host in hosts if host.index != node.index],
            segments=[StateSegment(tenant=tenant, segment=segment) for tenant, segment in self.segments],
            rules=self.rules,
            endpoints=[
                StateEndpoint(
                    id=item.id,
                    address=IPv4Address(item.address),
                    mac=item.mac,
                    interface=item.interface,
                    permissions=item.permissions,
                    lease=item.lease_terms,
                    bandwidth=item.bandwidth,
                )
                for item in self.guests
                if item.node is node
            ],
            groups=[StateGroup(id=name, rules=rules) for name, rules in self.groups.items()],
            floating=[
                StateFloating(address=IPv4Address(address), endpoint_address=IPv4Address(item.address))
                for address, item in self.floating.items()
                if item.node is node
            ],
            forwarding=[
                StateForwarding.model_validate(
                    {
                        "address": address,
                        "protocol": protocol,
                        "port": port,
                        "endpoint_address": item.address,
                        "endpoint_port": endpoint_port,
                        "host": None if item.node is node else item.node.address,
                        "answering": None if self.answering(address) is node else self.answering(address).address,
                    }
                )
                for (address, protocol, port), (item, endpoint_port) in self.forwarded.items()
                if node in (item.node, self.answering(address))
            ],
        )

    def answering(self, address: str) -> Node:
        """The node that answers for a floating IP of which ports are forwarded."""
        nodes = (item.node for (other, *_), (item, _) in self.forwarded.items() if other == address)
        return min(nodes, key=lambda node: node.index)

    def members(self) -> Members:
        """Who is in groups, as the server would send it."""
        return Members(
            generation=self.generation,
            whole=True,
            groups=[
                GroupMembers(
                    id=name,
                    added=[
                        IPv4Network(item.address) for item in self.guests if name in (item.permissions.groups or ())
                    ],
                )
                for name in self.groups
                if name not in self.silent
            ],
        )

    def store(self) -> None:
        """Give every node the present state as the last one its agent saw."""
        self.generation += 1
        for node in self.nodes:
            node.state_dir.mkdir(parents=True, exist_ok=True)
            changes = Changes(state=self.state(node), members=self.members())
            write_file(node.state_dir / "state.json", changes.model_dump_json(), 0o600)

    def push(self) -> None:
        """Have every node's agent apply the present state: they are started again with it.

        Raises LabError when a firewall is not as the state says.
        """
        self.store()
        for node in self.nodes:
            node.kill_agent(signal.SIGTERM)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start_agent_in_force, self.nodes))

    def close(self) -> None:
        """Take everything away."""
        for process in self.processes:
            process.kill()
            process.wait()
        for node in self.nodes:
            node.close()
        for guest in self.guests:
            if guest.namespace is not None:
                guest.namespace.close()
        self.switch.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _selector(side: tuple[int, int] | str) -> Selector:
    if isinstance(side, str):
        return Selector.model_validate({"cidr": side})
    return Selector(tenant=side[0], segment=side[1])


def bare_taps(namespace: Namespace, names: Iterable[str]) -> None:
    """Make many tap devices that nobody listens behind, quickly."""
    commands = [line for name in names for line in (f"tuntap add {name} mode tap", f"link set {name} up")]
    namespace.run("ip", "-batch", "-", stdin="\n".join(commands) + "\n", timeout=300)


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def discover(sender: str, client: str = "") -> bytes:
    """The frame of a DHCPDISCOVER. `client`: another hardware address to ask for."""
    source, mac = (bytes.fromhex(text.replace(":", "")) for text in (sender, client or sender))
    bootp = struct.pack("!4B3I", 1, 1, 6, 0, 0x526F6D61, 0, 0) + bytes(12) + mac + bytes(10 + 192)
    options = bytes([99, 130, 83, 99, 53, 1, 1, 55, 2, 1, 3, 255])
    body = (bootp + options).ljust(300, b"\0")
    udp = struct.pack("!4H", 68, 67, 8 + len(body), 0) + body
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return b"\xff" * 6 + source + b"\x08\x00" + header + udp


def offered(frame: bytes) -> str:
    """The address that a DHCP offer in this frame gives; empty for any other frame."""
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP or frame[34:36] != b"\x00\x43":
        return ""
    return socket.inet_ntoa(frame[42 + 16 : 42 + 20])
