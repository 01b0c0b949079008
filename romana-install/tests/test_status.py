"""What the answers of a node and of romana-server mean."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from romana.models import Host
from romana_install.stack import Node
from romana_install.status import judge

CONTROLLER = Node("controller", "192.168.99.10", 0, True, True)
COMPUTE = Node("compute01", "192.168.99.11", 1, False, True)
WELL = (["running", "active", "active"], "")


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
        (CONTROLLER, WELL, host("controller"), "", ""),
        (COMPUTE, (["running", "inactive", "active"], ""), host("compute01"), "", ""),
        (COMPUTE, (["degraded", "inactive", "active"], ""), host("compute01"), "", ""),
        (COMPUTE, ([], "cannot be reached: timed out"), host("compute01"), "", "cannot be reached"),
        (CONTROLLER, (["running", "failed", "active"], ""), None, "no answer", "romana-server is failed"),
        (CONTROLLER, (["running", "failed", "active"], ""), None, "no answer", "no answer"),
        (COMPUTE, (["running", "inactive", "failed"], ""), host("compute01"), "", "romana-agent is failed"),
        (COMPUTE, WELL, None, "", "not known to romana-server"),
        (COMPUTE, WELL, None, "no answer", ""),
        (COMPUTE, WELL, host("compute01", applied=6), "", "has applied generation 6 of 7"),
        (COMPUTE, WELL, host("compute01", applied=None), "", "has applied generation None of 7"),
        (COMPUTE, WELL, host("compute01", errors=2), "", "2 errors in the agent's last report"),
    ],
)
def test_judge(node: Node, answer: tuple[list[str], str], known: Host | None, api_problem: str, problem: str) -> None:
    found = judge(node, answer, known, api_problem)
    assert problem in found.problem
    assert bool(problem) == bool(found.problem)
