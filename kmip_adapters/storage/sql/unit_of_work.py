"""A unit of work over SQL: one snapshot for reading, collected writes, one change for the writer."""

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, Self

from kmip_adapters.storage.pending import (
    DONE,
    NOTHING_PENDING,
    Collecting,
    Done,
    SubmissionChange,
    TicketChange,
    no_content,
)
from kmip_adapters.storage.records import (
    decode_content,
    encode_audit_record,
)
from kmip_adapters.storage.sql import row_writes, tickets
from kmip_adapters.storage.sql.attribute_index import is_indexed
from kmip_adapters.storage.sql.backend import LoopRead, LoopReads
from kmip_adapters.storage.sql.changes import Change
from kmip_adapters.storage.sql.database import Database, unreadable
from kmip_adapters.storage.sql.driver import Connection, Row
from kmip_adapters.storage.sql.locate import UNLIMITED, Shape, analyse
from kmip_adapters.storage.sql.notices import NoticeWrite, notice_row
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import (
    SEALED_AT,
    UNREADABLE,
    StoredObject,
    attributes_size,
)
from kmip_adapters.storage.sql.rules import KnownRules, RulesWrite, stored_rules
from kmip_adapters.storage.sql.submissions import SubmissionStatements, SubmissionWrite, stored_submission
from kmip_adapters.storage.sql.submitted import SubmittedTask
from kmip_adapters.storage.sql.versions import NewestVersions
from kmip_core.classes import frozen
from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, LocateQuery, satisfies
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.sealing import SealBroken, StoreSealer
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange, ReadBegun, TakesLong
from kmip_core.rules import Admitted
from kmip_core.submissions import Held, Submission
from kmip_core.tickets import StoredTicket, TicketCounts

MAXIMUM_EXAMINED: Final = 5_000
"""Objects that are read to look for a part of a structure, which no index has; each costs some 0.1 ms."""


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

RULES_NOT_AS_WRITTEN: Final = "the rules for new objects are not as they were written"

_log = logging.getLogger(__name__)


class HandOver(Protocol):
    """Hands changes to the writer."""

    def __call__(
        self,
        changes: list[Change],
        records: list[tuple[str, bytes]],
        checked_against: Mapping[str, str] | None,
    ) -> SubmittedTask[None]:
        """Have all of it written, or nothing; see `SqlStorage.hand_over`."""
        ...


@frozen(kw_only=True)
class UnitOfWorkServices:
    """What all units of work of a store use.

    open_row: as `rows.row_opener` returns it.  index_key: returns the key of the index's digests.
    known_rules: returns the rules for new objects as they were last read, reading them by the function it is given
    if they never were.
    """

    database: Database
    sealer: StoreSealer
    open_row: Callable[[Row], StoredObject]
    index_key: Callable[[], bytes]
    submissions: SubmissionStatements
    versions: NewestVersions
    known_rules: Callable[[Callable[[], Mapping[str, str]]], KnownRules]
    hand_over: HandOver


