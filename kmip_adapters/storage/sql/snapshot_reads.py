"""What a unit of work reads: one snapshot, or what is known to be of one state of the database.

A snapshot is begun when something must be read, and kept to the end: all that is read is of one instant. What is known
of a state (`KnownReads`) is given without a snapshot while the database still is in that state.
"""

import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Self

from kmip_adapters.storage.sql.backend import LoopRead, LoopReads
from kmip_adapters.storage.sql.database import Database, unreadable
from kmip_adapters.storage.sql.driver import Connection, Row
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import SEALED_AT, UNREADABLE, StoredObject, attributes_size
from kmip_adapters.storage.sql.versions import NewestVersions
from kmip_core.classes import frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.ports.sealing import SealBroken
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange, ReadBegun, TakesLong, UnitOfWork


@frozen(kw_only=True)
class ReadBudget:
    """What one read may cost.

    conditions: of the statement of a Locate: one of many takes long to prepare.
    milliseconds: of the database, for a Locate.  examined: objects that are read for a part of a structure.
    attributes, content: bytes of an object as it is stored.
    """

    conditions: float = math.inf
    milliseconds: int | None = None
    examined: float = math.inf
    attributes: float = math.inf
    content: float = math.inf


_SMALL: Final = ReadBudget(conditions=8, milliseconds=2, examined=10, attributes=8_192, content=65_536)
_UNLIMITED: Final = ReadBudget()
BUDGETS: Final = dict.fromkeys(Pace, _UNLIMITED) | {
    Pace.QUICK: _SMALL,
    Pace.COMMITS: _SMALL,
    Pace.BRIEF: ReadBudget(milliseconds=100, examined=500),
}

NOT_AS_WRITTEN: Final = "the stored object is not as it was written"
"""What a client reads of a row that was changed in the database; the log says more."""

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class ReadServices:
    """What all reads of a store use.  open_row: as `rows.row_opener` returns it."""

    database: Database
    open_row: Callable[[Row], StoredObject]
    versions: NewestVersions


