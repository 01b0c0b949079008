"""Commands that are shown work when they are typed: as the same user, so by sudo again where sudo was used."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from romana_install.base import invocation
from romana_install.cli import main as cli

SOURCE = Path(invocation.__file__).parents[1]
# What explains the command line itself, to whomever.
TEXTS = {"invocation.py", "main.py", "documentation.py", "answers.py"}


@pytest.mark.parametrize(
    ("user", "sudo", "expected"),
    [
        (0, None, "./romana-setup"),
        (0, "1000", "sudo ./romana-setup"),
        (0, "0", "./romana-setup"),
        (1000, "1000", "./romana-setup"),  # a shell of root's that became this user again
    ],
)
def test_commands_are_for_the_same_user(
    monkeypatch: pytest.MonkeyPatch, user: int, sudo: str | None, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.delenv("SUDO_UID", raising=False)
    if sudo is not None:
        monkeypatch.setenv("SUDO_UID", sudo)
    assert cli.parse(["-e", "stack_name=a b", "status"]).command == f"{expected} -e 'stack_name=a b' status"


def literals(path: Path) -> list[str]:
    """A module's strings that are not documentation."""
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]


def test_no_message_has_a_command_of_its_own() -> None:
    odd = [
        (path.name, text)
        for path in SOURCE.rglob("*.py")
        if path.name not in TEXTS
        for text in literals(path)
        if invocation.PROGRAM in text
    ]
    assert odd == []
