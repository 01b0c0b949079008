"""Two nodes in network namespaces with real agents and a real server, and `verify` run against them.

Only inside the controller's namespace the API can be reached. So what needs it runs this file there as a program:
`cluster.py <stack directory> <prefix> <action>`; the actions are at the end of the file.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from romana.client import Client
from romana.models import HostCreate, PolicyCreate, SegmentCreate, TenantCreate
from romana_install.state import pki
from romana_install.state.stack import Node, Stack
from romana_install.targets.local.target import Local
from romana_install.verify import render, run
from romana_install.verify.network import PROGRAM

PROJECT = Path(__file__).parents[2]
SOURCES = f"{PROJECT / 'romana-core' / 'src'}:{PROJECT / 'romana-install' / 'src'}"
NODES = (
    Node("controller", "192.168.99.10", 0, controller=True, compute=True),
    Node("compute01", "192.168.99.11", 1, controller=False, compute=True),
)
DEADLINE = 120.0  # seconds


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as `condition` holds; fail when it does not within DEADLINE."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        time.sleep(0.02)


class Namespaces(Local):
    """Whose nodes this machine reaches without a network between, and whose agents nobody supervises."""

    def check_way(self, stack: Stack) -> None:
        """There is none."""

    def ended(self, _stack: Stack, _node: Node) -> str:
        return ""


class NamespaceStack(Stack):
    """A stack whose nodes are network namespaces: entered, where others are reached by ssh."""

    def ssh_command(self, node_name: str, *argv: str) -> list[str]:
        assert argv == (PROGRAM,)
        namespace = f"{self.name}{self.node(node_name).index}"
        return ["ip", "netns", "exec", namespace, sys.executable, "-m", "romana.probe"]

    def login_command(self, node_name: str, *argv: str) -> list[str]:
        return ["ip", "netns", "exec", f"{self.name}{self.node(node_name).index}", "sh", "-c", " ".join(argv)]


class HalfReachableStack(NamespaceStack):
    """The same, but there is no way to compute01."""

    def ssh_command(self, node_name: str, *argv: str) -> list[str]:
        if node_name == "compute01":
            return ["sh", "-c", "echo connect to host compute01 port 22: Connection refused >&2; exit 255"]
        return super().ssh_command(node_name, *argv)


class Cluster:
    """The two nodes. `directory` becomes the stack's state directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.prefix = f"rv-{secrets.token_hex(3)}-"
        self._tokens = {name: secrets.token_urlsafe(24) for name in ("admin", *(node.name for node in NODES))}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def inside(self, node: int, *command: str) -> list[str]:
        return ["ip", "netns", "exec", f"{self.prefix}{node}", *command]

    def on(self, node: int, *command: str) -> str:
        """Run a command on a node; its output."""
        done = subprocess.run(
            self.inside(node, *command), capture_output=True, text=True, check=False, env=_environment()
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        self._make_network()
        pki.ensure(self.directory / "pki", "test", [NODES[0].address, "localhost", "127.0.0.1"])
        tokens = {"tokens": {"admin": self._tokens["admin"]}}
        (self.directory / "secrets.json").write_text(json.dumps(tokens))
        self._start_server()
        self.do("fill")
        for node in NODES:
            self._start_agent(node)

    def verify(self, action: str = "verify") -> dict[str, Any]:
        """The report of a verification, made where the API can be reached."""
        process = self.start_verify(action)
        output, messages = process.communicate()
        assert process.returncode == 0, messages.decode()
        report: dict[str, Any] = json.loads(output)
        return report

    def start_verify(self, action: str = "verify") -> subprocess.Popen[bytes]:
        command = self.inside(0, *self._do(action))
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment())

    def do(self, action: str) -> str:
        """Do one of the other things at the end of this file; what it prints."""
        return self.on(0, *self._do(action))

    def names(self) -> list[str]:
        """Names of all endpoints and policies."""
        names: list[str] = json.loads(self.do("names"))
        return names

    def _do(self, action: str) -> tuple[str, ...]:
        return sys.executable, __file__, str(self.directory), self.prefix, action

    def taps(self, node: int) -> list[str]:
        links = json.loads(self.on(node, "ip", "-j", "link"))
        return [link["ifname"] for link in links if link["ifname"].startswith("tap")]

    def chain(self, node: int, name: str) -> str:
        """A chain of the agent's firewall, as nft lists it; empty when there is none."""
        command = self.inside(node, "nft", "list", "chain", "inet", "romana", name)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        namespaces = [f"{self.prefix}{node.index}" for node in NODES]
        for namespace in namespaces:
            left = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
            for pid in left.stdout.split():  # the agents' dnsmasq, which outlives an agent on purpose
                os.kill(int(pid), 9)
        for namespace in namespaces:
            # Else the kernel sends the ICMP errors of packets still waiting in there from the machine's own namespace.
            subprocess.run(["ip", "-n", namespace, "link", "set", "group", "default", "down"], check=False)
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)

    def _make_network(self) -> None:
        for node in NODES:
            subprocess.run(["ip", "netns", "add", f"{self.prefix}{node.index}"], check=True)
            self.on(node.index, "ip", "link", "set", "lo", "up")
        names = [f"{self.prefix}{node.index}" for node in NODES]
        self.on(0, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for node in NODES:
            self.on(node.index, "ip", "address", "add", f"{node.address}/24", "dev", "eth0")
            self.on(node.index, "ip", "link", "set", "eth0", "up")

    def _start_server(self) -> None:
        config = self.directory / "server.toml"
        config.write_text(
            f'database_url = "sqlite:///{self.directory}/romana.db"\nlisten = "{NODES[0].address}"\nport = 9600\n'
            f'tls_cert = "{self.directory}/pki/server.pem"\ntls_key = "{self.directory}/pki/server.key"\n[plan]\n'
        )
        config.chmod(0o600)
        manage = [sys.executable, "-m", "romana.manage", "--config", str(config)]
        self.on(0, *manage, "init")
        wanted = [{"name": "admin", "role": "admin", "token": self._tokens["admin"], "expires_at": None}] + [
            {"name": node.name, "role": f"agent:{node.name}", "token": self._tokens[node.name], "expires_at": None}
            for node in NODES
        ]
        subprocess.run(
            self.inside(0, *manage, "tokens", "ensure"),
            input=json.dumps(wanted),
            text=True,
            check=True,
            env=_environment(),
            stdout=subprocess.DEVNULL,
        )
        self._start("server", 0, sys.executable, "-m", "romana.server.main", "--config", str(config))
        wait_until(lambda: ":9600 " in self.on(0, "ss", "-lnt"), "the server listens")

    def _start_agent(self, node: Node) -> None:
        home = self.directory / node.name
        home.mkdir()
        (home / "token").write_text(self._tokens[node.name])
        (home / "agent.toml").write_text(
            f'host = "{node.name}"\nurl = "https://{NODES[0].address}:9600"\nca_file = "{self.directory}/pki/ca.pem"\n'
            f'token_file = "{home}/token"\nstate_dir = "{home}/state"\nrun_dir = "{home}/run"\n'
        )
        for path in (home / "token", home / "agent.toml"):
            path.chmod(0o600)
        command = (sys.executable, "-m", "romana.agent.main", "--config", str(home / "agent.toml"))
        self._start(node.name, node.index, *command)

    def _start(self, name: str, node: int, *command: str) -> None:
        with (self.directory / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.inside(node, *command), stderr=log, stdout=log, env=_environment()
            )


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCES}


