"""The permissions that the target aws needs, as an IAM policy: what the playbooks call, and nothing else. Pure.

AWS cannot limit looking to a stack. Making and changing is limited to the region, and removing to what is tagged as
some stack's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from romana_install.targets.aws.resources import TAG_STACK

LOOK = (
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcs",
    "ec2:GetEbsDefaultKmsKeyId",
    "iam:ListAccountAliases",
    "servicequotas:GetServiceQuota",
    "sts:GetCallerIdentity",
)
MAKE = (
    "ec2:AllocateAddress",
    "ec2:AssignPrivateIpAddresses",
    "ec2:AssociateAddress",
    "ec2:AttachInternetGateway",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateInternetGateway",
    "ec2:CreateRoute",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateTags",
    "ec2:CreateVpc",
    "ec2:DeleteRoute",
    "ec2:DeleteTags",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateAddress",
    "ec2:ImportKeyPair",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyInstanceMetadataOptions",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:ReplaceRoute",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ec2:UnassignPrivateIpAddresses",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
)
REMOVE = (
    "ec2:DeleteInternetGateway",
    "ec2:DeleteKeyPair",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteVolume",
    "ec2:DeleteVpc",
    "ec2:ReleaseAddress",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
)
# What EC2 does with the key of encrypted volumes in the name of who launches an instance.
USE_KEY = ("kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def document(region: str, key: str = "") -> dict[str, Any]:
    """The policy.

    region: the only one it allows changes in; empty: any; key: ARN of the key that encrypts new volumes, where the
    account manages it itself; empty: AWS's own, which needs no permission.
    """
    there = {"StringEquals": {"aws:RequestedRegion": region}} if region else {}
    tagged = {**there, "StringLike": {f"aws:ResourceTag/{TAG_STACK}": "*"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement("Look", LOOK, {}),
            _statement("MakeAndChange", MAKE, there),
            _statement("RemoveWhatStacksHave", REMOVE, tagged),
            *(_of_key(key) if key else ()),
        ],
    }


def _of_key(key: str) -> Iterator[dict[str, Any]]:
    """Statements about a key: using it, and lending it to the service, is EC2's in the key's region alone."""
    by_ec2 = {"StringLike": {"kms:ViaService": f"ec2.{key.split(':')[3]}.amazonaws.com*"}}
    lent = {**by_ec2, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    yield _statement("LookAtKeyOfVolumes", ("kms:DescribeKey",), {}, key)
    yield _statement("UseKeyOfVolumes", USE_KEY, by_ec2, key)
    yield _statement("LendKeyOfVolumes", ("kms:CreateGrant",), lent, key)


def _statement(name: str, actions: tuple[str, ...], condition: dict[str, Any], resource: str = "*") -> dict[str, Any]:
    made: dict[str, Any] = {"Sid": name, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}
    return {**made, "Condition": condition} if condition else made
