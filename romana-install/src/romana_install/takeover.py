"""What another installer's configuration says, in our variables, and what of it has no counterpart. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from romana_install.settings import Config


@dataclass
class Takeover:
    """values: by our variable; taken: their keys that are in it; left: why each of the others is not."""

    values: dict[str, Any] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def take(self, key: str, variable: str, value: Any) -> None:
        """Let a variable have the value of their `key`, unless it is none that is right here."""
        try:
            Config.model_validate({variable: value})
        except ValidationError:
            extra = cast("Mapping[str, Any]", Config.model_fields[variable].json_schema_extra)
            self.left[key] = f"its value is not right for {variable}: {extra['expects']}"
            return
        self.values[variable] = value
        self.taken.append(key)

    def take_password(self, key: str, names: Iterable[str], password: str) -> None:
        """Let accounts have the password of their `key`; theirs is one that is made by chance when it is empty."""
        if not password:
            self.left[key] = "it is empty; passwords are made by chance"
            return
        passwords = self.values.get("openstack_passwords", {})
        self.take(key, "openstack_passwords", {**passwords, **dict.fromkeys(names, password)})

    def take_flag(self, key: str, variable: str, value: str) -> None:
        """Let a variable be true or false as their `key` is y or n."""
        self.take(key, variable, {"y": True, "n": False}.get(value.lower(), value))

    def take_number(self, key: str, variable: str, value: str) -> None:
        """Let a variable be the whole number that their `key` is."""
        self.take(key, variable, int(value) if value.isdecimal() else value)

    def leave(self, key: str, reasons: Iterable[tuple[str, str]]) -> None:
        """Say why their `key` is not taken over: the text of the first pattern that it begins with."""
        self.left[key] = next((why for pattern, why in reasons if re.match(pattern, key)), "nothing here is like it")
