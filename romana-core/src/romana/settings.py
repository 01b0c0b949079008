"""Configuration files in TOML, checked against a pydantic model; every finding at once, each with its fix."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Settings(BaseModel):
    """Base of all configuration models: unknown keys are refused, values don't change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=BaseModel)


class SettingsError(Exception):
    """A configuration file that cannot be used; `findings` lists every reason, one line each with its fix."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


def load(path: Path, model: type[M]) -> M:
    """Read `path` (TOML) into `model`. Raises SettingsError with all findings."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read ({error.strerror}); check path and permissions"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: is not TOML ({error}); correct it there"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8"]) from None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError(
            [f"{path}: {_finding(item, model)}" for item in error.errors(include_url=False, include_context=True)]
        ) from None


def _finding(item: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    match item["type"]:
        case "missing":
            return f"{where} is missing; add it{_purpose(item['loc'], model)}"
        case "extra_forbidden":
            return f"{where} is not known; {_instead(item['loc'], model)}"
        case "value_error":
            # our own validators say what is wrong and how to fix it
            reason = str(item["ctx"]["error"])
            return f"{where}: {reason}" if where else reason
        case _:
            return f"{where} is {item['input']!r}; {_lower_first(item['msg'])}{_purpose(item['loc'], model)}"


def _instead(loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    fields = _fields(loc[:-1], model)
    near = difflib.get_close_matches(str(loc[-1]), fields, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"remove it (known here: {', '.join(sorted(fields))})"


def _purpose(loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    field = _fields(loc[:-1], model).get(str(loc[-1])) if loc else None
    return f" ({field})" if field else ""


def _fields(loc: tuple[int | str, ...], model: type[BaseModel]) -> Mapping[str, str]:
    """Names and descriptions of the keys of the table at `loc`; empty when it is no table of the model."""
    current = model
    for part in loc:
        field = current.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return {}
        current = field.annotation
    return {name: field.description or "" for name, field in current.model_fields.items()}


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
