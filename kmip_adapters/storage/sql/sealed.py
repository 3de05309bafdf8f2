"""The unit of work of a store whose root key is away: it reads and writes nothing, and says so."""

from collections.abc import Iterable
from types import TracebackType
from typing import NoReturn, Self

from kmip_core.creation_rules import Rule
from kmip_core.criteria import Located, LocateQuery
from kmip_core.objects import Content, ManagedObject
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.storage import Commitment, StoreSealed
from kmip_core.rules import Admitted
from kmip_core.submissions import Held, Submission
from kmip_core.subscriptions import Change, Notice
from kmip_core.tickets import StoredTicket, TicketCounts


class SealedUnitOfWork:
    """Refuses whatever touches an object; what needs none (Query, Discover Versions) goes on."""

    has_writes = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def find(self, unique_identifier: str) -> ManagedObject | None:
        """Refuse."""
        _refuse()

    def content(self, admitted: Admitted) -> Content:
        """Refuse."""
        _refuse()

    def locate(self, query: LocateQuery) -> Located:
        """Refuse."""
        _refuse()

    def add(self, managed_object: ManagedObject, content: Content | None) -> None:
        """Refuse."""
        _refuse()

    def save(self, managed_object: ManagedObject, content: Content | None = None) -> None:
        """Refuse."""
        _refuse()

    def remove(self, unique_identifier: str) -> None:
        """Refuse."""
        _refuse()

    def rules_of(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Refuse."""
        _refuse()

    def rules_for_new(self, kind: type[Rule]) -> tuple[Rule, ...]:
        """Refuse."""
        _refuse()

    def save_rules(self, kind: type[Rule], rules: tuple[Rule, ...]) -> None:
        """Refuse."""
        _refuse()

    def ticket(self, digest: str) -> StoredTicket | None:
        """Refuse."""
        _refuse()

    def count_tickets(self, name: str, now: int) -> TicketCounts:
        """Refuse."""
        _refuse()

    def add_ticket(self, ticket: StoredTicket, now: int, *, forgets_spent: bool) -> None:
        """Refuse."""
        _refuse()

    def save_ticket(self, ticket: StoredTicket) -> None:
        """Refuse."""
        _refuse()

    def end_ticket(self, digest: str) -> None:
        """Refuse."""
        _refuse()

    def submission(self, correlation_value: bytes) -> Submission | None:
        """Refuse."""
        _refuse()

    def submissions_of_batch(self, batch: str) -> tuple[Submission, ...]:
        """Refuse."""
        _refuse()

    def submissions_of(self, owner: str) -> tuple[Submission, ...]:
        """Refuse."""
        _refuse()

    def held_by(self, owner: str) -> Held:
        """Refuse."""
        _refuse()

    def save_submission(self, submission: Submission, limit: Held | None = None) -> None:
        """Refuse."""
        _refuse()

    def remove_submission(self, submission: Submission) -> None:
        """Refuse."""
        _refuse()

    def record(self, record: AuditRecord) -> None:
        """Refuse: records of changes go with changes."""
        _refuse()

    def changes(self) -> tuple[Change, ...]:
        """Return nothing: nothing was collected."""
        return ()

    def notify(self, notices: Iterable[Notice], limit: int | None = None) -> None:
        """Refuse: notices go with changes."""
        _refuse()

    def hand_over(self) -> Commitment:
        """Refuse."""
        _refuse()

    def commit(self) -> None:
        """Do nothing: nothing was collected."""


def _refuse() -> NoReturn:
    raise StoreSealed
