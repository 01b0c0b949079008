"""Why a node does not answer, as far as EC2 knows: the state of its instance, and EC2's checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from romana_install.base.invocation import command
from romana_install.targets.aws import resources, status
from romana_install.targets.aws.account import Account

IMPAIRED, BEGINNING = "impaired", "initializing"
# What EC2 calls its checks of the machine below an instance, and of the system in it.
CHECKS = {"machine": "SystemStatus", "system": "InstanceStatus"}


def reason(account: Account, stack: str, node: str, noted: str) -> str:
    """Why, and what to do; empty when EC2 knows of nothing, or cannot be asked.

    stack, node: their names; noted: where ssh looks for it, empty for nowhere.
    """
    try:
        if list(account.another(stack)):
            return ""
        client = account.client("ec2")
        there = resources.last(client, stack, node)
        lost = status.lost(node, there, noted)
        if lost or there is None:
            return lost
        return unwell(there.id, account, _checks(client, there.id))
    except (BotoCoreError, ClientError):
        return ""


def _checks(client: Any, instance: str) -> dict[str, str]:
    """What EC2's checks of a running instance find, by what they look at."""
    found = client.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    return {name: item[key]["Status"] for item in found for name, key in CHECKS.items()}


def unwell(instance: str, account: Account, checks: Mapping[str, str]) -> str:
    """What is wrong with a running instance, and what to do; empty for nothing. Pure.

    instance: its id; account: where it is; checks: what was found, by what was looked at, which is
    `machine` or `system`.
    """
    where = f"--region {account.region}" + (f" --profile {account.profile}" if account.profile else "")
    again = f"aws ec2 stop-instances {where} --instance-ids {instance}, and when it has stopped: {command('provision')}"
    if checks.get("machine") == IMPAIRED:
        return f"EC2 finds the machine impaired on which {instance} is; have it put on another with: {again}"
    if checks.get("system") == IMPAIRED:
        return f"EC2 gets no answer from the system in {instance} either; have it started anew with: {again}"
    if BEGINNING in checks.values():
        return f"EC2 is still checking {instance}, as after each start; try again in a few minutes"
    return ""
