"""Hosts may have an owner, and a MAC by which others know their packets.

Columns and key are each made only when they are not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: no host has an owner yet."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("hosts")}
    if "mac" not in there:
        op.add_column("hosts", sa.Column("mac", sa.String(17)))
    if "owner_id" not in there:
        # By itself: SQLite takes the key with its column only, and Alembic would add it afterwards.
        op.execute("ALTER TABLE hosts ADD COLUMN owner_id INTEGER REFERENCES tenants (id)")
