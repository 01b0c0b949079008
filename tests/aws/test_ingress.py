"""Who can reach the nodes."""

from __future__ import annotations

from aws_setup import ALLOWED, Cloud, Setup


def test_only_what_is_needed_is_open_and_only_to_whom_it_is_allowed(stack: Setup, cloud: Cloud) -> None:
    stack.provision(0)
    (instance,) = cloud.instances().values()
    groups = [group["GroupId"] for group in instance["SecurityGroups"]]
    (group,) = cloud.ask("describe_security_groups", GroupIds=groups)["SecurityGroups"]
    opened: dict[str, set[tuple[str, int | None]]] = {}
    for rule in group["IpPermissions"]:
        for source in rule["IpRanges"]:
            opened.setdefault(source["CidrIp"], set()).add((rule["IpProtocol"], rule.get("FromPort")))
    assert opened.pop(ALLOWED) == {("tcp", 22), ("tcp", 9600), ("icmp", -1)}
    # The nodes themselves, and endpoints on them.
    assert set(opened) == {"192.168.99.0/24", "10.0.0.0/8"}
