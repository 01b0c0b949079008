"""What the roles have put on the nodes, seen from inside them."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from testinfra.host import Host

from romana.models import Plan

STACK = Path(os.environ["ROMANA_STACK_DIR"])
PROJECT = Path(__file__).parents[3]
VARS: dict[str, Any] = json.loads((STACK / "vars.json").read_text())
NODES = {node["name"]: node for node in VARS["stack_nodes"]}
FIELDS = ("cidr", "host_bits", "tenant_bits", "segment_bits", "endpoint_bits")
PLAN = Plan(**{field: VARS[f"romana_{field}"] for field in FIELDS})


def connect(name: str) -> Host:
    return Host.get_host(f"ssh://{name}", ssh_config=str(STACK / "ssh_config"))


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest) -> tuple[str, Host]:
    return request.param, connect(request.param)


@pytest.fixture
def controller() -> Host:
    return connect("controller")


def test_the_release_is_complete(node: tuple[str, Host]) -> None:
    _, host = node
    current = host.file("/opt/romana/current")
    assert current.linked_to == f"/opt/romana/releases/{VARS['romana_release_digest']}"
    assert host.file("/opt/romana/current/COMPLETE").exists


@pytest.mark.parametrize(
    ("path", "mode"),
    [("/etc/romana/agent.toml", 0o600), ("/etc/romana/agent.token", 0o600), ("/etc/romana/ca.pem", 0o644)],
)
def test_the_agents_files_are_its_own(node: tuple[str, Host], path: str, mode: int) -> None:
    _, host = node
    assert (host.file(path).user, host.file(path).mode) == ("root", mode)


@pytest.mark.parametrize(
    ("path", "user", "mode"),
    [
        ("/etc/romana/server.toml", "romana", 0o400),
        ("/etc/romana/server.key", "romana", 0o400),
        ("/etc/romana/admin.token", "root", 0o600),
        ("/etc/romana/client.toml", "root", 0o600),
        ("/var/lib/romana-server", "romana", 0o700),
    ],
)
def test_the_servers_files_are_its_own(controller: Host, path: str, user: str, mode: int) -> None:
    assert (controller.file(path).user, controller.file(path).mode) == (user, mode)


def test_the_agent_runs_and_starts_at_boot(node: tuple[str, Host]) -> None:
    _, host = node
    service = host.service("romana-agent")
    assert service.is_running
    assert service.is_enabled


def test_the_server_listens_on_its_own_address_only(controller: Host) -> None:
    address, port = NODES["controller"]["address"], VARS["romana_server_port"]
    assert controller.service("romana-server").is_running
    assert controller.service("romana-server").is_enabled
    connections = controller.check_output("cat /proc/net/tcp")
    listening = [line.split()[1] for line in connections.splitlines()[1:] if line.split()[3] == "0A"]
    ours = [entry for entry in listening if entry.endswith(f":{port:04X}")]
    octets = bytes(reversed(bytes(int(part) for part in address.split(".")))).hex().upper()
    assert ours == [f"{octets}:{port:04X}"]


def test_no_service_runs_as_root_that_need_not(controller: Host) -> None:
    assert controller.check_output("ps -o user= -p $(systemctl show --value -p MainPID romana-server)") == "romana"


def test_gateway_and_routes_follow_the_plan(node: tuple[str, Host]) -> None:
    name, host = node
    plan = PLAN.address_plan()
    routes = host.check_output("ip route")
    for other in NODES.values():
        prefix = plan.host_network(other["index"])
        expected = f"{prefix} dev romana-gw" if other["name"] == name else f"{prefix} via {other['address']} dev eth0"
        assert expected in routes
    assert str(plan.gateway(NODES[name]["index"])) in host.check_output("ip -4 addr show romana-gw")


def test_nodes_know_each_other_by_name(node: tuple[str, Host]) -> None:
    _, host = node
    for other in NODES.values():
        assert other["address"] in host.check_output(f"getent hosts {other['name']}")


def test_tenants_have_their_segments(controller: Host) -> None:
    for tenant in VARS["romana_tenants"]:
        shown = json.loads(controller.check_output(f"romana segment list {tenant['name']} -f json"))
        assert {segment["name"] for segment in shown} == set(tenant["segments"])


def test_the_api_wants_a_token() -> None:
    url = f"https://{NODES['controller']['address']}:{VARS['romana_server_port']}"
    context = ssl.create_default_context(cafile=STACK / "pki" / "ca.pem")
    with httpx.Client(base_url=url, verify=context) as anybody:
        answers = {path: anybody.get(path).status_code for path in ("/healthz", "/docs", "/v1/hosts", "/metrics")}
    assert answers == {"/healthz": 200, "/docs": 200, "/v1/hosts": 401, "/metrics": 401}


def test_a_playbook_that_is_run_by_hand_changes_nothing() -> None:
    """As ansible.cfg says: without Mitogen, by which the installer and all else here run them."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    playbook = Path(sys.executable).with_name("ansible-playbook")
    command = [playbook, "-e", f"@{STACK / 'vars.json'}", "playbooks/tenants.yml"]
    done = subprocess.run(command, env=here, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout, done.stdout
