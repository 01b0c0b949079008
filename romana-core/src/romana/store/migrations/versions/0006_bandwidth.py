"""Bandwidth limits of endpoints.

The column is made only when it is not there: see 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Add it: no endpoint has a limit yet."""
    there = {one["name"] for one in sa.inspect(op.get_bind()).get_columns("endpoints")}
    if "bandwidth" not in there:
        op.add_column("endpoints", sa.Column("bandwidth", _LONG_TEXT))
