"""What the module `database` asks of MariaDB, from what it has."""

from __future__ import annotations

from plugins.modules import database
from plugins.modules.database import Found

NOVA = {"name": "nova", "password": "secret", "databases": ["nova", "nova_api"]}
HASH = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"  # SELECT PASSWORD('secret')
WHOLE = Found({"nova", "nova_api"}, {"nova": HASH}, {("nova", "nova"), ("nova", "nova_api")})


def texts(found: Found) -> list[str]:
    return [statement.text for statement in database.statements([NOVA], found)]


def test_nothing_there() -> None:
    assert texts(Found()) == [
        "make database nova",
        "make database nova_api",
        "make account nova",
        "let account nova use database nova",
        "let account nova use database nova_api",
    ]


def test_all_there() -> None:
    assert texts(WHOLE) == []


def test_other_password() -> None:
    assert texts(Found(WHOLE.databases, {"nova": "*OTHER"}, WHOLE.grants)) == ["change password of account nova"]


def test_account_may_not_use_one_database() -> None:
    missing = Found(WHOLE.databases, WHOLE.passwords, {("nova", "nova")})
    assert texts(missing) == ["let account nova use database nova_api"]


def test_passwords_are_parameters_and_no_part_of_a_statement() -> None:
    assert [one.sql for one in database.statements([NOVA], Found()) if "secret" in one.sql + one.text] == []
