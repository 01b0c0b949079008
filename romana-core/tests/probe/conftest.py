"""A node in a network namespace, with a gateway and a real dnsmasq, and romana-probe started in it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import eventually

SOURCE = Path(__file__).parents[2] / "src"
GATEWAY = "10.0.0.1"


class Node:
    """A network namespace that plays a node: forwards, has the gateway address, serves leases."""

    def __init__(self, directory: Path) -> None:
        self.name = f"rp-{secrets.token_hex(4)}"
        self.leases = directory / "hosts"
        self.leases.mkdir()
        self.dnsmasq: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> str:
        done = subprocess.run(self.inside(*command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def inside(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def start(self) -> None:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "add", "romana-gw", "type", "bridge")
        self.run("ip", "address", "add", f"{GATEWAY}/16", "dev", "romana-gw")
        self.run("ip", "link", "set", "romana-gw", "up")

    def plug(self, interface: str, mac: str, address: str) -> None:
        """What an agent does for an endpoint."""
        self.run("sysctl", "-qw", f"net.ipv4.conf.{interface}.proxy_arp=1", f"net.ipv4.neigh.{interface}.proxy_delay=0")
        self.run("ip", "route", "replace", f"{address}/32", "dev", interface, "src", GATEWAY)
        (self.leases / interface).write_text(f"{mac},{address},1h\n")
        self._serve_leases()

    def _serve_leases(self) -> None:
        self._stop_dnsmasq()
        self.dnsmasq = subprocess.Popen(
            self.inside(
                *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-dynamic"),
                *("--interface=romana-gw", "--interface=tap*", "--bridge-interface=romana-gw,tap*"),
                *("--dhcp-range=10.0.0.0,static,255.255.0.0,1h", f"--dhcp-option=option:router,{GATEWAY}"),
                *(f"--dhcp-hostsdir={self.leases}", "--leasefile-ro", "--dhcp-authoritative"),
                *("--pid-file=", "--log-facility=-", "--user=root"),
            ),
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: ":67 " in self.run("ss", "-lnu"), "dnsmasq listens")

    def _stop_dnsmasq(self) -> None:
        if self.dnsmasq is not None:
            self.dnsmasq.terminate()
            self.dnsmasq.wait()

    def taps(self) -> list[str]:
        return [link["ifname"] for link in json.loads(self.run("ip", "-j", "link")) if link["ifname"].startswith("tap")]

    def stop(self) -> None:
        self._stop_dnsmasq()
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


class Helper:
    """romana-probe on a node, spoken to one request at a time."""

    def __init__(self, node: Node) -> None:
        self.process = subprocess.Popen(
            node.inside(sys.executable, "-m", "romana.probe"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)},
        )
        self.last = 0

    def send(self, do: str, **fields: object) -> int:
        assert self.process.stdin is not None
        self.last += 1
        self.process.stdin.write(json.dumps({"id": self.last, "do": do} | fields).encode() + b"\n")
        self.process.stdin.flush()
        return self.last

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "romana-probe has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, do: str, **fields: object) -> Any:
        """The result of a request that is expected to succeed."""
        request = self.send(do, **fields)
        answer = self.read()
        assert answer["id"] == request
        assert answer["ok"], answer
        return answer["result"]

    def error(self, do: str, **fields: object) -> str:
        """The error of a request that is expected to fail."""
        self.send(do, **fields)
        answer = self.read()
        assert not answer["ok"], answer
        return str(answer["error"])

    def processes(self) -> set[int]:
        """Process ids of the helper and everything it started."""
        found = {self.process.pid}
        while True:
            more = {child for pid in found for child in _children(pid)} - found
            if not more:
                return found
            found |= more

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def _children(pid: int) -> set[int]:
    try:
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture
def helper(node: Node) -> Iterator[Helper]:
    helper = Helper(node)
    try:
        yield helper
    finally:
        helper.stop()