@frozen(kw_only=True)
class BegunRead:
    """What a unit of work has begun to read on an event loop; a `Read` (kmip_core.ports.storage).

    kind: the class of the unit of work.
    """

    kind: type[Any]
    services: ReadServices
    read: LoopRead

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once it is read."""
        self.read.add_done_callback(callback)

    def wait(self) -> None:
        """Return once it is read."""
        self.read.wait()

    def unit_of_work(self, pace: Pace) -> AbstractContextManager[UnitOfWork]:
        """Begin a unit of work that finds what was read."""
        work: AbstractContextManager[UnitOfWork] = self.kind(self.services, pace, self.read)
        return work


class SnapshotReads:
    """Reads by a connection that it holds from the first read to the end."""

    def __init__(self, services: ReadServices, pace: Pace = Pace.SLOW, read: LoopRead | None = None) -> None:
        self._services = services
        self._database = services.database
        self._budget = BUDGETS[pace]
        self._is_long = self._budget is _UNLIMITED  # what is brief reads one row, as a rule
        self._end_long: Callable[[], None] | None = None
        self._reader: Connection | None = None
        self._read_before = read  # on an event loop
        self._has_snapshot = False  # the first statement takes it
        self._state_before: bytes | None = None  # of the database, before that statement
        self._is_settled = False  # whether the state of the snapshot was looked for
        self._state: bytes | None = None  # if it is known: all that is read is of this one
        self._found: dict[str, StoredObject | None] = {}
        self._rules: dict[str, str] | None = None  # facts by their names, which a unit of work reads at once

    def __enter__(self) -> Self:
        """Leaving releases the snapshot, and discards what was not committed."""
        if self._is_long and self._database.loop_reads is not None:
            self._end_long = self._database.loop_reads.begin_long()
        return self

    def __exit__(self, *_: object) -> None:
        if self._end_long is not None:
            self._end_long()
        self.release()

    def release(self) -> None:
        """Give the connection back; a later read begins a new snapshot."""
        self._found.clear()
        self._rules = None
        self._state = None
        self._read_before = None
        reader, self._reader = self._reader, None
        if reader is not None:
            self._has_snapshot = self._is_settled = False
            self._database.take_back(reader)

    def _stored(self, unique_identifier: str) -> StoredObject | None:
        try:
            return self._found[unique_identifier]
        except KeyError:
            pass
        stored = self._unchanged(unique_identifier) or self._read(unique_identifier)
        self._found[unique_identifier] = stored
        return stored

    def _unchanged(self, unique_identifier: str) -> StoredObject | None:
        """Return an object that is known (`KnownReads`), if nothing was committed since; no snapshot is begun for it.

        That spares the statement, and all that is done with its row.
        """
        reads = self._database.known
        known = reads.now
        stored = known.objects.get(unique_identifier)
        if stored is None and unique_identifier in known.written:
            stored = reads.take_written(known, unique_identifier)
        if stored is None or reads.now is not known:
            return None
        return stored if self._is_of_state(known.state) else None

    def _is_of_state(self, state: bytes | None) -> bool:
        """Return whether what was read at a state may be given: all that is read is of one state.

        What takes long begins a snapshot first: something may be committed before its next read, and to do its work
        again, on a token as a rule, costs more than a statement.
        """
        if self._has_snapshot:
            return state == self._state_of_snapshot()
        if self._is_long:
            return False
        if state != self._database.backend.state() or (self._state is not None and self._state != state):
            return False
        self._state = state
        return True

    def _read(self, unique_identifier: str) -> StoredObject | None:
        find, loop_reads = self._database.statements.find, self._database.loop_reads
        values = find.values({"unique_identifier": unique_identifier})
        rows = self._run(find.sql, values)
        if rows and self._is_heavy(rows[0]):
            if loop_reads is not None:
                loop_reads.leave_to_threads(find.sql, values)
            raise TakesLong(unique_identifier)
        stored = self._open(rows[0]) if rows else None
        if stored is not None and self._was_put_back(stored.managed_object):
            _log.error("the row of %s was put back as it was before", unique_identifier)
            self._database.refused_rows += 1
            raise KmipError(ResultReason.GENERAL_FAILURE, NOT_AS_WRITTEN)
        if stored is not None:
            self._database.known.know(stored, self._state_of_snapshot())
        return stored

    def _open(self, row: Row) -> StoredObject:
        """Return a row as an object.  Raises KmipError (General Failure) for a row that was changed in the database."""
        try:
            return self._services.open_row(row)
        except (SealBroken, *UNREADABLE) as error:
            _log.error("the row of %s is not as it was written: %s", row[1], error)
            self._database.refused_rows += 1
            raise KmipError(ResultReason.GENERAL_FAILURE, NOT_AS_WRITTEN) from error

    def _was_put_back(self, found: ManagedObject) -> bool:
        """Whether the database has an older version of an object than this process has seen.

        An older one in an old snapshot is nothing unusual: what counts is what the database has now. That is compared
        with what had been seen before it was read, for others go on changing the object.
        """
        unique_identifier, begun = found.unique_identifier, found.attributes.initial_date
        versions = self._services.versions
        if not versions.is_older(unique_identifier, begun, found.version):
            return False
        self._database.backend.check_wait()
        seen = versions.newest(unique_identifier, begun)
        rows = self._database.read(self._database.statements.find, unique_identifier=unique_identifier)
        now = [self._open(row).managed_object for row in rows]
        return any(one.attributes.initial_date == begun and one.version < seen for one in now)

    def _is_heavy(self, row: Row) -> bool:
        """Whether a row of `FOUND` takes long to decode, and to encode for the client."""
        budget = self._budget
        if budget is _UNLIMITED:
            return False
        return attributes_size(row) > budget.attributes or len(row[SEALED_AT] or b"") > budget.content

    def _located(self, statement: Prepared, values: dict[str, Any]) -> list[Row]:
        sql, bound = statement.sql, statement.values(values)
        if not self._database.backend.tells_state:
            return self._run(sql, bound, may_take_long=True)
        known = self._database.known.now
        rows = known.located.get((sql, bound))
        if rows is None or not self._is_of_state(known.state):
            rows = self._run(sql, bound, may_take_long=True)
            self._database.known.know_located((sql, bound), rows, self._state_of_snapshot())
        return rows

    def _rows(self, statement: Prepared, values: dict[str, Any]) -> list[Row]:
        return self._run(statement.sql, statement.values(values))

    def _run(self, sql: str, values: Any, *, may_take_long: bool = False) -> list[Row]:
        if self._reader is None and self._database.loop_reads is not None and not self._is_long:
            read = self._rows_on_loop(self._database.loop_reads, sql, values, is_search=may_take_long)
            if read is not None:
                return read
        connection = self._begun_reader()
        rows: list[Row]
        try:
            if may_take_long:
                with self._database.backend.within(connection, self._budget.milliseconds):
                    rows = connection.execute(sql, values).fetchall()
            else:
                rows = connection.execute(sql, values).fetchall()
        except self._database.errors as error:
            if self._database.backend.is_transient(error):
                raise ConcurrentChange(f"the read was interrupted: {error}") from error
            raise unreadable(error) from error
        self._has_snapshot = True
        if self._state is not None:
            self._state_of_snapshot()
        return rows

    def _rows_on_loop(self, reads: LoopReads, sql: str, values: Any, *, is_search: bool) -> list[Row] | None:
        """Return what was read for this unit of work on an event loop; None on a thread that may wait.

        Raises ReadBegun if it has not been read yet.
        """
        before = self._read_before
        rows = None if before is None else before.rows(sql, values)
        if rows is not None:
            return rows
        statement = (sql, values, is_search)
        read = reads.begin((statement,) if before is None else (*before.statements, statement))
        if read is not None:
            raise ReadBegun(BegunRead(kind=self.__class__, services=self._services, read=read))
        if before is not None:  # what it has found is of another instant
            raise TakesLong("it has moved to a thread")
        return None

    def _begun_reader(self) -> Connection:
        """Return the reader of this unit of work, which has begun its snapshot."""
        if self._reader is None:
            self._state_before = self._database.backend.state()
            self._reader = self._database.lend(is_long=self._is_long)
        return self._reader

    def _state_of_snapshot(self) -> bytes | None:
        """Return the state of the snapshot that the first statement has taken; None if it is not known.

        It is known if the state was the same before that statement and when it is asked for first.
        Raises ConcurrentChange if it is another one than that of what was found before without a snapshot.
        """
        if not self._is_settled:
            self._is_settled = True
            state = self._database.backend.state()
            if state != self._state_before:
                state = None
            if self._state is not None and self._state != state:
                raise ConcurrentChange("something was committed between two reads")
            self._state = state
        return self._state
