"""Filter that writes the configuration files of OpenStack's services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

if TYPE_CHECKING:
    from collections.abc import Callable


def to_ini(sections: dict[str, dict[str, Any]]) -> str:
    """An INI file as oslo.config reads it. A list repeats its key; booleans are true and false; None is left out.

    Raises AnsibleFilterError: not a dictionary of dictionaries, or a value of more than one line.
    """
    if not isinstance(sections, dict) or not all(isinstance(options, dict) for options in sections.values()):
        raise AnsibleFilterError("to_ini: give sections with options, like {'DEFAULT': {'debug': true}}")
    return "\n".join(
        "".join([f"[{name}]\n", *(line for key, value in options.items() for line in _lines(name, key, value))])
        for name, options in sections.items()
    )


def _lines(section: str, key: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    lines = [f"{key} = {_text(item)}\n" for item in values if item is not None]
    if any(line.count("\n") > 1 for line in lines):
        raise AnsibleFilterError(f"to_ini: {key} in [{section}] has more than one line; give one line, or a list")
    return lines


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {"to_ini": to_ini}
