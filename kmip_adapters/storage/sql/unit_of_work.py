"""A unit of work over SQL: what it finds, collects, and hands to the writer as one change."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Protocol

from kmip_adapters.storage.pending import (
    DONE,
    NOTHING_PENDING,
    Collecting,
    Done,
    SubmissionChange,
    TicketChange,
    no_content,
)
from kmip_adapters.storage.records import decode_content, encode_audit_record
from kmip_adapters.storage.sql import row_writes, tickets
from kmip_adapters.storage.sql.attribute_index import is_indexed
from kmip_adapters.storage.sql.changes import Change
from kmip_adapters.storage.sql.locate import UNLIMITED, Shape, analyse
from kmip_adapters.storage.sql.notices import NoticeWrite, notice_row
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import UNREADABLE
from kmip_adapters.storage.sql.rules import KnownRules, RulesWrite, stored_rules
from kmip_adapters.storage.sql.snapshot_reads import NOT_AS_WRITTEN, ReadServices, SnapshotReads
from kmip_adapters.storage.sql.submissions import SubmissionStatements, SubmissionWrite, stored_submission
from kmip_adapters.storage.sql.submitted import SubmittedTask
from kmip_core.classes import frozen
from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, LocateQuery, satisfies
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.sealing import SealBroken, StoreSealer
from kmip_core.ports.storage import TakesLong
from kmip_core.rules import Admitted
from kmip_core.submissions import Held, Submission
from kmip_core.tickets import StoredTicket, TicketCounts

MAXIMUM_EXAMINED: Final = 5_000
"""Objects that are read to look for a part of a structure, which no index has; each costs some 0.1 ms."""

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
class UnitOfWorkServices(ReadServices):
    """What all units of work of a store use.

    index_key: returns the key of the index's digests.
    known_rules: returns the rules for new objects as they were last read, reading them by the function it is given
    if they never were.
    """

    sealer: StoreSealer
    index_key: Callable[[], bytes]
    submissions: SubmissionStatements
    known_rules: Callable[[Callable[[], Mapping[str, str]]], KnownRules]
    hand_over: HandOver


class SqlUnitOfWork(SnapshotReads, Collecting):
    """Reads one snapshot; writes by the storage's writer."""

    # No constructor of its own, which would be one more call for each request.
    _services: UnitOfWorkServices
    _tickets: Mapping[str, str] = MappingProxyType({})  # rows that were read, by their digests
    _known_rules: KnownRules | None = None  # that new objects were checked against

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
        self._tickets = {**self._tickets, digest: rows[0][0]}
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

    def _note_versions(self, submitted: SubmittedTask[None], changed: list[tuple[str, int | None, int]]) -> None:
        """In the writer's thread: remember what was committed."""
        if submitted.error is None:
            for change in changed:
                self._services.versions.note(*change)

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
