"""Objects as rows, and the statements that read and write them."""

import functools
import struct
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any, Final, Self, TypeAlias

from attrs import field

from kmip_adapters.storage.quotas import NOTHING, Holdings
from kmip_adapters.storage.records import associated_data, encode_record
from kmip_adapters.storage.sql.attribute_index import Entry
from kmip_adapters.storage.sql.columns import MANAGED_OBJECTS
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.generations import NAME as GENERATION
from kmip_adapters.storage.sql.generations import GenerationStatements, share
from kmip_adapters.storage.sql.holdings import PREFIX as HOLDINGS
from kmip_adapters.storage.sql.holdings import HoldingStatements
from kmip_adapters.storage.sql.prepared import Prepared, PreparedRows, insertion, statements_for
from kmip_adapters.storage.sql.read_forms import read_record
from kmip_adapters.storage.sql.record_seals import record_binding
from kmip_adapters.storage.sql.rules import NAMES as NAMES_OF_RULES
from kmip_adapters.storage.sql.searched_columns import NAMES_OF_SEARCHED, NO_RARE_COLUMNS, searched_columns
from kmip_core.classes import define, frozen
from kmip_core.enums import ObjectType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.makers import maker_of
from kmip_core.objects import ManagedObject
from kmip_core.ports.sealing import SealBroken, StoreSealer
from kmip_core.ports.storage import ConcurrentChange

MAXIMUM_ATTRIBUTES: Final = 4 * 1024 * 1024
"""Bytes of one object's attributes as they are stored: a message fits, many that add to one object do not.
Every read of the object pays for them."""


REMEMBERED_BYTES: Final = 2_048
REMEMBERED: Final = 2_048
"""Rows that are kept opened, some 10 KiB each at most, and the bytes of attributes and content that such a row has."""

_LENGTH: Final = struct.Struct(">I")

UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, struct.error)
"""What decoding a damaged record may raise."""


class OutdatedSeal(ConcurrentChange):
    """A value was sealed under a data key that is no longer the newest; nothing was written."""


@frozen
class StoredObject:
    """One row, as read.

    hidden: what was in the record's seal.  sealed: the content, None where there is none.  size: `stored_size` of it.
    bound_to: what the content is bound to by its seal (`records.associated_data`); b"" for a row that is not proven.
    """

    sequence: int
    managed_object: ManagedObject
    record_seal: bytes = field(repr=False)
    hidden: bytes = field(repr=False)
    sealed: bytes | None = field(repr=False)
    bound_to: bytes = field(repr=False)
    size: int = 0


def stored_size(*, record_seal: bytes, attributes: bytes, sealed: bytes | None) -> int:
    """Return the bytes of a row that count towards its owner's quota."""
    return len(record_seal) + len(attributes) + len(sealed or b"")


def stored_object(row: Row, sealer: StoreSealer) -> StoredObject:
    """Return a row of `FOUND` as an object.

    Raises SealBroken for a row that is not as it was written.
    """
    (
        sequence, unique_identifier, object_type, owner, archived, has_content, version, record_seal, attributes, sealed
    ) = row[:_RECORD_COLUMNS]  # fmt: skip
    binding = record_binding(
        unique_identifier=unique_identifier,
        object_type=object_type,
        owner=owner,
        archived=bool(archived),
        has_content=bool(has_content),
        version=version,
        attributes=attributes,
        sealed=sealed,
    )
    hidden = sealer.open_record(record_seal, binding)
    decoded, columns = read_record(*(_revealed(hidden) if attributes == b"" else (attributes, hidden)))
    if row[_RECORD_COLUMNS:] != columns:
        raise SealBroken("a column does not agree with the record")
    managed_object = _make_object(
        unique_identifier=unique_identifier,
        object_type=_OBJECT_TYPES[object_type],
        owner=owner,
        attributes=decoded,
        version=version,
        archived=bool(archived),
        has_content=bool(has_content),
    )
    size = stored_size(record_seal=record_seal, attributes=attributes, sealed=sealed)
    bound_to = associated_data(managed_object)
    return _make_stored(sequence, managed_object, record_seal, hidden, sealed, bound_to, size)


