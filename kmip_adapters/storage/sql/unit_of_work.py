"""A unit of work over SQL: one snapshot for reading, collected writes, one change for the writer."""

import logging
import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, Self

from attrs import frozen

from kmip_adapters.storage.pending import DONE, Done, Pending, Write, no_content
from kmip_adapters.storage.records import (
    associated_data,
    decode_content,
    encode_audit_record,
    encode_content,
)
from kmip_adapters.storage.sql import sqlite
from kmip_adapters.storage.sql.attribute_index import entries, is_indexed
from kmip_adapters.storage.sql.locate import UNLIMITED, Shape, analyse
from kmip_adapters.storage.sql.rows import RowWrite, StoredObject, changing_columns, stored_object
from kmip_adapters.storage.sql.rules import RulesWrite, stored_rules
from kmip_adapters.storage.sql.writer import Handed
from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, Query, satisfies
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.sealing import SealBroken
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import TakesLong
from kmip_core.rules import Admitted

if TYPE_CHECKING:
    from kmip_adapters.storage.sql.storage import SqlStorage

JUDGED: Final = 5_000
"""Objects that are read to look for a part of a structure, which no index knows; each costs some 0.1 ms."""


@frozen(kw_only=True)
class _Patience:
    """What one read may cost.

    conditions: of the statement of a Locate: one of many takes long to compile.
    instructions: of SQLite, for a Locate.  judged: objects that are looked into for a part of a structure.
    attributes, content: bytes of an object as it is stored.
    """

    conditions: float = math.inf
    instructions: int | None = None
    judged: float = math.inf
    attributes: float = math.inf
    content: float = math.inf


_IMPATIENT: Final = _Patience(conditions=8, instructions=20_000, judged=10, attributes=8_192, content=65_536)
_PATIENCE: Final = dict.fromkeys(Pace, _Patience()) | {
    Pace.QUICK: _IMPATIENT,  # a millisecond or two
    Pace.COMMITS: _IMPATIENT,
    Pace.BRIEF: _Patience(instructions=1_000_000, judged=500),  # a tenth of a second
}

_NO_END: Final = nullcontext()
_log = logging.getLogger(__name__)


