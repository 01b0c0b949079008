"""Whether policies allow calls to AWS, decided as IAM decides. Pure; whatever it does not know is an error.

A call is several requests, one for each resource that is named or made, each with its own context, as the Service
Authorization Reference lists them for EC2 and KMS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
# The kind of a resource by how its id begins, and of what an action makes.
KINDS = {
    "acl": "network-acl",
    "ami": "image",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "key": "key-pair",
    "rtb": "route-table",
    "sg": "security-group",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
MADE = {
    "AllocateAddress": ("elastic-ip",),
    "CreateInternetGateway": ("internet-gateway",),
    "CreateSecurityGroup": ("security-group",),
    "CreateSubnet": ("subnet",),
    "CreateVpc": ("vpc",),
    "ImportKeyPair": ("key-pair",),
    "RunInstances": ("instance", "network-interface", "volume"),
}
PARTS = {"Sid", "Effect", "Action", "Resource", "Condition"}
KEYS = re.compile(
    r"aws:RequestedRegion|aws:(Request|Resource)Tag/.+|ec2:(MetadataHttpTokens|Encrypted|CreateAction)"
    r"|kms:(ViaService|GrantIsForAWSResource)"
)


class UnknownPartError(ValueError):
    """A part of a policy that is not known here."""


@dataclass(frozen=True)
class Request:
    """What is decided on: an action on one resource. context: what conditions are about, by its key."""

    action: str
    resource: str
    context: Mapping[str, str]


def refusals(documents: Iterable[Mapping[str, Any]], calls: Iterable[dict[str, Any]]) -> list[str]:
    """The requests of calls, as the endpoint writes them down, that not every one of the policies allows."""
    every = list(documents)
    asked = [request for call in calls for request in requests(call)]
    return [
        f"{request.action} on {request.resource}"
        for request in asked
        if not all(allows(document, request) for document in every)
    ]


def allows(document: Mapping[str, Any], request: Request) -> bool:
    """Whether a policy allows a request: a statement does, and none denies it. Raises UnknownPartError."""
    effects = {part["Effect"] for part in document["Statement"] if applies(part, request)}
    return effects == {"Allow"}


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement is about a request. Raises UnknownPartError, also for a part that does not matter here."""
    if statement.keys() - PARTS or statement["Effect"] not in ("Allow", "Deny"):
        raise UnknownPartError(str(statement))
    conditions = [
        holds(operator, key, listed(wanted), request.context)
        for operator, wanted_by_key in statement.get("Condition", {}).items()
        for key, wanted in wanted_by_key.items()
    ]
    return (
        any(matches(pattern.lower(), request.action.lower()) for pattern in listed(statement["Action"]))
        and any(matches(pattern, request.resource) for pattern in listed(statement["Resource"]))
        and all(conditions)
    )


def holds(operator: str, key: str, wanted: list[str], context: Mapping[str, str]) -> bool:
    """Whether a condition holds. One that is negated holds without its key, the others do not."""
    if not KEYS.fullmatch(key):
        raise UnknownPartError(key)
    has = context.get(key)
    match operator:
        case "StringEquals" | "Bool":
            return has in wanted
        case "StringNotEquals":
            return has not in wanted
        case "StringLike":
            return has is not None and any(matches(pattern, has) for pattern in wanted)
        case "Null":
            return str(has is None).lower() in wanted
    raise UnknownPartError(operator)


def matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern with * and ? says."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


def listed(value: str | list[str]) -> list[str]:
    """One or several, as a list."""
    return [value] if isinstance(value, str) else value


def requests(call: dict[str, Any]) -> Iterator[Request]:
    """What a call asks permission for."""
    action, parameters = f"{call['service']}:{call['action']}", call["parameters"]
    region = {"aws:RequestedRegion": call["region"]}
    if call["service"] == "kms":
        yield Request(action, parameters["KeyId"], region)
    elif call["service"] != "ec2" or call["action"].startswith(("Describe", "Get")):
        yield Request(action, "*", region)
    else:
        asked = tagging(parameters, "Tag.")
        named = [
            Request(
                action,
                arn(call["region"], KINDS[name.partition("-")[0]], name),
                {**region, **asked, **resource_tags(has)},
            )
            for name, has in call["tags"].items()
        ]
        yield from [*named, *making(call, action, region)] or [Request(action, "*", region)]
        yield from encrypting(call, region)


def making(call: dict[str, Any], action: str, region: Mapping[str, str]) -> Iterator[Request]:
    """What making things asks for, and tagging them on the way."""
    parameters = call["parameters"]
    tags = {
        value: tagging(parameters, f"{name.removesuffix('ResourceType')}Tag.")
        for name, value in parameters.items()
        if re.fullmatch(r"TagSpecification\.\d+\.ResourceType", name)
    }
    own = {
        "instance": {"ec2:MetadataHttpTokens": parameters.get("MetadataOptions.HttpTokens", "optional")},
        "volume": {"ec2:Encrypted": parameters.get("BlockDeviceMapping.1.Ebs.Encrypted", "false")},
    }
    for kind in MADE.get(call["action"], ()):
        context = {**region, **own.get(kind, {}), **tags.get(kind, {})}
        yield Request(action, arn(call["region"], kind, "*"), context)
        if kind in tags:
            yield Request(
                "ec2:CreateTags", arn(call["region"], kind, "*"), {**context, "ec2:CreateAction": call["action"]}
            )


def encrypting(call: dict[str, Any], region: Mapping[str, str]) -> Iterator[Request]:
    """What EC2 asks of KMS in the name of who launches an instance, with a key of the account's own."""
    key = call["key_of_volumes"]
    if key and call["action"] == "RunInstances" and call["parameters"].get("DryRun") != "true":
        context = {**region, "kms:ViaService": f"ec2.{call['region']}.amazonaws.com"}
        yield Request("kms:GenerateDataKeyWithoutPlaintext", key, context)
        yield Request("kms:CreateGrant", key, {**context, "kms:GrantIsForAWSResource": "true"})


def tagging(parameters: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The tags that a call puts, as conditions know them. prefix: of the parameters that say which."""
    names = [name for name in parameters if name.startswith(prefix) and name.endswith(".Key")]
    return {
        f"aws:RequestTag/{parameters[name]}": parameters.get(f"{name.removesuffix('Key')}Value", "") for name in names
    }


def resource_tags(has: Mapping[str, str]) -> dict[str, str]:
    """The tags that a resource has, as conditions know them."""
    return {f"aws:ResourceTag/{key}": value for key, value in has.items()}


def arn(region: str, kind: str, name: str) -> str:
    """The name of a resource of EC2 in policies."""
    return f"arn:aws:ec2:{region}:{ACCOUNT}:{kind}/{name}"
