"""Our checks and Ansible's modules use the same credentials, whatever the environment says beside them."""

from __future__ import annotations

import json
import subprocess
import sys

import jinja2
import pytest
import yaml
from aws_setup import KEY, PROFILE, PROFILES_KEY, PROJECT, REGION, SECRET, Cloud, Setup, profiles

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
MODULE = "ansible_collections.amazon.aws.plugins.modules.aws_caller_info"


@pytest.fixture
def stack(cloud: Cloud, stack: Setup) -> Setup:
    assert cloud
    stack.variables.update(profiles(stack.state))
    return stack


def asking(stack: Setup) -> set[str]:
    """The keys with which a module asks that is given what the playbooks give it, in a shell as the user has it."""
    access = yaml.safe_load((PROJECT / "playbooks/group_vars/all.yml").read_text())["aws_access"]
    settings = {"region": REGION, "aws_profile": "", **stack.settings}
    given = {name: jinja2.Template(text).render(settings) for name, text in access.items()}
    begun = len(stack.cloud.calls())
    done = subprocess.run(
        [*stack.cloud.inside, sys.executable, "-m", MODULE],
        env=stack.environment,
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {call["key"] for call in stack.cloud.calls()[begun:]}


@pytest.mark.parametrize(
    ("profile", "variables", "key"),
    [
        ("", {"AWS_PROFILE": PROFILE}, KEY),
        ("", {"AWS_DEFAULT_PROFILE": PROFILE, "AWS_PROFILE": "default"}, KEY),
        ("", {**NO_KEYS, "AWS_PROFILE": PROFILE}, PROFILES_KEY),
        ("", {**NO_KEYS, "AWS_DEFAULT_PROFILE": PROFILE, "AWS_PROFILE": "nobody"}, PROFILES_KEY),
        ("", {**NO_KEYS, "AWS_PROFILE": PROFILE, "AWS_SESSION_TOKEN": "left-over"}, PROFILES_KEY),
        ("", {"AWS_ACCESS_KEY": PROFILES_KEY, "AWS_SECRET_KEY": SECRET, "EC2_URL": "http://127.0.0.1:9"}, KEY),
        (PROFILE, {}, PROFILES_KEY),
        (PROFILE, {"AWS_PROFILE": "nobody", "AWS_SESSION_TOKEN": "left-over"}, PROFILES_KEY),
        (PROFILE, {**NO_KEYS, "AWS_SECURITY_TOKEN": "left-over", "AWS_ACCESS_KEY": KEY}, PROFILES_KEY),
    ],
)
def test_modules_ask_as_the_checks_do(stack: Setup, profile: str, variables: dict[str, str], key: str) -> None:
    stack.variables.update(variables)
    stack.settings["aws_profile"] = profile
    stack.run("plan", "--iam-policy")  # it asks less than `check`, in the same way
    assert {call["key"] for call in stack.cloud.calls()} == {key}
    assert asking(stack) == {key}


def test_keys_under_names_that_boto3_does_not_know_are_none(stack: Setup) -> None:
    stack.variables.update({**NO_KEYS, "AWS_ACCESS_KEY": KEY, "AWS_SECRET_KEY": SECRET})
    assert "credentials: there are none for AWS" in stack.run("check", code=3)


def test_a_file_of_profiles_that_is_not_there_is_named(stack: Setup) -> None:
    stack.variables.update({"AWS_CONFIG_FILE": "/nowhere/config", "AWS_PROFILE": "mine"})
    said = stack.run("check", code=3)
    assert "or unset AWS_PROFILE; there is no file AWS_CONFIG_FILE=/nowhere/config" in said


def test_one_region_is_meant_where_two_are_named(stack: Setup) -> None:
    """As AWS's own tools have it."""
    stack.variables.update({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-3"})
    assert json.loads(stack.run("plan", "--format", "json", region=""))["region"] == "eu-central-1"
