"""Floating IPs that the network delivers to one host only.

Table and index are each made only when they are not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every floating IP still reaches all hosts."""
    op.create_table(
        "delivered",
        sa.Column("address", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("host_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_delivered"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_delivered_host_id"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )
    op.create_index("ix_delivered_host_id", "delivered", ["host_id"], if_not_exists=True)
