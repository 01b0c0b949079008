"""The stacks that there are: stack.json in each one's state directory, which the inventory plugin reads, too."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from romana_install import targets
from romana_install.base.files import write_json
from romana_install.base.invocation import PROGRAM, command
from romana_install.state.stack import STACK_FILE, STATE, Node, Stack, StackError, state_directory, state_home


def load(name: str) -> Stack:
    """Read a stack from its state directory. Raises StackError when there is none or its file is damaged."""
    return read(state_directory(name))


def read(directory: Path) -> Stack:
    """Read the stack kept in `directory`. Raises StackError as `load` does."""
    path = directory / STACK_FILE
    try:
        data = _as_now(json.loads(path.read_text()))
        kept = data.pop("target")
        nodes, leaving = (tuple(Node(**node) for node in data.pop(key)) for key in ("nodes", "leaving"))
        target = targets.named(kept.pop("name")).of_notes(kept)
        return Stack(directory=directory, nodes=nodes, leaving=leaving, target=target, **data)
    except FileNotFoundError:
        owner = of_another(directory.name)
        text = f"{owner}; or make one of yours" if owner else "make it"
        raise StackError(
            f"there is no stack {directory.name} ({path} does not exist); {text} with: {command('install')}"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StackError(f"{path} is damaged ({error}); remove it and run {command('install')} again") from None


def _as_now(data: dict[str, Any]) -> dict[str, Any]:
    """What was written before targets had notes of their own, as it would be written now."""
    if isinstance(data["target"], str):
        kept = {key: data.pop(key) for key in ("reach", "jump", "known_hosts") if key in data}
        its = kept if kept.get("reach") else data.pop("cloud", {})
        data.pop("cloud", None)
        data["target"] = {"name": data["target"], **its}
    return data


def save(stack: Stack) -> None:
    """Write stack.json."""
    data: dict[str, Any] = asdict(stack)
    del data["directory"], data["become_password"]
    data["target"] = {"name": stack.target.name, **stack.target.notes()}
    write_json(stack.directory / STACK_FILE, data)


def existing() -> list[Stack]:
    """All stacks of this user that can be read, by name."""
    stacks = []
    for path in sorted(state_home().glob(f"*/{STACK_FILE}")):
        try:
            stacks.append(read(path.parent))
        except StackError:
            continue  # a damaged neighbour is reported when somebody uses it
    return stacks


def of_another(name: str) -> str:
    """That another user of this machine has a stack of that name, and how to work on it; empty when none is seen."""
    if Path("/run/netns", f"{name}-switch").exists() and os.geteuid() != 0:
        return f"root has a local one of that name on this machine; put sudo before {PROGRAM}"
    user = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and user not in ("", "root") and _home_of(user, name).is_file():
        return f"{user} has one of that name; run {PROGRAM} without sudo"
    return ""


def _home_of(user: str, name: str) -> Path:
    return Path(f"~{user}").expanduser() / STATE / "romana-setup" / name / STACK_FILE
