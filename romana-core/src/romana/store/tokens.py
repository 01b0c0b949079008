"""Bearer tokens.

Only their SHA-256 is stored: a token is long and random, so nothing slower would protect it better.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator
from sqlalchemy import Connection, RowMapping, delete, insert, select

from romana.contract import NAME
from romana.models import Name
from romana.store.database import Database, Unchanged
from romana.store.errors import ConflictError, InUseError, NotFoundError
from romana.store.schema import tokens

Role = Annotated[
    str,
    StringConstraints(pattern=rf"^(admin|neutron|reader|agent:{NAME})$"),
]
Secret = Annotated[str, StringConstraints(min_length=20, max_length=512, pattern=r"^[!-~]+$")]


@dataclass(frozen=True)
class Token:
    """A token as it is stored. Times in milliseconds since 1970."""

    name: str
    role: str
    hash: str
    created_at: int
    expires_at: int | None
    managed: bool

    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= time.time() * 1000


class WantedToken(BaseModel):
    """A token that `romana-manage tokens ensure` is given."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name
    role: Role
    token: Secret
    expires_at: AwareDatetime | None = None


class WantedTokens(BaseModel):
    """All tokens that are to be."""

    model_config = ConfigDict(hide_input_in_errors=True)

    tokens: list[WantedToken]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [item.name for item in self.tokens]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is there twice; give each token a name of its own")
        if len({item.token for item in self.tokens}) < len(names):
            raise ValueError("two names have the same token; make one for each")
        return self


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_token(database: Database, token: str) -> Token | None:
    """The stored token, also an expired one. Raises UnavailableError."""
    statement = select(tokens).where(tokens.c.hash == digest(token))
    row = database.read(lambda connection: connection.execute(statement).mappings().one_or_none())
    return None if row is None else _token(row)


def list_tokens(database: Database) -> list[Token]:
    """All tokens by name. Raises UnavailableError."""
    statement = select(tokens).order_by(tokens.c.name)
    return database.read(lambda connection: [_token(row) for row in connection.execute(statement).mappings()])


def create_token(database: Database, name: str, role: str, expires_at: datetime | None) -> str:
    """Make a token and store its hash; the token, which nobody can get again. Raises ConflictError."""
    token = secrets.token_urlsafe(32)

    def work(connection: Connection) -> str:
        if connection.execute(select(tokens.c.id).where(tokens.c.name == name)).first() is not None:
            raise ConflictError(f"there is a token {name} already; revoke it first, or choose another name")
        connection.execute(insert(tokens).values(_values(name, role, digest(token), expires_at, managed=False)))
        return token

    return database.transaction(work)


def revoke_token(database: Database, name: str) -> None:
    """Delete a token; servers refuse it within a second. Raises NotFoundError."""

    def work(connection: Connection) -> None:
        if connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount == 0:
            raise NotFoundError(f"there is no token {name}; romana-manage token list shows all")

    database.transaction(work)


def ensure_tokens(database: Database, wanted: WantedTokens, only_say: bool) -> bool:
    """Make exactly these the managed tokens; whether that changes (or, with `only_say`, would change) anything.

    Tokens that people made stay. Raises InUseError when one of those has a wanted name or is the same token.
    """

    def work(connection: Connection) -> bool | Unchanged[bool]:
        stored = [_token(row) for row in connection.execute(select(tokens).with_for_update()).mappings()]
        names = {item.name: item for item in wanted.tokens}
        hashes = {digest(item.token) for item in wanted.tokens}
        for token in stored:
            if not token.managed and (token.name in names or token.hash in hashes):
                raise InUseError(
                    f"token {token.name} was made by hand; romana-manage token revoke {token.name}, then try again"
                )
        old = {_identity(token) for token in stored if token.managed}
        new = {
            (item.name, item.role, digest(item.token), _milliseconds(item.expires_at)): item for item in wanted.tokens
        }
        if old == new.keys() or only_say:
            return Unchanged(old != new.keys())
        gone = [identity[0] for identity in old - new.keys()]
        if gone:
            connection.execute(delete(tokens).where(tokens.c.name.in_(gone)))
        added = [
            _values(item.name, item.role, digest(item.token), item.expires_at, managed=True)
            for identity, item in new.items()
            if identity not in old
        ]
        if added:
            connection.execute(insert(tokens), added)
        return True

    return database.transaction(work)


def _identity(token: Token) -> tuple[str, str, str, int | None]:
    return token.name, token.role, token.hash, token.expires_at


def _values(name: str, role: str, hashed: str, expires_at: datetime | None, *, managed: bool) -> dict[str, object]:
    return {
        "name": name,
        "role": role,
        "hash": hashed,
        "created_at": int(time.time() * 1000),
        "expires_at": _milliseconds(expires_at),
        "managed": managed,
    }


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def _token(row: RowMapping) -> Token:
    return Token(
        name=row["name"],
        role=row["role"],
        hash=row["hash"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        managed=bool(row["managed"]),
    )


def as_time(milliseconds: int | None) -> datetime | None:
    """A stored time."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
