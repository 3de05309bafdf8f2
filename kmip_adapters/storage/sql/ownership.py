"""Gives objects another owner while servers use the store.

The owner is bound to the record and to the sealed content, so both are sealed anew. The version goes up: a change that
a client has prepared for the old owner is refused, and made again for the new one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import evolve

from kmip_adapters.storage.records import associated_data
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.generations import share
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import (
    ALL_FOUND,
    ATTRIBUTES_AT,
    OutdatedSeal,
    WriteContext,
    seal_record,
    stored_object,
)
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.objects import ManagedObject

PIECE: Final = 200
"""Rows read, and rows written, at once."""


def change_owner(
    storage: SqlStorage, is_wanted: Callable[[ManagedObject], bool], new_owner: str
) -> tuple[list[str], list[str]]:
    """Give the wanted objects to `new_owner`.

    Return the identifiers of those that were given, and of those that a client has changed meanwhile: try again.
    Raises KmipError (General Failure); SealBroken for a row that was changed in the database.
    """
    following = Prepared(
        f"SELECT {ALL_FOUND} FROM managed_objects WHERE sequence > :after ORDER BY sequence LIMIT {PIECE}",
        storage.database.dialect,
    )
    statement = Prepared(
        """
        UPDATE managed_objects SET
            owner = :owner_after, version = :version_after, record_seal = :seal_after, sealed = :sealed_after
        WHERE sequence = :of_sequence AND record_seal = :seal_before
        """,
        storage.database.dialect,
    )
    given: list[str] = []
    missed: list[str] = []
    after = 0
    while piece := storage.database.read(following, after=after):
        after = piece[-1][0]
        changes = [change for row in piece if (change := _change(storage, row, is_wanted, new_owner)) is not None]
        if changes:
            done = storage.submit(partial(_write, storage, statement, changes))
            given += done
            missed += [identifier for identifier, _ in changes if identifier not in set(done)]
    return given, missed


def _change(
    storage: SqlStorage, row: Row, is_wanted: Callable[[ManagedObject], bool], new_owner: str
) -> tuple[str, dict[str, Any]] | None:
    """Return the identifier and the new values of a row, None if it stays as it is."""
    stored = stored_object(row, storage.sealer)
    before = stored.managed_object
    if before.owner == new_owner or not is_wanted(before):
        return None
    after = evolve(before, owner=new_owner)
    sealed = stored.sealed
    if sealed is not None:
        content = storage.sealer.unseal(sealed, associated_data(before))
        sealed = storage.sealer.seal(content, associated_data(after))
    version = before.version + 1
    seal = seal_record(
        after,
        version=version,
        attributes=row[ATTRIBUTES_AT],
        hidden=stored.hidden,
        sealed=sealed,
        sealer=storage.sealer,
    )
    return before.unique_identifier, {
        "of_sequence": stored.sequence,
        "seal_before": stored.record_seal,
        "seal_after": seal,
        "sealed_after": sealed,
        "owner_before": before.owner,
        "owner_after": new_owner,
        "version_after": version,
    }


def _write(
    storage: SqlStorage, statement: Prepared, changes: list[tuple[str, dict[str, Any]]], cursor: Cursor
) -> list[str]:
    newest = WriteContext.read(cursor, storage.database.statements).newest_data_key
    if any(storage.sealer.data_key_of(values["seal_after"]) != newest for _, values in changes):
        raise OutdatedSeal
    storage.note_erased()
    statements, key = storage.database.statements, storage.open_index_key()
    generation = statements.generations.read(cursor, key)
    for owner in {values["owner_before"] for _, values in changes} | {values["owner_after"] for _, values in changes}:
        statements.holdings.forget(cursor, owner)
    given = {identifier: values for identifier, values in changes if statement.run(cursor, values).rowcount}
    if given:
        versions = [(identifier, values["version_after"]) for identifier, values in given.items()]
        change = sum(share(key, name, version) - share(key, name, version - 1) for name, version in versions)
        statements.generations.write(cursor, generation.after(change), key)
    return list(given)
