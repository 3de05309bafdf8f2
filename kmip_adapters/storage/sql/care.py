"""Care of a store that is in use: checking it, sealing it anew, copying it.

All of it reads in short pieces and writes through the writer, so clients hardly notice; progress is told as (rows done,
rows in all). Work that was interrupted is begun again; what was done already costs a look.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from sqlalchemy import bindparam, func, select, update

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.records import associated_data, decode_content
from kmip_adapters.storage.sql import sqlite
from kmip_adapters.storage.sql.attribute_index import entries
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import FOUND, StoredObject, stored_object
from kmip_adapters.storage.sql.schema import attribute_values, managed_objects
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.ports.sealing import SealBroken

Progress = Callable[[int, int], None]

_PIECE: Final = 500
"""Rows read, and rows written, at once."""

_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)
"""What decoding a damaged record may raise."""


@frozen
class Damage:
    """One object with which something is wrong."""

    unique_identifier: str
    what: str


def reseal(storage: SqlStorage, is_current: Callable[[bytes], bool], progress: Progress) -> int:
    """Seal all content anew that is not under the current data key, and return how many objects that were.

    is_current: the sealer's.  A change that a client makes meanwhile wins.
    """
    o = managed_objects.c
    statement = Prepared(
        update(managed_objects)
        .where(o.sequence == bindparam("of_sequence"), o.sealed == bindparam("before"))
        .values(sealed=bindparam("after")),
        storage.dialect,
    )
    resealed = 0
    for piece in _pieces(storage, progress):
        changes = []
        for stored in map(stored_object, piece):
            if stored.sealed is not None and not is_current(stored.sealed):
                binding = associated_data(stored.managed_object)
                after = storage.sealer.seal(storage.sealer.unseal(stored.sealed, binding), binding)
                changes.append({"of_sequence": stored.sequence, "before": stored.sealed, "after": after})
        if changes:
            storage.submit(partial(_run_all, statement, changes))
            resealed += len(changes)
    return resealed


def verify(storage: SqlStorage, progress: Progress) -> tuple[Damage, ...]:
    """Open every object, and return what is wrong: broken seals, content that cannot be read, a wrong index.

    Meant for a store that nobody changes meanwhile; on a busy one a change may look like a wrong index.
    """
    v = attribute_values.c
    is_there = Prepared(
        select(v.sequence).where(
            v.attribute == bindparam("attribute"),
            v.value == bindparam("value"),
            v.sequence == bindparam("sequence"),
        ),
        storage.dialect,
    )
    damages: list[Damage] = []
    expected = 0
    for piece in _pieces(storage, progress):
        for row in piece:
            try:
                stored = stored_object(row)
            except _UNREADABLE:
                damages.append(Damage(str(row[1]), "the record cannot be read"))
                continue
            unique_identifier = stored.managed_object.unique_identifier
            if not _opens(storage, stored):
                damages.append(Damage(unique_identifier, "the sealed content does not open"))
            wanted = entries(stored.managed_object.attributes)
            expected += len(wanted)
            for attribute, value in wanted:
                if not storage.read(is_there, attribute=attribute, value=value, sequence=stored.sequence):
                    damages.append(Damage(unique_identifier, f"the index lacks attribute {attribute}"))
    indexed = storage.read(Prepared(select(func.count()).select_from(attribute_values), storage.dialect))[0][0]
    if indexed > expected:
        damages.append(Damage("", f"the index has {indexed - expected} entries of no object"))
    return tuple(damages)


def backup(storage: SqlStorage, path: Path) -> None:
    """Write a consistent copy of the database to a new file, sealed as the original; the root key is not in it.

    Raises StorageUnusable if the file is there already.
    """
    if path.exists():
        raise StorageUnusable(f"{path} exists; name a new file for the backup")
    sqlite.copy_database(storage.path, path)


def _pieces(storage: SqlStorage, progress: Progress) -> Iterator[list[Any]]:
    """Yield the rows of all objects, oldest first, a piece at a time, and tell how far it is."""
    o = managed_objects.c
    following = Prepared(
        select(*FOUND).where(o.sequence > bindparam("after")).order_by(o.sequence).limit(_PIECE), storage.dialect
    )
    in_all = storage.read(Prepared(select(func.count()).select_from(managed_objects), storage.dialect))[0][0]
    done = after = 0
    while piece := storage.read(following, after=after):
        yield piece
        done, after = done + len(piece), piece[-1][0]
        progress(done, max(done, in_all))


def _opens(storage: SqlStorage, stored: StoredObject) -> bool:
    if stored.sealed is None:
        return True
    try:
        decode_content(storage.sealer.unseal(stored.sealed, associated_data(stored.managed_object)))
    except (SealBroken, *_UNREADABLE):
        return False
    return True


def _run_all(statement: Prepared, changes: list[dict[str, Any]], cursor: Any) -> None:
    for values in changes:
        statement.run(cursor, values)
