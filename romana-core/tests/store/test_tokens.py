"""Tokens: those of the installer are exactly as it says, those of people stay, and none is stored in clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from romana.store.database import Database
from romana.store.errors import ConflictError, InUseError, NotFoundError
from romana.store.store import Store
from romana.store.tokens import (
    WantedToken,
    WantedTokens,
    create_token,
    digest,
    ensure_tokens,
    find_token,
    list_tokens,
    revoke_token,
)

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of no use elsewhere


@pytest.fixture
def database(store: Store) -> Database:
    return store.database


def wanted(*tokens: str | tuple[str, str, str]) -> WantedTokens:
    """Tokens by name, or by name, role and the beginning of the secret."""
    given = [(one, "reader", one) if isinstance(one, str) else one for one in tokens]
    return WantedTokens(tokens=[WantedToken(name=name, role=role, token=start + SECRET) for name, role, start in given])


def names(database: Database) -> list[str]:
    return [one.name for one in list_tokens(database)]


def test_wanted_tokens_are_made_and_found_by_their_secret(database: Database) -> None:
    assert ensure_tokens(database, wanted("a", ("b", "agent:compute01", "b")), only_say=False)
    assert names(database) == ["a", "b"]
    found = find_token(database, "b" + SECRET)
    assert found is not None
    assert (found.name, found.role, found.managed, found.expired()) == ("b", "agent:compute01", True, False)


def test_the_same_tokens_again_change_nothing(database: Database) -> None:
    ensure_tokens(database, wanted("a", "b"), only_say=False)
    before = list_tokens(database)
    assert not ensure_tokens(database, wanted("b", "a"), only_say=False)
    assert list_tokens(database) == before


@pytest.mark.parametrize(
    "changed",
    [wanted("a"), wanted("a", "b", "c"), wanted("a", ("b", "admin", "b")), wanted("a", ("b", "reader", "x")), wanted()],
    ids=["fewer", "more", "role", "secret", "none"],
)
def test_managed_tokens_become_exactly_what_is_wanted(database: Database, changed: WantedTokens) -> None:
    ensure_tokens(database, wanted("a", "b"), only_say=False)
    before = list_tokens(database)

    assert ensure_tokens(database, changed, only_say=True)
    assert list_tokens(database) == before
    assert ensure_tokens(database, changed, only_say=False)

    there = [(one.name, one.role, one.hash) for one in list_tokens(database)]
    assert there == [(one.name, one.role, digest(one.token)) for one in changed.tokens]


def test_a_new_expiry_is_a_change(database: Database) -> None:
    tokens = wanted("a")
    ensure_tokens(database, tokens, only_say=False)
    tokens.tokens[0].expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert ensure_tokens(database, tokens, only_say=False)
    found = find_token(database, "a" + SECRET)
    assert found is not None
    assert found.expired()
    assert not ensure_tokens(database, tokens, only_say=False)


def test_tokens_that_people_made_stay(database: Database) -> None:
    made = create_token(database, "mine", "admin", None)
    ensure_tokens(database, wanted("a"), only_say=False)
    ensure_tokens(database, wanted(), only_say=False)
    assert names(database) == ["mine"]
    found = find_token(database, made)
    assert found is not None
    assert (found.name, found.managed) == ("mine", False)


def test_a_wanted_name_that_somebody_took_is_refused_with_the_fix(database: Database) -> None:
    create_token(database, "a", "reader", None)
    with pytest.raises(InUseError, match="romana-manage token revoke a"):
        ensure_tokens(database, wanted("a", "b"), only_say=False)
    assert names(database) == ["a"]


def test_made_tokens_are_long_and_differ(database: Database) -> None:
    made = {create_token(database, f"t{number}", "reader", None) for number in range(3)}
    assert len(made) == 3
    assert min(map(len, made)) >= 40


def test_a_name_is_made_once(database: Database) -> None:
    create_token(database, "mine", "reader", None)
    with pytest.raises(ConflictError, match="there is a token mine already"):
        create_token(database, "mine", "admin", None)


def test_a_revoked_token_is_not_found(database: Database) -> None:
    made = create_token(database, "mine", "reader", None)
    revoke_token(database, "mine")
    assert find_token(database, made) is None
    with pytest.raises(NotFoundError, match="there is no token mine"):
        revoke_token(database, "mine")


def test_no_secret_is_in_the_database(database: Database) -> None:
    made = create_token(database, "mine", "reader", None)
    with database.writer.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM tokens")).all())
    assert "mine" in stored
    assert made not in stored


@pytest.mark.parametrize("secret", ["", "unknown" + SECRET, SECRET.upper(), "' OR 1=1 -- " + SECRET])
def test_an_unknown_secret_is_not_found(database: Database, secret: str) -> None:
    ensure_tokens(database, wanted(("a", "reader", "")), only_say=False)
    assert find_token(database, secret) is None
    assert find_token(database, SECRET) is not None


@pytest.mark.parametrize(
    "bad",
    [
        [{"name": "a", "role": "root", "token": SECRET}],
        [{"name": "a", "role": "agent:", "token": SECRET}],
        [{"name": "a b", "role": "admin", "token": SECRET}],
        [{"name": "a", "role": "admin", "token": "short"}],
        [{"name": "a", "role": "admin", "token": SECRET + "\n"}],
        [{"name": "a", "role": "admin", "token": SECRET, "more": 1}],
        [{"name": "a", "role": "admin", "token": SECRET, "expires_at": "2027-01-01T00:00:00"}],
        [{"name": "a", "role": "admin", "token": SECRET}, {"name": "a", "role": "admin", "token": "x" + SECRET}],
        [{"name": "a", "role": "admin", "token": SECRET}, {"name": "b", "role": "admin", "token": SECRET}],
    ],
    ids=["role", "agent of no host", "name", "short", "newline", "more", "no offset", "name twice", "secret twice"],
)
def test_tokens_that_cannot_be_are_refused_without_repeating_a_secret(bad: list[dict[str, object]]) -> None:
    with pytest.raises(ValidationError) as caught:
        WantedTokens.model_validate({"tokens": bad})
    assert SECRET not in str(caught.value)
