"""A region of an account on AWS, and the sessions that speak to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from romana_install.base.findings import Finding

if TYPE_CHECKING:
    from boto3 import Session

TIMEOUT_CONNECT, TIMEOUT_READ = 5, 20  # seconds
ATTEMPTS = 3


def usual_region(profile: str, environment: Mapping[str, str]) -> str:
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


@dataclass(frozen=True)
class Account:
    """A region of an account. Making one asks nothing; the first client raises botocore's errors.

    made_in: the number of the account that a stack is in; empty before AWS has said it.
    """

    region: str
    profile: str = ""
    made_in: str = ""

    @property
    def session(self) -> Session:
        """boto3's session. Raises botocore's ProfileNotFound."""
        return session_of(self.region, self.profile)

    def number(self) -> str:
        """The account's, of 12 digits. Raises botocore's errors."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def another(self, stack: str) -> Iterator[Finding]:
        """Findings about credentials of another account than the stack's, in which nothing of it is seen.

        stack: its name. Nobody is asked where the stack's account is not known. Raises botocore's errors.
        """
        if self.made_in and self.made_in != (number := self.number()):
            yield Finding(
                "credentials",
                f"are those of the account {number}, and stack {stack} is in {self.made_in}; use that one's, or its"
                " profile with -e aws_profile=NAME",
            )

    def client(self, service: str) -> Any:
        """A client of one of AWS's services."""
        return client_of(self.region, self.profile, service)


# What boto3 reads for each is more than what it is then asked; all of a command share it.


@cache
def session_of(region: str, profile: str) -> Session:
    """An account's session. Raises botocore's ProfileNotFound."""
    import boto3

    return boto3.Session(profile_name=profile or None, region_name=region or None)


@cache
def client_of(region: str, profile: str, service: str) -> Any:
    """Its client of a service."""
    from botocore.config import Config as BotoConfig

    patience = BotoConfig(
        connect_timeout=TIMEOUT_CONNECT,
        read_timeout=TIMEOUT_READ,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    return session_of(region, profile).client(service, config=patience)
