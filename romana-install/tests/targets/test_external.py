"""The external network: which one a stack has, and what is said about one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install import targets
from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import read
from romana_install.targets import checks, external
from romana_install.targets.static.inventory import Servers
from romana_install.targets.static.target import Static
from romana_install.targets.target import Target

GROUP_VARS = Path(__file__).parents[3] / "group_vars" / "all"
PACKAGES, LIBERTY = "openstack_engine=packages", "openstack_engine=devstack devstack_release=liberty"
GIVEN = "openstack_external_cidr=192.168.99.64/26"


def cidr(target: str, *extra: str) -> str:
    """The external network of a configuration in which nothing else is wrong."""
    draft = read(GROUP_VARS, extra)
    asked = targets.named(target).asked(Options(), draft.config, None)
    return checks.external_cidr(draft, asked, None)


def findings(target: Target, *extra: str) -> list[str]:
    """What is said about the external network."""
    found = checks.findings(read(GROUP_VARS, extra), target, None, MachineNetwork())
    return [str(finding) for finding in found if finding.where.endswith(external.KEY)]


def on(target: str) -> Target:
    """A target as it is asked for without options."""
    return targets.named(target).asked(Options(), read(GROUP_VARS, []).config, None)


@pytest.mark.parametrize(
    ("target", "extra", "expected"),
    [
        ("local", [PACKAGES], "192.168.99.128/26"),
        ("local", [PACKAGES, "local_network=192.168.96.0/27"], "192.168.96.16/29"),
        ("local", [PACKAGES, "local_network=192.168.96.0/28"], ""),
        ("local", [PACKAGES, GIVEN], "192.168.99.64/26"),
        ("local", [PACKAGES, "openstack_external_cidr=none"], ""),
        ("local", [PACKAGES, "openstack_demo=false"], ""),
        ("local", ["openstack_engine=none"], ""),
        ("local", [LIBERTY], ""),
        ("local", ["openstack_engine=devstack devstack_release=2026.1"], "192.168.99.128/26"),
        ("vagrant", [PACKAGES], ""),
        ("vagrant", [PACKAGES, GIVEN], "192.168.99.64/26"),
        ("aws", [PACKAGES], ""),
    ],
)
def test_external_network_of_a_stack(target: str, extra: list[str], expected: str) -> None:
    assert cidr(target, *extra) == expected
    assert findings(on(target), *extra) == []


@pytest.mark.parametrize(
    ("target", "extra", "text"),
    [
        (
            "local",
            ["openstack_external_cidr=172.24.4.0/24"],
            "is not in the nodes' network, 192.168.99.0/24 (local_",
        ),
        ("local", ["openstack_external_cidr=192.168.99.0/26"], "holds the address of controller, 192.168.99.10;"),
        ("local", ["openstack_external_cidr=192.168.99.0/26"], "holds the address of compute01, 192.168.99.11;"),
        ("local", ["openstack_external_cidr=192.168.99.0/29"], "holds the address of the network's first machine, 19"),
        ("local", ["openstack_external_cidr=192.168.99.192/26"], "holds the address of its last machine, 192.168.99.2"),
        ("local", ["openstack_external_cidr=192.168.99.64/30"], "192.168.99.64/30 is too small: each router takes an"),
        ("local", ["openstack_external_cidr=10.9.0.0/16"], "overlaps the network of all endpoints, 10.0.0.0/8 (romana"),
        ("local", ["openstack_external_cidr=192.168.99.65/26"], "'192.168.99.65/26' is not an IPv4 network; write it"),
        ("local", ["openstack_external_cidr=on"], "'on' is not an IPv4 network; write it like 192.168.99.128/26"),
        ("local", [GIVEN, "openstack_demo=false"], "openstack_demo is false, with which no network is made; leave it"),
        ("local", [GIVEN, LIBERTY], "is 192.168.99.64/26, but Neutron of liberty has no floating IPs here; leave it"),
        ("aws", [GIVEN], "192.168.99.64/26 cannot be used on aws: EC2 delivers packets only to addresses that it has"),
    ],
)
def test_external_network_that_cannot_be(target: str, extra: list[str], text: str) -> None:
    words = extra if LIBERTY in extra else [PACKAGES, *extra]
    assert any(text in line for line in findings(on(target), *words))


def test_external_network_into_which_nodes_grow() -> None:
    (found,) = findings(on("local"), PACKAGES, "devstack_compute_node=118")
    assert "192.168.99.128/26 holds the address of compute118, 192.168.99.128; choose another network" in found
    assert findings(on("local"), PACKAGES, "devstack_compute_node=117") == []


def test_what_is_wrong_with_nodes_addresses_is_said_once() -> None:
    for words in ("local_network=192.168.99.0/29", "local_network=fd00::/64", "devstack_compute_node=300"):
        assert findings(on("local"), PACKAGES, words) == []


def test_servers_keep_their_addresses() -> None:
    nodes = on("local").nodes(read(GROUP_VARS, []).config)
    servers = Static(servers=Servers(nodes))
    (found, _) = findings(servers, PACKAGES, "openstack_external_cidr=192.168.99.0/25")
    assert "192.168.99.0/25 holds the address of controller, 192.168.99.10; choose another network" in found
    assert findings(servers, PACKAGES, "openstack_external_cidr=203.0.113.0/28") == []


EACH, DELIVERED = "aws_floating_ips=1", "aws_floating_ips"


def of_nodes(target: str, *extra: str) -> list[str]:
    """What is said about floating IPs that nodes have of their own."""
    draft = read(GROUP_VARS, [EACH, *extra])
    asked = targets.named(target).asked(Options(), draft.config, None)
    return [str(found) for found in checks.findings(draft, asked, None, MachineNetwork()) if DELIVERED in found.where]


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (["openstack_engine=none"], "is 1, but engine none has none; set it to 0, or choose another OpenStack"),
        ([LIBERTY], "is 1, but Neutron of liberty has no floating IPs here; set it to 0, or choose another OpenStack"),
        ([PACKAGES, "openstack_demo=false"], "openstack_demo is false, with which no network is made of them; set it"),
        ([PACKAGES, "openstack_external_cidr=none"], "openstack_external_cidr is none; set it to 0, or leave"),
        ([PACKAGES, "romana_cidr=198.0.0.0/8"], "needs 198.18.0.0/16 for addresses of routers, and romana_cidr, 198."),
    ],
)
def test_floating_ips_of_nodes_that_cannot_be(extra: list[str], text: str) -> None:
    (found,) = of_nodes("aws", *extra)
    assert text in found


def test_floating_ips_of_nodes_are_a_matter_of_aws() -> None:
    assert of_nodes("aws", PACKAGES) == []
    assert of_nodes("aws", "openstack_engine=devstack devstack_release=2026.1") == []
    assert of_nodes("local", "openstack_engine=none") == []
    (found,) = findings(on("aws"), PACKAGES, GIVEN)
    assert "leave it empty, and say by aws_floating_ips how many floating IPs each node is to have" in found
