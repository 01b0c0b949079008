"""Addresses that have left groups rest until hosts have confirmed that they know it; what hosts say of groups.

Columns and index are each made only when they are not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them: what has left before this has left long ago."""
    _column("hosts", sa.Column("applied_members", sa.BigInteger))
    _column("hosts", sa.Column("applied_groups", sa.Integer, nullable=False, server_default="0"))
    _column("hosts", sa.Column("applied_group_members", sa.Integer, nullable=False, server_default="0"))
    _column("departures", sa.Column("address", sa.BigInteger))
    _column("departures", sa.Column("at", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_departures_address", "departures", ["address"], if_not_exists=True)


def _column(table: str, column: sa.Column[int]) -> None:
    there = {one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in there:
        op.add_column(table, column)
