"""Routers and floating IPs.

Each table is made only when it is not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.schema import SchemaItem

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def _table(name: str, *items: SchemaItem) -> None:
    op.create_table(
        name,
        *items,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )


def upgrade() -> None:
    """Add them: there are none yet."""
    _table(
        "routers",
        sa.Column("id", _exact(64), nullable=False),
        sa.Column("name", _exact(255)),
        sa.Column("project_id", _exact(64)),
        sa.Column("outside", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_routers"),
    )
    _table(
        "router_segments",
        sa.Column("router_id", _exact(64), nullable=False),
        sa.Column("segment_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("router_id", "segment_id", name="pk_router_segments"),
        sa.ForeignKeyConstraint(["router_id"], ["routers.id"], name="fk_router_segments_router_id"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_router_segments_segment_id"),
    )
    _table(
        "floating_ips",
        sa.Column("address", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("endpoint_id", sa.String(36), nullable=False),
        sa.Column("project_id", _exact(64)),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_floating_ips"),
        sa.UniqueConstraint("endpoint_id", name="uq_floating_ips_endpoint_id"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_floating_ips_endpoint_id"),
    )
