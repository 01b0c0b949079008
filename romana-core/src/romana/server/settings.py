"""server.toml: the server's configuration."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from romana.contract import API_PORT
from romana.models import Plan
from romana.settings import Settings

BACKENDS = {"sqlite": "sqlite", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}


class ServerSettings(Settings):
    """The keys of server.toml."""

    database_url: str = Field(
        description="SQLAlchemy URL, sqlite:////path/romana.db or mysql+pymysql://user:pass@host/db"
    )
    listen: IPv4Address = Field(description="address to listen on")
    port: int = Field(default=API_PORT, ge=1, le=65535, description="TCP port")
    workers: int = Field(default=1, ge=1, le=64, description="server processes")
    tls_cert: Path | None = Field(default=None, description="PEM file: certificate")
    tls_key: Path | None = Field(default=None, description="PEM file: its private key")
    plan: Plan = Field(default_factory=Plan, description="the address plan")

    @field_validator("database_url")
    @classmethod
    def _known_backend(cls, text: str) -> str:
        try:
            backend = make_url(text).get_backend_name()
        except ArgumentError:
            raise ValueError("is no SQLAlchemy URL; write it like sqlite:////var/lib/romana-server/romana.db") from None
        if backend not in BACKENDS:
            raise ValueError(f"is for {backend}; the store works on sqlite, mysql and mariadb")
        database = make_url(text).database
        if backend == "sqlite" and not (database or "").startswith("/"):
            raise ValueError(
                "names no file by its absolute path; write it like sqlite:////var/lib/romana-server/romana.db"
            )
        if not database:
            raise ValueError("names no database; write it like mysql+pymysql://user:password@host/romana")
        return text

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together; give both")
        if self.tls_cert is None and not self.listen.is_loopback:
            raise ValueError(f"tokens must not travel in clear to {self.listen}; give tls_cert and tls_key")
        return self

    @property
    def url(self) -> URL:
        """The database, with the driver that we carry."""
        url = make_url(self.database_url)
        return url.set(drivername=BACKENDS[url.get_backend_name()])
