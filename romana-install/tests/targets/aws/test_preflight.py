"""What the checks make of AWS's figures. Their questions are tested where there is somebody to ask: tests/e2e/aws."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from romana_install.config.settings import Release
from romana_install.state.stack import Node
from romana_install.targets import preflight as machine
from romana_install.targets.aws.preflight import elastic_findings, memory, vcpu_findings

PROJECT = Path(__file__).parents[4]


@pytest.mark.parametrize(("used", "fits"), [(0, True), (28, True), (29, False), (40, False)])
def test_vcpus_that_are_left(used: int, fits: bool) -> None:
    found = list(vcpu_findings(4, used, 32, "eu-west-1"))
    assert (found == []) is fits


def test_vcpus_are_said_with_what_is_left() -> None:
    (found,) = vcpu_findings(10, 30, 32, "eu-west-1")
    assert str(found).startswith(
        "quota: 10 vCPUs are needed for new nodes, 2 of 32 are left in eu-west-1; have AWS raise"
    )


@pytest.mark.parametrize(("nodes", "each", "others", "fits"), [(2, 1, 0, True), (2, 1, 1, True), (2, 1, 2, False)])
def test_elastic_ips_that_are_left(nodes: int, each: int, others: int, fits: bool) -> None:
    assert (list(elastic_findings(nodes, each, others, 5, "eu-west-1")) == []) is fits


def test_elastic_ips_are_said_with_what_is_left() -> None:
    (found,) = elastic_findings(3, 2, 1, 5, "eu-west-1")
    assert str(found).startswith(
        "quota: 3 nodes take 9 elastic IPs, each one of its own and 2 for floating IPs (aws_floating_ips), 4 of 5 are"
        " left in eu-west-1; have AWS raise `EC2-VPC Elastic IPs`, lower aws_floating_ips or"
    )


def test_a_controller_with_openstack_takes_most_memory() -> None:
    both = Node("controller", "192.168.99.10", 0, True, True)
    compute = Node("compute01", "192.168.99.11", 1, False, True)
    assert memory(both, "packages") > memory(compute, "packages") > memory(compute, "none")
    assert memory(both, "none") < machine.GIB


def test_every_release_has_an_image() -> None:
    table = yaml.safe_load((PROJECT / "roles" / "aws_image" / "vars" / "main.yml").read_text())
    assert set(table["aws_image_names"]) == set(Release.__args__)  # type: ignore[attr-defined]
