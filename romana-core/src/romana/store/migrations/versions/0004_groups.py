"""Security groups, who is in them, and what endpoints may do and are told by DHCP.

Columns, tables and indexes are each made only when they are not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.sql.schema import SchemaItem

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


_LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def _table(name: str, *items: SchemaItem, sqlite_autoincrement: bool = False) -> None:
    op.create_table(
        name,
        *items,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        sqlite_autoincrement=sqlite_autoincrement,
    )


def _columns(table: str, *columns: sa.Column[object]) -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in there:
            op.add_column(table, column)


def upgrade() -> None:
    """Add them: no endpoint is in a group yet, and none is told more than its address."""
    _columns(
        "hosts",
        sa.Column("members_generation", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("names_generation", sa.BigInteger, nullable=False, server_default="0"),
    )
    _columns("endpoints", sa.Column("permissions", _LONG_TEXT), sa.Column("lease", _LONG_TEXT))
    _table(
        "groups",
        sa.Column("id", _exact(64), nullable=False),
        sa.Column("name", _exact(255)),
        sa.Column("project_id", _exact(64)),
        sa.Column("rules", _LONG_TEXT, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_groups"),
    )
    _table(
        "group_names",
        sa.Column("group_id", _exact(64), nullable=False),
        sa.Column("named", _exact(64), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "named", name="pk_group_names"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_group_names_group_id"),
    )
    op.create_index("ix_group_names_named", "group_names", ["named"], if_not_exists=True)
    _table(
        "memberships",
        sa.Column("group_id", _exact(64), nullable=False),
        sa.Column("endpoint_id", sa.String(36), nullable=False),
        sa.Column("network", sa.String(18), nullable=False),
        sa.Column("host_id", sa.Integer, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "endpoint_id", "network", name="pk_memberships"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_memberships_group_id"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_memberships_endpoint_id"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_memberships_host_id"),
    )
    op.create_index("ix_memberships_host", "memberships", ["group_id", "host_id"], if_not_exists=True)
    op.create_index("ix_memberships_generation", "memberships", ["group_id", "generation"], if_not_exists=True)
    _table(
        "departures",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("group_id", _exact(64), nullable=False),
        sa.Column("network", sa.String(18), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_departures"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_departures_generation", "departures", ["group_id", "generation"], if_not_exists=True)
