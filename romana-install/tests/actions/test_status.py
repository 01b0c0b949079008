"""What the answers of a node and of romana-server mean."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from romana.models import Host
from romana_install.actions.status import _row, certificate_text, judge
from romana_install.state.stack import Node
from romana_install.verify.nodes import Answer, parse, parse_listed, units

CONTROLLER = Node("controller", "192.168.99.10", 0, True, True)
COMPUTE = Node("compute01", "192.168.99.11", 1, False, True)
WELL = Answer("running", {"romana-agent": "active"})


def host(name: str, generation: int = 7, applied: int | None = 7, errors: int = 0) -> Host:
    return Host(
        name=name,
        address=IPv4Address("192.168.99.10"),
        index=0,
        prefix=IPv4Network("10.0.0.0/16"),
        gateway=IPv4Address("10.0.0.1"),
        endpoints=0,
        generation=generation,
        applied=applied,
        errors=errors,
    )


@pytest.mark.parametrize(
    ("node", "answer", "known", "api_problem", "problem"),
    [
        (COMPUTE, WELL, host("compute01"), "", ""),
        (COMPUTE, Answer("degraded", WELL.units), host("compute01"), "", ""),
        (COMPUTE, Answer(silence="cannot be reached: timed out"), host("compute01"), "", "cannot be reached"),
        (CONTROLLER, Answer("running", {"romana-server": "failed"}), None, "no answer", "romana-server is failed"),
        (CONTROLLER, Answer("running", {"romana-server": "failed"}), None, "no answer", "; no answer"),
        (COMPUTE, Answer("running", {"romana-agent": "failed"}), host("compute01"), "", "romana-agent is failed"),
        (COMPUTE, Answer("running", {"nova-compute": "activating"}), host("compute01"), "", "-u nova-compute"),
        (COMPUTE, WELL, None, "", "not known to romana-server"),
        (COMPUTE, WELL, None, "no answer", ""),
        (COMPUTE, WELL, host("compute01", applied=6), "", "has applied generation 6 of 7"),
        (COMPUTE, WELL, host("compute01", applied=None), "", "has applied generation None of 7"),
        (COMPUTE, WELL, host("compute01", errors=2), "", "2 errors in the agent's last report"),
    ],
)
def test_judge(node: Node, answer: Answer, known: Host | None, api_problem: str, problem: str) -> None:
    found = judge(node, answer, known, api_problem)
    assert problem in found.problem
    assert bool(problem) == bool(found.problem)


def test_services_of_a_node() -> None:
    assert units(COMPUTE, "none") == ["romana-agent"]
    assert units(CONTROLLER, "none") == ["romana-server", "romana-agent"]
    assert units(COMPUTE, "packages") == ["romana-agent", "nova-compute"]
    assert {"romana-server", "mariadb", "keystone", "neutron-api", "nova-compute"} < set(units(CONTROLLER, "packages"))
    assert "nova-compute" not in units(Node("controller", "192.168.99.10", 0, True, False), "packages")
    assert units(COMPUTE, "devstack") == ["romana-agent", "libvirtd"]
    assert {"romana-server", "mariadb", "apache2"} < set(units(CONTROLLER, "devstack"))


def test_units_of_devstack_are_what_there_is() -> None:
    lines = [
        "devstack@g-api.service  loaded active running Devstack devstack@g-api.service",
        "devstack@n-cpu.service  loaded failed failed  Devstack devstack@n-cpu.service",
    ]
    assert parse_listed(lines) == {"devstack@g-api": "active", "devstack@n-cpu": "failed"}


def test_openstack_is_apart_from_romana() -> None:
    found = judge(CONTROLLER, Answer("running", {"romana-agent": "active", "keystone": "active"}), None, "")
    assert (found.agent, found.openstack) == ("active", {"keystone": "active"})


def test_an_answer_is_read_by_its_names() -> None:
    lines = ["system degraded", "", "unit romana-agent active", "system", "unit", "unit other failed"]
    assert parse(lines, ["romana-agent", "nova-compute"], "none") == Answer(
        "degraded", {"romana-agent": "active", "nova-compute": "unknown"}
    )
    assert parse([], ["romana-agent"], "none") == Answer("", {"romana-agent": "unknown"})


def test_what_runs_instances_is_told_with_the_services() -> None:
    answer = parse(["system running", "hypervisor qemu", "unit nova-compute active"], ["nova-compute"], "packages")
    row = _row(judge(COMPUTE, answer, host("compute01"), ""))
    assert row[-1] == "1 of 1 active, instances by qemu"


def test_devstacks_services_are_those_that_are_listed() -> None:
    listed = ["listed devstack@keystone.service loaded active running Devstack", "listed", "listed x y"]
    assert parse(listed, [], "devstack").units == {"devstack@keystone": "active"}
    assert parse([], [], "devstack").units == {"devstack@*": "missing"}


def test_a_certificate_that_ends_is_told_with_the_command_that_renews_it() -> None:
    assert certificate_text(12) == (
        "romana-server's certificate expires in 12 days; renew it with: ./romana-setup install"
    )
    assert "has expired: no agent hears from it; renew it with" in certificate_text(-1)
