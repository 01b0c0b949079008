"""The part of `status` that is about AWS: instances, the time they have left, what they have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from romana_install.base.invocation import command
from romana_install.base.terminal import table
from romana_install.targets.aws import errors, prices, resources
from romana_install.targets.aws.account import Account
from romana_install.targets.aws.resources import NO_KEEPING, Found, Instance

HOUR = 3600.0


@dataclass(frozen=True)
class InstanceStatus:
    """An instance. hours_left: until it stops itself, None for never; usd: what it has cost since its last start."""

    node: str
    id: str
    state: str
    type: str
    public_address: str
    hours_left: float | None
    usd: float | None


@dataclass(frozen=True)
class FloatingStatus:
    """A floating IP of a node. public: its elastic IP; leads: whether that leads there."""

    node: str
    address: str
    public: str
    leads: bool


@dataclass(frozen=True)
class CloudStatus:
    """All of them.

    usd: together, since their last starts, volumes included; problem: empty when AWS has answered; lost: a line for
    each node that is not where ssh looks for it, with what to do; floating_ips: of all nodes.
    """

    region: str
    instances: list[InstanceStatus]
    usd: float
    hourly_usd: float
    problem: str
    lost: list[str] = field(default_factory=list)
    floating_ips: list[FloatingStatus] = field(default_factory=list)


def ask(account: Account, stack: str, noted: Mapping[str, str]) -> CloudStatus:
    """Ask AWS. stack: its name; noted: where ssh looks for each node; empty: nowhere."""
    try:
        problem = "; ".join(map(str, account.another(stack)))
        found = None if problem else resources.found(account, stack)
    except (BotoCoreError, ClientError) as error:
        problem, found = str(errors.finding(error, "looking for instances")), None
    if found is None:
        return CloudStatus(account.region, [], 0.0, 0.0, problem)
    return judge(account.region, found, datetime.now(UTC), noted)


def judge(region: str, found: Found, now: datetime, noted: Mapping[str, str]) -> CloudStatus:
    """What there is, as figures. Pure."""
    listed = [_of_instance(region, item, now) for item in sorted(found.instances.values(), key=lambda item: item.name)]
    own = {item.address for item in found.instances.values()}
    floating = [item for item in found.elastic_ips if item.address not in own]
    # The price of an instance that runs has that of its own public address in it.
    paid = {item.address for item in found.instances.values() if item.state == "running"}
    addresses = sum(item.address not in paid for item in found.elastic_ips)
    others = prices.volumes(region, found.volume_gib) + prices.PUBLIC_ADDRESS * addresses
    ages = [_hours(item, now) for item in found.instances.values()]
    running = [prices.instance(region, item.type) or 0.0 for item in listed if item.state == "running"]
    return CloudStatus(
        region=region,
        instances=listed,
        usd=round(sum(item.usd or 0.0 for item in listed) + others * max(ages, default=0.0), 4),
        hourly_usd=round(sum(running) + others, 4),
        problem="",
        lost=[line for node, at in noted.items() if (line := lost(node, found.instances.get(node), at))],
        floating_ips=[FloatingStatus(item.node, item.address, item.name, item.leads) for item in floating],
    )


def lost(node: str, there: Instance | None, noted: str) -> str:
    """That a node is not where ssh looks for it, and what to do; empty when it is. Pure.

    node: its name; there: its instance; noted: where ssh looks for it, empty for nowhere.
    """
    why = f" ({there.reason})" if there is not None and there.reason else ""
    if there is None or there.state in NO_KEEPING:
        return f"{node} has no instance any more{why}; have another made with: {command('install')}"
    if there.state != "running":
        return f"{node} is {there.state}{why}; have it started with: {command('provision')}"
    if there.public_address != noted:
        return (
            f"{node} is at {there.public_address or 'no public address'} since it was started, and is looked for at"
            f" {noted or 'none'}; have that noted with: {command('provision')}"
        )
    return ""


def _hours(instance: Instance, now: datetime) -> float:
    """Hours since its last start."""
    return max((now - instance.launched).total_seconds() / HOUR, 0.0) if instance.launched else 0.0


def _of_instance(region: str, item: Instance, now: datetime) -> InstanceStatus:
    running = item.state == "running"
    hours = _hours(item, now)
    price = prices.instance(region, item.type)
    return InstanceStatus(
        node=item.name,
        id=item.id,
        state=item.state,
        type=item.type,
        public_address=item.public_address,
        hours_left=round(max(item.ttl_hours - hours, 0.0), 2) if running and item.ttl_hours else None,
        # When it was stopped, and so how long it had run, EC2 does not say.
        usd=round(price * hours, 4) if running and price is not None else None,
    )


def text(part: CloudStatus) -> str:
    """The same for people."""
    if part.problem:
        return part.problem
    rows = [
        [
            item.node,
            item.id,
            item.state,
            item.type,
            item.public_address or "-",
            "-" if item.hours_left is None else f"{item.hours_left:.1f} h",
            "-" if item.usd is None else f"${item.usd:.2f}",
        ]
        for item in part.instances
    ]
    return "\n".join(
        [
            table(("node", "instance", "state", "type", "public address", "stops in", "cost"), rows),
            f"about ${part.usd:.2f} since the last start, ${part.hourly_usd:.2f} an hour now, at list prices of"
            f" {prices.AS_OF} in {prices.of_region(part.region)}",
            *(
                f"floating IP {item.address} of {item.node}: elastic IP {item.public}"
                + ("" if item.leads else f", which leads nowhere yet; have that done with: {command('install')}")
                for item in part.floating_ips
            ),
            *part.lost,
        ]
    )
