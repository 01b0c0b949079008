"""Consoles of guests, which ask for no password, are for the machine with their proxy alone, whatever befalls it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from agent_lab import Lab, Node, tcp_connects, until

from romana.agent.consoles import parse

PORTS = (5899, 5900, 6079, 6080)


def open_to(asker: Node, asked: Node) -> list[int]:
    return [port for port in PORTS if tcp_connects(asker.namespace, asked.address, port)]


@pytest.mark.root
def test_consoles_are_the_proxys_alone(make_lab: Callable[[int], Lab]) -> None:
    lab = make_lab(3)
    proxy, other, asked = lab.nodes
    asked.consoles = f"{proxy.address}:5900-6079"
    asked.configure()
    for port in PORTS:
        argv = asked.namespace.command("busybox", "nc", "-ll", "-p", str(port), "-e", "/bin/true")
        lab.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
    until(lambda: all(f":{port} " in asked.namespace.run("ss", "-Hltn") for port in PORTS), "all ports are open")
    assert open_to(other, asked) == list(PORTS)
    lab.push()
    assert open_to(proxy, asked) == open_to(asked, asked) == list(PORTS)
    assert open_to(other, asked) == [5899, 6080]
    asked.namespace.run("nft", "flush", "ruleset")
    until(lambda: "romana" in asked.namespace.run("nft", "list", "tables"), "the agent has its tables again")
    assert open_to(other, asked) == [5899, 6080]


@pytest.mark.parametrize("text", ["", "5900-6079", "192.168.99.10:5900", "192.168.99.10:6079-5900", "a:1-2", "::1:1-2"])
def test_what_makes_no_sense_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse(text)
