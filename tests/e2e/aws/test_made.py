"""What AWS has of a stack with one compute node; nothing here changes it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from aws_setup import ALLOWED, KEY, PROFILE, REGION, Cloud, Setup, profiles, tags


@pytest.fixture(scope="module")
def made(running_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    running_cloud.reset()
    state = tmp_path_factory.mktemp("made")
    # boto3 prefers the keys, Ansible's modules by themselves the profile.
    stack = Setup(running_cloud, state, variables={**profiles(state), "AWS_PROFILE": PROFILE})
    stack.provision(1, ttl_hours=8)
    return stack


def launches(cloud: Cloud) -> list[dict[str, str]]:
    """The parameters of each launch of an instance."""
    return [call["parameters"] for call in cloud.changes() if call["action"] == "RunInstances"]


def test_instances_are_as_safe_as_they_can_be(made: Setup) -> None:
    instances = made.cloud.instances().values()
    assert {item["SourceDestCheck"] for item in instances} == {False}
    assert {item["KeyName"] for item in instances} == {"romana-demo"}
    assert all("IamInstanceProfile" not in item for item in instances)
    launched = launches(made.cloud)
    assert len(launched) == 2
    for call in launched:
        assert call["MetadataOptions.HttpTokens"] == "required"
        assert call["MetadataOptions.HttpPutResponseHopLimit"] == "1"
        assert call["BlockDeviceMapping.1.Ebs.Encrypted"] == "true"
        assert call["BlockDeviceMapping.1.Ebs.VolumeType"] == "gp3"
        assert call["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"
        assert call["BlockDeviceMapping.1.DeviceName"] == "/dev/xvda"
    assert {item["ImageId"] for item in instances} == {"ami-0000000000000d132"}


def test_only_what_is_needed_is_open_and_only_to_whom_it_is_allowed(made: Setup) -> None:
    groups = {group["GroupId"] for item in made.cloud.instances().values() for group in item["SecurityGroups"]}
    (group,) = made.cloud.ask("describe_security_groups", GroupIds=list(groups))["SecurityGroups"]
    assert group["GroupName"] == "romana-demo"
    opened: dict[str, set[tuple[str, int | None]]] = {}
    for rule in group["IpPermissions"]:
        assert not rule["UserIdGroupPairs"] + rule["Ipv6Ranges"]
        for source in rule["IpRanges"]:
            opened.setdefault(source["CidrIp"], set()).add((rule["IpProtocol"], rule.get("FromPort")))
    assert opened.pop(ALLOWED) == {("tcp", 22), ("tcp", 9600), ("icmp", -1)}
    # The nodes themselves, and endpoints on them.
    assert set(opened) == {"192.168.99.0/24", "10.0.0.0/8"}


def test_everything_has_the_stacks_tag(made: Setup) -> None:
    (vpc,) = (item for item in made.cloud.ask("describe_vpcs")["Vpcs"] if not item["IsDefault"])
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    resources = [
        vpc,
        *made.cloud.instances().values(),
        *made.cloud.ask("describe_key_pairs")["KeyPairs"],
        *made.cloud.ask("describe_internet_gateways")["InternetGateways"],
        *made.cloud.ask("describe_subnets", Filters=inside)["Subnets"],
        *(
            group
            for group in made.cloud.ask("describe_security_groups", Filters=inside)["SecurityGroups"]
            if group["GroupName"] != "default"
        ),
        *made.cloud.ask("describe_volumes")["Volumes"],
    ]
    assert len(resources) == 9
    assert {tags(resource).get("romana:stack") for resource in resources} == {"demo"}
    assert all(tags(resource).get("Name") for resource in resources)


def test_a_time_to_live_ends_instances_from_within(made: Setup) -> None:
    (call,) = (call for call in launches(made.cloud) if "controller" in call.values())
    assert call["InstanceInitiatedShutdownBehavior"] == "stop"
    head, _, text = base64.b64decode(call["UserData"]).decode().partition("\n")
    assert head == "#cloud-config"
    told = json.loads(text)
    (timer,) = (item["content"] for item in told["write_files"] if item["path"].endswith("romana-ttl.timer"))
    assert "OnBootSec=8h" in timer
    assert tags(made.cloud.instances()["controller"])["romana:ttl-hours"] == "8"


def test_nodes_know_the_keys_they_are_known_by(made: Setup) -> None:
    (call,) = (call for call in launches(made.cloud) if "controller" in call.values())
    told = json.loads(base64.b64decode(call["UserData"]).decode().partition("\n")[2])
    keys = made.directory / "ssh"
    assert told["ssh_authorized_keys"] == [(keys / "id_ed25519.pub").read_text().strip()]
    assert told["ssh_keys"]["ed25519_public"].split()[1] in (keys / "known_hosts").read_text()
    assert told["ssh_keys"]["ed25519_private"] == (keys / "host_keys" / "controller").read_text()
    address = made.cloud.instances()["controller"]["PublicIpAddress"]
    assert f"HostName {address}" in (made.directory / "ssh_addresses").read_text()


def test_status_tells_time_left_and_cost(made: Setup) -> None:
    instances = json.loads(made.run("status", "--format", "json", code=1))["aws"]["instances"]
    assert sorted(instance["node"] for instance in instances) == ["compute01", "controller"]
    for instance in instances:
        assert (instance["state"], instance["type"]) == ("running", "t3.large")
        assert 0 < instance["hours_left"] <= 8
        assert instance["usd"] >= 0
    output = made.run("status", code=1)
    assert "stops in" in output
    assert "an hour now, at list prices of" in output


def test_a_stack_in_another_region_is_not_meant(made: Setup) -> None:
    assert f"stack demo is in {REGION}; leave it out" in made.run("status", code=2, region="eu-central-1")


def test_uninstall_shows_what_goes_and_asks(made: Setup) -> None:
    before = made.cloud.leftovers()
    output = made.run("uninstall", code=2)
    assert "2 instances: controller (i-" in output
    assert "1 VPC: vpc-" in output
    assert "1 key pair: romana-demo" in output
    assert "give --yes" in output
    assert made.cloud.leftovers() == before


def test_uninstall_without_a_way_in_removes_nothing(made: Setup) -> None:
    without = replace(made, variables={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    before = made.cloud.leftovers()
    assert "credentials: there are none for AWS" in without.run("uninstall", "--yes", code=3)
    assert made.directory.exists()
    assert made.cloud.leftovers() == before


def changes(stack: Setup, **settings: object) -> dict[str, list[str]]:
    """What plan says of each kind of thing."""
    answer = json.loads(stack.run("plan", "--format", "json", **settings))
    assert answer["compared"] is True
    found: dict[str, list[str]] = {}
    for item in answer["resources"]:
        found.setdefault(item["change"], []).append(item["name"] if item["kind"] == "instance" else item["kind"])
    return found


NETWORK = ["VPC", "internet gateway", "subnet", "route table", "security group", "key pair"]


def test_plan_of_what_is_there(made: Setup) -> None:
    assert changes(made, devstack_compute_node=1) == {"keep": [*NETWORK, "controller", "compute01"]}
    assert changes(made, devstack_compute_node=2)["add"] == ["compute02"]
    assert changes(made, devstack_compute_node=0)["remove"] == ["compute01"]
    bigger = {"devstack_compute_node": 1, "aws_instance_type_compute": "m5.large"}
    assert "only with -e aws_replace_changed=true" in made.run("plan", **bigger)
    assert changes(made, **bigger, aws_replace_changed=True)["change"] == ["compute01"]


def test_plan_of_what_is_not_there(made: Setup) -> None:
    """Also where another stack is; it is then made exactly as this one was."""
    before = made.cloud.leftovers()
    other = replace(made, name="other", settings={"aws_network": "192.168.98.0/24"})
    assert changes(other, devstack_compute_node=1) == {"add": [*NETWORK, "controller", "compute01"]}
    assert made.cloud.leftovers() == before


def test_check_mode_of_one_more_node_and_of_tags_changes_nothing(made: Setup) -> None:
    before, begun = made.cloud.leftovers(), len(made.cloud.changes())
    more = {"devstack_compute_node": 2, "aws_tags": {"cost-center": "42"}}
    output = made.run("provision", "--", "--check", ttl_hours=8, **more)
    # Tags of the VPC, gateway, subnet, group, of instances, and of what comes along; and the node.
    assert "would have changed=7;" in output
    assert made.cloud.leftovers() == before
    assert made.cloud.changes()[begun:] == []


def test_keys_of_the_environment_come_before_a_profile_that_it_names(made: Setup) -> None:
    assert {call["key"] for call in made.cloud.calls()} == {KEY}
