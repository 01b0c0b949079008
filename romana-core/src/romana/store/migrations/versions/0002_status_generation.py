"""Endpoints know when their status was set.

Column and index are each made only when it is not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is there has been so since before anyone could ask."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("endpoints")}
    if "status_generation" not in there:
        op.add_column("endpoints", sa.Column("status_generation", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_endpoints_status_generation", "endpoints", ["status_generation"], if_not_exists=True)
