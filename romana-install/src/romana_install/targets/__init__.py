"""Where stacks are: one folder for each target, which implements `target.Target`; nobody else compares their names."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from romana_install.targets.target import Target

DEFAULT = "aws"  # where a stack is made when nobody says
OF_INVENTORY = "static"  # whose nodes an inventory names
OF_LOST = "local"  # where a stack is taken to be that has lost its notes, when nobody says


def names() -> list[str]:
    """All of them, the default first."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    return sorted(found, key=lambda name: (name != DEFAULT, name))


def named(name: str) -> type[Target]:
    """The class of a target. Raises KeyError when there is none of that name."""
    if name not in names():
        raise KeyError(name)
    kind: type[Target] = import_module(f"{__name__}.{name}.target").TARGET
    return kind
