"""Generates docs/reference/configuration.md from the models.

usage: python -m romana_install.config.documentation > docs/reference/configuration.md
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from romana_install.config.settings import FILES, Settings

_INTRODUCTION = """# Configuration

The files `group_vars/all/*.yml` define a stack. Every variable has a default, so the unchanged files define a complete
stack. A variable can also be set for one run; it then overrides the files:

    ./romana-setup -t local -e devstack_compute_node=2
    ./romana-setup -t local -e @my.yml
    ./romana-setup -t local -e '{"romana_tenants": [{"name": "blue", "segments": ["web", "db"]}]}'

The whole configuration can also be in one file, which overrides `group_vars`, too, and is checked line by line:

    ./romana-setup answers > my-answers.yml           # every variable, explained, with its current value
    ./romana-setup -t local validate -a my-answers.yml
    ./romana-setup -t local -a my-answers.yml

`answers --from-packstack FILE` and `answers --from-localrc FILE` import an answer file of Packstack, or a localrc or
local.conf of DevStack: what has a counterpart becomes an answer, and everything else is listed at the end with the
reason.

`./romana-setup validate` checks the configuration and reports every error; so does `install`, before it changes
anything. `./romana-setup plan` shows what would change. While a stack exists, the network of its nodes, its address
plan and its port cannot be changed: every address follows from them.

This page is generated from the code by `python -m romana_install.config.documentation`.
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
        ("Type", type_name(info.annotation) + (f" ({extra['unit']})" if extra["unit"] else "")),
        ("Default", f"`{value_text(info.get_default(call_default_factory=True))}`"),
        ("Allowed values", str(extra["expects"]).removeprefix("give ")),
    ]
    lines = [f"### {key}", "", str(info.description), "", *(f"- {name}: {text}" for name, text in facts), ""]
    return "\n".join(lines)


def type_name(annotation: Any) -> str:
    """The type of a variable, in words."""
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


def value_text(default: Any) -> str:
    """A value in one line, as in YAML."""
    if default is None:
        return "(empty)"
    if isinstance(default, list):
        return json.dumps([item.model_dump() for item in default])
    if isinstance(default, dict) and any(isinstance(item, BaseModel) for item in default.values()):
        return ", ".join(default)
    return json.dumps(default) if isinstance(default, bool | dict) or default == "" else str(default)


if __name__ == "__main__":
    print(document(), end="")
