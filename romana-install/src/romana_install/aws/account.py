"""Which region and profile a stack on AWS belongs to, and the sessions that speak to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from romana_install.findings import Finding
from romana_install.settings import Config
from romana_install.stack import Stack

if TYPE_CHECKING:
    from boto3 import Session

TIMEOUT_CONNECT, TIMEOUT_READ = 5, 20  # seconds
ATTEMPTS = 3


def of_stack(config: Config, existing: Stack | None) -> dict[str, Any]:
    """Where a stack is: as configured, else where it was made, else where boto3 would look. region: "" when none is."""
    made = existing.cloud if existing else {}
    profile = config.aws_profile or made.get("profile", "")
    return {
        "region": config.region or made.get("region", "") or _usual_region(profile, os.environ),
        "profile": profile,
        "zones": list(config.aws_availability_zones),
        "account": made.get("account", ""),
    }


def _usual_region(profile: str, environment: Mapping[str, str]) -> str:
    """The region of who says none: Ansible's modules and boto3 read different variables, so we look at both."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if environment.get(name):
            return environment[name]
    import boto3  # slow to import, and most actions do without it
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.Session(profile_name=profile or None).region_name or ""
    except BotoCoreError:
        return ""  # what is wrong is said by the checks, which ask for more


def another(stack: Stack, number: str) -> Iterator[Finding]:
    """Findings about credentials of another account than that of the stack, in which nothing of it is seen. Pure."""
    made_in = stack.cloud.get("account", "")
    if made_in not in ("", number):
        yield Finding(
            "credentials",
            f"are those of the account {number}, and stack {stack.name} is in {made_in}; use that one's, or its profile"
            " with -e aws_profile=NAME",
        )


@dataclass(frozen=True)
class Account:
    """A region of an account. Making one asks nothing; the first client raises botocore's errors."""

    region: str
    profile: str = ""

    @classmethod
    def of(cls, stack: Stack) -> Account:
        """That of a stack."""
        return cls(stack.cloud.get("region", ""), stack.cloud.get("profile", ""))

    @cached_property
    def session(self) -> Session:
        """boto3's session. Raises botocore's ProfileNotFound."""
        import boto3

        return boto3.Session(profile_name=self.profile or None, region_name=self.region or None)

    def number(self) -> str:
        """The account's, of 12 digits. Raises botocore's errors."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def client(self, service: str) -> Any:
        """A client of one of AWS's services."""
        from botocore.config import Config as BotoConfig

        patience = BotoConfig(
            connect_timeout=TIMEOUT_CONNECT,
            read_timeout=TIMEOUT_READ,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        return self.session.client(service, config=patience)
