"""What is wrong with a configuration for AWS, told without asking it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from romana_install.base.machine import MachineNetwork
from romana_install.config.options import Options
from romana_install.config.read import read
from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets import checks
from romana_install.targets.aws.checks import findings as aws_findings
from romana_install.targets.aws.checks import routes_findings
from romana_install.targets.aws.target import Aws

PROJECT = Path(__file__).parents[4]


def findings(*extra: str, existing: Stack | None = None) -> list[str]:
    draft = read(PROJECT / "group_vars" / "all", ["openstack_engine=none", *extra])
    return [
        str(finding)
        for finding in checks.findings(draft, Aws.asked(Options(), draft.config, existing), existing, MachineNetwork())
    ]


def test_the_files_as_they_are() -> None:
    assert findings() == []
    assert findings("region=eu-west-1", "aws_availability_zones=[eu-west-1a,eu-west-1b]", "aws_routes=true") == []


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("region=Dublin", "-e:region: is 'Dublin'; give a region like eu-west-1, or leave it empty"),
        ("aws_network=192.168.99.300/24", "-e:aws_network: '192.168.99.300/24' is not an IPv4 network"),
        ("aws_network=8.8.8.0/24", "-e:aws_network: 8.8.8.0/24 is not private"),
        ("aws_network=192.168.99.0/28", "-e:aws_network: 192.168.99.0/28 is of the wrong size; a VPC takes /16 to /27"),
        ("aws_network=172.16.0.0/12", "-e:aws_network: 172.16.0.0/12 is of the wrong size"),
        (
            "aws_network=10.9.0.0/24",
            "romana_cidr: 10.0.0.0/8 overlaps the nodes' own network 10.9.0.0/24 (aws_network)",
        ),
        ("aws_availability_zones=[eu-west-1a,eu-west-1b]", "give -e aws_routes=true too, or one zone"),
        ("aws_availability_zones=[eu-west-1a,eu-west-1a]", "eu-west-1a is there twice"),
        ("aws_availability_zones=[a]", "-e:aws_availability_zones: [0] is 'a'"),
        ("aws_allowed_cidrs=[203.0.113.7/24]", "'203.0.113.7/24' has bits behind its prefix; write 203.0.113.0/24"),
        ("aws_allowed_cidrs=[everybody]", "'everybody' is not an IPv4 network; give a list of IPv4 networks"),
        ("aws_instance_type_compute=large", "-e:aws_instance_type_compute: is 'large'; give an instance type like"),
        ("aws_image=debian", "-e:aws_image: is 'debian'; give an image like ami-"),
        ("aws_volume_size=4", "-e:aws_volume_size: is 4; give a whole number from 8 to 16384"),
        ("aws_floating_ips=9", "-e:aws_floating_ips: is 9; give a whole number from 0 to 8"),
        ("aws_floating_ports=[0]", "-e:aws_floating_ports: [0] is 0; give a list of TCP ports, like [80, 443]"),
        (
            "openstack_engine=packages aws_floating_ips=1 devstack_compute_node=27",
            "is 27; 192.168.99.0/24 (aws_network) holds up to 26 compute nodes",
        ),
        ("ttl_hours=-1", "-e:ttl_hours: is -1; give a whole number of hours"),
        ("devstack_compute_node=245", "is 245; 192.168.99.0/24 (aws_network) holds up to 244 compute nodes"),
        ("local_debian_release=bookworm openstack_engine=packages", "local_debian_release: is bookworm"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_its_fix(extra: str, expected: str) -> None:
    found = findings(extra)
    assert any(expected in line for line in found), found
    assert all("\n" not in line for line in found)


def tag_findings(tags: dict[Any, Any]) -> list[str]:
    return [line.removeprefix("-e:aws_tags: ") for line in findings(json.dumps({"aws_tags": tags}))]


def test_tags_that_aws_takes() -> None:
    assert tag_findings({"Cost Center/Über": "", "a" * 128: "b" * 256, "name": "x@y: +-=._"}) == []
    assert tag_findings({f"key{number}": "" for number in range(46)}) == []


def test_everything_that_is_wrong_with_tags_is_said_at_once() -> None:
    wrong = {
        "": "x",
        "Name": "x",
        "romana:stack": "x",
        "AWS:owner": "x",
        "a{b}": "x",
        "a" * 129: "x",
        "long": "v" * 257,
        "lines": "a\nb",
        "owner": "aws:me",
    }
    assert tag_findings({**wrong, **{f"key{number}": "" for number in range(38)}}) == [
        "has 47 tags; AWS takes 50 on a thing, and this program adds 4: give up to 46",
        "the key '' is empty; give each tag a key",
        "the key 'Name' is the program's own; choose another",
        "the key 'romana:stack' is the program's own; choose another",
        "the key 'AWS:owner' begins with aws:, which AWS keeps for itself; choose another",
        "the key 'a{b}' has '{}'; take letters, digits, blanks and + - = . _ : / @ alone",
        f"the key {'a' * 44!r:.45}... (129 characters) has 129 characters, AWS takes 128; shorten it",
        "the value of 'long' has 257 characters, AWS takes 256; shorten it",
        "the value of 'lines' has '\\n'; take letters, digits, blanks and + - = . _ : / @ alone",
        "the value of 'owner' begins with aws:, which AWS keeps for itself; choose another",
    ]


def test_what_is_no_text_is_said_beside_the_rest() -> None:
    draft = read(PROJECT / "group_vars" / "all", ['{"aws_tags": {"cost-center": 42, "Name": "x"}}'])
    assert [str(item) for item in draft.findings] == [
        '-e:aws_tags: cost-center is 42; give each tag a text, like {cost-center: "42"}, numbers in quotes'
    ]
    assert any("'Name' is the program's own" in str(item) for item in aws_findings(draft))


def test_zones_are_those_of_the_region() -> None:
    (found,) = findings("region=eu-central-1", "aws_availability_zones=[eu-west-1a]")
    assert found == (
        "-e:aws_availability_zones: eu-west-1a is not in region eu-central-1; give zones of it, or another region"
    )


def test_the_network_of_local_containers_is_no_matter() -> None:
    assert findings("local_network=10.0.0.0/24") == []


def made(**cloud: Any) -> Stack:
    target = Aws(**{"region": "eu-west-1", **cloud})
    return Stack("romana", Path("/nowhere"), target.nodes(Config()), target, network="192.168.99.0/24")


def test_what_a_stack_was_made_with_stays() -> None:
    assert findings(existing=made()) == []
    (region,) = findings("region=eu-central-1", existing=made())
    assert region.startswith("-e:region: is 'eu-central-1', but stack romana was made with 'eu-west-1'; put that back")
    (network,) = findings("aws_network=192.168.98.0/24", existing=made())
    assert "is 192.168.98.0/24, but stack romana was made with 192.168.99.0/24" in network
    (zones,) = findings(existing=made(zones=["eu-west-1a"]))
    assert "aws_availability_zones: is [], but stack romana was made with ['eu-west-1a']" in zones


def test_routes_have_to_fit_the_table() -> None:
    assert list(routes_findings(48, 50, "aws_routes")) == []
    (found,) = routes_findings(49, 50, "aws_routes")
    assert "there are 49 hosts, but a VPC's route table holds 50 routes" in found.text
    assert "up to 48 hosts" in found.text
