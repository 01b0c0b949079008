"""`romana explain --observed` on a host: what its firewall has, beside what it should have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agent_lab import Guest, Lab, Node, until
from server_lab import ADMIN, LabServer

from romana.models import Direction, EndpointUpdate, GroupPut, GroupRule, Permissions

pytestmark = pytest.mark.root

OUT = GroupRule(direction=Direction.EGRESS)
MATES = GroupRule(direction=Direction.INGRESS, protocol=6, ports="22", remote_group="mates")


@pytest.fixture
def server(make_lab: Callable[[int], Lab]) -> Iterator[LabServer]:
    server = LabServer(make_lab(2))
    try:
        server.ask(lambda client: client.put_group("mates", GroupPut(rules=[OUT, MATES])))
        for node in server.lab.nodes:
            node.start_agent()
        yield server
    finally:
        server.close()


def mate(server: LabServer, node: int) -> Guest:
    guest = server.guest(node, "s1")
    wanted = EndpointUpdate(permissions=Permissions(groups=["mates"]))
    server.ask(lambda client: client.update_endpoint(guest.id, wanted))
    guest.plug()
    until(lambda: server.endpoint(guest).status.value == "active", "it is active")
    return guest


def explained(node: Node, source: Guest, target: Guest) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code and the rows by who decides, as `romana` says on a node."""
    token = node.lab.directory / "admin.token"
    token.write_text(ADMIN)
    options = ("--url", node.lab.url, "--ca-file", str(node.lab.directory / "ca.pem"), "--token-file", str(token))
    words = ("explain", source.address, target.address, "tcp/22", "--observed", "--agent-config", str(node.config))
    argv = node.namespace.command(sys.executable, "-m", "romana.cli.main", *options, *words, "-f", "json")
    done = subprocess.run(argv, env=node.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return done.returncode, {row["who"].partition(" ")[0]: row for row in json.loads(done.stdout)}


def test_what_the_firewall_has_is_compared_on_its_own_host(server: LabServer) -> None:
    source, target = mate(server, 0), mate(server, 1)
    code, rows = explained(target.node, source, target)
    assert code == 0
    assert [(row["observed"], row["differs"]) for row in (rows["segments"], rows["ingress"])] == [(True, None)] * 2
    assert rows["egress"]["observed"] is None
    assert rows["egress"]["differs"] == "not looked at: run this command on node0"
    code, rows = explained(source.node, source, target)
    assert (code, rows["egress"]["observed"], rows["ingress"]["observed"]) == (0, True, None)

    node = target.node
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGSTOP)  # it would mend what is done now
    node.namespace.run("nft", "flush", "set", "inet", "romana", "services")
    code, rows = explained(node, source, target)
    assert code == 1
    assert (rows["ingress"]["passes"], rows["ingress"]["observed"]) == (True, False)
    assert rows["ingress"]["differs"].startswith("set services lacks: ")
    assert rows["segments"]["differs"] is None
    node.namespace.run("nft", "delete", "table", "inet", "romana")
    code, rows = explained(node, source, target)
    assert (code, rows["ingress"]["observed"]) == (1, True)
    assert rows["ingress"]["differs"] == "there is no table inet romana: nothing keeps anything out"
    os.kill(node.process.pid, signal.SIGCONT)
    until(lambda: explained(node, source, target)[0] == 0, "the agent has mended it")
