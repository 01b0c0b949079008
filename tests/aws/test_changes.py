"""What has been changed in the configuration reaches instances that are there only when that is asked for."""

from __future__ import annotations

from aws_setup import Cloud, Setup

OTHER_IMAGE = "ami-0000000000000d131"


def test_another_type_waits_for_the_flag_and_is_given_to_one_instance_at_a_time(stack: Setup, cloud: Cloud) -> None:
    stack.provision(2)
    before = cloud.instances()
    assert stack.provision(2, aws_instance_type_compute="t3.xlarge") == 0
    assert {item["InstanceType"] for item in cloud.instances().values()} == {"t3.large"}
    begun = len(cloud.changes())
    assert stack.provision(2, aws_instance_type_compute="t3.xlarge", aws_replace_changed=True) > 0
    after = cloud.instances()
    computes = ("compute01", "compute02")
    types = {"controller": "t3.large", **dict.fromkeys(computes, "t3.xlarge")}
    assert {name: item["InstanceType"] for name, item in after.items()} == types
    assert {name: item["InstanceId"] for name, item in after.items()} == {
        name: item["InstanceId"] for name, item in before.items()
    }
    states = [
        (call["action"], call["parameters"]["InstanceId.1"])
        for call in cloud.changes()[begun:]
        if call["action"] in ("StopInstances", "StartInstances")
    ]
    assert [action for action, _ in states] == ["StopInstances", "StartInstances"] * 2
    assert [states[0][1], states[2][1]] == [states[1][1], states[3][1]]
    assert {identity for _, identity in states} == {after[name]["InstanceId"] for name in computes}


def test_another_image_makes_computes_again_one_at_a_time(stack: Setup, cloud: Cloud) -> None:
    stack.provision(2)
    before = cloud.instances()
    begun = len(cloud.changes())
    assert stack.provision(2, aws_image=OTHER_IMAGE, aws_replace_changed=True) > 0
    after = cloud.instances()
    assert after["controller"]["InstanceId"] == before["controller"]["InstanceId"], "it has the databases"
    computes = ("compute01", "compute02")
    assert {after[name]["ImageId"] for name in computes} == {OTHER_IMAGE}
    assert [after[name]["PrivateIpAddress"] for name in computes] == ["192.168.99.11", "192.168.99.12"]
    steps = [call["action"] for call in cloud.changes()[begun:]]
    assert [step for step in steps if step in ("TerminateInstances", "RunInstances")] == [
        "TerminateInstances",
        "RunInstances",
    ] * 2
    assert stack.provision(2, aws_image=OTHER_IMAGE, aws_replace_changed=True) == 0


def test_a_newer_image_of_debians_changes_nothing(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0, aws_image=OTHER_IMAGE)
    before = cloud.instances()["controller"]
    assert stack.provision(0, aws_replace_changed=True) == 0
    after = cloud.instances()["controller"]
    assert (after["InstanceId"], after["ImageId"]) == (before["InstanceId"], OTHER_IMAGE)


def test_an_instance_that_has_stopped_is_started(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    instance = cloud.instances()["controller"]["InstanceId"]
    cloud.ask("stop_instances", InstanceIds=[instance])
    assert stack.provision(0) > 0
    assert cloud.instances()["controller"]["State"]["Name"] == "running"
    assert cloud.instances()["controller"]["InstanceId"] == instance
    assert stack.provision(0) == 0
