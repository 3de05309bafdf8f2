"""Maintenance of a store that is in use: checking it, sealing it anew, reading all of it.

All of it reads in short pieces and writes through the writer, so clients hardly notice; progress is reported as (rows
done, rows in all). Work that was interrupted is begun again; what was done already is only read.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.records import associated_data, decode_content
from kmip_adapters.storage.sql.attribute_index import entries
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.generations import Generation, generation_in, share
from kmip_adapters.storage.sql.index_key import reseal_index_key
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import (
    ALL_FOUND,
    ATTRIBUTES_AT,
    IDENTIFIER_AT,
    SEALED_AT,
    UNREADABLE,
    VERSION_AT,
    OutdatedSeal,
    StoredObject,
    WriteContext,
    seal_record,
    stored_object,
)
from kmip_adapters.storage.sql.rules import NAMES, stored_rules
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.submissions import stored_submission
from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.sealing import SealBroken

Progress = Callable[[int, int], None]

_ROTATING_TO: Final = "data_key_rotation"
"""The fact that says under which data key everything is being sealed anew."""

_PIECE: Final = 500
"""Rows read, and rows written, at once."""


@frozen
class Damage:
    """One object with which something is wrong."""

    unique_identifier: str
    what: str


def rotate_data_key(storage: SqlStorage, progress: Progress) -> int:
    """Begin a data key, seal all content anew under it, delete the older ones; return how many objects that were.

    Servers that run on the store seal under the new one at once: the store refuses older seals. A rotation that was
    interrupted goes on with the data key that it had begun.
    """
    begun = storage.database.fact(_ROTATING_TO)
    present = storage.data_keys.load()
    if begun is not None and present and present[-1].data_key_id == int(begun):
        newest = int(begun)
    else:
        newest = storage.sealer.begin_data_key()
        storage.set_fact(_ROTATING_TO, str(newest))
    resealed = 0
    while True:
        try:
            rows, more = _reseal(storage, progress)
        except OutdatedSeal:  # another rotation has begun a data key meanwhile: help it, and let it end its own
            storage.sealer.renew()
            continue
        resealed += more
        _reseal_submissions(storage)
        if not rows:  # a pass that only looked: in one before, a client's change may have won
            break
    reseal_index_key(storage.database.statements, storage.sealer, storage.database.read, storage.submit)
    storage.data_keys.retire(newest)
    storage.set_fact(_ROTATING_TO, None)
    return resealed


def reseal(storage: SqlStorage, progress: Progress) -> int:
    """Seal all that is not under the newest data key anew; return how many contents that were.

    A change that a client makes meanwhile wins.  Raises KmipError (General Failure); SealBroken for a row that was
    changed in the database.
    """
    return _reseal(storage, progress)[1]


def _reseal(storage: SqlStorage, progress: Progress) -> tuple[int, int]:
    """Return how many rows were sealed anew, and how many of them have content."""
    statement = Prepared(
        """
        UPDATE managed_objects SET record_seal = :after, sealed = :sealed_after
        WHERE sequence = :of_sequence AND record_seal = :before
        """,
        storage.database.dialect,
    )
    whole = Prepared(f"SELECT {ALL_FOUND} FROM managed_objects WHERE sequence = :of_sequence", storage.database.dialect)
    rows = contents = 0
    is_current = storage.sealer.is_current
    for piece in _pieces(storage, progress, "sequence, record_seal, sealed"):
        changes = []
        for sequence, record_seal, sealed in piece:
            if is_current(record_seal) and (sealed is None or is_current(sealed)):
                continue
            for row in storage.database.read(whole, of_sequence=sequence):
                changes.append(_sealed_anew(storage, row))
        if changes:
            storage.submit(partial(_write_seals, storage, statement, changes))
            rows += len(changes)
            contents += sum(change["sealed_after"] is not None for change in changes)
    return rows, contents


def _reseal_submissions(storage: SqlStorage) -> None:
    """Seal submissions anew that are not under the newest data key; one that changes meanwhile is sealed anew so."""
    statements, sealer = storage.submission_statements, storage.sealer
    after = 0
    while piece := storage.database.read(statements.following, after=after):
        after = piece[-1][0]
        for sequence, *row in piece:
            if sealer.is_current(bytes(row[-1])):
                continue
            submission = stored_submission(tuple(row), sealer)
            sealed = statements.sealed(submission, submission.version, sealer)
            values = {"of_sequence": sequence, "of_version": submission.version, "sealed": sealed}
            storage.submit(partial(_write_submission_seal, storage, values))


def _write_submission_seal(storage: SqlStorage, values: dict[str, Any], cursor: Cursor) -> None:
    newest = WriteContext.read(cursor, storage.database.statements).newest_data_key
    if storage.sealer.data_key_of(values["sealed"]) != newest:
        raise OutdatedSeal
    storage.note_erased()
    storage.submission_statements.reseal.run(cursor, values)


def verify(storage: SqlStorage, progress: Progress) -> tuple[Damage, ...]:
    """Open every object, and return what is wrong: damaged pages, broken seals, unreadable records, a wrong index
    or columns, data keys that nothing opens.

    The store may be in use: all of it is looked at as it is at one instant. Raises KmipError (General Failure).
    """
    is_there = Prepared(
        """
        SELECT sequence FROM attribute_values
        WHERE attribute = :attribute AND value = :value AND sequence = :sequence
        """,
        storage.database.dialect,
    )
    expected = 0
    key = storage.open_index_key()
    found = Generation(0, 0)
    with storage.database.snapshot() as read:
        damages = [Damage("", fault) for fault in storage.backend.faults(read)]
        for piece in _pieces(storage, progress, read=read):
            shares = (share(key, str(row[IDENTIFIER_AT]), row[VERSION_AT]) for row in piece)
            found = Generation.of(0, [found.total, *shares])
            for row in piece:
                try:
                    stored = stored_object(row, storage.sealer)
                except (SealBroken, *UNREADABLE) as error:
                    reasons = list(_content_damages(storage, _unproven(row)))  # who holds whose key says more
                    reasons = reasons or [f"the row is not as it was written: {error}"]
                    damages += [Damage(str(row[IDENTIFIER_AT]), each) for each in reasons]
                    continue
                unique_identifier = stored.managed_object.unique_identifier
                damages += [Damage(unique_identifier, each) for each in _content_damages(storage, stored)]
                indexed_values = entries(stored.managed_object.attributes, key)
                expected += len(indexed_values)
                for attribute, value in indexed_values:
                    if not read(is_there, attribute=attribute, value=value, sequence=stored.sequence):
                        damages.append(Damage(unique_identifier, f"the index lacks attribute {attribute}"))
        damages += _submission_damages(storage, read)
        damages += _fact_damages(storage, read)
        damages += _generation_damages(storage, read, found.total)
        indexed = read(Prepared("SELECT count(*) FROM attribute_values", storage.database.dialect))[0][0]
    if indexed > expected:
        damages.append(Damage("", f"the index has {indexed - expected} entries of no object"))
    return tuple(damages)


def _submission_damages(storage: SqlStorage, read: Callable[..., list[Row]]) -> Iterator[Damage]:
    after = 0
    while piece := read(storage.submission_statements.following, after=after):
        after = piece[-1][0]
        for _, *row in piece:
            try:
                stored_submission(tuple(row), storage.sealer)
            except (SealBroken, *UNREADABLE) as error:
                yield Damage("", f"a submission of {row[3]} is not as it was written: {error}")


def _fact_damages(storage: SqlStorage, read: Callable[..., list[Row]]) -> Iterator[Damage]:
    key = storage.open_index_key()
    rules: dict[str, str] = dict(read(storage.database.rule_statements.all))
    for kind in NAMES:
        try:
            stored_rules(kind, rules, key)
        except SealBroken as error:
            yield Damage("", f"the rules for new objects do not hold: {error}")
    if not storage.realm_holds():
        yield Damage("", "the record of the CAs whose clients are called by their names alone was changed")


def _generation_damages(storage: SqlStorage, read: Callable[..., list[Row]], total: int) -> Iterator[Damage]:
    """Compare the sum over all objects with the one that the store keeps; one of an older release keeps none."""
    stored = storage.database.statements.generations.stored(read)
    if stored is None:
        return
    try:
        generation = generation_in(stored, storage.open_index_key())
    except SealBroken as error:
        yield Damage("", f"the generation of the store does not hold: {error}")
        return
    if generation.total != total:
        yield Damage(
            "",
            f"the objects are not those of generation {generation.number}: rows were put back as they were before, or"
            " removed; compare their last changes with the audit trail",
        )


def dangling_links(storage: SqlStorage, progress: Progress) -> Iterator[tuple[str, str]]:
    """Yield (object, identifier that it refers to and that is not here).

    No damage by itself: clients may link to what another server keeps, and removed Templates leave links behind.
    """
    with storage.database.snapshot() as read:
        for piece in _pieces(storage, progress, read=read):
            for row in piece:
                try:
                    managed_object = stored_object(row, storage.sealer).managed_object
                except (SealBroken, *UNREADABLE):
                    continue
                for link in managed_object.attributes.links:
                    target = link.linked_object_identifier  # a name means whichever object has it, today or later
                    if isinstance(target, str) and not read(storage.database.statements.find, unique_identifier=target):
                        yield managed_object.unique_identifier, target


def everything(storage: SqlStorage, progress: Progress) -> Iterator[tuple[ManagedObject, Content | None]]:
    """Yield all objects with their unsealed content as they are at one instant, oldest first.

    Raises SealBroken; StorageUnusable for a record that cannot be read.
    """
    with storage.database.snapshot() as read:
        for piece in _pieces(storage, progress, read=read):
            for row in piece:
                try:
                    stored = stored_object(row, storage.sealer)
                    content = None
                    if stored.sealed is not None:
                        binding = associated_data(stored.managed_object)
                        content = decode_content(storage.sealer.unseal(stored.sealed, binding))
                except UNREADABLE as error:
                    raise StorageUnusable(f"object {row[1]} cannot be read; run `kmipd verify`") from error
                yield stored.managed_object, content


def _pieces(
    storage: SqlStorage,
    progress: Progress,
    columns: str = ALL_FOUND,
    read: Callable[..., list[Row]] | None = None,
) -> Iterator[list[Row]]:
    """Yield rows of all objects, oldest first, a piece at a time, and report progress; the sequence comes first."""
    read = read or storage.database.read
    following = Prepared(
        f"SELECT {columns} FROM managed_objects WHERE sequence > :after ORDER BY sequence LIMIT {_PIECE}",
        storage.database.dialect,
    )
    in_all = read(Prepared("SELECT count(*) FROM managed_objects", storage.database.dialect))[0][0]
    done = after = 0
    while piece := read(following, after=after):
        yield piece
        done, after = done + len(piece), piece[-1][0]
        progress(done, max(done, in_all))


def _unproven(row: Row) -> StoredObject:
    """Return a row whose record does not open as the object that it says to be, without attributes.

    Its content may still be whole, or it may not.
    """
    unique_identifier, object_type, owner, archived, has_content, version, record_seal = row[1:8]
    managed_object = ManagedObject(
        unique_identifier=unique_identifier,
        object_type=object_type,
        owner=owner,
        attributes=Attributes(),
        version=version,
        archived=bool(archived),
        has_content=bool(has_content),
    )
    return StoredObject(row[0], managed_object, record_seal, b"", row[SEALED_AT], b"")


def _content_damages(storage: SqlStorage, stored: StoredObject) -> Iterator[str]:
    if (stored.sealed is not None) != stored.managed_object.has_content:
        yield "the record and the sealed content do not agree on whether there is any"
    if stored.sealed is not None:
        try:
            decode_content(storage.sealer.unseal(stored.sealed, associated_data(stored.managed_object)))
        except (SealBroken, *UNREADABLE):
            yield "the sealed content does not open"


def _sealed_anew(storage: SqlStorage, row: Row) -> dict[str, Any]:
    """Return the new seals of a row.  Raises SealBroken for one that was changed in the database."""
    stored = stored_object(row, storage.sealer)
    managed_object, sealed = stored.managed_object, stored.sealed
    if sealed is not None:
        binding = associated_data(managed_object)
        sealed = storage.sealer.seal(storage.sealer.unseal(sealed, binding), binding)
    record_seal = seal_record(
        managed_object,
        version=managed_object.version,
        attributes=row[ATTRIBUTES_AT],
        hidden=stored.hidden,
        sealed=sealed,
        sealer=storage.sealer,
    )
    return {
        "of_sequence": stored.sequence,
        "before": stored.record_seal,
        "after": record_seal,
        "sealed_after": sealed,
    }


def _write_seals(storage: SqlStorage, statement: Prepared, changes: list[dict[str, Any]], cursor: Cursor) -> None:
    newest = WriteContext.read(cursor, storage.database.statements).newest_data_key
    seals = [seal for change in changes for seal in (change["after"], change["sealed_after"]) if seal is not None]
    if any(storage.sealer.data_key_of(seal) != newest for seal in seals):
        raise OutdatedSeal
    storage.note_erased()
    for values in changes:
        statement.run(cursor, values)
