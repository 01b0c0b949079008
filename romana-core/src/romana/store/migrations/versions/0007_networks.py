"""Segments may stand for networks of OpenStack.

Column and index are each made only when they are not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them: no segment stands for a network yet."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("segments")}
    if "network_id" not in there:
        exact = sa.String(64).with_variant(sa.String(64, collation="utf8mb4_bin"), "mysql", "mariadb")
        op.add_column("segments", sa.Column("network_id", exact))
    op.create_index("ix_segments_network_id", "segments", ["network_id"], if_not_exists=True)
