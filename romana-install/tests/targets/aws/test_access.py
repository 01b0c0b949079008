"""How nodes are reached whose addresses a cloud gives: by ssh, and romana-server by its client."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from romana_install.base.files import write_private
from romana_install.config.settings import Config
from romana_install.state import pki
from romana_install.state import ssh as stack_ssh
from romana_install.state.stack import ADDRESSES_FILE, SECRETS_FILE, Stack, StackError
from romana_install.targets.aws.target import Aws

ADDRESSES = """Host compute01 192.168.99.11
    HostName 198.51.100.11
    HostKeyAlias compute01
Host controller 192.168.99.10
    HostName 127.0.0.1
    HostKeyAlias controller
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    made = Stack("romana", tmp_path, Aws().nodes(Config(devstack_compute_node=2)), Aws())
    write_private(tmp_path / ADDRESSES_FILE, ADDRESSES)
    write_private(tmp_path / SECRETS_FILE, json.dumps({"tokens": {"admin": "a-token-for-the-tests-of-the-client"}}))
    pki.ensure(tmp_path / "pki", made.name, [made.controller.name, made.controller.address])
    stack_ssh.ensure(made)
    return made


def ssh_says(stack: Stack, node: str) -> dict[str, str]:
    command = ["ssh", "-G", "-F", str(stack.directory / "ssh_config"), node]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {key: value for key, _, value in (line.partition(" ") for line in lines)}


def test_ssh_goes_to_the_public_address_and_expects_the_nodes_key(stack: Stack) -> None:
    for name in ("compute01", "192.168.99.11"):
        said = ssh_says(stack, name)
        assert (said["hostname"], said["hostkeyalias"]) == ("198.51.100.11", "compute01")
        assert said["stricthostkeychecking"] == "true"


def test_a_private_address_is_never_tried_from_here(stack: Stack) -> None:
    assert ssh_says(stack, "compute02")["hostname"].endswith(".invalid")


def test_a_node_without_a_public_address(stack: Stack) -> None:
    (stack.directory / ADDRESSES_FILE).unlink()
    with pytest.raises(StackError, match="controller has no public address; have it started with"), stack.client():
        pass


class Server(http.server.BaseHTTPRequestHandler):
    """Has no hosts."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Say nothing."""


@pytest.fixture
def port(stack: Stack) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stack.directory / "pki" / "server.pem", stack.directory / "pki" / "server.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_server_is_reached_by_an_address_that_its_certificate_does_not_have(stack: Stack, port: int) -> None:
    with replace(stack, server_port=port).client() as client:
        assert client.url == f"https://127.0.0.1:{port}"
        assert client.hosts() == []


def test_a_server_with_another_name_is_not_believed(stack: Stack, port: int) -> None:
    from romana.client import Client
    from romana.contract import Unreachable

    authority = str(stack.directory / "pki" / "ca.pem")
    client = Client(f"https://127.0.0.1:{port}", authority, "token", server_name="compute01")
    with client, pytest.raises(Unreachable, match="certificate"):
        client.hosts()
