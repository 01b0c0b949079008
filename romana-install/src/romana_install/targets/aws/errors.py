"""What botocore raises, in a sentence with its fix."""

from __future__ import annotations

import os
from pathlib import Path

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from romana_install.base.findings import Finding
from romana_install.base.invocation import program

CREDENTIALS = "credentials"
FOR_CREDENTIALS = (
    "run: aws configure, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with -e aws_profile=NAME"
)
DENIED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "UnauthorizedAccess"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
REFUSED = frozenset(
    {
        "AuthFailure",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
        "IncompleteSignature",
    }
)
BUSY = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"})
_SSO = (boto.SSOError, boto.TokenRetrievalError)
_UNREACHED = (boto.HTTPClientError, boto.ConnectionError)


def code(error: Exception) -> str:
    """AWS's own word for an error; empty when the error is not AWS's."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def finding(error: BotoCoreError | ClientError, doing: str) -> Finding:
    """The finding about an error. doing: what was tried, as in 'looking for key pairs'."""
    if isinstance(error, ClientError):
        return _of_answer(error, doing)
    if isinstance(error, boto.ProfileNotFound):
        named = _naming(error.kwargs["profile"])
        fix = f"name one that `aws configure list-profiles` lists{named}{_missing_files()}"
        return Finding("aws_profile", f"{_line(error)}; {fix}")
    if isinstance(error, boto.NoCredentialsError):
        return Finding(CREDENTIALS, f"there are none for AWS; {FOR_CREDENTIALS}{_missing_files()}")
    if isinstance(error, _SSO):
        return Finding(CREDENTIALS, f"those of SSO are not valid (any more): {_line(error)}; run: aws sso login")
    if isinstance(error, boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return Finding(CREDENTIALS, f"{_line(error)}; {FOR_CREDENTIALS}")
    if isinstance(error, boto.NoRegionError):
        return Finding("region", "there is none; give one with -e region=eu-west-1, or run: aws configure")
    if isinstance(error, _UNREACHED):
        return Finding("AWS", f"does not answer ({_line(error)}); check connection, region, proxy, AWS_ENDPOINT_URL")
    return Finding("AWS", f"{doing} failed: {_line(error)}; see ~/.aws/config, and what AWS_... is set to")


def _of_answer(error: ClientError, doing: str) -> Finding:
    word = code(error)
    message = _line(error.response.get("Error", {}).get("Message", "") or word)
    if word in DENIED:
        return denied(error.operation_name)
    if word in EXPIRED:
        return Finding(CREDENTIALS, f"have expired ({word}); get new ones: aws sso login, aws configure, or your tool")
    if word in REFUSED:
        return Finding(CREDENTIALS, f"AWS does not accept them ({word}: {message}); {FOR_CREDENTIALS}")
    if word == "OptInRequired":
        return Finding("region", f"is not enabled for this account ({message}); enable it, or choose another region")
    if word in BUSY:
        return Finding("AWS", f"{doing}: too many requests from this account ({word}); try again in a minute")
    return Finding("AWS", f"{doing} failed: {word}: {message}")


def denied(operation: str) -> Finding:
    """The finding about an operation that these credentials may not do."""
    return Finding(
        f"permission ec2:{operation}",
        f"is missing; give the user or role the policy that is shown by: {program()} -t aws plan --iam-policy",
    )


def _naming(profile: str) -> str:
    """What to unset so that a profile is not asked for."""
    names = [name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if os.environ.get(name) == profile]
    return f", or unset {' and '.join(names)}" if names else ""


def _missing_files() -> str:
    """The files that somebody has said profiles and keys are in, and that are not there: botocore passes over them."""
    names = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    missing = [f"{name}={os.environ[name]}" for name in names if name in os.environ and not _is_file(os.environ[name])]
    return f"; there is no file {', '.join(missing)}" if missing else ""


def _is_file(path: str) -> bool:
    return Path(path).expanduser().is_file()


def _line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".")
