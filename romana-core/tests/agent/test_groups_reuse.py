"""An address that is given out again, while a host has not heard yet that it has left its groups."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from agent_lab import Guest, Lab, until
from server_lab import LabServer

from romana.models import Direction, EndpointCreate, EndpointUpdate, GroupPut, GroupRule, Permissions

pytestmark = pytest.mark.root

OUT = GroupRule(direction=Direction.EGRESS)


def test_a_newcomer_is_not_taken_for_who_had_its_address_by_a_host_that_lags(make_lab: Callable[[int], Lab]) -> None:
    server = LabServer(make_lab(2))
    try:
        for node in server.lab.nodes:
            node.start_agent()
        lets_in = GroupRule(direction=Direction.INGRESS, remote_group="friends")
        groups = {
            "guarded": GroupPut(rules=[OUT, lets_in]),
            "friends": GroupPut(rules=[OUT]),
            "others": GroupPut(rules=[OUT]),
        }
        for name, group in groups.items():
            server.ask(lambda client, name=name, group=group: client.put_group(name, group))
        guarded = plugged(server, server.guest(1, "s1"), "guarded")
        friend = plugged(server, server.guest(0, "s1"), "friends")
        guarded.listen(80)
        until(lambda: friend.tcp(guarded, 80), "friends are let in")

        agent = guarded.node.process
        assert agent is not None
        os.kill(agent.pid, signal.SIGSTOP)
        server.ask(lambda client: client.delete_endpoint(friend.id))
        friend.unplug()
        friend.inside.close()
        stranger = plugged(server, server.guest(0, "s1"), "others")
        assert not stranger.tcp(guarded, 80)
        os.kill(agent.pid, signal.SIGCONT)
        until(lambda: next_address(server) == friend.address, "the address is given out again")
        assert not stranger.tcp(guarded, 80)
    finally:
        server.close()


def plugged(server: LabServer, guest: Guest, group: str) -> Guest:
    """In a group, active and with its address."""
    wanted = EndpointUpdate(permissions=Permissions(groups=[group]))
    server.ask(lambda client: client.update_endpoint(guest.id, wanted))
    guest.plug()
    until(lambda: server.endpoint(guest).status.value == "active", f"active: {server.endpoint(guest)}")
    guest.configure()
    return guest


def next_address(server: LabServer) -> str:
    """The one that a new endpoint on the first node would get."""
    wanted = EndpointCreate(host="node0", tenant="admin", segment="s1", mac="fa:16:3e:ff:00:01", interface="tapnext")
    made = server.ask(lambda client: client.create_endpoint(wanted))
    server.ask(lambda client: client.delete_endpoint(made.id))
    return str(made.address)
