"""What decides on calls decides as IAM does, and does not pass over what it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from iam import Request, UnknownPartError, allows, holds, matches, refusals, requests

VPC = "vpc-00000000000000001"
INSTANCE = "i-00000000000000001"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


def call(action: str, has: dict[str, dict[str, str]] | None = None, key: str = "", **parameters: str) -> dict[str, Any]:
    named = {name.replace("_", "."): value for name, value in parameters.items()}
    return {
        "service": "ec2",
        "action": action,
        "region": "eu-west-1",
        "parameters": named,
        "tags": has or {},
        "key_of_volumes": key,
    }


def statement(effect: str = "Allow", action: Any = "ec2:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_what_no_statement_allows_is_refused() -> None:
    assert refusals([document(statement(action="ec2:CreateVpc"))], [call("DescribeVpcs")]) == ["ec2:DescribeVpcs on *"]


def test_a_denial_comes_before_whatever_allows() -> None:
    asked = Request("ec2:CreateVpc", "*", {})
    assert allows(document(statement()), asked)
    assert not allows(document(statement(), statement("Deny", "ec2:Create*")), asked)
    assert not allows(document(statement("Deny")), asked)


def test_every_policy_has_to_allow() -> None:
    everything, nothing = document(statement()), document()
    assert refusals([everything, nothing], [call("DescribeVpcs")]) != []
    assert refusals([everything, everything], [call("DescribeVpcs")]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        statement("Maybe"),
        statement(NotResource="*"),
        statement(Principal="*"),
        statement(Condition={"DateLessThan": {"aws:RequestedRegion": "x"}}),
        statement(Condition={"StringEquals": {"aws:SourceIp": "x"}}),
        statement(action="s3:*", Condition={"StringEquals": {"ec2:InstanceType": "x"}}),
    ],
)
def test_what_is_unknown_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownPartError):
        refusals([document(wrong)], [call("DescribeVpcs")])


def test_a_resource_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        refusals([document(statement())], [call("DeleteThing", {"nat-00000000000000001": {}})])


@pytest.mark.parametrize(
    ("operator", "wanted", "has", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", ["a"], "A", False),
        ("StringEquals", ["a"], None, False),
        ("StringNotEquals", ["a"], "b", True),
        ("StringNotEquals", ["a"], "a", False),
        ("StringNotEquals", ["a"], None, True),
        ("StringLike", ["a*"], "abc", True),
        ("StringLike", ["*"], None, False),
        ("Bool", ["true"], "true", True),
        ("Bool", ["true"], None, False),
        ("Null", ["true"], None, True),
        ("Null", ["true"], "", False),
        ("Null", ["false"], "", True),
    ],
)
def test_conditions(operator: str, wanted: list[str], has: str | None, expected: bool) -> None:
    key = "aws:RequestTag/x"
    assert holds(operator, key, wanted, {} if has is None else {key: has}) is expected


def test_patterns_are_whole_and_no_regular_expressions() -> None:
    assert matches("arn:*:vpc/?", "arn:aws:vpc/1")
    assert not matches("vpc", "vpc/1")
    assert not matches("a.c", "abc")


def test_every_resource_that_is_named_is_asked_for_with_its_tags() -> None:
    asked = list(requests(call("AttachInternetGateway", {VPC: {"a": "1"}, "igw-00000000000000001": {}})))
    assert [request.resource.rpartition(":")[2].partition("/")[0] for request in asked] == ["vpc", "internet-gateway"]
    assert asked[0].context == {"aws:RequestedRegion": "eu-west-1", "aws:ResourceTag/a": "1"}


def test_what_is_made_is_asked_for_with_the_tags_it_gets() -> None:
    tags = {
        "TagSpecification_1_ResourceType": "vpc",
        "TagSpecification_1_Tag_1_Key": "a",
        "TagSpecification_1_Tag_1_Value": "1",
    }
    made, tagged = requests(call("CreateVpc", **tags))
    assert (made.action, tagged.action) == ("ec2:CreateVpc", "ec2:CreateTags")
    assert made.context == {"aws:RequestedRegion": "eu-west-1", "aws:RequestTag/a": "1"}
    assert tagged.context == {**made.context, "ec2:CreateAction": "CreateVpc"}
    (untagged,) = requests(call("CreateVpc"))
    assert untagged.context == {"aws:RequestedRegion": "eu-west-1"}


def test_what_is_tagged_is_asked_for_with_the_new_tags() -> None:
    (asked,) = requests(call("CreateTags", {INSTANCE: {"a": "1"}}, Tag_1_Key="b", Tag_1_Value="2"))
    assert {"aws:ResourceTag/a": "1", "aws:RequestTag/b": "2"}.items() <= asked.context.items()


def test_a_launch_says_how_safe_it_is() -> None:
    by_kind = {request.resource.split("/")[0].rpartition(":")[2]: request for request in requests(call("RunInstances"))}
    assert by_kind["instance"].context["ec2:MetadataHttpTokens"] == "optional"
    assert by_kind["volume"].context["ec2:Encrypted"] == "false"


def test_a_launch_uses_the_key_of_volumes() -> None:
    actions = [request.action for request in requests(call("RunInstances", key=KEY)) if request.resource == KEY]
    assert actions == ["kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"]
    dry = requests(call("RunInstances", key=KEY, DryRun="true"))
    assert [request.action for request in dry if request.resource == KEY] == []
