"""Every row gets a seal, digests of secrets are hidden in it, and audit records belong to a node.

The table is rebuilt, so that the seal lies before what is long. Each row is read in its old form, sealed under the
newest data key, and written in the new one; the index's digests are keyed. For that the step opens the data keys over
the connection of the upgrade: all of it is one transaction, and what it takes from the data keys' uses too.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

from kmip_adapters.storage.sql.record_migration import SealedRows

revision = "0003"
down_revision = "0002"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_DATES = (
    "activation_date", "archive_date", "compromise_date", "compromise_occurrence_date", "deactivation_date",
    "destroy_date", "initial_date", "last_change_date", "original_creation_date", "process_start_date",
    "protect_stop_date", "rotate_date",
)  # fmt: skip
_TRAITS = (
    "cryptographic_algorithm", "cryptographic_length", "certificate_type", "certificate_length",
    "cryptographic_usage_mask", "lease_time", "fresh", "key_value_present", "sensitive", "always_sensitive",
    "extractable", "never_extractable", "key_format_type", "opaque_data_type", "protection_level", "protection_period",
    "protection_storage_mask", "quantum_safe", "rotate_automatic", "rotate_generation", "rotate_interval",
    "rotate_latest", "rotate_offset",
)  # fmt: skip
_BEFORE = ("sequence", "unique_identifier", "object_type", "owner", "policy", "state", *_DATES, *_TRAITS)
_COLUMNS = (*_BEFORE, "archived", "has_content", "version", "attributes", "sealed")
_PIECE = 1_000
_log = logging.getLogger("kmipd.upgrade")


def upgrade() -> None:
    """Rebuild the objects with their seals."""
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
        *(sa.Column(name, sa.BigInteger) for name in (*_DATES, *_TRAITS)),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("has_content", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("record_seal", sa.LargeBinary, nullable=False),
        sa.Column("attributes", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
    )
    _seal_all(objects)
    op.drop_table("objects_before")
    op.create_index("by_owner", "managed_objects", ["owner", "sequence"])
    op.create_index("by_owner_and_state", "managed_objects", ["owner", "state", "sequence"])
    op.create_index("by_policy", "managed_objects", ["policy", "object_type", "sequence"])
    with op.batch_alter_table("outbox", recreate="always") as outbox:
        outbox.add_column(sa.Column("node", sa.Text, nullable=False, server_default="main"), insert_after="sequence")
    with op.batch_alter_table("outbox", recreate="always") as outbox:
        outbox.alter_column("node", server_default=None)


def _seal_all(objects: sa.Table) -> None:
    connection = op.get_bind()
    before = sa.table("objects_before", *(sa.column(name) for name in _COLUMNS))
    index = sa.table("attribute_values", *(sa.column(name) for name in ("attribute", "value", "sequence")))
    following = (
        sa.select(*before.c).where(before.c.sequence > sa.bindparam("after")).order_by(before.c.sequence).limit(_PIECE)
    )
    rows: SealedRows | None = None
    after, done = -1, 0
    while piece := connection.execute(following, {"after": after}).mappings().all():
        if rows is None:
            rows = SealedRows(connection, context.config.attributes["make_sealer"])
            connection.execute(sa.delete(index).where(index.c.attribute == rows.digests_code))
        sealed = [rows.seal(dict(row)) for row in piece]
        connection.execute(sa.insert(objects), [row for row, _ in sealed])
        entries = [entry for _, found in sealed for entry in found]
        if entries:
            connection.execute(sa.insert(index), entries)
        after = piece[-1]["sequence"]
        done += len(piece)
        if done % 100_000 < _PIECE and done > _PIECE:
            _log.info("%d objects have been sealed", done)
