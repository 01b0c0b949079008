"""What is said of a node that does not answer: what EC2 knows of it, where it knows something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from romana_install.base.files import write_private
from romana_install.config.settings import Config
from romana_install.state.stack import ADDRESSES_FILE, Stack
from romana_install.targets.aws.account import Account
from romana_install.targets.aws.silence import reason, unwell
from romana_install.targets.aws.status import ask
from romana_install.targets.aws.target import Aws

REGION = "eu-west-1"
ADDRESS = "198.51.100.10"
FILTERS = [{"Name": "tag:romana:stack", "Values": ["demo"]}, {"Name": "tag:romana:node", "Values": ["controller"]}]
TIMED_OUT = "ssh: connect to host 198.51.100.10 port 22: Connection timed out"


def instance(name: str, state: str, day: int, reason: str = "", address: str = ADDRESS) -> dict[str, Any]:
    return {
        "InstanceId": name,
        "InstanceType": "t3.large",
        "ImageId": "ami-1",
        "Placement": {"AvailabilityZone": f"{REGION}a"},
        "LaunchTime": datetime(2026, 1, day, tzinfo=UTC),
        "State": {"Name": state},
        "Tags": [{"Key": "romana:node", "Value": "controller"}],
        **({"PublicIpAddress": address} if address else {}),
        **({"StateReason": {"Code": "x", "Message": reason}} if reason else {}),
    }


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """EC2, which says what it is told to, in this order."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    client = Account(REGION).client("ec2")
    monkeypatch.setattr(Account, "client", lambda *_: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def silence(directory: Path) -> str:
    """What is said of a controller into which ssh does not get."""
    stack = Stack("demo", directory, Aws().nodes(Config()), Aws(REGION))
    write_private(directory / ADDRESSES_FILE, f"Host controller\n    HostName {ADDRESS}\n")
    return stack.target.silence(stack, stack.controller, TIMED_OUT)


def has(ec2: Stubber, *instances: dict[str, Any]) -> None:
    ec2.add_response("describe_instances", {"Reservations": [{"Instances": list(instances)}]}, {"Filters": FILTERS})


def finds(ec2: Stubber, machine: str, system: str) -> None:
    found = {"SystemStatus": {"Status": machine}, "InstanceStatus": {"Status": system}}
    ec2.add_response("describe_instance_status", {"InstanceStatuses": [found]}, {"InstanceIds": ["i-1"]})


SAID = "cannot be reached: ssh: connect to host 198.51.100.10 port 22: Connection timed out"


def test_an_instance_that_has_stopped_itself(ec2: Stubber, tmp_path: Path) -> None:
    reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
    has(ec2, instance("i-1", "stopped", 2, reason, address=""))
    expected = f"{SAID}; controller is stopped ({reason}); have it started with: ./romana-setup"
    assert silence(tmp_path).startswith(expected)


def test_the_last_instance_of_a_node_is_meant(ec2: Stubber, tmp_path: Path) -> None:
    has(ec2, instance("i-1", "terminated", 2, "Server.Mystery: It is gone"), instance("i-0", "terminated", 1))
    assert f"{SAID}; controller has no instance any more (Server.Mystery: It is gone); have another" in silence(
        tmp_path
    )


def test_no_instance_at_all(ec2: Stubber, tmp_path: Path) -> None:
    has(ec2)
    assert f"{SAID}; controller has no instance any more; have another made with: ./romana-setup" in silence(tmp_path)


def test_an_instance_that_runs_elsewhere_than_it_did(ec2: Stubber, tmp_path: Path) -> None:
    has(ec2, instance("i-1", "running", 1, address="198.51.100.77"))
    assert "; controller is at 198.51.100.77 since it was started" in silence(tmp_path)


def test_an_instance_whose_machine_is_impaired(ec2: Stubber, tmp_path: Path) -> None:
    has(ec2, instance("i-1", "running", 1))
    finds(ec2, "impaired", "ok")
    assert f"{SAID}; EC2 finds the machine impaired on which i-1 is; have it put on another" in silence(tmp_path)


def test_an_instance_with_which_nothing_is_wrong(ec2: Stubber, tmp_path: Path) -> None:
    has(ec2, instance("i-1", "running", 1))
    finds(ec2, "ok", "ok")
    assert silence(tmp_path) == SAID


def test_ec2_that_does_not_say(ec2: Stubber, tmp_path: Path) -> None:
    ec2.add_client_error("describe_instances", "UnauthorizedOperation", "No.")
    assert silence(tmp_path) == SAID


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ({"machine": "impaired", "system": "impaired"}, "it put on another with: aws ec2 stop-instances"),
        (
            {"machine": "ok", "system": "impaired"},
            "when it has stopped: ./romana-setup provision",
        ),
        ({"machine": "ok", "system": "initializing"}, "EC2 is still checking i-1, as after each start; try again"),
    ],
)
def test_what_checks_find_has_a_fix(checks: dict[str, str], expected: str) -> None:
    assert expected in unwell("i-1", Account(REGION), checks)


def test_what_is_to_be_done_is_done_by_the_same_profile() -> None:
    said = unwell("i-1", Account(REGION, "mine"), {"system": "impaired"})
    assert "aws ec2 stop-instances --region eu-west-1 --profile mine --instance-ids i-1" in said


def test_credentials_of_another_account_see_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(REGION, made_in="111111111111")
    monkeypatch.setattr(Account, "number", lambda _: "222222222222")
    assert reason(account, "demo", "controller", ADDRESS) == ""
    assert "are those of the account 222222222222" in ask(account, "demo", {}).problem


def test_what_cannot_be_told_is_not_said() -> None:
    assert unwell("i-1", Account(REGION), {"machine": "ok", "system": "insufficient-data"}) == ""
    assert unwell("i-1", Account(REGION), {}) == ""
