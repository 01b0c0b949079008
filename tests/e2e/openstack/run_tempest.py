"""Run by tempest's Python: runs its tests, prints what came of each as a line of JSON.

usage: run_tempest.py DIRECTORY NAME...      names: those of modules, classes or tests, or how they begin

In the directory are tempest.conf and told.json: the stack's ssh configuration, the node of each prefix, and the names
of tests that are left out. To an instance's own address leads only the way by its own node, which tempest has no option
for: its ssh client is given that. To floating IPs it connects itself.
"""

from __future__ import annotations

import importlib
import json
import os
import shlex
import sys
import time
import unittest
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SCENARIOS = "tempest.scenario"


def lead(ssh_config: str, nodes: dict[str, str]) -> None:
    """Have tempest's ssh client connect to an instance by the node whose prefix its address is in. nodes: by prefix."""
    import paramiko
    from tempest.lib.common.ssh import Client

    prefixes = {IPv4Network(prefix): node for prefix, node in nodes.items()}
    proxy = SimpleNamespace(host=None, port=None, username=None)

    def node_of(client: Client) -> str | None:
        return next((node for prefix, node in prefixes.items() if IPv4Address(client.host) in prefix), None)

    def channel(client: Client) -> paramiko.ProxyCommand:
        command = ["ssh", "-F", ssh_config, "-W", f"{client.host}:{client.port}", node_of(client)]
        return paramiko.ProxyCommand(shlex.join(command))

    Client.proxy_client = property(lambda client: proxy if node_of(client) else None, lambda _client, _value: None)
    Client._get_proxy_channel = channel


def ask_instances_alone() -> None:
    """Have a scenario ask the instances on a network, and not its router, whose address is on no wire."""
    from tempest.scenario.test_network_basic_ops import TestNetworkBasicOps

    def check(test: TestNetworkBasicOps, network: dict[str, Any], should_connect: bool = True) -> None:
        floating_ip, server = test.floating_ip_tuple
        of_network = {"project_id": server["tenant_id"], "network_id": network["id"]}
        ports = test.os_admin.ports_client.list_ports(**of_network)["ports"]
        instances = [port for port in ports if port["device_owner"].startswith("compute:")]
        addresses = [port["fixed_ips"][0]["ip_address"] for port in instances]
        assert addresses
        test._check_server_connectivity(floating_ip, addresses, should_connect)

    TestNetworkBasicOps._check_network_internal_connectivity = check


def take_ranges_from_the_pool() -> None:
    """Have scenarios give a subnet no range of their choice: a project's networks all have the default pool's."""
    from tempest.scenario.manager import NetworkScenarioTest

    make = NetworkScenarioTest.create_subnet

    def create(test: NetworkScenarioTest, *given: Any, **wanted: Any) -> dict[str, Any]:
        return make(test, *given, use_default_subnetpool=True, **wanted)

    NetworkScenarioTest.create_subnet = create


class Lines(unittest.TestResult):
    """Prints each outcome at once."""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().startTest(test)
        self._began = time.monotonic()

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's
        self._say(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest's
        self._say(test, "skipped", reason)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 - unittest's
        self._say(test, "failed", self._exc_info_to_string(err, test))

    addError = addFailure  # noqa: N815 - unittest's

    def _say(self, test: unittest.TestCase, outcome: str, why: str = "") -> None:
        # Of a class that is skipped whole: "setUpClass (its name)".
        name = test.id().partition("[")[0].removeprefix("setUpClass (").removesuffix(")")
        seconds = time.monotonic() - getattr(self, "_began", time.monotonic())
        print(json.dumps({"name": name, "outcome": outcome, "why": why, "seconds": seconds}), flush=True)


def chosen(suite: unittest.TestSuite, names: list[str], left_out: list[str]) -> unittest.TestSuite:
    """The tests whose names begin with one of these, but for those that are left out, each of which is there."""
    named = [test for test in _each(suite) if test.id().startswith(tuple(names))]
    unknown = [one for one in left_out if not any(test.id().startswith(one) for test in named)]
    assert not unknown, f"no tests have these names: {unknown}"
    return unittest.TestSuite(test for test in named if not test.id().startswith(tuple(left_out)))


def _each(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _each(test)
        else:
            yield test


def load(names: list[str]) -> unittest.TestSuite:
    """All tests of the packages of tempest in which these are."""
    top = Path(importlib.import_module("tempest").__file__).parents[1]
    packages = {_package(top, name) for name in names}
    loader = unittest.TestLoader()
    found = [loader.discover(str(package), top_level_dir=str(top)) for package in sorted(packages)]
    assert not loader.errors, loader.errors
    return unittest.TestSuite(found)


def _package(top: Path, name: str) -> Path:
    """The directory of an API's tests, or of the scenarios."""
    path = top.joinpath(*name.split(".")[:3])
    return path if path.is_dir() else path.parent


def main() -> None:
    """Run the tests that are named."""
    directory, *names = sys.argv[1:]
    os.environ |= {"TEMPEST_CONFIG_DIR": directory, "TEMPEST_CONFIG": "tempest.conf"}
    told = json.loads(Path(directory, "told.json").read_text())
    lead(told["ssh_config"], told["prefixes"])
    if any(name.startswith(SCENARIOS) for name in names):
        ask_instances_alone()
        take_ranges_from_the_pool()
    chosen(load(names), names, told["left_out"]).run(Lines())


if __name__ == "__main__":
    main()
