"""What an installation would make, change and remove, from what is wanted and what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets.aws.comparison import planned
from romana_install.targets.aws.resources import ElasticIp, Found, Instance, Resource
from romana_install.targets.aws.target import Aws


def there(name: str, kind: str = "t3.large", state: str = "running") -> Instance:
    return Instance("instance", f"i-{name}", name, state, type=kind, image="ami-00000000", address="192.168.99.10")


def plan(found: Found, dropped: Any = (), **settings: Any) -> dict[tuple[str, str], tuple[str, str]]:
    config = Config(**settings)
    stack = Stack("romana", Path("/nowhere"), Aws().nodes(config), Aws())
    return {(item.kind, item.name): (item.change, item.detail) for item in planned(config, stack, found, dropped)}


def test_from_nothing_everything_is_added() -> None:
    found = plan(Found())
    assert {change for change, _ in found.values()} == {"add"}
    assert [kind for kind, _ in found] == [
        "VPC",
        "internet gateway",
        "subnet",
        "route table",
        "security group",
        "key pair",
        "instance",
        "instance",
    ]
    assert found["instance", "compute01"] == ("add", "192.168.99.11, t3.large, 40 GiB")


def test_what_is_there_is_kept_and_what_is_too_much_removed() -> None:
    network = [Resource("VPC", "vpc-1"), Resource("subnet", "subnet-1", "192.168.99.0/24")]
    found = plan(Found([*network, there("controller"), there("compute01"), there("compute02")]))
    assert found["VPC", "romana-romana"][0] == "keep"
    assert found["subnet", "192.168.99.0/24"][0] == "keep"
    assert found["internet gateway", "romana-romana"][0] == "add"
    assert found["instance", "controller"] == ("keep", "192.168.99.10, t3.large, running")
    assert found["instance", "compute02"][0] == "remove"


def test_an_instance_that_is_ending_counts_as_gone() -> None:
    assert plan(Found([there("controller", state="shutting-down")]))["instance", "controller"][0] == "add"


def test_a_changed_type_needs_the_flag() -> None:
    found = Found([there("controller", "m5.large"), there("compute01")])
    kept, detail = plan(found)["instance", "controller"]
    assert (kept, detail) == ("keep", "type m5.large -> t3.large: only with -e aws_replace_changed=true")
    changed = plan(found, aws_replace_changed=True)
    assert changed["instance", "controller"] == ("change", "type m5.large -> t3.large")
    assert changed["instance", "compute01"][0] == "keep"


def test_a_changed_image_loses_what_is_on_the_node() -> None:
    found = Found([there("controller"), there("compute01")])
    made = plan(found, aws_image="ami-11111111", aws_replace_changed=True)
    assert made["instance", "controller"][0] == "keep"  # it has the databases
    changed, detail = made["instance", "compute01"]
    assert changed == "change"
    assert "ami-00000000 -> ami-11111111: made again, what is on it is lost" in detail


def test_somebodys_own_key_pair_is_not_made() -> None:
    assert ("key pair", "romana-romana") not in plan(Found(), aws_key_name="mine")


def test_tags_are_compared_with_those_of_everything() -> None:
    assert plan(Found(), [("b", "2")], aws_tags={"a": "1"})["tag", "a"] == ("add", "1")
    has = [{"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": "1"}]
    things = [Resource("subnet", f"subnet-{number}", tags=tags) for number, tags in enumerate(has)]
    gone = Resource("instance", "i-1", state="shutting-down", tags={"a": "7"})
    found = plan(Found([*things, gone]), [("b", "2"), ("b", "9")], aws_tags={"a": "1", "c": "4"})
    assert found["tag", "a"] == ("keep", "1")
    assert found["tag", "c"] == ("add", "4, on 3 of 3 that are there")
    assert found["tag", "b"] == ("remove", "2, from 1 of 3 that are there")
    assert plan(Found(things), aws_tags={"b": "2"})["tag", "b"] == ("change", "3 -> 2, on 2 of 3 that are there")


def test_elastic_ips_are_compared_by_what_they_are_for() -> None:
    def elastic(node: str, address: str) -> ElasticIp:
        return ElasticIp("elastic IP", f"eipalloc-{address}", "54.0.0.1", node=node, address=address)

    there = Found([elastic("controller", "192.168.99.254"), elastic("compute07", "192.168.99.198")])
    found = plan(there, aws_floating_ips=1)
    assert found["elastic IP", "192.168.99.10"] == ("add", "controller's own")
    assert found["elastic IP", "192.168.99.254"] == ("keep", "floating IP of controller, 54.0.0.1")
    assert found["elastic IP", "192.168.99.246"] == ("add", "floating IP of compute01")
    assert found["elastic IP", "192.168.99.198"] == ("remove", "of compute07, 54.0.0.1")
    assert [change for (kind, _), (change, _) in plan(there).items() if kind == "elastic IP"] == ["remove", "remove"]
