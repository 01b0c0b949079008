"""Writes docs/configuration.md from the models: python -m romana_install.configuration_docs > docs/configuration.md."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from romana_install.settings import FILES, Settings

_INTRODUCTION = """# Configuration

What a stack is, is said in `group_vars/all/*.yml`. Every variable has a default, so the files as they are make a stack.
A variable can also be given for one run, and then wins over the files:

    ./romana-setup -t local -e devstack_compute_node=2
    ./romana-setup -t local -e @my.yml
    ./romana-setup -t local -e '{"romana_tenants": [{"name": "blue", "segments": ["web", "db"]}]}'

`./romana-setup validate` checks the configuration and says everything that is wrong with it; so does `install`, before
it makes anything. `./romana-setup plan` shows what would be made. While a stack exists, the network of its nodes, its
address plan and its port stay as they are: every address follows from them.

This page is made from the code by `python -m romana_install.configuration_docs`.
"""


def document() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *(_section(name, model) for name, model in FILES.items())])


def _section(name: str, model: type[Settings]) -> str:
    head = f"## group_vars/all/{name}\n\n{(model.__doc__ or '').strip()}\n"
    return "\n".join([head, *(_variable(key, info) for key, info in model.model_fields.items())])


def _variable(key: str, info: FieldInfo) -> str:
    extra: dict[str, Any] = dict(typing.cast("dict[str, Any]", info.json_schema_extra))
    facts = [
        ("Type", _type(info.annotation) + (f" ({extra['unit']})" if extra["unit"] else "")),
        ("Default", f"`{_value(info.get_default(call_default_factory=True))}`"),
        ("Right values", str(extra["expects"]).removeprefix("give ")),
    ]
    lines = [f"### {key}", "", str(info.description), "", *(f"- {name}: {text}" for name, text in facts), ""]
    return "\n".join(lines)


def _type(annotation: Any) -> str:
    return " or ".join(_names(annotation))


def _names(annotation: Any) -> Iterator[str]:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        yield "one of " + ", ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    elif origin is types.UnionType or origin is typing.Union:
        for part in typing.get_args(annotation):
            yield from _names(part)
    elif origin is list:
        yield "list"
    elif origin is dict:
        yield "mapping"
    else:
        yield {str: "text", int: "whole number", bool: "true or false", type(None): "nothing"}[annotation]


def _value(default: Any) -> str:
    if default is None:
        return "(empty)"
    if isinstance(default, list):
        return json.dumps([item.model_dump() for item in default])
    if isinstance(default, dict) and any(isinstance(item, BaseModel) for item in default.values()):
        return ", ".join(default)
    return json.dumps(default) if isinstance(default, bool | dict) or default == "" else str(default)


if __name__ == "__main__":
    print(document(), end="")