def _fill(client: Client) -> None:
    for node in NODES:
        client.create_host(HostCreate.model_validate({"name": node.name, "address": node.address, "index": node.index}))
    for tenant in ("admin", "demo"):
        client.create_tenant(TenantCreate(name=tenant))
        for segment in ("default", "s1", "s2"):
            client.create_segment(tenant, SegmentCreate(name=segment))


def _main(directory: str, prefix: str, action: str) -> None:
    stack = NamespaceStack(prefix, Path(directory), NODES, Namespaces())
    verifiable = {
        "verify": stack,
        "quick": stack,
        "unreachable": HalfReachableStack(prefix, Path(directory), NODES, Namespaces()),
        "no-server": replace(stack, server_port=1),
    }
    if action in verifiable:
        print(render(run(verifiable[action], quick=action != "verify"), "json"))
        return
    with stack.client() as client:
        if action == "fill":
            _fill(client)
        elif action == "names":
            endpoints = [endpoint.name for endpoint in client.endpoints()]
            print(json.dumps(endpoints + [policy.name for policy in client.policies()]))
        elif action == "open":
            everything = {"name": "everything", "source": {"tenant": "demo"}, "target": {"tenant": "admin"}}
            client.create_policy(PolicyCreate.model_validate(everything))
        elif action == "close":
            client.delete_policy("everything")


if __name__ == "__main__":
    _main(*sys.argv[1:])
