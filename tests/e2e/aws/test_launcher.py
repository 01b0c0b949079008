"""An instance is a machine, and is in the state that the machine is in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_setup import REGION
from fabric import USER
from live_cloud import LiveCloud
from waiting import eventually

IMAGE = "ami-0000000000000d132"
ADDRESS = "192.168.97.10"
OTHER = "192.168.97.11"
SSH_FAILED = 255
TOLD = "#cloud-config\nhostname: somebody\n"
ADDRESSES = "ip -4 -brief address show eth0 | grep -o '[0-9.]*/[0-9]*'"
NETWORK = f"{ADDRESSES}; ip route; networkctl --lines=0 status eth0 | grep -o '/.*[.]network'"


@dataclass(frozen=True)
class Account:
    """An AWS with a subnet whose gateway leads out, and one instance there."""

    cloud: LiveCloud
    subnet: str
    group: str
    instance: str
    key: Path

    def look(self) -> dict[str, Any]:
        """What EC2 says of the instance."""
        found = self.cloud.ask("describe_instances", InstanceIds=[self.instance])
        instance: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return instance

    def run(self, *words: str) -> str | None:
        """What a command says that somebody with the key runs there; None when nobody lets them in."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5"]
        login = ["ssh", "-i", str(self.key), *options, f"debian@{self.look()['PublicIpAddress']}", *words]
        done = subprocess.run([*self.cloud.inside, *login], capture_output=True, text=True, check=False)
        return None if done.returncode == SSH_FAILED else done.stdout


def subnet(cloud: LiveCloud) -> tuple[str, str]:
    """A subnet, and a security group of its VPC."""
    vpc = cloud.ask("create_vpc", CidrBlock="192.168.97.0/24")["Vpc"]["VpcId"]
    gateway = cloud.ask("create_internet_gateway")["InternetGateway"]["InternetGatewayId"]
    cloud.ask("attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
    made = cloud.ask("create_subnet", VpcId=vpc, CidrBlock="192.168.97.0/24", AvailabilityZone=f"{REGION}a")
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = cloud.ask("describe_route_tables", Filters=inside)["RouteTables"]
    cloud.ask("create_route", RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    group = cloud.ask("create_security_group", GroupName="users", Description="users", VpcId=vpc)["GroupId"]
    ranges = [{"CidrIp": f"{USER}/32"}]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges}
    cloud.ask("authorize_security_group_ingress", GroupId=group, IpPermissions=[rule])
    return made["Subnet"]["SubnetId"], group


def order(cloud: LiveCloud, place: str, group: str, address: str) -> str:
    """Order an instance at an address of a subnet; returns what it is called."""
    card = {"DeviceIndex": 0, "SubnetId": place, "PrivateIpAddress": address, "Groups": [group]}
    made = cloud.ask(
        "run_instances",
        ImageId=IMAGE,
        InstanceType="t3.large",
        KeyName="somebody",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[{**card, "AssociatePublicIpAddress": True}],
        UserData=TOLD,
    )
    return str(made["Instances"][0]["InstanceId"])


@pytest.fixture(scope="module")
def account(live_place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with LiveCloud(live_place / "launch") as cloud:
        place, group = subnet(cloud)
        key = tmp_path_factory.mktemp("key") / "key"
        key.write_text(cloud.ask("create_key_pair", KeyName="somebody")["KeyMaterial"])
        key.chmod(0o600)
        yield Account(cloud, place, group, order(cloud, place, group, ADDRESS), key)


def test_an_instance_runs_once_its_machine_is_on(account: Account) -> None:
    account.cloud.await_state(account.instance, "running")
    assert account.cloud.machines() == [account.instance]


def test_a_machine_has_the_name_and_the_key_that_it_was_told(account: Account) -> None:
    assert eventually(lambda: account.run("hostname"), "the machine lets somebody in") == "somebody\n"


def test_the_network_of_a_machine_is_netplans(account: Account) -> None:
    assert str(account.run(NETWORK)).endswith("/run/systemd/network/10-netplan-eth0.network\n")


def test_a_stopped_machine_keeps_its_own_address_only(account: Account) -> None:
    before, network = account.look()["PublicIpAddress"], account.run(NETWORK)
    account.cloud.ask("stop_instances", InstanceIds=[account.instance])
    stopped = account.cloud.await_state(account.instance, "stopped")
    assert account.cloud.machines() == []
    assert "PublicIpAddress" not in stopped
    account.cloud.ask("start_instances", InstanceIds=[account.instance])
    started = account.cloud.await_state(account.instance, "running")
    assert started["PrivateIpAddress"] == ADDRESS
    assert started["PublicIpAddress"] != before
    assert eventually(lambda: account.run("hostname"), "the machine lets somebody in again") == "somebody\n"
    assert account.run(NETWORK) == network


def test_a_machine_that_ends_from_within_is_stopped(account: Account) -> None:
    account.run("sudo", "poweroff")
    account.cloud.await_state(account.instance, "stopped")
    assert account.cloud.machines() == []


def test_a_terminated_machine_is_gone(account: Account) -> None:
    account.cloud.ask("start_instances", InstanceIds=[account.instance])
    account.cloud.await_state(account.instance, "running")
    account.cloud.ask("terminate_instances", InstanceIds=[account.instance])
    account.cloud.await_state(account.instance, "terminated")
    assert account.cloud.machines() == []
    assert not (account.cloud.directory / account.instance).exists()


def test_a_launch_may_end_at_once(account: Account) -> None:
    reason = {"code": "Server.InsufficientInstanceCapacity", "message": "none left"}
    account.cloud.rules({"action": "RunInstances", "end": reason})
    ended = account.cloud.await_state(order(account.cloud, account.subnet, account.group, OTHER), "terminated")
    assert ended["StateReason"] == {"Code": reason["code"], "Message": reason["message"]}
    assert account.cloud.machines() == []
