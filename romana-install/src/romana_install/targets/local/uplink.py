"""The interface by which this machine is in the network of a local stack's nodes, and the nodes' way out by it."""

from __future__ import annotations

LONGEST = 15  # name of a network interface


def interface_name(stack_name: str) -> str:
    """The interface's name."""
    return f"ro-{stack_name}"[:LONGEST]


def uplink_wanted(configured: bool | None, engine: str) -> bool:
    """Whether the nodes of a local stack have a way out: as configured, else when what is installed needs it."""
    return engine == "devstack" if configured is None else configured
