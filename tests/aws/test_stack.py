"""A stack on AWS from nothing to nothing: what is made, what a second run changes, what is left at the end."""

from __future__ import annotations

import base64
import json

import pytest
from aws_setup import ALLOWED, Cloud, Setup, tags


@pytest.mark.parametrize("count", [1, 4, 16])
def test_nodes_are_made_once_and_removed_without_a_trace(stack: Setup, cloud: Cloud, count: int) -> None:
    names = ["controller", *(f"compute{number:02}" for number in range(1, count))]
    assert stack.provision(count - 1) > 0
    made = cloud.instances()
    assert sorted(made) == sorted(names)
    assert [made[name]["PrivateIpAddress"] for name in names] == [f"192.168.99.{10 + n}" for n in range(count)]
    assert stack.provision(count - 1) == 0
    assert {name: item["InstanceId"] for name, item in cloud.instances().items()} == {
        name: item["InstanceId"] for name, item in made.items()
    }
    stack.run("uninstall", "--yes")
    assert cloud.leftovers() == {}
    assert not stack.directory.exists()
    assert "nothing" in stack.run("uninstall", "--yes")


def test_check_mode_from_nothing_makes_nothing(stack: Setup, cloud: Cloud) -> None:
    assert "would have changed=" in stack.run("provision", "--", "--check", devstack_compute_node=2)
    assert cloud.leftovers() == {}
    assert cloud.changes() == []


