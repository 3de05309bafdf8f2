"""Indexes for what is due by dates, and leases for work that one node alone does."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_PARTIAL = (
    ("due_for_rotation", ["initial_date", "rotate_interval"], "rotate_automatic = 1 AND state IN (1, 2)"),
    ("to_be_activated", ["activation_date"], "state = 1 AND activation_date IS NOT NULL"),
    ("to_be_deactivated", ["deactivation_date"], "state IN (1, 2) AND deactivation_date IS NOT NULL"),
)


def upgrade() -> None:
    """Add them."""
    for name, columns, where in _PARTIAL:
        op.create_index(name, "managed_objects", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
