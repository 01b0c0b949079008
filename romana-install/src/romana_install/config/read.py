"""The configuration: group_vars/all/*.yml, an answers file, then -e; checked whole before anything is done."""

from __future__ import annotations

import hashlib
import json
import shlex
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from romana_install.base.findings import Finding, did_you_mean, shown
from romana_install.config.lines import entries, line_of
from romana_install.config.settings import FILES, Config

_KNOWN = types.MappingProxyType(Config.model_fields)


@dataclass
class Draft:
    """A configuration that has been read and may be wrong.

    config: valid, with defaults where a value is `wrong`; origin: for each key where its value came from, as findings
    name it; nodes: for each key of an answers file the YAML of its value, which knows its lines; findings: what is
    wrong so far.
    """

    config: Config = field(default_factory=Config)
    values: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, yaml.Node] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def where(self, key: str) -> str:
        """How a finding about `key` begins."""
        return f"{self.origin.get(key, 'default')}:{key}"

    @property
    def naming(self) -> list[str]:
        """The options by which the stack's name was given; none when it is that of the files."""
        origin = self.origin.get("stack_name", "")
        if "stack_name" in self.nodes:
            return ["-a", origin.rpartition(":")[0]]
        if origin.startswith("-e @"):
            return ["-e", origin.removeprefix("-e ")]
        return ["-e", f"stack_name={self.config.stack_name}"] if origin == "-e" else []

    def report(self, where: str, text: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(where, text))

    def usable(self, *keys: str) -> bool:
        """Whether what was given for these keys can be checked further."""
        return not self.wrong.intersection(keys)


def read(group_vars: Path, extra: Sequence[str], answers: str | None = None) -> Draft:
    """Read the configuration; what is wrong with it is in the draft's findings.

    Args:
        group_vars: the directory with the files a user edits.
        extra: the values of -e: key=value (several, blank-separated), @file or a JSON object.
        answers: path of an answers file, which wins over group_vars.
    """
    draft = Draft()
    _read_group_vars(group_vars, draft)
    if answers is not None:
        _read_answers(answers, draft)
    for text in extra:
        _read_extra(text, draft)
    try:
        draft.config = Config.model_validate(draft.values)
    except ValidationError as error:
        for item in error.errors():
            draft.findings.append(_explain(item, draft))
            draft.wrong.add(str(item["loc"][0]))
        draft.config = Config.model_validate({k: v for k, v in draft.values.items() if k not in draft.wrong})
    return draft


def digest(config: Config) -> str:
    """Tells one configuration from another: 16 hexadecimal digits."""
    text = json.dumps(config.model_dump(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _take(data: Any, origin: str, draft: Draft) -> None:
    """Let the keys of a mapping override what is there; None is an empty file."""
    if data is None:
        return
    if not isinstance(data, dict):
        draft.report(origin, f"holds {shown(data)}; write `key: value` lines")
        return
    for key, value in data.items():
        if key in _KNOWN:
            draft.values[key] = value
            draft.origin[key] = origin
            draft.nodes.pop(key, None)
        else:
            hint = did_you_mean(str(key), _KNOWN) or "; a variable of a role goes after --, as: -- -e key=value"
            draft.report(f"{origin}:{shown(key).strip(chr(39))}", f"unknown variable{hint}")


def _read_group_vars(directory: Path, draft: Draft) -> None:
    shown_directory = Path(*directory.parts[-2:])
    for name in FILES:
        if not (directory / name).is_file():
            draft.report(str(shown_directory / name), "is missing; get it back with: git checkout -- group_vars")
    for path in sorted([*directory.glob("*.yml"), *directory.glob("*.yaml")]):
        name = str(shown_directory / path.name)
        before = dict(draft.origin)
        _take(_read_yaml(path, name, draft), name, draft)
        for key, first in before.items():
            if draft.origin[key] != first:
                draft.report(f"{name}:{key}", f"is set in {first} too; keep one of them")


def _read_answers(path: str, draft: Draft) -> None:
    text = _read_text(Path(path).expanduser(), path, draft)
    if text is None:
        return
    data = _parse_yaml(text, path, draft)
    if not isinstance(data, dict):
        _take(data, path, draft)
        return
    lines: dict[Any, int] = {}
    for entry in entries(text):
        if entry.key in lines:
            draft.report(f"{path}:{entry.line}:{entry.key}", f"is set in line {lines[entry.key]} too; keep one of them")
        lines.setdefault(entry.key, entry.line)
        _take({entry.key: entry.value}, f"{path}:{entry.line}", draft)
        draft.nodes[entry.key] = entry.node


def _read_extra(text: str, draft: Draft) -> None:
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        _take(_read_yaml(path, f"-e {text}", draft), f"-e {text}", draft)
    elif text.lstrip().startswith("{"):
        _take(_parse_yaml(text, "-e", draft), "-e", draft)
    else:
        for word in _words(text, draft):
            key, equals, value = word.partition("=")
            if not equals or not key:
                draft.report("-e", f"{shown(word)} is not key=value, nor @file, nor a JSON object; write key=value")
                continue
            _take({key: _typed(key, value)}, "-e", draft)


def _words(text: str, draft: Draft) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        draft.report("-e", f"{shown(text)} has {str(error).lower()}; close the quotation")
        return []


def _typed(key: str, value: str) -> Any:
    """A command line has text only: what is not text by its definition is read as YAML, as Ansible's files are."""
    known = _KNOWN.get(key)
    if known is None or known.annotation is str or (value and known.annotation == str | None):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _read_yaml(path: Path, name: str, draft: Draft) -> Any:
    text = _read_text(path, name, draft)
    return None if text is None else _parse_yaml(text, name, draft)


def _read_text(path: Path, name: str, draft: Draft) -> str | None:
    try:
        return path.read_text()
    except OSError as error:
        draft.report(name, f"cannot be read: {(error.strerror or 'error').lower()}")
    except UnicodeDecodeError:
        draft.report(name, "is not text; write it in UTF-8")
    return None


def _parse_yaml(text: str, name: str, draft: Draft) -> Any:
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        draft.report(name, f"is not YAML{line}: {problem}")
        return None


def _explain(error: ErrorDetails, draft: Draft) -> Finding:
    """A pydantic error in one sentence: what the value is and what would be right."""
    key = str(error["loc"][0])
    extra = _KNOWN[key].json_schema_extra
    assert isinstance(extra, dict), "settings.setting makes every field"
    expects = extra["expects"]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][1:])
    where = _where(error["loc"], draft)
    if error["loc"][-1] == "[key]":
        return Finding(where, f"{shown(error['input'])} is unknown; {expects}")
    if error["type"] == "missing":
        return Finding(where, f"{place.lstrip('.')} is missing; {expects}")
    if error["type"] == "extra_forbidden":
        return Finding(where, f"{place.lstrip('.')} is unknown; {expects}")
    subject = f"{place.lstrip('.')} is" if place else "is"
    value = "not right" if extra["secret"] else shown(error["input"])
    return Finding(where, f"{subject} {value}; {expects}")


def _where(place: tuple[int | str, ...], draft: Draft) -> str:
    """How the finding begins; in an answers file with the line of the very part that is wrong."""
    key = str(place[0])
    if key not in draft.nodes:
        return draft.where(key)
    path = draft.origin[key].rpartition(":")[0]
    return f"{path}:{line_of(draft.nodes[key], place[1:])}:{key}"
