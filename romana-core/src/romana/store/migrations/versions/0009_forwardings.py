"""Floating IPs may be forwarded port by port, and are no endpoint's then.

Column, table and index are each changed or made only when they are not as they must be: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is forwarded yet."""
    there = {column["name"]: column for column in sa.inspect(op.get_bind()).get_columns("floating_ips")}
    if not there["endpoint_id"]["nullable"]:
        with op.batch_alter_table("floating_ips") as table:  # SQLite copies it; so this is before anything refers to it
            table.alter_column("endpoint_id", existing_type=sa.String(36), nullable=True)
    op.create_table(
        "forwardings",
        sa.Column("address", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("port", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("endpoint_id", sa.String(36), nullable=False),
        sa.Column("endpoint_port", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("address", "protocol", "port", name="pk_forwardings"),
        sa.ForeignKeyConstraint(["address"], ["floating_ips.address"], name="fk_forwardings_address"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_forwardings_endpoint_id"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )
    op.create_index("ix_forwardings_endpoint_id", "forwardings", ["endpoint_id"], if_not_exists=True)
