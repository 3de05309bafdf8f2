"""What a unit of work has collected and not yet committed: the same for every store."""

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, Final, cast

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.creation_rules import Rule
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.lifecycle import GONE
from kmip_core.makers import maker_of
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.audit import AuditRecord
from kmip_core.submissions import Held, Submission
from kmip_core.subscriptions import Change, Notice
from kmip_core.tickets import StoredTicket


@define(kw_only=True)
class Write:
    """The fate of one object at commit.

    managed_object: its new record; None removes it.  found: the record as it was read; None for a new object.
    content: new content; None leaves what is there (or, where `erases`, removes it).
    """

    managed_object: ManagedObject | None
    found: ManagedObject | None
    content: Content | None = None

    @property
    def erases(self) -> bool:
        """Whether the object's stored content must go."""
        return self.managed_object is None or not self.managed_object.has_content

    @property
    def expected_version(self) -> int | None:
        """The version that must be stored for this write to be right; None: there must be no such object."""
        if self.found is None:
            return None
        return self.found.version if self.managed_object is None else self.managed_object.version


_make_write: Final = maker_of(Write)


@frozen(kw_only=True)
class TicketChange:
    """What becomes of one ticket.

    before: as it was read; None for a new one.  after: None ends it.
    now, forgets_spent: for a new one, see `UnitOfWork.add_ticket`.
    """

    before: StoredTicket | None
    after: StoredTicket | None
    now: int = 0
    forgets_spent: bool = False


@frozen(kw_only=True)
class SubmissionChange:
    """The fate of one submission at commit.

    submission: as it is to be stored, or as it was read where it is removed.
    limit: what may be kept of its identity; None where that is not asked.
    """

    submission: Submission
    is_removed: bool = False
    limit: Held | None = None

    @property
    def expected_version(self) -> int:
        """The version that must be stored; 0: there must be no such submission."""
        return self.submission.version


@define
class Pending:
    """Collected writes by identifier, in the order in which they came; audit records; rules by kind; notices.

    notice_limit: how many notices may wait for one client.
    tickets: changes by their digest.  submissions: changes by their correlation value.
    """

    writes: dict[str, Write] = field(factory=dict)
    records: list[AuditRecord] = field(factory=list)
    rules: dict[type, tuple[Any, ...]] = field(factory=dict)
    tickets: dict[str, TicketChange] = field(factory=dict)
    notices: list[Notice] = field(factory=list)
    notice_limit: int | None = None
    submissions: dict[bytes, SubmissionChange] = field(factory=dict)

    def __bool__(self) -> bool:
        has_writes = self.writes or self.records or self.rules or self.notices or self.tickets
        return bool(has_writes or self.submissions)

    def changes(self) -> tuple[Change, ...]:
        """Return the writes as (record before, record after)."""
        return tuple((write.found, write.managed_object) for write in self.writes.values())

    def save_submission(self, submission: Submission, limit: Held | None) -> None:
        """Collect a submission."""
        self.submissions[submission.correlation_value] = SubmissionChange(submission=submission, limit=limit)

    def remove_submission(self, submission: Submission) -> None:
        """Collect the removal of a submission."""
        self.submissions[submission.correlation_value] = SubmissionChange(submission=submission, is_removed=True)

    def add(self, managed_object: ManagedObject, content: Content | None) -> None:
        """Collect a new object."""
        self.writes[managed_object.unique_identifier] = _make_write(
            managed_object=managed_object, found=None, content=content
        )

    def save(self, found: ManagedObject | None, managed_object: ManagedObject, content: Content | None) -> None:
        """Collect a change of an object that was read as `found`, or that was collected before."""
        write = self.writes.get(managed_object.unique_identifier)
        if write is None:
            write = Write(managed_object=managed_object, found=found)
            self.writes[managed_object.unique_identifier] = write
        write.managed_object = managed_object
        if not managed_object.has_content:
            write.content = None
        elif content is not None:
            write.content = content

    def remove(self, found: ManagedObject | None, unique_identifier: str) -> None:
        """Collect a removal; an object that this unit of work has added is forgotten."""
        write = self.writes.pop(unique_identifier, None)
        found = found if write is None else write.found
        if found is not None:
            self.writes[unique_identifier] = Write(managed_object=None, found=found)


_NO_ITEMS: Final[Any] = MappingProxyType({})

NOTHING_PENDING: Final = Pending(
    writes=_NO_ITEMS,
    records=cast(Any, ()),
    rules=_NO_ITEMS,
    tickets=_NO_ITEMS,
    notices=cast(Any, ()),
    submissions=_NO_ITEMS,
)
"""Stands for the `Pending` of a unit of work that has collected nothing yet; nothing can be added to it."""


class Collecting:
    """What every unit of work does with changes until its commit: it collects them.  See `UnitOfWork`."""

    _pending: Pending = NOTHING_PENDING

    @property
    def has_writes(self) -> bool:
        """Whether there is anything to commit."""
        return self._pending is not NOTHING_PENDING and bool(self._pending)

    @property
    def _collected(self) -> Pending:
        """What the first change makes: most units of work only read."""
        if self._pending is NOTHING_PENDING:
            self._pending = Pending()
        return self._pending

    def add(self, managed_object: ManagedObject, content: Content | None) -> None:
        """Collect a new object."""
        self._collected.add(managed_object, content)

    def save_rules(self, kind: type[Rule], rules: tuple[Rule, ...]) -> None:
        """Collect rules."""
        self._collected.rules[kind] = rules

    def add_ticket(self, ticket: StoredTicket, now: int, *, forgets_spent: bool) -> None:
        """Collect a new ticket."""
        change = TicketChange(before=None, after=ticket, now=now, forgets_spent=forgets_spent)
        self._collected.tickets[ticket.digest] = change

    def save_submission(self, submission: Submission, limit: Held | None = None) -> None:
        """Collect a submission."""
        self._collected.save_submission(submission, limit)

    def remove_submission(self, submission: Submission) -> None:
        """Collect the removal of a submission."""
        self._collected.remove_submission(submission)

    def record(self, record: AuditRecord) -> None:
        """Collect an audit record."""
        self._collected.records.append(record)

    def changes(self) -> tuple[Change, ...]:
        """Return the collected writes as (record before, record after)."""
        return self._pending.changes()

    def notify(self, notices: Iterable[Notice], limit: int | None = None) -> None:
        """Collect notices."""
        self._collected.notices.extend(notices)
        self._collected.notice_limit = limit


@frozen
class Done:
    """A `Commitment` whose outcome is known.  error: why nothing was written."""

    error: Exception | None = None
    is_done = True

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback`."""
        callback()

    def wait(self) -> None:
        """Return."""

    def result(self) -> None:
        """Return, or raise the error."""
        if self.error is not None:
            raise self.error


DONE: Final = Done()


def no_content(managed_object: ManagedObject) -> KmipError:
    """Return the refusal for an object that has no content: destroyed, or registered without it."""
    if managed_object.attributes.state in GONE:
        return KmipError(ResultReason.OBJECT_DESTROYED, "the object has been destroyed; only its attributes are left")
    return KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the object was registered without its key value")
