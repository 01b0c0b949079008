"""The roles, by molecule and testinfra, on the containers that the target `local` makes.

Ansible runs them as it does in an installation, by Mitogen; one of the tests on the nodes runs a playbook without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from romana_install.ansible import run, variables
from romana_install.ansible.release import NODE_PYTHON, build_release
from romana_install.base.files import write_json
from romana_install.config.settings import Config
from romana_install.state import pki, secrets, ssh
from romana_install.state.stack import Stack, cache_home
from romana_install.targets import stacks
from romana_install.targets.checks import OPENSTACK_RELEASE
from romana_install.targets.local.target import Local

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


LONG = pytest.mark.long("every installation has the roles with their defaults; `alternative` has the same tests")


@pytest.fixture(params=[pytest.param("default", marks=LONG), "alternative"])
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A scenario's name, and the environment in which molecule finds the stack it is about."""
    name = request.param
    given = {"openstack_engine": "none", "local_debian_release": OPENSTACK_RELEASE, **SCENARIOS[name]}
    config = Config(stack_name=f"mol-{name[:3]}", **given)
    stack = Stack(
        config.stack_name,
        tmp_path / "stack",
        Local().nodes(config),
        Local(),
        network=config.local_network,
        server_port=config.romana_server_port,
    )
    stack.directory.mkdir(mode=0o700)
    stacks.save(stack)
    ssh.ensure(stack)
    pki.ensure(stack.directory / "pki", stack.name, [stack.controller.name, stack.controller.address])
    made = secrets.ensure(stack.directory / "secrets.json", [node.name for node in stack.nodes], (), {})
    release = build_release(PROJECT, cache_home() / "releases", NODE_PYTHON[config.local_debian_release])
    values = variables.of_install(config, stack, str(release.path), release.digest, made)
    write_json(stack.directory / "vars.json", values)
    environment = {
        **os.environ,
        **run.environment(stack.directory),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
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
