"""What is left of instances' time, and what they have cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from romana_install.targets.aws import prices
from romana_install.targets.aws.resources import ElasticIp, Found, Instance
from romana_install.targets.aws.status import CloudStatus, judge, text

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def instance(
    name: str,
    state: str = "running",
    hours: float = 2,
    ttl: float = 0,
    kind: str = "t3.large",
    public: str = "",
    reason: str = "",
) -> Instance:
    launched = NOW - timedelta(hours=hours)
    return Instance(
        kind="instance",
        id=f"i-{name}",
        name=name,
        state=state,
        type=kind,
        launched=launched,
        ttl_hours=ttl,
        public_address=public,
        reason=reason,
    )


def test_time_left_and_cost() -> None:
    found = judge("us-east-1", Found([instance("controller", ttl=8), instance("compute01")], 80), NOW, {})
    compute, controller = found.instances
    assert (controller.hours_left, compute.hours_left) == (6.0, None)
    assert controller.usd == pytest.approx(2 * 0.0882)
    disks = prices.volumes("us-east-1", 80)
    assert found.usd == pytest.approx(4 * 0.0882 + 2 * disks, abs=1e-4)
    assert found.hourly_usd == pytest.approx(2 * 0.0882 + disks, abs=1e-4)
    assert "6.0 h" in text(found)


def test_a_stopped_instance_costs_its_volume_only() -> None:
    found = judge("us-east-1", Found([instance("controller", "stopped", ttl=1)], 40), NOW, {})
    (only,) = found.instances
    assert (only.hours_left, only.usd) == (None, None)
    assert found.hourly_usd == pytest.approx(prices.volumes("us-east-1", 40), abs=1e-4)


def test_time_that_is_over_is_not_negative() -> None:
    found = judge("us-east-1", Found([instance("controller", hours=9, ttl=8)]), NOW, {})
    assert found.instances[0].hours_left == 0.0


def test_a_type_that_has_no_price() -> None:
    found = judge("us-east-1", Found([instance("controller", kind="zz9.plural")]), NOW, {})
    assert found.instances[0].usd is None


def test_silence_is_said() -> None:
    assert text(CloudStatus("eu-west-1", [], 0.0, 0.0, "AWS: does not answer")) == "AWS: does not answer"


def test_a_node_is_said_to_be_elsewhere_than_ssh_looks_for_it() -> None:
    there = [
        instance("controller", public="198.51.100.1"),
        instance("compute01", public="198.51.100.22"),
        instance("compute02", "stopped", reason="Client.InstanceInitiatedShutdown: Instance initiated shutdown"),
    ]
    noted = {name: f"198.51.100.{number}" for number, name in enumerate(("controller", "compute01", "compute02"), 1)}
    moved, stopped, gone = judge("us-east-1", Found(there, 40), NOW, {**noted, "compute03": ""}).lost
    assert moved.startswith("compute01 is at 198.51.100.22 since it was started, and is looked for at 198.51.100.2; ")
    because = "(Client.InstanceInitiatedShutdown: Instance initiated shutdown)"
    assert stopped.startswith(f"compute02 is stopped {because}; have it started with: ./romana-setup")
    assert gone.startswith("compute03 has no instance any more; have another made with: ./romana-setup")


def test_floating_ips_are_said_with_their_elastic_ips_and_cost_also_while_instances_are_stopped() -> None:
    def elastic(address: str, leads: bool) -> ElasticIp:
        return ElasticIp("elastic IP", "e", f"54.0.0.{address[-1]}", node="controller", address=address, leads=leads)

    its = replace(instance("controller", "stopped"), address="192.168.99.10")
    things = [its, elastic("192.168.99.254", True), elastic("192.168.99.253", False), elastic("192.168.99.10", True)]
    found = judge("us-east-1", Found(things), NOW, {})
    assert found.hourly_usd == pytest.approx(3 * prices.PUBLIC_ADDRESS, abs=1e-4)
    said = text(found).splitlines()
    assert "floating IP 192.168.99.254 of controller: elastic IP 54.0.0.4" in said
    (other,) = (line for line in said if "192.168.99.253" in line)
    assert other.startswith(
        "floating IP 192.168.99.253 of controller: elastic IP 54.0.0.3, which leads nowhere yet; have"
    )
