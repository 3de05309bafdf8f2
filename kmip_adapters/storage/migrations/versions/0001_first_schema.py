"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "managed_objects",
        sa.Column("sequence", _Sequence, primary_key=True),
        sa.Column("unique_identifier", sa.Text, nullable=False, unique=True),
        sa.Column("object_type", sa.SmallInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("activation_date", sa.BigInteger),
        sa.Column("archive_date", sa.BigInteger),
        sa.Column("compromise_date", sa.BigInteger),
        sa.Column("compromise_occurrence_date", sa.BigInteger),
        sa.Column("deactivation_date", sa.BigInteger),
        sa.Column("destroy_date", sa.BigInteger),
        sa.Column("initial_date", sa.BigInteger),
        sa.Column("last_change_date", sa.BigInteger),
        sa.Column("original_creation_date", sa.BigInteger),
        sa.Column("process_start_date", sa.BigInteger),
        sa.Column("protect_stop_date", sa.BigInteger),
        sa.Column("rotate_date", sa.BigInteger),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("has_content", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("attributes", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
    )
    op.create_index("by_owner", "managed_objects", ["owner", "sequence"])
    op.create_index("by_owner_and_state", "managed_objects", ["owner", "state", "sequence"])
    op.create_index("by_policy", "managed_objects", ["policy", "object_type", "sequence"])
    op.create_table(
        "attribute_values",
        sa.Column("attribute", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "data_keys",
        sa.Column("data_key_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("root_key_id", sa.Text, nullable=False),
        sa.Column("uses", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("sequence", _Sequence, primary_key=True),
        sa.Column("record_id", sa.Text, nullable=False, unique=True),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
