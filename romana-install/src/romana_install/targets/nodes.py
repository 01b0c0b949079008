"""From the nodes that are there to those that are wanted, and the names of those that are made. Pure.

The index and address of a node that is made follow from its name alone (controller 0, compute01 1, ...), so adding or
removing nodes changes nothing for the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack


@dataclass(frozen=True)
class Change:
    """What an installation does to the nodes, in the order of their indexes."""

    add: tuple[Node, ...]
    remove: tuple[Node, ...]
    keep: tuple[Node, ...]

    @property
    def kind(self) -> str:
        """What the run is like: 'change' of the nodes, or 'again'."""
        return "change" if self.add or self.remove else "again"


def compute_name(number: int) -> str:
    """The name of a compute node."""
    return f"compute{number:02}"


def is_compute_node(name: str, config: Config) -> bool:
    """Whether a configuration asks for a compute node of this name, whatever the nodes' network."""
    digits = name.removeprefix("compute")
    number = int(digits) if digits.isascii() and digits.isdecimal() else 0
    return 1 <= number <= config.devstack_compute_node and name == compute_name(number)


def change(wanted: tuple[Node, ...], existing: Stack | None) -> Change:
    """What makes the existing stack have the wanted nodes. Nodes that were about to leave still are."""
    there = {} if existing is None else {node.name: node for node in existing.nodes}
    leaving = {} if existing is None else {node.name: node for node in existing.leaving}
    names = {node.name for node in wanted}
    return Change(
        add=tuple(node for node in wanted if node.name not in there),
        keep=tuple(node for node in wanted if node.name in there),
        remove=tuple(
            sorted(
                (node for name, node in {**leaving, **there}.items() if name not in names),
                key=lambda node: node.index,
            )
        ),
    )