Written: TypeAlias = tuple[int, ManagedObject, bytes, bytes, bytes | None, int]
"""A row that was written: its sequence number, the object as it was collected, whose version is one less than the
stored one, the seal of the record and what is in it, the sealed content, and `stored_size` of it."""


def as_read(written: Written) -> StoredObject:
    """Return what `stored_object` makes of a row that was written.

    That holds if a row that was there was, in all of its columns, still the one that was read before.
    """
    sequence, after, record_seal, hidden, sealed, size = written
    return _make_stored(
        sequence=sequence,
        managed_object=_make_object(
            unique_identifier=after.unique_identifier,
            object_type=after.object_type,
            owner=after.owner,
            attributes=after.attributes,
            version=after.version + 1,
            archived=after.archived,
            has_content=after.has_content,
        ),
        record_seal=record_seal,
        hidden=hidden,
        sealed=sealed,
        bound_to=associated_data(after),
        size=size,
    )


def row_opener(sealer: StoreSealer) -> Callable[[Row], StoredObject]:
    """Return `stored_object` for one store, which remembers rows of usual size.

    What is remembered is found by the whole row as it has just been read: it was opened before, and is the same, so
    nothing can be out of date. To open and decode a row is a third of a Get.
    """
    remembered = functools.lru_cache(REMEMBERED)(functools.partial(stored_object, sealer=sealer))

    def opened(row: Row) -> StoredObject:
        is_short = len(row[ATTRIBUTES_AT] or row[RECORD_SEAL_AT]) + len(row[SEALED_AT] or b"") <= REMEMBERED_BYTES
        return remembered(row) if is_short else stored_object(row, sealer)

    return opened


def changing_columns(managed_object: ManagedObject, *, hides_all: bool) -> tuple[dict[str, Any], bytes]:
    """Return the columns that a change of the object may change, and the hidden part of its record.

    Of the rare columns those that are NULL are left out.
    hides_all: whether all attributes are in the hidden part; the column is empty then.
    The seal and the content are missing.
    Raises KmipError (Server Limit Exceeded) for attributes that are too long together.
    """
    attributes = managed_object.attributes
    return completed_columns(managed_object, searched_columns(attributes), *encode_record(attributes), hides_all)


def completed_columns(
    managed_object: ManagedObject, columns: dict[str, Any], encoded: bytes, hidden: bytes, hides_all: bool
) -> tuple[dict[str, Any], bytes]:
    """Return what `changing_columns` does, from the `searched_columns` and the record of the object's attributes."""
    columns["archived"] = managed_object.archived
    columns["has_content"] = managed_object.has_content
    if len(encoded) + len(hidden) > MAXIMUM_ATTRIBUTES:
        raise KmipError(
            ResultReason.SERVER_LIMIT_EXCEEDED, f"the attributes of an object have {MAXIMUM_ATTRIBUTES} bytes at most"
        )
    columns["attributes"] = b"" if hides_all else encoded
    return columns, _LENGTH.pack(len(encoded)) + encoded + hidden if hides_all else hidden


def _revealed(hidden: bytes) -> tuple[bytes, bytes]:
    """Return the two parts of a record whose attributes are all hidden."""
    (length,) = _LENGTH.unpack_from(hidden)
    end = _LENGTH.size + length
    return hidden[_LENGTH.size : end], hidden[end:]


def attributes_size(row: Row) -> int:
    """Return the bytes of a row of `FOUND` that its attributes take, wherever they are."""
    return len(row[ATTRIBUTES_AT] or row[RECORD_SEAL_AT])


