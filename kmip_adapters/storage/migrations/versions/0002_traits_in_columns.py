"""Attributes that many objects share move from the index into columns of the object.

The table is rebuilt in one pass: columns after the sealed content would lie behind it on the disk, and whoever reads
them would walk through it. Their values are in the stored attributes; the index loses them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BEFORE = (
    "sequence", "unique_identifier", "object_type", "owner", "policy", "state", "activation_date", "archive_date",
    "compromise_date", "compromise_occurrence_date", "deactivation_date", "destroy_date", "initial_date",
    "last_change_date", "original_creation_date", "process_start_date", "protect_stop_date", "rotate_date",
)  # fmt: skip
_AFTER = ("archived", "has_content", "version", "attributes", "sealed")
_TRAITS = {
    "cryptographic_algorithm": 5,
    "cryptographic_length": 6,
    "certificate_type": 9,
    "certificate_length": 10,
    "cryptographic_usage_mask": 21,
    "lease_time": 22,
    "fresh": 36,
    "key_value_present": 42,
    "sensitive": 49,
    "always_sensitive": 50,
    "extractable": 51,
    "never_extractable": 52,
    "key_format_type": 53,
    "opaque_data_type": 54,
    "protection_level": 56,
    "protection_period": 57,
    "protection_storage_mask": 58,
    "quantum_safe": 59,
    "rotate_automatic": 60,
    "rotate_generation": 62,
    "rotate_interval": 63,
    "rotate_latest": 64,
    "rotate_offset": 66,
}
"""Attribute to its number in the index."""

_HAVE_COLUMNS_ALREADY = (1, 4)
"""Numbers in the index of the identifier and the object type."""

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Rebuild the objects with the new columns, and clear the index."""
    for name in ("by_owner", "by_owner_and_state", "by_policy"):
        op.drop_index(name, "managed_objects")
    op.rename_table("managed_objects", "objects_before")
    objects = op.create_table(
        "managed_objects",
        sa.Column("sequence", _Sequence, primary_key=True),
        sa.Column("unique_identifier", sa.Text, nullable=False, unique=True),
        sa.Column("object_type", sa.SmallInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in _BEFORE if name.endswith("_date")),
        *(sa.Column(name, sa.BigInteger) for name in _TRAITS),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("has_content", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("attributes", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
    )
    before = sa.table("objects_before", *(sa.column(name) for name in (*_BEFORE, *_AFTER)))
    stored = sa.cast(before.c.attributes, sa.Text)
    traits = [sa.func.json_extract(stored, f"$.{name}") for name in _TRAITS]
    rows = sa.select(*(before.c[name] for name in _BEFORE), *traits, *(before.c[name] for name in _AFTER)).order_by(
        before.c.sequence
    )
    op.execute(sa.insert(objects).from_select([*_BEFORE, *_TRAITS, *_AFTER], rows))
    op.drop_table("objects_before")
    op.create_index("by_owner", "managed_objects", ["owner", "sequence"])
    op.create_index("by_owner_and_state", "managed_objects", ["owner", "state", "sequence"])
    op.create_index("by_policy", "managed_objects", ["policy", "object_type", "sequence"])
    index = sa.table("attribute_values", sa.column("attribute"))
    op.execute(sa.delete(index).where(index.c.attribute.in_([*_HAVE_COLUMNS_ALREADY, *_TRAITS.values()])))
