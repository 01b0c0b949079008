"""What an uninstallation removes from AWS: shown before, and asked for again afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from romana_install.base.findings import Finding, PreflightError
from romana_install.targets.aws import errors, resources
from romana_install.targets.aws.account import Account
from romana_install.targets.aws.resources import NO_KEEPING, Resource

SHOWN = 8  # names of a kind
LOOKS, PAUSE = 5, 2.0  # how often AWS is asked what is left, and the seconds between


def there(account: Account, stack: str) -> list[Resource]:
    """All that AWS has of a stack and that is not going already. stack: its name.

    Raises PreflightError when it cannot be asked, or only about another account.
    """
    if not account.region:
        raise PreflightError([Finding("region", "there is none; give the stack's with -e region=eu-west-1")])
    try:
        wrong = list(account.another(stack))
        found = resources.found(account, stack)
    except (BotoCoreError, ClientError) as error:
        raise PreflightError([errors.finding(error, f"looking for what stack {stack} has")]) from None
    if wrong:
        raise PreflightError(wrong)
    return [item for item in found.resources if item.state not in NO_KEEPING and not item.comes_along]


def lines(found: Sequence[Resource]) -> list[str]:
    """A line for each kind. Pure."""
    kinds: dict[str, list[str]] = {}
    for item in found:
        kinds.setdefault(item.kind, []).append(f"{item.name} ({item.id})" if item.name else item.id)
    return [f"{len(names)} {kind}{'s' * (len(names) > 1)}: {_some(names)}" for kind, names in kinds.items()]


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f", and {more} more" if more > 0 else "")


def left(account: Account, stack: str) -> list[str]:
    """What AWS still has of it, in one sentence. Raises PreflightError when it cannot be asked.

    AWS lists for some time what has just been removed, so it is asked again as long as there is something.
    """
    for _ in range(LOOKS - 1):
        if not (found := there(account, stack)):
            return []
        time.sleep(PAUSE)
    found = there(account, stack)
    return [f"AWS still has {'; '.join(lines(found))}; something else may use it: end that"] if found else []
