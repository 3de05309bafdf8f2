"""The reference store: everything in memory, forgotten at the end, and simple enough to be obviously right."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from operator import attrgetter
from typing import Any, Final, Self

from attrs import evolve, field

from kmip_adapters.storage.census import Backlog, Census, backlog_of, census_of, stages_of
from kmip_adapters.storage.pending import (
    DONE,
    NOTHING_PENDING,
    Collecting,
    Done,
    Pending,
    SubmissionChange,
    TicketChange,
    no_content,
)
from kmip_adapters.storage.quotas import NOTHING, Growth, Holdings, QuotaOf, refusal
from kmip_adapters.storage.records import encode_content, encode_record
from kmip_core.attributes import Attributes
from kmip_core.classes import define, frozen
from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, LocateQuery, conditions, satisfies
from kmip_core.errors import KmipError
from kmip_core.lifecycle import changes_state
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.schedule import Scheduled
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange, TakesLong
from kmip_core.rotation_rules import is_due
from kmip_core.rules import Admitted
from kmip_core.submissions import Held, Submission
from kmip_core.subscriptions import Delivery, Notice, Subscription
from kmip_core.tickets import StoredTicket, TicketCounts

JUDGED: Final = dict.fromkeys(Pace, math.inf) | {Pace.QUICK: 200, Pace.COMMITS: 200, Pace.BRIEF: 10_000}
"""Objects that one Locate may judge, by the pace of its unit of work; each costs some 10 microseconds."""


@frozen
class _Entry:
    """One object as stored.  Content stays an object: nothing of it reaches a disk."""

    managed_object: ManagedObject
    content: Content | None = field(repr=False)


@define(eq=False)
class _Snapshot:
    """The objects at one instant, oldest first, the rules for new ones, and tickets.

    readers: units of work that look at it.
    """

    entries: dict[str, _Entry] = field(factory=dict)
    submissions: dict[bytes, Submission] = field(factory=dict)  # never changed, but replaced
    rules: dict[type, tuple[Any, ...]] = field(factory=dict)
    tickets: Mapping[str, StoredTicket] = field(factory=dict)
    readers: int = 0


class MemoryStorage:
    """A store that forgets. Re-entrant: one lock around each commit, readers look at snapshots.

    quota_of: None where owners may have as much as they like; only with quotas is it counted what they have.
    """

    is_durable = False
    blocking = False
    tells_state = True

    def __init__(self, quota_of: QuotaOf | None = None) -> None:
        self._quota_of = quota_of
        self._held: dict[str, Holdings] = {}
        self.quota_refusals = 0
        self._realm: str | None = None
        self._lock = threading.Lock()
        self._snapshot = _Snapshot()
        self._outbox: dict[str, AuditRecord] = {}
        self._leases: dict[str, tuple[str, int]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._notices: dict[str, dict[str, Notice]] = {}  # of each subscriber, in their order
        self._announced_until: int | None = None
        self._claimants: dict[str, str] = {}  # of batches of submissions
        self._commits = 0

    def state(self) -> int:
        """Return how many commits there were."""
        return self._commits

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> "AbstractContextManager[MemoryUnitOfWork]":
        """Return a unit of work on what is committed when it is entered."""
        return MemoryUnitOfWork(self, pace)

    def begin_reading(self) -> _Snapshot:
        """Return what is committed now, for a unit of work."""
        with self._lock:
            self._snapshot.readers += 1
            return self._snapshot

    def end_reading(self, snapshot: _Snapshot) -> None:
        """Take note that a unit of work needs its snapshot no more."""
        with self._lock:
            snapshot.readers -= 1

    def pending_records(self) -> tuple[AuditRecord, ...]:
        """Return the audit records that were not acknowledged, oldest first."""
        with self._lock:
            return tuple(self._outbox.values())

    def acknowledge(self, record_id: str) -> None:
        """Forget an audit record."""
        with self._lock:
            self._outbox.pop(record_id, None)

    def census(self, now: int) -> Census:
        """Count the objects as they are at `now`."""
        with self._lock:
            stored = [entry.managed_object for entry in self._snapshot.entries.values()]
        return census_of(stored, now)

    def backlog(self, now: int) -> Backlog:
        """Count what waits."""
        with self._lock:
            stages = stages_of(self._snapshot.submissions.values(), now)
        return backlog_of(stages, self.deliveries())

    def settle_realm(self, decide: Callable[[str | None, bool], str], *, anew: bool = False) -> str | None:
        """Record which CAs' clients are called by their names alone, and return it."""
        with self._lock:
            self._realm = decide(self._realm, bool(self._snapshot.entries))
            return self._realm

    def lease(self, name: str, holder: str, now: int, seconds: int) -> bool:
        """Take or renew a lease."""
        with self._lock:
            held_by, until = self._leases.get(name, (holder, 0))
            if held_by != holder and until > now:
                return False
            self._leases[name] = (holder, now + seconds)
            return True

    def give_up(self, name: str, holder: str) -> None:
        """End a lease."""
        with self._lock:
            if self._leases.get(name, ("", 0))[0] == holder:
                del self._leases[name]

    def _queue(self, pending: Pending) -> None:
        """Add notices of clients that have a subscription, and forget the oldest ones of those that have too many."""
        for notice in pending.notices:
            name = notice.subscriber
            if name not in self._subscriptions:
                continue
            mine = self._notices.setdefault(name, {})
            mine[notice.notice_id] = notice
            gone = 0
            while pending.notice_limit is not None and len(mine) > pending.notice_limit:
                del mine[next(iter(mine))]
                gone += 1
            if gone:
                before = self._deliveries.get(name, Delivery(name=name))
                self._deliveries[name] = evolve(before, overflowed=before.overflowed + gone)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return all subscriptions."""
        with self._lock:
            return tuple(self._subscriptions[name] for name in sorted(self._subscriptions))

    def subscribe(self, subscription: Subscription) -> None:
        """Add or replace a subscription."""
        with self._lock:
            self._subscriptions[subscription.name] = subscription

    def unsubscribe(self, name: str) -> None:
        """Remove a subscription with its notices."""
        with self._lock:
            self._subscriptions.pop(name, None)
            self._deliveries.pop(name, None)
            self._notices.pop(name, None)

    def pending_notices(self, name: str, limit: int) -> tuple[Notice, ...]:
        """Return the oldest notices of a client."""
        with self._lock:
            return tuple(islice(self._notices.get(name, {}).values(), limit))

    def settle_notices(self, delivery: Delivery, notice_ids: tuple[str, ...]) -> None:
        """Forget notices and note how far the delivery is."""
        with self._lock:
            for notice_id in notice_ids:
                self._notices.get(delivery.name, {}).pop(notice_id, None)
            if delivery.name in self._subscriptions:
                before = self._deliveries.get(delivery.name, delivery)
                self._deliveries[delivery.name] = evolve(delivery, overflowed=before.overflowed)

    def trim_notices(self, name: str, number: int, before: int) -> int:
        """Forget what is too much or too old."""
        with self._lock:
            return self._trim(name, number, before)

    def _trim(self, name: str, number: int, before: int) -> int:
        mine = self._notices.get(name, {})
        gone = list(islice(mine, max(0, len(mine) - number)))
        gone += [notice_id for notice_id, one in islice(mine.items(), len(gone), None) if one.time < before]
        for notice_id in gone:
            del mine[notice_id]
        return len(gone)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Return how far deliveries are."""
        with self._lock:
            return tuple(
                evolve(self._deliveries.get(name, Delivery(name=name)), pending=len(self._notices.get(name, ())))
                for name in sorted(self._subscriptions)
            )

    def announced_until(self) -> int | None:
        """Return up to which time changes of state have been announced."""
        return self._announced_until

    def note_announced(self, until: int) -> None:
        """Note up to which time they have."""
        self._announced_until = until

    def due_for_rotation(self, now: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Judge every object."""
        return self._scheduled(lambda attributes: is_due(attributes, now), after, limit)

    def state_changes(self, after_time: int, until: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Judge every object."""
        return self._scheduled(lambda attributes: changes_state(attributes, after_time, until), after, limit)

    def _scheduled(self, judge: Callable[[Attributes], bool], after: int, limit: int) -> tuple[Scheduled, ...]:
        with self._lock:
            stored = [entry.managed_object for entry in self._snapshot.entries.values()]
        found = (
            Scheduled(place, one.unique_identifier, one.owner)
            for place, one in enumerate(stored, 1)
            if place > after and judge(one.attributes)
        )
        return tuple(islice(found, limit))

    def contents(self) -> tuple[Content | None, ...]:
        """Return the content of every object as it is now."""
        with self._lock:
            return tuple(entry.content for entry in self._snapshot.entries.values())

    def claim(self, claimant: str, now: int, until: int, most: int) -> tuple[str, ...]:
        """Claim batches that are due."""
        with self._lock:
            waiting: dict[str, str] = {}
            served: Counter[str] = Counter()
            for one in self._snapshot.submissions.values():
                if one.has_ended or one.is_claimed(now):
                    served[one.owner] += 1
                elif one.due_at <= now:
                    waiting.setdefault(one.owner, one.batch)
            claimed = tuple(waiting[owner] for owner in sorted(waiting, key=served.__getitem__))[:most]
            for batch in claimed:
                self._claim(batch, claimant, until)
        return claimed

    def claim_batch(self, batch: str, claimant: str, now: int, until: int) -> bool:
        """Claim one batch."""
        with self._lock:
            left = [one for one in self._snapshot.submissions.values() if one.batch == batch and not one.has_ended]
            if not left or any(one.is_claimed(now) for one in left):
                return False
            self._claim(batch, claimant, until)
            return True

    def renew(self, claimant: str, until: int) -> None:
        """Keep what is claimed."""
        with self._lock:
            self._change_claims(claimant, until)

    def release(self, claimant: str) -> None:
        """Give up what is claimed."""
        with self._lock:
            for batch in self._change_claims(claimant, None):
                del self._claimants[batch]

    def expire(self, now: int) -> int:
        """Remove what has expired."""
        with self._lock:
            before = self._snapshot.submissions
            left = {value: one for value, one in before.items() if now < one.expires_at}
            self._replace_submissions(left)
            self._claimants = {b: c for b, c in self._claimants.items() if any(one.batch == b for one in left.values())}
        return len(before) - len(left)

    def _claim(self, batch: str, claimant: str, until: int) -> None:
        self._claimants[batch] = claimant
        before = self._snapshot.submissions
        left = {value: one for value, one in before.items() if one.batch == batch and not one.has_ended}
        first = min(one.position for one in left.values())
        claimed = {
            value: evolve(one, claimed_until=until, claims=one.claims + (one.position == first))
            for value, one in left.items()
        }
        self._replace_submissions(before | claimed)

    def _change_claims(self, claimant: str, until: int | None) -> list[str]:
        claimed = [batch for batch, by in self._claimants.items() if by == claimant]
        self._replace_submissions(
            {
                value: evolve(one, claimed_until=until) if one.batch in claimed and not one.has_ended else one
                for value, one in self._snapshot.submissions.items()
            }
        )
        return claimed

    def _replace_submissions(self, submissions: dict[bytes, Submission]) -> None:
        """Have later readers see others; those who read now keep what they have."""
        before = self._snapshot
        self._snapshot = evolve(before, entries=dict(before.entries), submissions=submissions, readers=0)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._snapshot = _Snapshot()
            self._held.clear()
            self._commits += 1

    def _commit(self, pending: Pending, seen: _Snapshot, is_judged: bool) -> None:
        with self._lock:
            entries = self._snapshot.entries
            if is_judged and self._snapshot.rules != seen.rules:
                raise ConcurrentChange("rules")
            for unique_identifier, write in pending.writes.items():
                stored = entries.get(unique_identifier)
                stored_version = None if stored is None else stored.managed_object.version
                if stored_version != write.expected_version:
                    raise ConcurrentChange(unique_identifier)
            tickets = _changed(self._snapshot.tickets, pending.tickets)
            submissions = _with_changes(self._snapshot.submissions, pending.submissions)
            if self._quota_of is not None:
                self._take(_growth(pending, entries), self._quota_of)
            others_look = self._snapshot.readers > (self._snapshot is seen)
            if pending.rules or pending.submissions or pending.tickets or others_look:  # change a copy
                entries = dict(entries)
                self._snapshot = _Snapshot(
                    entries=entries,
                    submissions=submissions,
                    rules=self._snapshot.rules | pending.rules,
                    tickets=tickets,
                )
            for unique_identifier, write in pending.writes.items():
                if write.managed_object is None:
                    del entries[unique_identifier]
                    continue
                content = write.content
                if content is None and not write.erases and unique_identifier in entries:
                    content = entries[unique_identifier].content
                entries[unique_identifier] = _Entry(_next_version(write.managed_object), content)
            self._outbox.update((record.record_id, record) for record in pending.records)
            self._queue(pending)
            self._commits += 1  # last, while no unit of work can be begun

    def _take(self, growths: dict[str, Growth], quota_of: QuotaOf) -> None:
        """Count what is added to the holdings of each owner.  Raises KmipError (Server Limit Exceeded)."""
        for owner, growth in growths.items():
            error = refusal(self._held.get(owner, NOTHING), growth, quota_of(owner))
            if error is not None:
                self.quota_refusals += 1
                raise error
        for owner, growth in growths.items():
            self._held[owner] = self._held.get(owner, NOTHING) + growth.holdings


class MemoryUnitOfWork(Collecting):
    """A unit of work on a snapshot of the store."""

    _snapshot: _Snapshot
    _entries: dict[str, _Entry]

    def __init__(self, storage: MemoryStorage, pace: Pace) -> None:
        self._storage = storage
        self._is_judged = False
        self._pace = pace

    def __enter__(self) -> Self:
        self._snapshot = self._storage.begin_reading()
        self._entries = self._snapshot.entries
        return self

    def __exit__(self, *_: object) -> None:
        self._storage.end_reading(self._snapshot)

    def find(self, unique_identifier: str) -> ManagedObject | None:
        """Return the object as collected, else as stored."""
        write = self._pending.writes.get(unique_identifier)
        return self._stored(unique_identifier) if write is None else write.managed_object

    def content(self, admitted: Admitted) -> Content:
        """Return the content of an admitted object."""
        unique_identifier = admitted.unique_identifier
        write = self._pending.writes.get(unique_identifier)
        entry = self._entries.get(unique_identifier)
        if write is not None and (write.content is not None or write.erases or entry is None):
            content = write.content
        else:
            content = None if entry is None else entry.content
        if content is None:
            raise no_content(admitted.managed_object)
        return content

    def locate(self, query: LocateQuery) -> Located:
        """Judge every object by the reference semantics."""
        for _ in conditions(query.criteria):  # an impossible criterion is refused even by an empty store
            pass
        if len(self._entries) > JUDGED[self._pace]:
            raise TakesLong(f"{len(self._entries)} objects are to be judged")
        stored = [e.managed_object for e in self._entries.values()]
        new = [
            write.managed_object
            for write in self._pending.writes.values()
            if write.found is None and write.managed_object is not None
        ]
        present = (self.find(managed_object.unique_identifier) for managed_object in stored)
        found = [
            managed_object.unique_identifier
            for managed_object in (*present, *new)
            if managed_object is not None and satisfies(managed_object, query)
        ]
        found.reverse()
        end = None if query.maximum_items is None else query.offset_items + query.maximum_items
        return Located(
            unique_identifiers=tuple(found[query.offset_items : end]),
            located_items=len(found) if query.is_counted else None,
        )

    def save(self, managed_object: ManagedObject, content: Content | None = None) -> None:
        """Collect a changed object."""
        self._collected.save(self._stored(managed_object.unique_identifier), managed_object, content)

    def remove(self, unique_identifier: str) -> None:
        """Collect a removal."""
        self._collected.remove(self._stored(unique_identifier), unique_identifier)

    def rules_of(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules as collected, else as stored."""
        return self._pending.rules.get(kind, self._snapshot.rules.get(kind, ()))

    def rules_for_new(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules as collected, else as stored; they must still be these at the commit."""
        self._is_judged = True
        return self.rules_of(kind)

    def ticket(self, digest: str) -> StoredTicket | None:
        """Return the ticket as collected, else as stored."""
        change = self._pending.tickets.get(digest)
        return self._snapshot.tickets.get(digest) if change is None else change.after

    def count_tickets(self, name: str, now: int) -> TicketCounts:
        """Count the tickets as stored, and those that were collected."""
        tickets = {**self._snapshot.tickets, **{d: c.after for d, c in self._pending.tickets.items()}}
        valid = [one for one in tickets.values() if one is not None and one.grant.expires > now]
        own = [one for one in valid if one.grant.name == name]
        return TicketCounts(own=len(own), own_spent=sum(one.is_spent for one in own), in_all=len(valid))

    def save_ticket(self, ticket: StoredTicket) -> None:
        """Collect a changed ticket."""
        before = self._snapshot.tickets.get(ticket.digest)
        self._collected.tickets[ticket.digest] = TicketChange(before=before, after=ticket)

    def end_ticket(self, digest: str) -> None:
        """Collect the end of a ticket."""
        self._collected.tickets[digest] = TicketChange(before=self._snapshot.tickets.get(digest), after=None)

    def submission(self, correlation_value: bytes) -> Submission | None:
        """Return a submission as stored."""
        return self._snapshot.submissions.get(correlation_value)

    def submissions_of_batch(self, batch: str) -> tuple[Submission, ...]:
        """Return those of a batch."""
        found = (one for one in self._snapshot.submissions.values() if one.batch == batch)
        return tuple(sorted(found, key=attrgetter("position")))

    def submissions_of(self, owner: str) -> tuple[Submission, ...]:
        """Return those of an identity that were not delivered."""
        return tuple(one for one in self._snapshot.submissions.values() if one.owner == owner and not one.is_delivered)

    def held_by(self, owner: str) -> Held:
        """Return what is kept of an identity."""
        found = self.submissions_of(owner)
        return Held(number=len(found), size=sum(one.size for one in found))

    def hand_over(self) -> Done:
        """Make the collected writes visible; whether that could be is known at once."""
        pending, self._pending = self._pending, NOTHING_PENDING
        try:
            self._storage._commit(pending, self._snapshot, self._is_judged)
        except (ConcurrentChange, KmipError) as error:
            return Done(error)
        return DONE

    def commit(self) -> None:
        """Make the collected writes visible.  Raises ConcurrentChange; KmipError where a quota is full."""
        self.hand_over().result()

    def _stored(self, unique_identifier: str) -> ManagedObject | None:
        entry = self._entries.get(unique_identifier)
        return None if entry is None else entry.managed_object


def _changed(tickets: Mapping[str, StoredTicket], changes: Mapping[str, TicketChange]) -> Mapping[str, StoredTicket]:
    """Return the tickets after some changes.  Raises ConcurrentChange."""
    if not changes:
        return tickets
    changed = dict(tickets)
    for digest, change in changes.items():
        if change.after is None:
            changed.pop(digest, None)
            continue
        if change.before is None:
            name = change.after.grant.name if change.forgets_spent else None
            for other, one in tickets.items():
                if one.grant.expires <= change.now or (one.is_spent and one.grant.name == name):
                    changed.pop(other, None)
        elif changed.get(digest) != change.before:
            raise ConcurrentChange("a ticket")
        changed[digest] = change.after
    return changed


def _with_changes(
    stored: dict[bytes, Submission], changes: Mapping[bytes, SubmissionChange]
) -> dict[bytes, Submission]:
    """Return the submissions after a commit.  Raises ConcurrentChange if one is not as it was read, or too many."""
    if not changes:
        return stored
    after = dict(stored)
    for value, change in changes.items():
        found = after.get(value)
        if (0 if found is None else found.version) != change.expected_version:
            raise ConcurrentChange("submission")
        if change.is_removed:
            del after[value]
        else:
            one = change.submission
            claim = (None, 0) if found is None else (found.claimed_until, found.claims)
            after[value] = evolve(one, version=one.version + 1, claimed_until=claim[0], claims=claim[1])
    for owner, limit in {c.submission.owner: c.limit for c in changes.values() if c.limit is not None}.items():
        if _exceeds(after, owner, limit):
            unfinished = {one.batch for one in after.values() if not one.has_ended}
            for value, one in list(after.items()):
                if one.owner == owner and one.is_delivered and one.batch not in unfinished:
                    del after[value]
            if _exceeds(after, owner, limit):
                raise ConcurrentChange("submissions")
    return after


def _exceeds(submissions: Mapping[bytes, Submission], owner: str, limit: Held) -> bool:
    kept = [one for one in submissions.values() if one.owner == owner]
    return len(kept) > limit.number or sum(one.size for one in kept) > limit.size


def _next_version(managed_object: ManagedObject) -> ManagedObject:
    return evolve(managed_object, version=managed_object.version + 1)


def _growth(pending: Pending, entries: dict[str, _Entry]) -> dict[str, Growth]:
    """Return what a unit of work adds to the holdings of each owner."""
    found: dict[str, Growth] = {}
    for unique_identifier, write in pending.writes.items():
        stored = entries.get(unique_identifier)
        size, is_other_state = 0, False
        if stored is not None:
            size -= _size(stored.managed_object, stored.content)
        after = write.managed_object
        if after is not None:
            kept = stored is not None and write.content is None and not write.erases
            size += _size(after, stored.content if stored is not None and kept else write.content)
            is_other_state = stored is not None and stored.managed_object.attributes.state is not after.attributes.state
        owned = after or write.found
        if owned is not None:
            more = Holdings((after is not None) - (stored is not None), size)
            found[owned.owner] = found.get(owned.owner, Growth()).with_write(more, changes_state=is_other_state)
    return found


def _size(managed_object: ManagedObject, content: Content | None) -> int:
    return sum(map(len, encode_record(managed_object.attributes))) + len(
        b"" if content is None else encode_content(content)
    )
