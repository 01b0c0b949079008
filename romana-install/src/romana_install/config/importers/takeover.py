"""What another installer's configuration says, in our variables, and what of it has no counterpart. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from romana_install.config.settings import Config


@dataclass(frozen=True)
class Keys:
    """What the keys of another installer are here.

    accounts: of whose passwords theirs is one; variables: ours, and what reads the value; reasons: patterns of the
    others, and why those are not taken over.
    """

    accounts: Mapping[str, Iterable[str]]
    variables: Mapping[str, tuple[str, Callable[[str], Any]]]
    reasons: Iterable[tuple[str, str]]


@dataclass
class Takeover:
    """values: by our variable; taken: their keys that are in it; left: why each of the others is not."""

    keys: Keys
    values: dict[str, Any] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def take(self, key: str, text: str) -> None:
        """Let what their `key` is here have its value, or say why it is not taken over."""
        if key in self.keys.accounts:
            self._take_password(key, text)
        elif key in self.keys.variables:
            variable, read = self.keys.variables[key]
            self.let(key, variable, read(text))
        else:
            self.leave(key)

    def let(self, key: str, variable: str, value: Any) -> None:
        """Let a variable have the value of their `key`, unless it is none that is right here."""
        try:
            Config.model_validate({variable: value})
        except ValidationError:
            extra = cast("Mapping[str, Any]", Config.model_fields[variable].json_schema_extra)
            self.left[key] = f"its value is not right for {variable}: {extra['expects']}"
            return
        self.values[variable] = value
        self.taken.append(key)

    def leave(self, key: str) -> None:
        """Say why their `key` is not taken over: the text of the first pattern that it begins with."""
        reasons = (why for pattern, why in self.keys.reasons if re.match(pattern, key))
        self.left[key] = next(reasons, "nothing here is like it")

    def _take_password(self, key: str, password: str) -> None:
        if not password:
            self.left[key] = "it is empty; passwords are generated"
            return
        passwords = self.values.get("openstack_passwords", {})
        self.let(key, "openstack_passwords", {**passwords, **dict.fromkeys(self.keys.accounts[key], password)})


def flag(text: str) -> bool | str:
    """True or false for y or n; another text as it is."""
    return {"y": True, "n": False}.get(text.lower(), text)


def number(text: str) -> int | str:
    """A whole number; another text as it is."""
    return int(text) if text.isdecimal() else text
