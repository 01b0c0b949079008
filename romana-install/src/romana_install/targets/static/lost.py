"""A stack on servers whose own notes are lost: what the servers say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from romana_install.base.findings import Finding, FindingsError
from romana_install.config.options import Options
from romana_install.config.settings import Config
from romana_install.state.stack import Node, Stack, StackError
from romana_install.targets.static.facts import Facts, ask
from romana_install.targets.static.preflight import no_root

if TYPE_CHECKING:
    from romana_install.targets.static.target import Static

ORIGINALS = "/var/lib/romana-originals"  # what OpenStack's packages leave on a server, as facts.sh says it


def found(target: Static, options: Options, given: Config, directory: Path) -> Stack:
    """It, as far as it has to be known for its removal. Raises StackError, FindingsError."""
    if options.inventory is None:
        raise StackError(
            f"stack {given.stack_name}'s own notes cannot be read; name its servers with -i my-inventory.yml"
        )
    if target.servers.findings:
        raise FindingsError(target.servers.findings)
    nodes = target.servers.nodes
    stack = Stack(given.stack_name, directory, nodes, target, become_password=options.become_password)
    answers = ask(stack, [node for node in nodes if node.name not in given.static_forget])
    wrong = [finding for node in nodes if node.name in answers for finding in _strange(node, answers, stack)]
    if wrong:
        raise FindingsError(wrong)
    return replace(stack, engine="packages" if any(ORIGINALS in facts.left for facts in answers.values()) else "none")


def _strange(node: Node, answers: Mapping[str, Facts], stack: Stack) -> Iterator[Finding]:
    """Why a server cannot be given back without notes of what is on it. Pure."""
    facts = answers[node.name]
    if facts.silence:
        fix = f'if it is gone for good: -e \'{{"static_forget": ["{node.name}"]}}\''
        yield Finding(node.name, f"{facts.silence}; {fix}")
    elif facts.sudo:
        yield Finding(node.name, no_root(facts.sudo, stack.target.user(node), bool(stack.become_password)))
    elif facts.stack not in ("", stack.name):
        yield Finding(node.name, f"belongs to stack {facts.stack}; if that is meant, give -e stack_name={facts.stack}")
