"""The row of one write: what the writer gets for an object that is new, changed or removed.

Contents and rows are sealed here, in the thread of the unit of work, so that the writer's has less to do.
index_key, everywhere: the key of the index's digests.
"""

from typing import Any, Final

from kmip_adapters.storage.quotas import Holdings
from kmip_adapters.storage.records import associated_data, encode_content
from kmip_adapters.storage.sql.attribute_index import Entry, HidingIndexKey, changed_entries, entries
from kmip_adapters.storage.sql.row_forms import described
from kmip_adapters.storage.sql.rows import (
    RowWrite,
    StoredObject,
    changing_columns,
    completed_columns,
    seal_record,
    stored_size,
)
from kmip_adapters.storage.sql.searched_columns import are_rare_equal
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.makers import maker_of
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.sealing import StoreSealer


def check_keys(managed_object: ManagedObject, longest: int) -> None:
    """Raise KmipError (Server Limit Exceeded) for a text that the database's indexes do not take.

    longest: bytes.
    """
    for title, text in (
        ("a unique identifier", managed_object.unique_identifier),
        ("the name of a client", managed_object.owner),
        ("the name of an operation policy", managed_object.attributes.operation_policy_name or ""),
    ):
        if len(text.encode()) > longest:
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, f"{title} has {longest} bytes at most")


def insertion(
    managed_object: ManagedObject, content: Content | None, index_key: bytes, sealer: StoreSealer
) -> RowWrite:
    """Return the row of a new object."""
    columns, attributes, hidden, indexed = described(managed_object.attributes, index_key)
    columns, hidden = completed_columns(
        managed_object, columns, attributes, hidden, isinstance(index_key, HidingIndexKey)
    )
    sealed = _sealed(managed_object, content, sealer)
    columns["sealed"] = sealed
    columns["unique_identifier"] = managed_object.unique_identifier
    columns["object_type"] = int(managed_object.object_type)
    columns["owner"] = managed_object.owner
    columns["version"] = managed_object.version + 1
    size = _seal_row(columns, managed_object, hidden, sealed, sealer)
    return _make_write(
        stored=None,
        owner=managed_object.owner,
        growth=_make_holdings(1, size),
        unique_identifier=managed_object.unique_identifier,
        expected_version=None,
        columns=columns,
        replaces_content=True,
        indexed=indexed,
        unindexed=_NO_ENTRIES,
        after=managed_object,
        hidden=hidden,
        size=size,
    )


def change(
    found: ManagedObject,
    after: ManagedObject,
    content: Content | None,
    stored: StoredObject | None,
    index_key: bytes,
    sealer: StoreSealer,
) -> RowWrite:
    """Return what changes in the row of an object.

    content: new content; None leaves what is there, unless the object has none any more.
    stored: the row as the unit of work has read it.
    """
    indexed, unindexed = changed_entries(found.attributes, after.attributes, index_key)
    columns, hidden = changing_columns(after, hides_all=isinstance(index_key, HidingIndexKey))
    sealed = None if stored is None else stored.sealed
    replaces_content = content is not None or not after.has_content
    if replaces_content:
        sealed = columns["sealed"] = _sealed(after, content, sealer)
    size_before = 0 if stored is None else stored.size
    size_after = _seal_row(columns, after, hidden, sealed, sealer)
    return RowWrite(
        stored=stored,
        owner=after.owner,
        growth=Holdings(0, size_after - size_before),
        changes_state=found.attributes.state is not after.attributes.state,
        unique_identifier=after.unique_identifier,
        expected_version=after.version,
        columns=columns,
        replaces_content=replaces_content,
        indexed=indexed,
        unindexed=unindexed,
        after=after,
        hidden=hidden,
        size=size_after,
        sequence=0 if stored is None else stored.sequence,
        keeps_rare=are_rare_equal(found.attributes, after.attributes),
    )


def removal(found: ManagedObject, stored: StoredObject | None, index_key: bytes) -> RowWrite:
    """Return the end of an object's row.  stored: the row as the unit of work has read it."""
    return RowWrite(
        stored=stored,
        owner=found.owner,
        growth=Holdings(-1, 0 if stored is None else -stored.size),
        unique_identifier=found.unique_identifier,
        expected_version=found.version,
        columns=None,
        replaces_content=False,
        indexed=set(),
        unindexed=entries(found.attributes, index_key),
    )


def _sealed(managed_object: ManagedObject, content: Content | None, sealer: StoreSealer) -> bytes | None:
    """Return content as it is stored."""
    if content is None:
        return None
    return sealer.seal(encode_content(content), associated_data(managed_object))


def _seal_row(
    columns: dict[str, Any], managed_object: ManagedObject, hidden: bytes, sealed: bytes | None, sealer: StoreSealer
) -> int:
    """Set the seal of a row whose other columns are there, and return `rows.stored_size` of it.

    sealed: the content with which it is stored.
    """
    attributes = columns["attributes"]
    seal = columns["record_seal"] = seal_record(
        managed_object,
        version=managed_object.version + 1,
        attributes=attributes,
        hidden=hidden,
        sealed=sealed,
        sealer=sealer,
    )
    return stored_size(record_seal=seal, attributes=attributes, sealed=sealed)


_make_write: Final = maker_of(RowWrite)
_make_holdings: Final = maker_of(Holdings)
_NO_ENTRIES: Final[frozenset[Entry]] = frozenset()
