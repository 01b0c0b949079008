"""YAML whose values know their lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Entry:
    """A key with its value. line: that of the key, from 1; node: the value as it stands there."""

    key: Any
    value: Any
    line: int
    node: yaml.Node


def entries(text: str) -> Iterator[Entry]:
    """The keys of a mapping with their values, in order; a key that is there twice comes twice. Raises YAMLError."""
    loader = yaml.SafeLoader(text)
    document = loader.get_single_node()
    if isinstance(document, yaml.MappingNode):
        for key, value in document.value:
            key_read = loader.construct_object(key)
            yield Entry(key_read, loader.construct_object(value, deep=True), key.start_mark.line + 1, value)


def line_of(node: yaml.Node, path: Sequence[int | str]) -> int:
    """The line, from 1, of what is at `path` below a node, or of the nearest above it that is there."""
    for part in path:
        below = _below(node, part)
        if below is None:
            break
        node = below
    return node.start_mark.line + 1


def _below(node: yaml.Node, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        below: yaml.Node = node.value[part]
        return below
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None