@frozen(kw_only=True)
class BegunRead:
    """What a unit of work has begun to read on an event loop; a `Read` (kmip_core.ports.storage)."""

    services: UnitOfWorkServices
    read: LoopRead

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once it is read."""
        self.read.add_done_callback(callback)

    def wait(self) -> None:
        """Return once it is read."""
        self.read.wait()

    def unit_of_work(self, pace: Pace) -> "SqlUnitOfWork":
        """Begin a unit of work that finds what was read."""
        return SqlUnitOfWork(self.services, pace, self.read)


class SqlUnitOfWork(Collecting):
    """Reads by a connection that it holds from the first read to the end; writes by the storage's writer."""

    def __init__(self, services: UnitOfWorkServices, pace: Pace = Pace.SLOW, read: LoopRead | None = None) -> None:
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
        self._tickets: dict[str, str] = {}  # rows that were read, by their digests
        self._rules: dict[str, str] | None = None
        self._known_rules: KnownRules | None = None  # that new objects were checked against

    def __enter__(self) -> Self:
        """Leaving releases the snapshot, and discards what was not committed."""
        if self._is_long and self._database.loop_reads is not None:
            self._end_long = self._database.loop_reads.begin_long()
        return self

    def __exit__(self, *_: object) -> None:
        if self._end_long is not None:
            self._end_long()
        self.release()

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
        if self._pending.writes:
            write = self._pending.writes.get(unique_identifier)
            if write is not None and (write.content is not None or write.erases or write.found is None):
                if write.content is None:
                    raise no_content(admitted.managed_object)
                return write.content
        stored = self._found.get(unique_identifier) or self._stored(unique_identifier)
        if stored is None or stored.sealed is None:
            raise no_content(admitted.managed_object)
        try:
            return decode_content(self._services.sealer.unseal(stored.sealed, stored.bound_to))
        except SealBroken as error:
            _log.error("the content of %s does not open: %s", unique_identifier, error)
            raise KmipError(ResultReason.GENERAL_FAILURE, "the stored object cannot be opened") from error

    def locate(self, query: LocateQuery) -> Located:
        """Answer by SQL; writes of this unit of work, and parts of structures, are compared object by object."""
        shape, values = analyse(query, self._services.index_key())
        single = shape.entries + len(shape.columns) + len(shape.states) + len(shape.dates)
        conditions = single + sum(shape.alternatives)
        if conditions > self._budget.conditions:
            raise TakesLong(f"{conditions} conditions must hold")
        # Each criterion has become a condition, as nearly always: then none was left for `_merged`.
        has_more = query.object_group_member is not None or single + len(shape.alternatives) < len(query.criteria)
        is_examined = has_more and not all(map(is_indexed, query.criteria))
        if self._pending.writes or is_examined:
            return self._merged(query, shape, values, is_examined)
        found = self._located(self._database.located(shape), values)
        if not query.is_counted:
            return Located(unique_identifiers=tuple([row[1] for row in found]))
        first, maximum = query.offset_items, query.maximum_items
        in_all = first + len(found)
        # Only a full page, or a first that lies beyond the end, leaves the number open.
        if (maximum is not None and len(found) >= maximum) or (first and not found):
            in_all = self._located(self._database.counted(shape), values)[0][0]
        return Located(unique_identifiers=tuple(row[1] for row in found), located_items=in_all)

    def save(self, managed_object: ManagedObject, content: Content | None = None) -> None:
        """Collect a changed object."""
        self._collected.save(self._present(managed_object.unique_identifier), managed_object, content)

    def remove(self, unique_identifier: str) -> None:
        """Collect a removal."""
        self._collected.remove(self._present(unique_identifier), unique_identifier)

    def rules_of(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules as collected, else as stored."""
        collected = self._pending.rules.get(kind)
        if collected is not None:
            return collected
        if self._rules is None:
            self._rules = self._read_rules()
        return self._opened_rules(kind, self._rules)

    def rules_for_new(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules as collected, else as they were last read; the writer checks whether they still hold."""
        if self._pending.rules:
            collected = self._pending.rules.get(kind)
            if collected is not None:
                return collected
        known = self._known_rules
        if known is None:
            known = self._known_rules = self._services.known_rules(self._read_rules)
        opened: tuple[Rule, ...] | None = known.opened.get(kind)
        if opened is None:
            opened = known.opened[kind] = self._opened_rules(kind, known.facts)
        return opened

    def ticket(self, digest: str) -> StoredTicket | None:
        """Return the ticket as collected, else as stored; one that does not open is none."""
        change = self._pending.tickets.get(digest)
        if change is not None:
            return change.after
        rows = self._rows(self._database.ticket_statements.find, {"name": tickets.PREFIX + digest})
        if not rows:
            return None
        try:
            found = tickets.read(digest, rows[0][0], self._services.sealer)
        except SealBroken as error:  # it was changed, or its data key is retired
            _log.warning("a ticket does not open: %s", error)
            return None
        self._tickets[digest] = rows[0][0]
        return found

    def count_tickets(self, name: str, now: int) -> TicketCounts:
        """Count the tickets as stored, and those that were collected."""

        def count(like: str) -> int:
            values = {"any_ticket": tickets.ANY, "now": tickets.expired_before(now), "like": like}
            return int(self._rows(self._database.ticket_statements.count, values)[0][0])

        new = [one.after for one in self._pending.tickets.values() if one.before is None and one.after is not None]
        own = sum(one.grant.name == name for one in new)
        return TicketCounts(
            own=count(tickets.own_like(name)) + own,
            own_spent=count(tickets.spent_like(name)),
            in_all=count(tickets.all_like()) + len(new),
        )

    def save_ticket(self, ticket: StoredTicket) -> None:
        """Collect a changed ticket."""
        self._collected.tickets[ticket.digest] = TicketChange(before=ticket, after=ticket)

    def end_ticket(self, digest: str) -> None:
        """Collect the end of a ticket."""
        self._collected.tickets[digest] = TicketChange(before=None, after=None)

    def submission(self, correlation_value: bytes) -> Submission | None:
        """Return a submission as stored."""
        found = self._submissions(self._services.submissions.find, of_value=correlation_value)
        return found[0] if found else None

    def submissions_of_batch(self, batch: str) -> tuple[Submission, ...]:
        """Return those of a batch."""
        return self._submissions(self._services.submissions.of_batch, batch=batch)

    def submissions_of(self, owner: str) -> tuple[Submission, ...]:
        """Return those of an identity that were not delivered."""
        return self._submissions(self._services.submissions.of_owner, owner=owner)

    def held_by(self, owner: str) -> Held:
        """Return what is kept of an identity."""
        ((number, size),) = self._rows(self._services.submissions.held, {"owner": owner})
        return Held(number=number, size=int(size))

    def commit(self) -> None:
        """Hand over, and wait until it is on stable storage."""
        self.hand_over().result()

    def hand_over(self) -> SubmittedTask[None] | Done:
        """Seal what is new, and hand everything to the writer."""
        if not self._pending:
            return DONE
        pending = self._pending
        changes: list[Change] = []
        changed: list[tuple[str, int | None, int]] = []
        for identifier, write in pending.writes.items():
            found, after = write.found, write.managed_object
            if after is not None and self._database.backend.longest_key is not None:
                row_writes.check_keys(after, self._database.backend.longest_key)
            index_key, sealer = self._services.index_key(), self._services.sealer
            if found is None:
                assert after is not None  # noqa: S101  for the type checker: one that was removed again is not collected
                changes.append(row_writes.insertion(after, write.content, index_key, sealer))
                continue
            stored = self._stored(identifier)
            if after is None:
                changes.append(row_writes.removal(found, stored, index_key))
            else:
                changes.append(row_writes.change(found, after, write.content, stored, index_key, sealer))
                changed.append((identifier, found.attributes.initial_date, after.version + 1))
        if pending.rules or pending.notices or pending.tickets or pending.submissions:  # which is rare
            changes += self._other_writes()
        records = [(record.record_id, encode_audit_record(record)) for record in pending.records]
        self.release()  # the snapshot is not needed while we wait, and would hold up checkpoints
        self._pending = NOTHING_PENDING
        checked_against = None if self._known_rules is None else self._known_rules.facts
        submitted = self._services.hand_over(changes, records, checked_against)
        if changed:
            submitted.add_done_callback(partial(self._note_versions, submitted, changed))
        return submitted

    def _other_writes(self) -> list[Change]:
        """Return what was collected beside objects."""
        pending = self._pending
        rule_statements, key = self._database.rule_statements, self._services.index_key()
        changes: list[Change] = [RulesWrite(rule_statements, kind, rules, key) for kind, rules in pending.rules.items()]
        notice_statements, limit = self._database.notice_statements, pending.notice_limit
        changes += [NoticeWrite(notice_statements, notice_row(notice, key), limit) for notice in pending.notices]
        changes += (self._ticket_write(digest, change) for digest, change in pending.tickets.items())
        changes += map(self._submission_write, pending.submissions.values())
        return changes

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

    def _ticket_write(self, digest: str, change: TicketChange) -> tickets.TicketWrite:
        statements, after = self._database.ticket_statements, change.after
        if after is None:
            return tickets.TicketWrite(statements=statements, digest=digest, before=None, after=None)
        value, sealed = tickets.written(after, self._services.sealer)
        return tickets.TicketWrite(
            statements=statements,
            digest=digest,
            before=None if change.before is None else self._tickets[digest],
            after=value,
            seals=(sealed,),
            now=change.now,
            forgets_spent_of=after.grant.name if change.forgets_spent else None,
        )

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

    def _note_versions(self, submitted: SubmittedTask[None], changed: list[tuple[str, int | None, int]]) -> None:
        """In the writer's thread: remember what was committed."""
        if submitted.error is None:
            for change in changed:
                self._services.versions.note(*change)

    def _is_heavy(self, row: Row) -> bool:
        """Whether a row of `FOUND` takes long to decode, and to encode for the client."""
        budget = self._budget
        if budget is _UNLIMITED:
            return False
        return attributes_size(row) > budget.attributes or len(row[SEALED_AT] or b"") > budget.content

    def _submissions(self, statement: Prepared, **values: Any) -> tuple[Submission, ...]:
        """Return submissions.  Raises KmipError (General Failure) for a row that was changed in the database."""
        found = []
        for row in self._rows(statement, values):
            try:
                found.append(stored_submission(row, self._services.sealer))
            except (SealBroken, *UNREADABLE) as error:
                _log.error("the row of a submission of %s is not as it was written: %s", row[3], error)
                self._database.refused_rows += 1
                raise KmipError(ResultReason.GENERAL_FAILURE, NOT_AS_WRITTEN) from error
        return tuple(found)

    def _submission_write(self, change: SubmissionChange) -> SubmissionWrite:
        statements, sealed = self._services.submissions, None
        if not change.is_removed:
            sealed = statements.sealed(change.submission, change.expected_version + 1, self._services.sealer)
        return SubmissionWrite(statements, change, sealed)

    def _read_rules(self) -> dict[str, str]:
        return dict(self._rows(self._database.rule_statements.all, {}))

    def _opened_rules(self, kind: type[Rule], facts_by_name: Mapping[str, str]) -> tuple[Rule, ...]:
        """Return the rules of a kind.  Raises KmipError (General Failure) if they were changed in the database."""
        try:
            return stored_rules(kind, facts_by_name, self._services.index_key())
        except SealBroken as error:
            _log.error("the rules for new objects do not hold: %s; an administrator can set them anew", error)
            self._database.refused_rows += 1
            raise KmipError(ResultReason.GENERAL_FAILURE, RULES_NOT_AS_WRITTEN) from error

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
            raise ReadBegun(BegunRead(services=self._services, read=read))
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

    def _merged(self, query: LocateQuery, shape: Shape, values: dict[str, Any], is_examined: bool) -> Located:
        everything = {**values, "limit": MAXIMUM_EXAMINED + 1 if is_examined else UNLIMITED, "offset": 0}
        writes = self._pending.writes
        found = [
            (sequence, identifier)
            for sequence, identifier in self._located(self._database.located(shape), everything)
            if identifier not in writes
        ]
        if is_examined:
            if len(found) > MAXIMUM_EXAMINED:
                raise invalid_field("too many objects to look for a part of a structure; add a whole attribute")
            if len(found) > self._budget.examined:
                raise TakesLong(f"{len(found)} objects must be read")
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
