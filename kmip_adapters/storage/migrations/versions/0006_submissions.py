"""Batch items that are answered later."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add their table."""
    op.create_table(
        "submissions",
        sa.Column("sequence", _Sequence, primary_key=True),
        sa.Column("correlation_value", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("has_ended", sa.SmallInteger, nullable=False),
        sa.Column("is_delivered", sa.SmallInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("claimant", sa.Text),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("submissions_by_batch", "submissions", ["batch", "position"])
    op.create_index("submissions_by_owner", "submissions", ["owner", "sequence"])
    op.create_index("submissions_by_state", "submissions", ["has_ended", "due_at"])
    op.create_index("submissions_by_expiry", "submissions", ["expires_at"])
