"""Which availability zones have the instance types that a stack is to have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from romana_install.targets.aws.resources import paged


def offering(ec2: Any, types: Iterable[str]) -> dict[str, set[str]]:
    """The zones of the client's region that offer each type. Raises botocore's errors."""
    found: dict[str, set[str]] = {name: set() for name in types}
    wanted = [{"Name": "instance-type", "Values": list(found)}]
    where = {"LocationType": "availability-zone", "Filters": wanted}
    for item in paged(ec2, "describe_instance_type_offerings", "InstanceTypeOfferings", **where):
        found[item["InstanceType"]].add(item["Location"])
    return found


def with_all(offered: Mapping[str, Set[str]]) -> list[str]:
    """The zones that have every type. Pure."""
    every = list(offered.values())
    return sorted(set.intersection(*map(set, every))) if every else []