def seal_record(
    managed_object: ManagedObject,
    *,
    version: int,
    attributes: bytes,
    hidden: bytes,
    sealed: bytes | None,
    sealer: StoreSealer,
) -> bytes:
    """Return the seal of a row.  version, attributes, sealed: those with which it will be stored."""
    binding = record_binding(
        unique_identifier=managed_object.unique_identifier,
        object_type=int(managed_object.object_type),
        owner=managed_object.owner,
        archived=managed_object.archived,
        has_content=managed_object.has_content,
        version=version,
        attributes=attributes,
        sealed=sealed,
    )
    return sealer.seal_record(hidden, binding)


_OBJECT_TYPES: Final = {int(object_type): object_type for object_type in ObjectType}

_RECORD: Final = (
    "sequence",
    "unique_identifier",
    "object_type",
    "owner",
    "archived",
    "has_content",
    "version",
    "record_seal",
    "attributes",
    "sealed",
)
FOUND: Final = (*_RECORD, *NAMES_OF_SEARCHED)
"""The columns that `stored_object` takes."""

ALL_FOUND: Final = ", ".join(FOUND)
"""The same, as SQL."""

_RECORD_COLUMNS: Final = len(_RECORD)
RECORD_SEAL_AT: Final = FOUND.index("record_seal")
ATTRIBUTES_AT: Final = FOUND.index("attributes")
SEALED_AT: Final = FOUND.index("sealed")
IDENTIFIER_AT: Final = FOUND.index("unique_identifier")
VERSION_AT: Final = FOUND.index("version")
"""Where in a row of `FOUND` they are."""

_CHANGING: Final = (*NAMES_OF_SEARCHED, "archived", "has_content", "record_seal", "attributes")


_RULES: Final = tuple(NAMES_OF_RULES.values())

_make_stored: Final = maker_of(StoredObject)
_make_object: Final = maker_of(ManagedObject)


