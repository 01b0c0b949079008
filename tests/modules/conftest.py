"""Runs the collection's modules as Ansible does on a node, in network namespaces and against a real romana-server."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible
import pytest

from romana.client import Client
from romana_install.state import pki

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path in which romana.openstack is this checkout; as a Python path it has Ansible, nothing else."""
    path = tmp_path_factory.mktemp("collections")
    namespace = path / "ansible_collections" / "romana"
    namespace.mkdir(parents=True)
    (namespace / "openstack").symlink_to(ROOT)
    (path / "ansible").symlink_to(Path(ansible.__file__).parent)
    return path


class Node:
    """A machine with a network of its own: a namespace whose one way out, uplink, leads nowhere."""

    def __init__(self, namespace: str, collections: Path) -> None:
        self.namespace = namespace
        self._collections = collections

    def run(self, *argv: str) -> str:
        """What the program prints in the namespace. Raises CalledProcessError."""
        command = ["ip", "netns", "exec", self.namespace, *argv]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def ip(self, *argv: str) -> Any:
        """The JSON answer of `ip`; None when it has none."""
        output = self.run("ip", "-json", *argv)
        return json.loads(output) if output else None

    def addresses(self, interface: str) -> list[str]:
        """The interface's IPv4 addresses with their lengths."""
        links = self.ip("-4", "address", "show", "dev", interface)
        return [f"{info['local']}/{info['prefixlen']}" for link in links if link for info in link["addr_info"]]

    def state(self) -> list[tuple[Any, ...]]:
        """What a module could change, to compare before and after; without what the kernel changes by itself."""
        links = self.ip("link")
        routes = self.ip("-Numeric", "-4", "route", "show", "table", "all")
        return [
            *[(link["ifname"], link.get("ifalias"), "UP" in link["flags"]) for link in links],
            *[(link["ifname"], self.addresses(link["ifname"])) for link in links],
            *[tuple(route.get(key) for key in ("dst", "gateway", "dev", "protocol", "metric")) for route in routes],
        ]

    def module(self, name: str, /, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module here; see `run_module`."""
        return run_module(self._collections, name, check, arguments, "ip", "netns", "exec", self.namespace)


@pytest.fixture
def node(collections: Path) -> Iterator[Node]:
    """A machine 192.168.99.10/24, alone in its network."""
    namespace = f"romana-module-{uuid.uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        node = Node(namespace, collections)
        node.run("ip", "link", "set", "lo", "up")
        node.run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "nowhere")
        node.run("ip", "link", "set", "nowhere", "up")
        node.run("ip", "link", "set", "uplink", "up")
        node.run("ip", "address", "add", "192.168.99.10/24", "dev", "uplink")
        yield node
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)


def run_module(collections: Path, name: str, check: bool, arguments: dict[str, Any], *wrap: str) -> dict[str, Any]:
    """The module's result in diff mode, with key `rc`; without site-packages, as on a node that has only Python."""
    given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
    process = subprocess.run(
        [*wrap, sys.executable, "-S", "-m", f"ansible_collections.romana.openstack.plugins.modules.{name}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(collections)},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert process.stderr == "", process.stderr
    result: dict[str, Any] = json.loads(process.stdout)
    assert bool(result.get("failed")) == (process.returncode != 0)
    assert "exception" not in result
    result["warnings"] = [warning["event"]["msg"] for warning in result.get("warnings", [])]
    return result


START_SECONDS = 30
ADDRESS = "127.0.0.1"


class Server:
    """A running romana-server with TLS; tokens by role in `tokens`."""

    def __init__(self, directory: Path, port: int, tokens: dict[str, str], collections: Path) -> None:
        self.url = f"https://{ADDRESS}:{port}"
        self.ca = directory / "ca.pem"
        self.tokens = tokens
        self.client = Client(self.url, self.ca, tokens["admin"])
        self._collections = collections

    def module(self, name: str, /, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module with the admin token, unless the arguments say otherwise; see `run_module`."""
        api = {"api_url": self.url, "api_token": self.tokens["admin"], "api_ca_path": str(self.ca)}
        result = run_module(self._collections, name, check, api | arguments)
        assert self.tokens["admin"] not in json.dumps(result)
        return result

    def clear(self) -> None:
        """Remove everything a test has made."""
        for endpoint in self.client.endpoints():
            self.client.delete_endpoint(endpoint.id)
        for policy in self.client.policies():
            self.client.delete_policy(policy.name)
        for tenant in self.client.tenants():
            self.client.delete_tenant(tenant.name)
        for host in self.client.hosts():
            self.client.delete_host(host.name)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory, collections: Path) -> Iterator[Server]:
    """A romana-server process for the whole run."""
    directory = tmp_path_factory.mktemp("server")
    pki.ensure(directory, "test", [ADDRESS])
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
    config = directory / "server.toml"
    config.write_text(
        f'''database_url = "sqlite:///{directory}/romana.db"
listen = "{ADDRESS}"
port = {port}
tls_cert = "{directory}/server.pem"
tls_key = "{directory}/server.key"
'''
    )
    config.chmod(0o600)
    tokens = {role: secrets.token_urlsafe(32) for role in ("admin", "reader")}
    wanted = [{"name": role, "role": role, "token": token, "expires_at": None} for role, token in tokens.items()]
    manage = [sys.executable, "-m", "romana.manage", "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "romana-core" / "src")}
    subprocess.run([*manage, "init"], check=True, env=environment, stdout=subprocess.PIPE)
    given = json.dumps(wanted)
    subprocess.run(
        [*manage, "tokens", "ensure"], check=True, env=environment, input=given, text=True, stdout=subprocess.PIPE
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(str(directory / "ready"))
        ready.settimeout(START_SECONDS)
        process = subprocess.Popen(
            [sys.executable, "-m", "romana.server.main", "--config", str(config)],
            env={**environment, "NOTIFY_SOCKET": str(directory / "ready")},
        )
        try:
            assert b"READY=1" in ready.recv(4096)
            yield Server(directory, port, tokens, collections)
        finally:
            process.terminate()
            process.wait(START_SECONDS)


@pytest.fixture
def server(running_server: Server) -> Iterator[Server]:
    """A romana-server that knows nothing yet."""
    try:
        yield running_server
    finally:
        running_server.clear()