def test_check_mode_of_one_more_node_makes_nothing(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    before = cloud.leftovers()
    output = stack.run("provision", "--", "--check", devstack_compute_node=1)
    assert "would have changed=1" in output
    assert cloud.leftovers() == before


def test_nodes_are_added_and_removed_and_the_others_left_alone(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    first = cloud.instances()["controller"]
    stack.provision(3)
    second = cloud.instances()
    assert second["controller"]["InstanceId"] == first["InstanceId"]
    assert {name: item["PrivateIpAddress"] for name, item in second.items()} == {
        "controller": "192.168.99.10",
        "compute01": "192.168.99.11",
        "compute02": "192.168.99.12",
        "compute03": "192.168.99.13",
    }
    stack.provision(1)
    third = cloud.instances()
    assert {name: item["InstanceId"] for name, item in third.items()} == {
        name: second[name]["InstanceId"] for name in ("controller", "compute01")
    }
    assert stack.provision(1) == 0


def test_instances_are_as_safe_as_they_can_be(stack: Setup, cloud: Cloud) -> None:
    stack.provision(1)
    instances = cloud.instances().values()
    assert {item["SourceDestCheck"] for item in instances} == {False}
    assert {item["KeyName"] for item in instances} == {"romana-demo"}
    assert all("IamInstanceProfile" not in item for item in instances)
    launched = [call["parameters"] for call in cloud.changes() if call["action"] == "RunInstances"]
    assert len(launched) == 2
    for call in launched:
        assert call["MetadataOptions.HttpTokens"] == "required"
        assert call["MetadataOptions.HttpPutResponseHopLimit"] == "1"
        assert call["BlockDeviceMapping.1.Ebs.Encrypted"] == "true"
        assert call["BlockDeviceMapping.1.Ebs.VolumeType"] == "gp3"
        assert call["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
        assert call["BlockDeviceMapping.1.DeviceName"] == "/dev/xvda"
    assert {item["ImageId"] for item in instances} == {"ami-0000000000000d132"}


def test_nobody_else_is_let_in(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    groups = {group["GroupId"] for item in cloud.instances().values() for group in item["SecurityGroups"]}
    (group,) = cloud.ask("describe_security_groups", GroupIds=list(groups))["SecurityGroups"]
    sources = {item["CidrIp"] for rule in group["IpPermissions"] for item in rule["IpRanges"]}
    assert sources == {ALLOWED, "192.168.99.0/24", "10.0.0.0/8"}
    outside = {
        rule["IpProtocol"]
        for rule in group["IpPermissions"]
        if {"CidrIp": ALLOWED}.items() <= rule["IpRanges"][0].items()
    }
    assert outside == {"tcp", "icmp"}
    assert not [pair for rule in group["IpPermissions"] for pair in rule["UserIdGroupPairs"]]
    assert not [item for rule in group["IpPermissions"] for item in rule["Ipv6Ranges"]]


def test_other_networks_are_let_in_instead(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    stack.provision(0, aws_allowed_cidrs=["198.51.100.0/24"])
    (instance,) = cloud.instances().values()
    ids = [group["GroupId"] for group in instance["SecurityGroups"]]
    (group,) = cloud.ask("describe_security_groups", GroupIds=ids)["SecurityGroups"]
    sources = {item["CidrIp"] for rule in group["IpPermissions"] for item in rule["IpRanges"]}
    assert sources == {"198.51.100.0/24", "192.168.99.0/24", "10.0.0.0/8"}


def test_everything_has_the_stacks_tag(stack: Setup, cloud: Cloud) -> None:
    stack.provision(1)
    (vpc,) = (item for item in cloud.ask("describe_vpcs")["Vpcs"] if not item["IsDefault"])
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    resources = [
        vpc,
        *cloud.instances().values(),
        *cloud.ask("describe_key_pairs")["KeyPairs"],
        *cloud.ask("describe_internet_gateways")["InternetGateways"],
        *cloud.ask("describe_subnets", Filters=inside)["Subnets"],
        *cloud.ask("describe_security_groups", Filters=inside)["SecurityGroups"],
        *cloud.ask("describe_volumes")["Volumes"],
    ]
    assert len(resources) == 9
    assert {tags(resource).get("romana:stack") for resource in resources} == {"demo"}
    assert all(tags(resource).get("Name") for resource in resources)


def test_a_stack_leaves_another_alone(stack: Setup, cloud: Cloud) -> None:
    other = Setup(cloud, stack.state, "other", {"aws_network": "192.168.98.0/24"})
    stack.provision(0)
    mine = cloud.leftovers()
    subprocess_output = other.run("provision", devstack_compute_node=0)
    assert "changed=" in subprocess_output
    other.run("uninstall", "--yes")
    assert cloud.leftovers() == mine


def test_hosts_in_several_zones_are_routed_to(stack: Setup, cloud: Cloud) -> None:
    stack.provision(2, aws_availability_zones=["eu-west-1a", "eu-west-1b"], aws_routes=True)
    made = cloud.instances()
    assert {name: (item["PrivateIpAddress"], item["Placement"]["AvailabilityZone"]) for name, item in made.items()} == {
        "controller": ("192.168.99.10", "eu-west-1a"),
        "compute01": ("192.168.99.138", "eu-west-1b"),
        "compute02": ("192.168.99.11", "eu-west-1a"),
    }
    interfaces = {name: item["NetworkInterfaces"][0]["NetworkInterfaceId"] for name, item in made.items()}
    assert routes(cloud) == {
        "10.0.0.0/16": interfaces["controller"],
        "10.1.0.0/16": interfaces["compute01"],
        "10.2.0.0/16": interfaces["compute02"],
    }
    stack.provision(1, aws_availability_zones=["eu-west-1a", "eu-west-1b"], aws_routes=True)
    assert sorted(routes(cloud)) == ["10.0.0.0/16", "10.1.0.0/16"]
    assert stack.provision(1, aws_availability_zones=["eu-west-1a", "eu-west-1b"], aws_routes=True) == 0


def test_a_time_to_live_ends_instances_from_within(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0, ttl_hours=8)
    (call,) = (call["parameters"] for call in cloud.changes() if call["action"] == "RunInstances")
    assert call["InstanceInitiatedShutdownBehavior"] == "stop"
    head, _, text = base64.b64decode(call["UserData"]).decode().partition("\n")
    assert head == "#cloud-config"
    told = json.loads(text)
    (timer,) = (item["content"] for item in told["write_files"] if item["path"].endswith("romana-ttl.timer"))
    assert "OnBootSec=8h" in timer
    assert tags(cloud.instances()["controller"])["romana:ttl-hours"] == "8"


def test_nodes_know_the_keys_they_are_known_by(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    (call,) = (call["parameters"] for call in cloud.changes() if call["action"] == "RunInstances")
    told = json.loads(base64.b64decode(call["UserData"]).decode().partition("\n")[2])
    keys = stack.directory / "ssh"
    assert told["ssh_authorized_keys"] == [(keys / "id_ed25519.pub").read_text().strip()]
    assert told["ssh_keys"]["ed25519_public"].split()[1] in (keys / "known_hosts").read_text()
    assert told["ssh_keys"]["ed25519_private"] == (keys / "host_keys" / "controller").read_text()
    address = cloud.instances()["controller"]["PublicIpAddress"]
    assert f"HostName {address}" in (stack.directory / "ssh_addresses").read_text()


def routes(cloud: Cloud) -> dict[str, str]:
    """The interface behind each network that is routed to one."""
    tables = cloud.ask("describe_route_tables")["RouteTables"]
    return {
        route["DestinationCidrBlock"]: route["NetworkInterfaceId"]
        for table in tables
        for route in table["Routes"]
        if route.get("NetworkInterfaceId")
    }
