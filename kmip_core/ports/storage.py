"""Where managed objects are kept: units of work over a store that never loses an acknowledged change.

A unit of work reads a snapshot and collects writes; nothing is visible to others, and no lock is held, until `commit`,
which compares versions, writes, and returns only when the change is on stable storage (unless the store says of itself
that it forgets). `hand_over` is `commit` for those who do not want to wait in this thread. Reads inside a unit of work
see its own collected writes.
NOT promised: that `commit` succeeds. Two units of work that change one object: one commits, the other's `commit` raises
`ConcurrentChange` and has changed nothing; the engine runs it again.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, LocateQuery
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import Pace, Pending
from kmip_core.ports.steps import TakesLong as TakesLong
from kmip_core.ports.submissions import SubmissionWork
from kmip_core.rules import Admitted
from kmip_core.subscriptions import Change, Notice
from kmip_core.tickets import TicketWork


class ConcurrentChange(Exception):
    """Another unit of work changed an object between its reading and this commit; nothing was written."""


class StoreSealed(KmipError):
    """The root key is away: nothing can be read or written. What needs neither (Query, Discover Versions) goes on."""

    def __init__(self) -> None:
        super().__init__(
            ResultReason.GENERAL_FAILURE,
            "the server is sealed: its root key is not available; it opens when that is back",
        )


class Commitment(Pending, Protocol):
    """What becomes of writes that were handed over."""

    @property
    def is_done(self) -> bool:
        """Whether the outcome is known, so that `result` returns at once."""
        ...

    def result(self) -> None:
        """Return, as soon as it is known, if all of it is on stable storage.

        Raises ConcurrentChange; or KmipError, having written nothing: Server Limit Exceeded where an owner may not have
        so much, General Failure when the store cannot write.
        """
        ...


class UnitOfWork(SubmissionWork, TicketWork, Protocol):
    """One atomic piece of work. Used by one thread at a time. As a context manager's value; leaving discards.

    `find`, `content` and `locate` raise TakesLong rather than keep a thread for longer than the pace says. Of a store
    that is `blocking` every read raises it on the thread of an event loop, as a rule ReadBegun, at all paces but SLOW.
    Of two units of work that change one ticket, too, one commits.
    They may raise ConcurrentChange, as `commit` does, where a store cannot read on at the instant that it began with.
    """

    @property
    def has_writes(self) -> bool:
        """True when `commit` would change anything."""
        ...

    def find(self, unique_identifier: str) -> ManagedObject | None:
        """Return the object as stored (dates not settled), or None."""
        ...

    def content(self, admitted: Admitted) -> Content:
        """Return the unsealed content of an admitted object.

        Raises KmipError (Object Destroyed, or Key Value Not Present) where there is none; a sealed value that does not
        open is a fault (General Failure), never an empty answer.
        """
        ...

    def locate(self, query: LocateQuery) -> Located:
        """Return the identifiers that satisfy the query, newest first, in a stable order.

        A criterion that cannot be answered raises KmipError (Invalid Field); it is never ignored.
        """
        ...

    def add(self, managed_object: ManagedObject, content: Content | None) -> None:
        """Collect a new object.  content: None for one registered without its key value."""
        ...

    def save(self, managed_object: ManagedObject, content: Content | None = None) -> None:
        """Collect changed attributes of an object that this unit of work has found or added.

        content: replaces the content if given; `has_content=False` in the record erases it for good at commit.
        The version in the record is the one that was read; the store raises it by one.
        """
        ...

    def remove(self, unique_identifier: str) -> None:
        """Collect the removal of an object with all its traces (Templates; everything else is destroyed and kept)."""
        ...

    def rules_of(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules of one kind that hold for new objects, in their order; none at first."""
        ...

    def rules_for_new(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Return the rules of one kind by which a new object is judged, as they are known here without a look.

        If they are others when it is committed, that is refused with ConcurrentChange.
        """
        ...

    def save_rules(self, kind: type[Rule], rules: tuple[Rule, ...]) -> None:
        """Collect rules that replace all of their kind.  Of two units of work that do so the later commit counts."""
        ...

    def record(self, record: AuditRecord) -> None:
        """Collect an audit record that becomes durable with this change or not at all (outbox, DESIGN 5.8)."""
        ...

    def changes(self) -> tuple[Change, ...]:
        """Return the collected writes as (record before, record after), in their order."""
        ...

    def notify(self, notices: Iterable[Notice], limit: int | None = None) -> None:
        """Collect notices, which become durable with this change or not at all (`ports.notices`).

        A notice for a client that has no subscription by then is left out.

        limit: how many may wait for one client, the same in every call. The commit forgets its oldest ones beyond, and
            up to a hundredth of the limit more, so that they need not be counted each time.
        """
        ...

    def hand_over(self) -> Commitment:
        """Begin to make all collected writes durable at once; the unit of work has nothing more to write."""
        ...

    def commit(self) -> None:
        """Hand over, and wait for the result.  Raises as `Commitment.result` does."""
        ...


class Read(Pending, Protocol):
    """What a unit of work has begun to read, on the thread of an event loop."""

    def unit_of_work(self, pace: Pace) -> AbstractContextManager[UnitOfWork]:
        """Begin a unit of work that finds what was read, once that is done: the first one again.

        It may have to read more. Then all is read again, so that it sees one instant.
        """
        ...


class ReadBegun(TakesLong):
    """A read must be waited for, on a thread that must not wait; nothing has happened."""

    def __init__(self, read: Read) -> None:
        super().__init__("a read was begun")
        self.read = read


class Storage(Protocol):
    """A store of managed objects. Re-entrant."""

    @property
    def is_durable(self) -> bool:
        """False for a store that forgets when the process ends."""
        ...

    @property
    def blocking(self) -> bool:
        """True when even reads may wait (a remote database): on an event loop they are begun, and waited for."""
        ...

    @property
    def tells_state(self) -> bool:
        """Whether `state` ever tells it: not where asking for it would cost what reading an object does."""
        ...

    def state(self) -> object | None:
        """Return what is another value after each commit of a change to objects, of whatever process, never the same.

        None where that is not known, be it only at this moment, and while the store is sealed.
        """
        ...

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> AbstractContextManager[UnitOfWork]:
        """Begin a unit of work; leaving the context without `commit` discards it.

        pace: for how long a read may keep the thread; at SLOW none raises TakesLong.
        """
        ...

    def close(self) -> None:
        """Finish pending commits and release what is held; the store is not used afterwards."""
        ...


class Outbox(Protocol):
    """Audit records that were committed with their change and may not have reached the trail yet."""

    def pending_records(self) -> tuple[AuditRecord, ...]:
        """Return the committed records that were not acknowledged, oldest first."""
        ...

    def acknowledge(self, record_id: str) -> None:
        """Say that a record has reached the trail; it is forgotten with one of the next commits."""
        ...
