"""Subscriptions of clients, and the queue of what is to be sent to them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "subscriptions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("sequence", _Sequence, primary_key=True),
        sa.Column("notice_id", sa.Text, nullable=False, unique=True),
        sa.Column("subscriber", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
    )
    op.create_index("by_subscriber", "notices", ["subscriber", "sequence"])
