"""The part of `plan` that is about AWS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from romana_install.base.findings import Finding
from romana_install.base.terminal import table
from romana_install.config.settings import Config
from romana_install.state.stack import Stack
from romana_install.targets.aws import errors, prices, resources
from romana_install.targets.aws.account import Account
from romana_install.targets.aws.comparison import planned
from romana_install.targets.aws.network import instance_type
from romana_install.targets.aws.resources import Found


def plan(account: Account, config: Config, stack: Stack, dropped: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What `plan --format json` has beside what every target has. dropped: tags, key and value, that are to go.

    resources: each with change (add, keep, change, remove), kind, name, detail; compared: whether they were held
    against what there is; reason: why not; hourly_usd: an estimate, None when the table has none of the types.
    """
    found, reason = _found(account, stack.name)
    types = [instance_type(config, node) for node in stack.nodes]
    floating = config.aws_floating_ips * len(types)
    price = prices.of_stack(account.region, types, config.aws_volume_size * len(types), floating)
    return {
        "region": account.region,
        "resources": [asdict(item) for item in planned(config, stack, found, dropped)],
        "compared": not reason,
        "reason": reason,
        "hourly_usd": round(price.hourly, 4),
        "price": price.text(account.region),
    }


def _found(account: Account, name: str) -> tuple[Found, str]:
    """What there is, or why that is not known."""
    if not account.region:
        return Found(), str(Finding("region", "there is none; give one with -e region=eu-west-1"))
    try:
        return resources.found(account, name), ""
    except (BotoCoreError, ClientError) as error:
        return Found(), str(errors.finding(error, "looking for what there is"))


def text(part: dict[str, Any]) -> str:
    """The same for people."""
    columns = ("change", "kind", "name", "detail")
    lines = [f"region {part['region'] or '(none)'}"]
    lines.append(table(columns, [[item[column] for column in columns] for item in part["resources"]]))
    lines.append(f"price: {part['price']}")
    if not part["compared"]:
        lines.append(f"not compared with what exists: {part['reason']}")
    return "\n".join(lines)
