"""What servers still have of a stack after they were given back, asked of each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from romana_install.state.stack import Node, Stack
from romana_install.targets.static.facts import Facts, ask


def left(stack: Stack, forgotten: Sequence[str]) -> list[str]:
    """One sentence for each server that has something of it, or that has not said. forgotten: names of those gone."""
    nodes = [node for node in stack.present if node.name not in forgotten]
    answers = ask(stack, nodes)
    return [text for node in nodes for text in of_node(node, answers[node.name])]


def of_node(node: Node, facts: Facts) -> Iterator[str]:
    """What a server's answer means. Pure."""
    if facts.silence:
        yield f"{node.name} has not said whether it is rid of it: {facts.silence}"
    elif facts.sudo:
        yield f"{node.name} has not said whether it is rid of it, as root is not reached there: {facts.sudo}"
    elif facts.left:
        yield f"{node.name} still has {', '.join(facts.left)}"
