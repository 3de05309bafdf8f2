"""The tables. A change here needs a migration; a test compares the two. A server with SQLite never loads this module.

An object is one row. Its attributes are stored whole (`records`), and once more where Locate looks for them: those that
tell few objects from many as entries of `attribute_values`, which is an index; those that many objects share in columns
of the row, which other criteria have found. `record_seal` authenticates the row and hides the digests of secrets;
`sealed` is the secret itself. Everything else can be read in the database.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from kmip_adapters.storage.sql.columns import (
    DATE_COLUMNS,
    ROTATES,
    TO_BE_ACTIVATED,
    TO_BE_DEACTIVATED,
    TRAIT_COLUMNS,
)

_Sequence = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY is SQLite's own row number

metadata: Final = MetaData()

CONDITIONS: Final[Mapping[str, str]] = {
    "due_for_rotation": ROTATES,
    "to_be_activated": TO_BE_ACTIVATED,
    "to_be_deactivated": TO_BE_DEACTIVATED,
}
"""Name of an index of managed objects -> which of them it has. `postgresql.schema` gives them to PostgreSQL's indexes:
to name its dialect here would import it into every server."""


def _partial(name: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(CONDITIONS[name]))


managed_objects: Final = Table(
    "managed_objects",
    metadata,
    Column("sequence", _Sequence, primary_key=True),  # the order of Locate: newest first
    Column("unique_identifier", Text, nullable=False, unique=True),
    Column("object_type", SmallInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),  # as stored, before dates are settled; 0: none
    *(Column(name, BigInteger) for name in DATE_COLUMNS),
    *(Column(name, BigInteger) for name in TRAIT_COLUMNS),
    Column("archived", Boolean, nullable=False),
    Column("has_content", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("record_seal", LargeBinary, nullable=False),  # `record_seals`; before what is long
    Column("attributes", LargeBinary, nullable=False),
    Column("sealed", LargeBinary),
    Index("by_owner", "owner", "sequence"),
    Index("by_owner_and_state", "owner", "state", "sequence"),
    Index("by_policy", "policy", "object_type", "sequence"),
    _partial("due_for_rotation", "initial_date", "rotate_interval"),
    _partial("to_be_activated", "activation_date"),
    _partial("to_be_deactivated", "deactivation_date"),
)

attribute_values: Final = Table(
    "attribute_values",
    metadata,
    Column("attribute", SmallInteger, primary_key=True, autoincrement=False),  # attribute_index.CODES
    Column("value", BigInteger, primary_key=True, autoincrement=False),  # a number, or 64 bits of a digest
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""One row for each attribute value of each object, and its key is the index."""

submissions: Final = Table(
    "submissions",
    metadata,
    Column("sequence", _Sequence, primary_key=True),
    Column("correlation_value", LargeBinary, nullable=False, unique=True),
    Column("batch", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("has_ended", SmallInteger, nullable=False),
    Column("is_delivered", SmallInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column(
        "claimant", Text
    ),  # who runs it, until when, and how often it was claimed: neither sealed nor in the version
    Column("claimed_until", BigInteger),
    Column("claims", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("submissions_by_batch", "batch", "position"),
    Index("submissions_by_owner", "owner", "sequence"),
    Index("submissions_by_state", "has_ended", "due_at"),
    Index("submissions_by_expiry", "expires_at"),
)
"""Batch items that are answered later: what they ask for, in whose name, and how they have ended is sealed."""

data_keys: Final = Table(
    "data_keys",
    metadata,
    Column("data_key_id", Integer, primary_key=True, autoincrement=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("root_key_id", Text, nullable=False),
    Column("uses", BigInteger, nullable=False),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("sequence", _Sequence, primary_key=True),
    Column("node", Text, nullable=False),  # whose trail it belongs to
    Column("record_id", Text, nullable=False, unique=True),
    Column("record", LargeBinary, nullable=False),
)
"""Audit records that were committed with their change and are not acknowledged."""

facts: Final = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the database says of itself: `server_version`, the first release that works with its schema; and tickets."""

subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("record", Text, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Column("delivery", Text, nullable=False),
)
"""Who is notified of what (`notices`): the seal covers name and record; how far the delivery is, is a hint."""

notices: Final = Table(
    "notices",
    metadata,
    Column("sequence", _Sequence, primary_key=True),
    Column("notice_id", Text, nullable=False, unique=True),
    Column("subscriber", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Index("by_subscriber", "subscriber", "sequence"),
)
"""What is to be sent to clients, in its order; the seal covers the whole row but its number."""

leases: Final = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)
"""Which node does work that one node alone does (`kmip_core.ports.leases`)."""
