"""The first tables.

Each is made only when it is not there: MariaDB commits every table by itself, so an interrupted run leaves some.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.sql.schema import SchemaItem

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


_LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def _table(name: str, *items: SchemaItem) -> None:
    op.create_table(
        name,
        *items,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        sqlite_autoincrement=True,
    )


def upgrade() -> None:
    """Make all tables."""
    _table(
        "meta",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("cidr", sa.String(18), nullable=False),
        sa.Column("host_bits", sa.Integer, nullable=False),
        sa.Column("tenant_bits", sa.Integer, nullable=False),
        sa.Column("segment_bits", sa.Integer, nullable=False),
        sa.Column("endpoint_bits", sa.Integer, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    _table(
        "hosts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", _exact(64), nullable=False, unique=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("address", sa.BigInteger, nullable=False, unique=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("applied_generation", sa.BigInteger),
        sa.Column("applied_at", sa.BigInteger),
        sa.Column("applied_errors", sa.Integer, nullable=False),
        sa.Column("applied", _LONG_TEXT),
    )
    _table(
        "tenants",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", _exact(64), nullable=False, unique=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("project_id", _exact(64), unique=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    _table(
        "segments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", _exact(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "name"),
        sa.UniqueConstraint("tenant_id", "number"),
    )
    _table(
        "endpoints",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("host_id", sa.Integer, sa.ForeignKey("hosts.id"), nullable=False),
        sa.Column("segment_id", sa.Integer, sa.ForeignKey("segments.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("address", sa.BigInteger, nullable=False, unique=True),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("interface", _exact(15), nullable=False),
        sa.Column("name", _exact(64)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(1000)),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("idempotency_key", _exact(255), unique=True),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("host_id", "segment_id", "number"),
    )
    _table(
        "policies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", _exact(64), nullable=False, unique=True),
        sa.Column("source_tenant_id", sa.Integer, sa.ForeignKey("tenants.id")),
        sa.Column("source_segment_id", sa.Integer, sa.ForeignKey("segments.id")),
        sa.Column("source_cidr", sa.String(18)),
        sa.Column("target_tenant_id", sa.Integer, sa.ForeignKey("tenants.id")),
        sa.Column("target_segment_id", sa.Integer, sa.ForeignKey("segments.id")),
        sa.Column("target_cidr", sa.String(18)),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("ports", _LONG_TEXT, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    _table(
        "tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", _exact(64), nullable=False, unique=True),
        sa.Column("role", _exact(70), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("managed", sa.Boolean, nullable=False),
    )
