"""The key with which EC2 encrypts the volumes of new instances: the account's default one in the region.

It is AWS's own, which everybody in the account may use, unless the account has named one that it manages itself. With
such a one EC2 takes an order for an instance, and ends the instance when the key cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from romana_install.base.findings import Finding
from romana_install.base.invocation import program
from romana_install.targets.aws import errors

AWS_OWN = "alias/aws/ebs"  # what EC2 calls the key that AWS manages, also at the end of an ARN
USABLE = frozenset({"Enabled", "Updating"})
# By the state of a key: what to do about it. KEY stands for the key.
_KEEP = "keep it with: aws kms cancel-key-deletion --key-id KEY && aws kms enable-key --key-id KEY"
_FIXES = {
    "Disabled": "enable it with: aws kms enable-key --key-id KEY",
    "PendingDeletion": _KEEP,
    "PendingReplicaDeletion": _KEEP,
    "PendingImport": "import its key material",
    "Unavailable": "connect its key store",
    "Creating": "wait until it is there",
}
_NONE = "name one that is there"
_DENIED = "have the key's policy allow it, and give the user or role the policy that is shown by: COMMAND"
_OTHERS = "or have the account take another: aws ec2 modify-ebs-default-kms-key-id, or reset-ebs-default-kms-key-id"


def default(ec2: Any) -> str:
    """The ARN of the account's own default key; empty where AWS's is the default. Raises botocore's errors."""
    name = str(ec2.get_ebs_default_kms_key_id()["KmsKeyId"])
    return "" if name.endswith(AWS_OWN) else name


def findings(kms: Any, key: str) -> Iterator[Finding]:
    """What keeps EC2 from using a key of the account's own. Raises botocore's errors."""
    try:
        yield from state_findings(key, kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"])
    except ClientError as error:
        if errors.code(error) == "NotFoundException":
            yield _finding(key, "does not exist", _NONE)
        elif errors.code(error) in errors.DENIED:
            command = f"{program()} -t aws plan --iam-policy"
            yield _finding(key, "may not be used (kms:DescribeKey is refused)", _DENIED.replace("COMMAND", command))
        else:
            raise


def state_findings(key: str, state: str) -> Iterator[Finding]:
    """The finding about a key in a state, none where it can be used. Pure."""
    if state not in USABLE:
        yield _finding(key, f"is {state}", _FIXES.get(state, "see what that state means in AWS's documentation"))


def _finding(key: str, problem: str, fix: str) -> Finding:
    return Finding(
        "default key of volumes",
        f"{key} {problem}, so EC2 would end every new instance right after its start; {fix.replace('KEY', key)},"
        f" {_OTHERS}",
    )
