"""The roles, by molecule and testinfra, on the containers that the target `local` makes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from romana_install import pki, secrets, ssh, variables
from romana_install.checks import OPENSTACK_RELEASE
from romana_install.files import write_json
from romana_install.plan import nodes
from romana_install.release import build_release
from romana_install.settings import Config
from romana_install.stack import Stack, cache_home

PROJECT = Path(__file__).parents[2]
SCENARIOS: dict[str, dict[str, Any]] = {
    "default": {"local_network": "192.168.89.0/24"},
    "alternative": {
        "local_network": "192.168.88.0/24",
        "romana_cidr": "172.16.0.0/12",
        "romana_host_bits": 4,
        "romana_tenant_bits": 3,
        "romana_segment_bits": 5,
        "romana_endpoint_bits": 8,
        "romana_server_port": 9700,
        "romana_tenants": [{"name": "blue", "segments": ["front", "back"]}],
    },
}


@pytest.fixture(params=SCENARIOS)
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A scenario's name, and the environment in which molecule finds the stack it is about."""
    name = request.param
    given = {"openstack_engine": "none", "local_debian_release": OPENSTACK_RELEASE, **SCENARIOS[name]}
    config = Config(stack_name=f"mol-{name[:3]}", **given)
    stack = Stack(
        config.stack_name, tmp_path / "stack", nodes(config), network=config.local_network, engine="none",
        server_port=config.romana_server_port,
    )  # fmt: skip
    stack.directory.mkdir(mode=0o700)
    stack.save()
    ssh.ensure(stack)
    pki.ensure(stack.directory / "pki", stack.name, [stack.controller.name, stack.controller.address])
    made = secrets.ensure(stack.directory / "secrets.json", [node.name for node in stack.nodes], (), {})
    release = build_release(PROJECT, cache_home() / "releases", variables.NODE_PYTHON[config.local_debian_release])
    values = variables.of_install(config, stack, str(release.path), release.digest, made)
    write_json(stack.directory / "vars.json", values)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ROMANA_STACK_DIR": str(stack.directory),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
    }
    yield name, environment
    molecule("destroy", name, environment)


def molecule(action: str, scenario: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("molecule"), action, "--scenario-name", scenario],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_scenario(scenario: tuple[str, dict[str, str]]) -> None:
    done = molecule("test", *scenario)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
