"""The store itself: opens the database, joins the readers, the writer, the sealer and the outbox."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import evolve

from kmip_adapters.storage.census import Backlog, Census
from kmip_adapters.storage.errors import StorageUnreachable, StorageUnusable
from kmip_adapters.storage.quotas import QuotaOf
from kmip_adapters.storage.records import decode_audit_record
from kmip_adapters.storage.sql.allowances import AllowanceStatements, StoredAllowances
from kmip_adapters.storage.sql.attribute_index import HidingIndexKey
from kmip_adapters.storage.sql.backend import Backend, Options
from kmip_adapters.storage.sql.backends import open_backend
from kmip_adapters.storage.sql.census import take_backlog, take_census
from kmip_adapters.storage.sql.changes import Change
from kmip_adapters.storage.sql.client_realm import REALM, Decide, realm_holds, settle_realm
from kmip_adapters.storage.sql.commit import Commit, CommitServices
from kmip_adapters.storage.sql.data_keys import SqlDataKeys
from kmip_adapters.storage.sql.database import Database
from kmip_adapters.storage.sql.driver import Connection, Cursor
from kmip_adapters.storage.sql.fact_seals import unproven_fact
from kmip_adapters.storage.sql.generations import generation_in
from kmip_adapters.storage.sql.index_key import open_index_key
from kmip_adapters.storage.sql.leases import LeaseStatements
from kmip_adapters.storage.sql.migration import HISTORY, History
from kmip_adapters.storage.sql.notices import ANNOUNCED
from kmip_adapters.storage.sql.prepared import statements_for
from kmip_adapters.storage.sql.rows import UNREADABLE, OutdatedSeal, RowWrite, row_opener
from kmip_adapters.storage.sql.rules import KnownRules, OutdatedRules
from kmip_adapters.storage.sql.schedule import ScheduleStatements
from kmip_adapters.storage.sql.sealed import SealedUnitOfWork
from kmip_adapters.storage.sql.submissions import SubmissionStatements
from kmip_adapters.storage.sql.submitted import SubmittedTask
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork, UnitOfWorkServices
from kmip_adapters.storage.sql.versions import NewestVersions
from kmip_adapters.storage.sql.writer import Writer
from kmip_core.errors import KmipError
from kmip_core.ports.audit import LATEST, AuditRecord
from kmip_core.ports.schedule import Scheduled
from kmip_core.ports.sealing import DataKeys, SealBroken, StoreSealer
from kmip_core.ports.steps import Pace
from kmip_core.subscriptions import Delivery, Notice, Subscription

T = TypeVar("T")

FORGOTTEN_AT_ONCE: Final = 64
FORGET_WITHIN: Final = 1.0
"""Acknowledged audit records that a commit deletes together; fewer, once the first of them is as many seconds old, so
that a start after a crash does not have to look for old ones in the trail."""

_log = logging.getLogger(__name__)

_LONGEST_TIME: Final = 16  # digits


COPY_UNDER_WAY: Final = "copy_under_way"
"""The fact of a database into which a store is being copied: from where."""


class SqlStorage:
    """A durable store in an SQL database; also its outbox. Re-entrant.

    url: "sqlite:////var/lib/kmipd/kmipd.db", or that of another database (`backends`).
    make_sealer: given the data keys in this database, returns the sealer; raises RootKeyUnavailable if it cannot.
    may_upgrade: False for commands beside a running server, whose database must stay as it knows it.
    options: what is not in the URL.
    node: the name of this server among those on the database; the outbox has the records of each apart.
    takes_over: whether the records of a name are this server's, too: of its workers, or under a name it had before.
    quota_of: None where owners may have as much as they like.
    seals_attributes: whether all attributes are sealed, not digests alone: a new store is made so.
    Raises StorageUnusable for a database that is newer, or another program's.
    """

    is_durable = True

    def __init__(
        self,
        url: str,
        make_sealer: Callable[[DataKeys], StoreSealer],
        *,
        may_upgrade: bool = True,
        history: History = HISTORY,
        node: str = "main",
        takes_over: Callable[[str], bool] = lambda node: False,
        options: Options | None = None,
        quota_of: QuotaOf | None = None,
        seals_attributes: bool = False,
    ) -> None:
        self.backend: Backend = open_backend(url, options or Options())
        self.blocking = self.backend.blocking  # whether reads may wait for another machine; each request looks
        self._node = node
        self._seals_attributes = seals_attributes
        self._takes_over = takes_over
        self._lock = threading.Lock()
        self._acknowledged: set[str] = set()
        self._acknowledged_since = 0.0  # when the first of them was, monotonic clock
        self._known_rules: KnownRules | None = None
        self.quota_refusals = 0
        self._has_erased = False
        self._closed = False
        self._is_open = False
        try:
            self.backend.open_schema(history, may_upgrade=may_upgrade, make_sealer=make_sealer)
            self.database = Database(self.backend)
            self._leases = statements_for(self.backend.dialect, LeaseStatements)
            self._allowances = statements_for(self.backend.dialect, AllowanceStatements)
            self._schedule = statements_for(self.backend.dialect, ScheduleStatements)
            self.submission_statements = statements_for(self.backend.dialect, SubmissionStatements)
            self.writer = self._open_writer()
        except self.backend.errors as error:
            self.backend.close()
            unusable = StorageUnreachable if self.backend.is_transient(error) else StorageUnusable
            raise unusable(f"{self.backend.name} cannot be opened: {' '.join(str(error).split())}") from error
        except BaseException:
            self.backend.close()
            raise
        try:
            self.data_keys = SqlDataKeys(
                self.database.statements,
                read=self.database.read,
                submit=self.submit,
                note_erased=self.note_erased,
                check_wait=self._check_wait,
            )
            self.sealer = make_sealer(self.data_keys)
            self._commit_services = CommitServices(
                statements=self.database.statements,
                data_key_of=self.sealer.data_key_of,
                note_erased=self.note_erased,
                node=node,
                quota_of=quota_of,
                note_refused=self._note_refused,
                index_key=self.open_index_key,
            )
            self._index_key: bytes | None = None
            if self.sealer.is_open:
                self.open_index_key()
            self._services = UnitOfWorkServices(
                database=self.database,
                sealer=self.sealer,
                open_row=row_opener(self.sealer),
                index_key=self.open_index_key,
                submissions=self.submission_statements,
                versions=NewestVersions(),
                known_rules=self._rules,
                hand_over=self.hand_over,
            )
        except BaseException:
            self.close()
            raise
        self._is_open = True

    def _open_writer(self) -> Writer:
        """Begin to write.  Raises StorageUnusable for a copy that is not whole, and the backend's errors."""
        try:
            original = self.database.fact(COPY_UNDER_WAY)
            if original is not None:
                raise StorageUnusable(
                    f"{self.backend.name} is a copy of {original} that is not whole; give `kmipd store copy` again"
                )
            return Writer(
                self.backend,
                with_each=self._forget_acknowledged,
                when_idle=self._when_idle,
                after_commit=self._note_committed,
            )
        except BaseException:
            self.database.close()
            raise

    def _check_wait(self) -> None:
        """Raise TakesLong if this thread must not wait for the database. Whatever opens a store waits."""
        if self._is_open:
            self.backend.check_wait()

    @property
    def refused_rows(self) -> int:
        """How many reads have found a row that was changed in the database."""
        return self.database.refused_rows

    @property
    def path(self) -> Path | None:
        """The database file, if it is one."""
        return self.backend.path

    def open_index_key(self) -> bytes:
        """Return the key of the index's digests, read once it is possible.

        Raises SealBroken; StorageUnusable for a database that was made without sealed attributes where they are wanted.
        """
        if self._index_key is None:
            self._check_wait()
            statements, database = self.database.statements, self.database
            key = open_index_key(statements, self.sealer, database.read, self.submit, hides_all=self._seals_attributes)
            if self._seals_attributes and not isinstance(key, HidingIndexKey):
                raise StorageUnusable(
                    f"{self.backend.name} was made without seal_attributes; export its objects and import them into a"
                    " new database, or leave seal_attributes out"
                )
            self._index_key = key
        return self._index_key

    @property
    def tells_state(self) -> bool:
        """Whether the database does."""
        return self.backend.tells_state

    def state(self) -> bytes | None:
        """Return what is another value after every commit; None where the database does not tell, or is sealed."""
        return self.backend.state() if self.sealer.is_open else None

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> "SqlUnitOfWork | SealedUnitOfWork":
        """Begin a unit of work; one that refuses while the root key is away."""
        if not self.sealer.is_open:
            return SealedUnitOfWork()
        return SqlUnitOfWork(self._services, pace)

    def pending_records(self) -> tuple[AuditRecord, ...]:
        """Return the committed audit records of this node that were not acknowledged, oldest first.

        Those that are none, which another program has written, are left out, with a line in the log.
        """
        rows = self.database.read(self.database.statements.pending_records)
        with self._lock:
            mine = [
                (record_id, record)
                for record_id, record, node in rows
                if record_id not in self._acknowledged and (node == self._node or self._takes_over(node))
            ]
        return tuple(filter(None, (_readable(record_id, record) for record_id, record in mine)))

    def acknowledge(self, record_id: str) -> None:
        """Note that a record has reached the trail; one of the next commits deletes it."""
        with self._lock:
            if not self._acknowledged:
                self._acknowledged_since = time.monotonic()
            self._acknowledged.add(record_id)

    def census(self, now: int) -> Census:
        """Count the objects as they are at `now`; takes a second for a million of them."""
        return take_census(self.database.read, self.backend.dialect, now)

    def backlog(self, now: int) -> Backlog:
        """Count what waits."""
        return take_backlog(self.database.read, self.backend.dialect, self.deliveries(), now)

    def lease(self, name: str, holder: str, now: int, seconds: int) -> bool:
        """Take or renew a lease; waits for the commit."""
        return self.submit(partial(self._leases.take, name=name, holder=holder, now=now, seconds=seconds))

    def give_up(self, name: str, holder: str) -> None:
        """End a lease."""
        self.submit(partial(self._leases.give_up, name=name, holder=holder))

    @property
    def allowances(self) -> StoredAllowances:
        """Return the allowances that all processes on this database share (an `Allowances`)."""
        return StoredAllowances(self._allowances, self.database.read, self.submit)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return all subscriptions."""
        return self.database.notice_statements.subscriptions(self.database.read, self.open_index_key)

    def subscribe(self, subscription: Subscription) -> None:
        """Add or replace a subscription."""
        key = self.open_index_key()
        self.submit(partial(self.database.notice_statements.put, subscription=subscription, key=key))

    def unsubscribe(self, name: str) -> None:
        """Remove a subscription with its notices."""
        self.submit(partial(self.database.notice_statements.remove, name=name))

    def pending_notices(self, name: str, limit: int) -> tuple[Notice, ...]:
        """Return the oldest notices of a client; rows that were changed in the database are forgotten."""
        statements = self.database.notice_statements
        found, broken = statements.pending_notices(self.database.read, self.open_index_key, name, limit)
        if broken:
            self.database.refused_rows += len(broken)
            before = next((one for one in self.deliveries() if one.name == name), Delivery(name=name))
            self.settle_notices(evolve(before, dropped=before.dropped + len(broken)), broken)
        return found

    def settle_notices(self, delivery: Delivery, notice_ids: tuple[str, ...]) -> None:
        """Forget notices and note how far the delivery is."""
        self.submit(partial(self.database.notice_statements.settle, delivery=delivery, notice_ids=notice_ids))

    def trim_notices(self, name: str, number: int, before: int) -> int:
        """Forget what is too much or too old."""
        return self.submit(partial(self.database.notice_statements.trim, name=name, number=number, before=before))

    def deliveries(self) -> tuple[Delivery, ...]:
        """Return how far deliveries are."""
        return self.database.notice_statements.deliveries(self.database.read)

    def announced_until(self) -> int | None:
        """Return up to which time changes of state have been announced."""
        value = self.database.fact(ANNOUNCED)
        return int(value) if value is not None and value.isdecimal() and len(value) < _LONGEST_TIME else None

    def note_announced(self, until: int) -> None:
        """Note up to which time they have."""
        self.set_fact(ANNOUNCED, str(until))

    def claim(self, claimant: str, now: int, until: int, most: int) -> tuple[str, ...]:
        """Claim batches of submissions that are due; without any, nothing is written."""
        statements = self.submission_statements
        if not self.database.read(statements.due, now=now, most=1):
            return ()
        return self.submit(partial(statements.claim_due, claimant=claimant, now=now, until=until, most=most))

    def claim_batch(self, batch: str, claimant: str, now: int, until: int) -> bool:
        """Claim one batch."""
        claim = self.submission_statements.claim_one
        return self.submit(partial(claim, batch=batch, claimant=claimant, now=now, until=until))

    def renew(self, claimant: str, until: int) -> None:
        """Keep what is claimed."""
        values = {"of_claimant": claimant, "until": until}
        self.submit(partial(self.submission_statements.renew.run, values=values))

    def release(self, claimant: str) -> None:
        """Give up what is claimed."""
        self.submit(partial(self.submission_statements.release.run, values={"of_claimant": claimant}))

    def expire(self, now: int) -> int:
        """Remove submissions that have expired."""

        def remove(cursor: Cursor) -> int:
            self.note_erased()
            return self.submission_statements.expire.run(cursor, {"now": now}).rowcount

        has_expired = self.database.read(self.submission_statements.expired, now=now)
        return self.submit(remove) if has_expired else 0

    def due_for_rotation(self, now: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return what is to be rotated."""
        return self._schedule.due_for_rotation(self.database.read, now, after, limit)

    def state_changes(self, after_time: int, until: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return whose state dates have changed."""
        return self._schedule.state_changes(self.database.read, after_time, until, after, limit)

    def close(self) -> None:
        """Finish pending commits, empty the log, release everything."""
        if self._closed:
            return
        self._closed = True
        if self._acknowledged:
            with contextlib.suppress(KmipError):  # they would be replayed, which does no harm
                self.submit(lambda cursor: None)
        self.writer.close()
        self.database.close()
        self.backend.close()

    def hand_over(
        self,
        changes: Sequence[Change],
        records: list[tuple[str, bytes]],
        checked_against: Mapping[str, str] | None = None,
    ) -> SubmittedTask[None]:
        """Have all of it written durably, or nothing.  See `Commitment.result` for what that raises.

        checked_against: the rules that must still be those of the database; None if it does not depend on any.
        """
        commit = Commit(self._commit_services, changes, records, checked_against)
        return self.writer.hand_over(commit, self._renew_if_outdated)

    def submit(self, task: Callable[[Cursor], T]) -> T:
        """Have a task write durably, and return what it returned.  Raises as `Writer.submit` does."""
        return self.writer.submit(task)

    def generation(self) -> int | None:
        """Return the number of the store's generation; None where it is not kept, or cannot be proven now.

        Raises KmipError (General Failure).
        """
        stored = self.database.statements.generations.stored(self.database.read)
        if stored is None or not self.sealer.is_open:
            return None
        try:
            return generation_in(stored, self.open_index_key()).number
        except SealBroken:
            return 0  # less than any that was named before

    def settle_realm(self, decide: Decide, *, anew: bool = False) -> str | None:
        """Have `decide` record which CAs' clients are called by their names alone, and return what is recorded.

        Returns None where that is not as it was written; `anew` has it recorded as if nothing were.
        While the store waits for its root key nothing changes, and what is recorded is not proven.
        """
        if not self.sealer.is_open:
            stored = self.database.fact(REALM)
            return None if stored is None else unproven_fact(stored)
        self.open_index_key()
        database = self.database
        return settle_realm(
            database.read, self.submit, statements=database.statements, sealer=self.sealer, decide=decide, anew=anew
        )

    def realm_holds(self) -> bool:
        """Return whether what is recorded of the CAs of clients is as it was written."""
        self.open_index_key()
        return realm_holds(self.database.read, self.database.statements, self.sealer)

    def set_fact(self, name: str, value: str | None) -> None:
        """Have the database keep something about itself, durably; None removes it."""
        of_one = self.database.statements.of_one_fact

        def change(cursor: Cursor) -> None:
            if value is None:
                of_one.forget.run(cursor, {"of_name": name})
            else:
                of_one.keep(cursor, name, value)

        self.submit(change)

    def note_erased(self) -> None:
        """For changes: have the traces removed of what they replace or delete, as soon as no reader uses them."""
        self._has_erased = True

    def _note_refused(self) -> None:
        self.quota_refusals += 1  # in the writer's thread alone

    def _rules(self, read: Callable[[], Mapping[str, str]]) -> KnownRules:
        """Return the rules for new objects as they were when they were last read here.

        read: reads them.  The writer checks whether they still hold.
        """
        rules = self._known_rules
        if rules is None:
            rules = self._known_rules = KnownRules(read())
        return rules

    def _renew_if_outdated(self, error: BaseException) -> None:
        """Have the next attempt seal under the new data key, and check against the new rules."""
        if isinstance(error, OutdatedSeal):
            self.sealer.renew()
        elif isinstance(error, OutdatedRules):
            self._known_rules = None

    def _forget_acknowledged(self, cursor: Cursor) -> Callable[[], None]:
        """Delete records that were acknowledged, many at once: the statement costs more than what it deletes."""
        with self._lock:
            is_soon = time.monotonic() < self._acknowledged_since + FORGET_WITHIN
            if len(self._acknowledged) < FORGOTTEN_AT_ONCE and is_soon and not self._closed:
                return _nothing
            acknowledged = tuple(self._acknowledged)
        self.database.statements.forget_records.run(cursor, [(record_id,) for record_id in acknowledged])

        def forgotten() -> None:
            with self._lock:
                self._acknowledged.difference_update(acknowledged)

        return forgotten

    def _note_committed(self, group: Sequence[SubmittedTask[Any]], before: bytes, after: bytes) -> None:
        """In the writer's thread: what is known holds on, but for the objects that a group has changed.

        before, after: as for `KnownReads.carry_on`.
        """
        rows: list[RowWrite] = []
        for submitted in group:
            if type(submitted.task) is not Commit:
                return  # there is no telling what it has changed
            if submitted.error is None:
                rows += submitted.task.rows
        self.database.known.carry_on(before, after, rows)

    def _when_idle(self, connection: Connection) -> bool:
        if not self._has_erased:
            return True
        before = self.backend.state()
        self._has_erased = not self.backend.clean_up(connection)
        after = self.backend.state()
        if before and after and before != after and self.backend.commits_between(before, after) == 0:
            self.database.known.carry_on(before, after, [])
        return not self._has_erased


def _nothing() -> None:
    """Follow a commit that has forgotten no records."""


def _readable(record_id: str, stored: bytes) -> AuditRecord | None:
    try:
        record = decode_audit_record(bytes(stored))
    except UNREADABLE as error:
        _log.error("the audit record %r in the database is not as it was written: %s", record_id, error)
        return None
    if not 0 <= record.time <= LATEST:
        _log.error("the audit record %r in the database is of a time that no clock has", record_id)
        return None
    if record.record_id != record_id:
        _log.error("the audit record %r in the database is another one", record_id)
        return None
    return record


__all__ = ["SqlStorage"]