class Statements:
    """All fixed statements about objects, data keys and audit records, prepared for one database."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(statement: str) -> Prepared:
            return Prepared(statement, dialect)

        def update(*columns: str) -> Prepared:
            changes = ", ".join(f"{name} = :{name}" for name in columns)
            return prepared(f"UPDATE managed_objects SET {changes}, version = version + 1 WHERE {is_it}")

        def value_of(fact: str) -> str:
            return f"(SELECT value FROM facts WHERE name = {fact})"

        is_it = """
            sequence = :of_sequence AND unique_identifier = :of_identifier AND version = :of_version
            AND record_seal = :of_seal
        """  # the seal as well: sealing anew leaves the version as it is
        usual = [name for name in _CHANGING if name not in NO_RARE_COLUMNS]
        self.holdings = HoldingStatements(dialect)
        self.generations = GenerationStatements(dialect)
        self.find = prepared(f"SELECT {ALL_FOUND} FROM managed_objects WHERE unique_identifier = :unique_identifier")
        self.insert = insertion("managed_objects", ["sequence", *_GIVEN], dialect)
        self.insert_usual = insertion("managed_objects", ["sequence", *_GIVEN_USUAL], dialect)
        last_sequence = "SELECT coalesce(max(sequence), 0) FROM managed_objects"
        self.last_sequence = prepared(last_sequence)
        self.update = update(*_CHANGING)
        self.update_usual = update(*usual)
        self.update_content = update(*_CHANGING, "sealed")
        self.update_content_usual = update(*usual, "sealed")
        self.delete = prepared(f"DELETE FROM managed_objects WHERE {is_it}")
        self.index = insertion("attribute_values", ["attribute", "value", "sequence"], dialect)
        self.unindex = prepared(
            "DELETE FROM attribute_values WHERE attribute = :attribute AND value = :value AND sequence = :sequence"
        )
        self.record = insertion("outbox", ["node", "record_id", "record"], dialect)
        self.forget_records = PreparedRows("DELETE FROM outbox WHERE record_id IN (:rows)", dialect, width=1)
        self.pending_records = prepared("SELECT record_id, record, node FROM outbox ORDER BY sequence")
        self.data_keys = prepared("SELECT data_key_id, wrapped, root_key_id, uses FROM data_keys ORDER BY data_key_id")
        self.add_data_key = prepared("""
            INSERT INTO data_keys (data_key_id, wrapped, root_key_id, uses)
            VALUES (:data_key_id, :wrapped, :root_key_id, :uses)
        """)
        self.reserve_uses = prepared(
            "UPDATE data_keys SET uses = uses + :more WHERE data_key_id = :of_data_key RETURNING uses"
        )
        self.facts = prepared("SELECT name, value FROM facts")
        self.of_one_fact = statements_for(dialect, FactStatements)
        newest_data_key = "SELECT max(data_key_id) FROM data_keys"
        self.newest_data_key = prepared(newest_data_key)
        known_facts = ", ".join(value_of(f"'{name}'") for name in (*_RULES, GENERATION))
        self.write_context = prepared(
            f"SELECT ({last_sequence}), ({newest_data_key}), {known_facts}, {value_of(':holdings')}"
        )
        self.retire_data_keys = prepared("DELETE FROM data_keys WHERE data_key_id < :newest")
        self.rewrap_data_key = prepared(
            "UPDATE data_keys SET wrapped = :wrapped, root_key_id = :root_key_id WHERE data_key_id = :of_data_key"
        )


@frozen
class WriteContext:
    """What the writing of objects depends on, all of it read at once, as one row: each row is waited for by itself.

    last: the last sequence number.  newest_data_key: its identifier.  rules: those for new objects, by name.
    generation: the fact, None where there is none.  holdings: likewise, what `owner` has.
    """

    last: int
    newest_data_key: int | None
    rules: dict[str, str]
    generation: str | None
    holdings: str | None
    owner: str | None

    @classmethod
    def read(cls, cursor: Cursor, statements: Statements, owner: str | None = None) -> Self:
        """Read it on a cursor inside a transaction.  owner: whose holdings are read as well."""
        name_of_holdings = None if owner is None else HOLDINGS + owner
        row = statements.write_context.run(cursor, {"holdings": name_of_holdings}).fetchone()
        last, newest, *rules, generation, holdings = row
        found = {name: value for name, value in zip(_RULES, rules, strict=True) if value is not None}
        return cls(last, newest, found, generation, holdings, owner)


@define(kw_only=True)  # not frozen, which would set each field by a call
class RowWrite:
    """One object's write, ready for the writer: nothing is left to compute or to seal.

    stored: the row as read; None for a new object.  columns: None removes the object.
    after: the object as it was collected, whose version is one less than the stored one will be; None removes it.
    hidden: what is in the seal of its record.
    sequence: of its row; of a new object it is known once it is written.  size: `stored_size` of it.
    replaces_content: whether `columns` has the new sealed content (or None, which erases it).
    expected_version: what the stored version must be.  keeps_rare: whether it leaves the rare columns as they are.
    owner: whose object it is.  growth: what its owner has more afterwards.
    changes_state: whether an object that was there comes into another state.
    """

    stored: StoredObject | None
    unique_identifier: str
    expected_version: int | None
    columns: dict[str, Any] | None = field(repr=False)
    replaces_content: bool
    indexed: AbstractSet[Entry]
    unindexed: AbstractSet[Entry]
    owner: str = ""
    growth: Holdings = NOTHING
    changes_state: bool = False
    keeps_rare: bool = False
    after: ManagedObject | None = None
    hidden: bytes = field(default=b"", repr=False)
    sequence: int = 0
    size: int = 0

    @property
    def is_new(self) -> bool:
        """Whether it adds an object."""
        return self.stored is None

    @property
    def erases(self) -> bool:
        """Whether it replaces or deletes sealed content."""
        return self.stored is not None and (self.replaces_content or self.columns is None)

    @property
    def seals(self) -> tuple[bytes, ...]:
        """What it writes that is sealed: the record, and the content if it has one that is new."""
        columns = self.columns
        if columns is None:
            return ()
        sealed = columns.get("sealed")
        return (columns["record_seal"],) if sealed is None else (columns["record_seal"], sealed)

    def written(self) -> Written | None:
        """Return what `as_read` takes, once it is written; None for an object that is removed."""
        columns, stored = self.columns, self.stored
        if columns is None or self.after is None:
            return None
        sealed = columns["sealed"] if stored is None or self.replaces_content else stored.sealed
        return self.sequence, self.after, columns["record_seal"], self.hidden, sealed, self.size

    def new_share(self, key: bytes) -> int:
        """Return what the object contributes to the generation of the store more than before."""
        before, columns = self.expected_version, self.columns
        if self.stored is None or before is None:
            return 0 if columns is None else share(key, self.unique_identifier, columns["version"])
        after = 0 if columns is None else share(key, self.unique_identifier, before + 1)
        return after - share(key, self.unique_identifier, before)

    def apply(self, cursor: Cursor, statements: Statements) -> None:
        """Write it on a cursor inside a transaction.  Raises ConcurrentChange."""
        if self.stored is None:
            (last,) = statements.last_sequence.run(cursor, {}).fetchone()
            insert_rows(cursor, statements, [self], last)
            return
        if not self.change(cursor, statements):
            raise ConcurrentChange(self.unique_identifier)
        index_changes(cursor, statements, [self])

    def change(self, cursor: Cursor, statements: Statements) -> bool:
        """Write the row of an object that was there; False if another change came first, and nothing was written."""
        if self.columns is None:
            statement = statements.delete
        elif self.keeps_rare:
            statement = statements.update_content_usual if self.replaces_content else statements.update_usual
        else:
            statement = statements.update_content if self.replaces_content else statements.update
        which = {
            "of_sequence": None if self.stored is None else self.stored.sequence,
            "of_identifier": self.unique_identifier,
            "of_version": self.expected_version,
            "of_seal": None if self.stored is None else self.stored.record_seal,
        }
        changed: int = statement.run(cursor, {**NO_RARE_COLUMNS, **which, **(self.columns or {})}).rowcount
        return changed == 1


def index_changes(cursor: Cursor, statements: Statements, rows: Sequence[RowWrite]) -> None:
    """Write what has changed of the index with objects that were there."""
    of_objects = [(row.stored.sequence, row) for row in rows if row.stored is not None]
    gone = [(*entry, sequence) for sequence, row in of_objects for entry in row.unindexed]
    if gone:
        values = [{"attribute": entry[0], "value": entry[1], "sequence": entry[2]} for entry in sorted(gone)]
        cursor.executemany(statements.unindex.sql, list(map(statements.unindex.values, values)))
    new = [(*entry, sequence) for sequence, row in of_objects for entry in row.indexed]
    if new:
        statements.index.give(cursor, sorted(new))


def insert_rows(cursor: Cursor, statements: Statements, rows: Sequence[RowWrite], last: int) -> None:
    """Write new objects inside a transaction that keeps other writers out.

    last: the last sequence number in the database.  Raises ConcurrentChange if the identifier of any of them is taken.
    """
    objects: list[tuple[Any, ...]] = []
    entries: list[tuple[int, int, int]] = []
    given = [row.columns or {} for row in rows]
    are_usual = all(len(columns) == len(_GIVEN_USUAL) for columns in given)
    for sequence, (row, columns) in enumerate(zip(rows, given, strict=True), last + 1):
        row.sequence = sequence
        objects.append((sequence, *(_given_usual(columns) if are_usual else _given(NO_RARE_COLUMNS | columns))))
        entries += [(attribute, value, sequence) for attribute, value in row.indexed]
    entries.sort()  # neighbours in the index are written together
    statements.index.give(cursor, entries)
    insert = statements.insert_usual if are_usual else statements.insert
    if insert.run(cursor, objects) != len(objects):  # last, since it is looked at
        raise ConcurrentChange("an identifier is taken")


_GIVEN: Final = tuple(name for name in MANAGED_OBJECTS if name != "sequence")
_GIVEN_USUAL: Final = tuple(name for name in _GIVEN if name not in NO_RARE_COLUMNS)
_given: Final = itemgetter(*_GIVEN)
_given_usual: Final = itemgetter(*_GIVEN_USUAL)
