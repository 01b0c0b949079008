"""A stack on AWS from nothing to nothing: what is made, what a second run changes, what is left at the end."""

from __future__ import annotations

from aws_setup import Cloud, Setup


def test_sixteen_nodes_are_made_once_and_removed_without_a_trace(stack: Setup, cloud: Cloud) -> None:
    count = 16
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


def test_other_networks_are_let_in_instead(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    stack.provision(0, aws_allowed_cidrs=["198.51.100.0/24"])
    (instance,) = cloud.instances().values()
    ids = [group["GroupId"] for group in instance["SecurityGroups"]]
    (group,) = cloud.ask("describe_security_groups", GroupIds=ids)["SecurityGroups"]
    sources = {item["CidrIp"] for rule in group["IpPermissions"] for item in rule["IpRanges"]}
    assert sources == {"198.51.100.0/24", "192.168.99.0/24", "10.0.0.0/8"}


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


def routes(cloud: Cloud) -> dict[str, str]:
    """The interface behind each network that is routed to one."""
    tables = cloud.ask("describe_route_tables")["RouteTables"]
    return {
        route["DestinationCidrBlock"]: route["NetworkInterfaceId"]
        for table in tables
        for route in table["Routes"]
        if route.get("NetworkInterfaceId")
    }
