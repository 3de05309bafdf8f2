"""The queue of what is to be sent to clients, and who has subscribed: kept in the store, the same for all nodes."""

from typing import Protocol

from kmip_core.subscriptions import Delivery, Notice, Subscription


class NoticeQueue(Protocol):
    """Subscriptions and notices. Re-entrant.

    Notices come in by `UnitOfWork.notify`, together with the change that they are about. They are given in the order of
    their commits. A row that was changed in the database is not given, and is counted as dropped.
    """

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return all, in the order of their names."""
        ...

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription, or replace that of the same name; its notices stay."""
        ...

    def unsubscribe(self, name: str) -> None:
        """Remove a subscription with its notices."""
        ...

    def pending_notices(self, name: str, limit: int) -> tuple[Notice, ...]:
        """Return the oldest notices of a client."""
        ...

    def settle_notices(self, delivery: Delivery, notice_ids: tuple[str, ...]) -> None:
        """Forget notices of a client, and note how far its delivery is, in one commit; `pending` is not looked at."""
        ...

    def trim_notices(self, name: str, number: int, before: int) -> int:
        """Forget the oldest notices beyond a number, and those older than a time; return how many that were."""
        ...

    def deliveries(self) -> tuple[Delivery, ...]:
        """Return how far the delivery to each subscriber is, in the order of their names."""
        ...

    def announced_until(self) -> int | None:
        """Return up to which time changes of state by dates have been announced; None if never."""
        ...

    def note_announced(self, until: int) -> None:
        """Note up to which time they have."""
        ...
