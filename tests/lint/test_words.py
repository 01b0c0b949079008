"""The project's English: phrases that must not occur, and imperative names of tasks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]
# Each phrase that must not occur, with what to write instead. Case matters only in a phrase with an upper-case letter.
WORDS = {
    "made by chance": "generated",
    "that are to be what you say": "to set yourself",
    "does as if": "(software emulation, slow)",
    "a guest really runs by it": "a test guest runs with it",
    "not heard here": "not supported",
    "contradicts itself": "is consistent",
    "contradict itself": "be consistent",
    "is meant when": "the default",
    "Right values": "Allowed values",
    "way out away": "the uplink",
    "a way out for": "an uplink for",
    "nodes and services well": "nodes and services healthy",
    "forwarded nothing": "forwarding disabled",
    "name: Have ": "name: an imperative, like Create, Install or Run",
}
# The first word of a task's name is one of these; add a verb that is missing.
_VERBS = """
Add Ask Await Begin Build Check Choose Clone Configure Copy Create Define Describe End Explain Fetch Find Follow Forget
Generate Give Hide Install Keep Let List Listen Make Map Name Offer Override Pack Prepare Provide Put Read Record
Refuse Remove Replace Report Run Save See Set Show Stack Start Stop Switch Tell Trust Unpack Wait Write
"""
VERBS = frozenset(_VERBS.split())
# This list itself, and what was written before it.
EXCEPT = {"tests/lint/test_words.py", "CHANGELOG.md"}


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    names = [name for name in listed.split("\0") if name and name not in EXCEPT]
    return [PROJECT / name for name in names if (PROJECT / name).is_file()]


def _pattern(phrase: str) -> re.Pattern[str]:
    """The phrase, whatever space is between its words; in comments and literals it may continue in the next line."""
    words = r"(?:\s|#|\"|')+".join(re.escape(word) for word in phrase.split())
    return re.compile(rf"\b{words}(?!\w)", 0 if phrase != phrase.lower() else re.IGNORECASE)


def _occurrences(text: str) -> Iterator[tuple[int, str]]:
    for phrase in WORDS:
        for found in _pattern(phrase).finditer(text):
            yield text.count("\n", 0, found.start()) + 1, phrase


def _tasks(content: object) -> Iterator[dict[str, object]]:
    """Every task in a file, those in blocks and plays, too; a play, or a playbook that is imported, is none."""
    for item in content if isinstance(content, list) else ():
        if not isinstance(item, dict):
            continue
        lists = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
        for inner in lists:
            yield from _tasks(item.get(inner))
        if not any(key in item for key in ("hosts", "import_playbook", "ansible.builtin.import_playbook")):
            yield item


def test_phrases_do_not_occur() -> None:
    wrong = [
        f'{path.relative_to(PROJECT)}:{line}: "{phrase}" -> "{WORDS[phrase]}"'
        for path in _tracked("*.md", "*.py", "*.yml")
        for line, phrase in _occurrences(path.read_text())
    ]
    assert not wrong, "\n".join(wrong)


def test_tasks_are_named_in_the_imperative() -> None:
    wrong = []
    for path in _tracked("playbooks", "roles"):
        if path.suffix != ".yml" or path.parent.name not in ("tasks", "handlers", "playbooks"):
            continue
        for task in _tasks(yaml.safe_load(path.read_text())):
            name = task.get("name")
            if isinstance(name, str) and name.split(maxsplit=1)[0].rstrip(",") not in VERBS:
                wrong.append(f'{path.relative_to(PROJECT)}: "{name}" does not begin with a verb of VERBS')
    assert not wrong, "\n".join(wrong)


def test_a_phrase_is_found_across_a_line_break() -> None:
    assert list(_occurrences("# The others are made\n# by chance.\n")) == [(1, "made by chance")]
    assert list(_occurrences('"made by "\n    "chance"')) == [(1, "made by chance")]
    assert list(_occurrences("generated")) == []
