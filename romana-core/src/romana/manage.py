"""romana-manage: administration of the store on the machine that has it; it needs no running server."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from romana.models import Name
from romana.server.settings import ServerSettings
from romana.settings import SettingsError, load
from romana.store.database import Database
from romana.store.errors import StoreError
from romana.store.plan import NotReadyError
from romana.store.tokens import Role, WantedTokens, as_time, create_token, ensure_tokens, list_tokens, revoke_token

DEFAULT_CONFIG = Path("/etc/romana/server.toml")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong usage or configuration."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)  # SQLite's file holds what only its owner may read
    command: Callable[[ServerSettings, argparse.Namespace], None] = options.command
    try:
        command(load(options.config, ServerSettings), options)
    except SettingsError as error:
        return _say(error.findings, 2)
    except ValidationError as error:
        return _say([_one_line(item["loc"], item["msg"]) for item in error.errors()], 2)
    except (StoreError, NotReadyError) as error:
        return _say([str(error)], 1)
    return 0


def _init(settings: ServerSettings, _: argparse.Namespace) -> None:
    from romana.store import migrate  # Alembic: a third of the time the other commands take

    print(json.dumps({"changed": migrate.init(settings.url, settings.plan)}))


def _ensure(settings: ServerSettings, options: argparse.Namespace) -> None:
    wanted = WantedTokens.model_validate_json('{"tokens": ' + sys.stdin.read() + "}")
    print(json.dumps({"changed": ensure_tokens(Database(settings.url), wanted, options.check)}))


def _create(settings: ServerSettings, options: argparse.Namespace) -> None:
    name = TypeAdapter[str](Name).validate_python(options.name)
    role = TypeAdapter[str](Role).validate_python(options.role)
    print(create_token(Database(settings.url), name, role, options.expires_at))


def _list(settings: ServerSettings, _: argparse.Namespace) -> None:
    rows = [("name", "role", "created", "expires", "made by")]
    for token in list_tokens(Database(settings.url)):
        expires = as_time(token.expires_at)
        rows.append(
            (
                token.name,
                token.role,
                f"{as_time(token.created_at):%Y-%m-%d %H:%M}",
                "never" if expires is None else f"{expires:%Y-%m-%d %H:%M}",
                "installer" if token.managed else "hand",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _revoke(settings: ServerSettings, options: argparse.Namespace) -> None:
    revoke_token(Database(settings.url), options.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="romana-manage", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="default: %(default)s")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    init = actions.add_parser("init", help="bring the store to this version's schema and pin the address plan")
    init.set_defaults(command=_init)

    tokens = actions.add_parser("tokens", help="the tokens that an installer manages").add_subparsers(required=True)
    ensure = tokens.add_parser("ensure", help="make the managed tokens exactly those on standard input")
    ensure.add_argument("--check", action="store_true", help="only say whether that would change something")
    ensure.set_defaults(command=_ensure)

    token = actions.add_parser("token", help="tokens for people and programs").add_subparsers(required=True)
    create = token.add_parser("create", help="make a token and print it; nobody can read it again")
    create.add_argument("name")
    create.add_argument("--role", required=True, help="admin, neutron, reader or agent:<host>")
    create.add_argument("--expires-at", type=_time, help="ISO 8601 with its offset: 2027-01-31T12:00:00+00:00")
    create.set_defaults(command=_create)
    token.add_parser("list", help="all tokens").set_defaults(command=_list)
    revoke = token.add_parser("revoke", help="delete a token; servers refuse it within a second")
    revoke.add_argument("name")
    revoke.set_defaults(command=_revoke)
    return parser


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no offset")
    return time


def _one_line(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location)
    return f"{where}: {message}" if where else message


def _say(findings: list[str], code: int) -> int:
    for finding in findings:
        print(f"romana-manage: {finding}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
