"""What boto3 and botocore make anew for each module that asks AWS: two thirds of the module's processor time."""

from __future__ import annotations

from functools import cache
from typing import Any


def keep() -> None:
    """Have the modules that this process runs from now on share sessions and clients that are alike.

    Both are made to be shared: nothing is written down in them but credentials, which renew themselves where they can.
    """
    import boto3.session  # slow to import, and other targets do without it

    usual = boto3.session.Session
    if not isinstance(usual, type):
        return

    class Session(usual):  # type: ignore[misc, valid-type] # boto3 has no types
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.clients: dict[str, Any] = {}

        def client(self, service_name: str, *arguments: Any, **named: Any) -> Any:
            key = repr((service_name, arguments, sorted(map(_told, named.items()))))
            if key not in self.clients:
                self.clients[key] = super().client(service_name, *arguments, **named)
            return self.clients[key]

    boto3.session.Session = cache(Session)


def _told(argument: tuple[str, Any]) -> tuple[str, str]:
    """A named argument's name, and its value as text: a client's configuration by the options it was made with."""
    name, value = argument
    return name, repr(sorted(value._user_provided_options.items()) if name == "config" else value)
