"""Every error of botocore that is foreseen has a sentence, and so has every other."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from romana_install.targets.aws import errors


def answer(word: str, operation: str = "DescribeVpcs", message: str = "It said\n no.") -> ClientError:
    return ClientError({"Error": {"Code": word, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "where", "text"),
    [
        (boto.NoCredentialsError(), "credentials", "there are none for AWS; run: aws configure, set AWS_ACCESS_KEY_ID"),
        (boto.PartialCredentialsError(provider="env", cred_var="x"), "credentials", "Partial credentials found in env"),
        (boto.ProfileNotFound(profile="x"), "aws_profile", "The config profile (x) could not be found; name one that"),
        (boto.UnauthorizedSSOTokenError(), "credentials", "run: aws sso login"),
        (boto.TokenRetrievalError(provider="sso", error_msg="old"), "credentials", "run: aws sso login"),
        (boto.NoRegionError(), "region", "there is none; give one with -e region=eu-west-1"),
        (boto.EndpointConnectionError(endpoint_url="http://x"), "AWS", "does not answer (Could not connect"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), "AWS", "does not answer (Read timeout"),
        (boto.DataNotFoundError(data_path="x"), "AWS", "asking failed: Unable to load data for: x; see ~/.aws/config"),
        (
            answer("UnauthorizedOperation"),
            "permission ec2:DescribeVpcs",
            "is missing; give the user or role the policy",
        ),
        (answer("ExpiredToken"), "credentials", "have expired (ExpiredToken)"),
        (answer("RequestExpired"), "credentials", "have expired (RequestExpired)"),
        (answer("AuthFailure"), "credentials", "AWS does not accept them (AuthFailure: It said no)"),
        (answer("OptInRequired"), "region", "is not enabled for this account"),
        (answer("RequestLimitExceeded"), "AWS", "asking: too many requests from this account"),
        (answer("Strange"), "AWS", "asking failed: Strange: It said no"),
    ],
)
def test_sentence(error: BotoCoreError | ClientError, where: str, text: str) -> None:
    found = errors.finding(error, "asking")
    assert found.where == where
    assert text in found.text
    assert "\n" not in found.text


def test_the_variable_is_named_that_asks_for_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "x")
    assert errors.finding(boto.ProfileNotFound(profile="x"), "asking").text.endswith("lists, or unset AWS_PROFILE")
    assert "unset" not in errors.finding(boto.ProfileNotFound(profile="y"), "asking").text


def test_a_file_is_named_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    for error in (boto.NoCredentialsError(), boto.ProfileNotFound(profile="x")):
        assert errors.finding(error, "asking").text.endswith("; there is no file AWS_CONFIG_FILE=/nowhere/config")