class SqlUnitOfWork:
    """Reads by a connection that it holds from the first read to the end; writes by the storage's writer."""

    def __init__(self, storage: "SqlStorage", pace: Pace = Pace.SLOW) -> None:
        self._storage = storage
        self._patience = _PATIENCE[pace]
        self._connection: Any = None
        self._found: dict[str, StoredObject | None] = {}
        self._pending = Pending()
        self._rules: dict[str, str] | None = None
        self._judged_by: dict[str, str] | None = None

    def __enter__(self) -> Self:
        """Leaving lets go of the snapshot, and of what was not committed."""
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def has_writes(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._pending)

    def find(self, unique_identifier: str) -> ManagedObject | None:
        """Return the object as collected, else as stored."""
        if self._pending.writes:
            write = self._pending.writes.get(unique_identifier)
            if write is not None:
                return write.managed_object
        stored = self._stored(unique_identifier)
        return None if stored is None else stored.managed_object

    def content(self, admitted: Admitted) -> Content:
        """Return the unsealed content of an admitted object.

        Raises KmipError: Object Destroyed, Key Value Not Present; General Failure if the seal is broken.
        """
        unique_identifier = admitted.unique_identifier
        write = self._pending.writes.get(unique_identifier)
        if write is not None and (write.content is not None or write.erases or write.found is None):
            if write.content is None:
                raise no_content(admitted.managed_object)
            return write.content
        stored = self._stored(unique_identifier)
        if stored is None or stored.sealed is None:
            raise no_content(admitted.managed_object)
        try:
            return decode_content(self._storage.sealer.unseal(stored.sealed, associated_data(stored.managed_object)))
        except SealBroken as error:
            _log.error("the content of %s does not open: %s", unique_identifier, error)
            raise KmipError(ResultReason.GENERAL_FAILURE, "the stored object cannot be opened") from error

    def locate(self, query: Query) -> Located:
        """Answer by SQL; writes of this unit of work, and parts of structures, are judged by the reference."""
        shape, values = analyse(query)
        conditions = shape.entries + len(shape.columns) + len(shape.states) + len(shape.dates)
        if conditions > self._patience.conditions:
            raise TakesLong(f"{conditions} conditions must hold")
        is_judged = not all(map(is_indexed, query.criteria))
        if self._pending.writes or is_judged:
            return self._merged(query, shape, values, is_judged)
        found = self._located(self._storage.located(shape), values)
        if not query.is_counted:
            return Located(unique_identifiers=tuple(row[1] for row in found))
        first, maximum = query.offset_items, query.maximum_items
        in_all = first + len(found)
        # Only a full page, or a first that lies beyond the end, leaves the number open.
        if (maximum is not None and len(found) >= maximum) or (first and not found):
            in_all = self._located(self._storage.counted(shape), values)[0][0]
        return Located(unique_identifiers=tuple(row[1] for row in found), located_items=in_all)

    def add(self, managed_object: ManagedObject, content: Content | None) -> None:
        """Collect a new object."""
        self._pending.add(managed_object, content)

    def save(self, managed_object: ManagedObject, content: Content | None = None) -> None:
        """Collect a changed object."""
        self._pending.save(self._present(managed_object.unique_identifier), managed_object, content)

    def remove(self, unique_identifier: str) -> None:
        """Collect a removal."""
        self._pending.remove(self._present(unique_identifier), unique_identifier)

    def rules_of(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules as collected, else as stored."""
        collected = self._pending.rules.get(kind)
        if collected is not None:
            return collected
        if self._rules is None:
            self._rules = dict(self._rows(self._storage.rule_statements.all, {}))
        return stored_rules(kind, self._rules)

    def rules_for_new(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules as collected, else as the storage knows them; the writer looks whether they still hold."""
        collected = self._pending.rules.get(kind)
        if collected is not None:
            return collected
        if self._judged_by is None:
            self._judged_by = self._storage.known_rules()
        return stored_rules(kind, self._judged_by)

    def save_rules(self, kind: type[Rule], rules: tuple[Rule, ...]) -> None:
        """Collect rules."""
        self._pending.rules[kind] = rules

    def record(self, record: AuditRecord) -> None:
        """Collect an audit record."""
        self._pending.records.append(record)

    def commit(self) -> None:
        """Hand over, and wait until it is on stable storage."""
        self.hand_over().result()

    def hand_over(self) -> Handed[None] | Done:
        """Seal what is new, and hand everything to the writer."""
        if not self._pending:
            return DONE
        writes: list[RowWrite | RulesWrite] = [
            self._row_write(identifier, write) for identifier, write in self._pending.writes.items()
        ]
        statements = self._storage.rule_statements
        writes += (RulesWrite(statements, kind, rules) for kind, rules in self._pending.rules.items())
        records = [(record.record_id, encode_audit_record(record)) for record in self._pending.records]
        self.release()  # the snapshot is not needed while we wait, and would hold up checkpoints
        self._pending = Pending()
        return self._storage.hand_over(writes, records, self._judged_by)

    def release(self) -> None:
        """Give the connection back; a later read begins a new snapshot."""
        self._found.clear()
        self._rules = None
        connection, self._connection = self._connection, None
        if connection is not None:
            self._storage.give_back(connection)

    def _present(self, unique_identifier: str) -> ManagedObject | None:
        write = self._pending.writes.get(unique_identifier)
        if write is not None:
            return write.found
        stored = self._stored(unique_identifier)
        return None if stored is None else stored.managed_object

    def _stored(self, unique_identifier: str) -> StoredObject | None:
        try:
            return self._found[unique_identifier]
        except KeyError:
            pass
        statements = self._storage.statements
        rows = self._run(statements.find.sql, statements.find.values({"unique_identifier": unique_identifier}))
        if rows and self._is_heavy(rows[0]):
            raise TakesLong(unique_identifier)
        stored = stored_object(rows[0]) if rows else None
        self._found[unique_identifier] = stored
        return stored

    def _is_heavy(self, row: Any) -> bool:
        """Whether it takes long to decode a row of `FOUND`, and to tell of it."""
        attributes, sealed = row[-2:]
        return len(attributes) > self._patience.attributes or len(sealed or b"") > self._patience.content

    def _located(self, statement: Any, values: dict[str, Any]) -> list[Any]:
        return self._run(statement.sql, statement.values(values), self._patience.instructions)

    def _rows(self, statement: Any, values: dict[str, Any]) -> list[Any]:
        return self._run(statement.sql, statement.values(values))

    def _run(self, sql: str, values: Any, instructions: int | None = None) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = self._storage.take()
            with _NO_END if instructions is None else sqlite.within(self._connection, instructions):
                rows: list[Any] = self._connection.execute(sql, values).fetchall()
            return rows
        except self._storage.errors as error:
            _log.error("the store could not be read: %s", error)
            raise KmipError(ResultReason.GENERAL_FAILURE, "the store could not be read") from error

    def _merged(self, query: Query, shape: Shape, values: dict[str, Any], is_judged: bool) -> Located:
        everything = {**values, "limit": JUDGED + 1 if is_judged else UNLIMITED, "offset": 0}
        writes = self._pending.writes
        found = [
            (sequence, identifier)
            for sequence, identifier in self._located(self._storage.located(shape), everything)
            if identifier not in writes
        ]
        if is_judged:
            if len(found) > JUDGED:
                raise invalid_field("too many objects to look for a part of a structure; add a whole attribute")
            if len(found) > self._patience.judged:
                raise TakesLong(f"{len(found)} objects are to be judged")
            found = [row for row in found if satisfies(self._present_object(row[1]), query)]
        for number, (identifier, write) in enumerate(writes.items()):
            if write.managed_object is not None and satisfies(write.managed_object, query):
                stored = None if write.found is None else self._stored(identifier)
                sequence = UNLIMITED + number if stored is None else stored.sequence
                found.append((sequence, identifier))
        found.sort(reverse=True)
        end = None if query.maximum_items is None else query.offset_items + query.maximum_items
        identifiers = tuple(identifier for _, identifier in found)
        return Located(
            unique_identifiers=identifiers[query.offset_items : end],
            located_items=len(identifiers) if query.is_counted else None,
        )

    def _present_object(self, unique_identifier: str) -> ManagedObject:
        stored = self._stored(unique_identifier)
        if stored is None:
            raise KeyError(unique_identifier)  # it was found by this very snapshot
        return stored.managed_object

    def _row_write(self, unique_identifier: str, write: Write) -> RowWrite:
        stored = None if write.found is None else self._stored(unique_identifier)
        before = set() if write.found is None else entries(write.found.attributes)
        after: set[tuple[int, int]] = set()
        columns: dict[str, Any] | None = None
        replaces_content = False
        if write.managed_object is not None:
            managed_object = write.managed_object
            after = entries(managed_object.attributes)
            columns = changing_columns(managed_object)
            replaces_content = write.erases or write.content is not None or stored is None
            if replaces_content:
                sealed = None
                if write.content is not None:
                    sealed = self._storage.sealer.seal(encode_content(write.content), associated_data(managed_object))
                columns["sealed"] = sealed
            if stored is None:
                columns["unique_identifier"] = unique_identifier
                columns["object_type"] = int(managed_object.object_type)
                columns["owner"] = managed_object.owner
                columns["version"] = managed_object.version + 1
        return RowWrite(
            stored=stored,
            unique_identifier=unique_identifier,
            expected_version=write.expected_version,
            columns=columns,
            replaces_content=replaces_content,
            indexed=after - before if before else after,
            unindexed=before - after,
        )
