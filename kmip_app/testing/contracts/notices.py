"""What every store promises of subscriptions and notices (`kmip_core.ports.notices`).

Wanted: a fixture `opener`, an `Opener`.
"""

from typing import Any

import pytest
from attrs import evolve

from kmip_app.testing.contracts.samples import NOW, a_key, content
from kmip_app.testing.contracts.storage.support import Opener, store  # noqa: F401
from kmip_core.attributes import AttributeReference
from kmip_core.enums import Operation
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.subscriptions import Delivery, Notice, Subscription

STATE = AttributeReference(attribute="state")
CUSTOM = AttributeReference(attribute="colour", vendor_identification="x")


def a_notice(number: int, subscriber: str = "bob", **fields: Any) -> Notice:
    given: dict[str, Any] = {"operation": Operation.NOTIFY, "unique_identifier": "key", "time": NOW + number}
    return Notice(notice_id=f"{subscriber}-{number}", subscriber=subscriber, **given | fields)


def notify(store: Any, *notices: Notice, limit: int | None = None) -> None:
    with store.unit_of_work() as work:
        work.notify(notices, limit)
        work.commit()


def waiting(store: Any, name: str = "bob", limit: int = 100) -> list[str]:
    return [notice.notice_id for notice in store.pending_notices(name, limit)]


def test_subscriptions_are_kept_as_they_were_given(opener: Opener) -> None:
    store = opener()
    bob = Subscription(name="bob", url="tls://h:1", notify=("own", "group:g"), put=("object:o",), own_changes=True)
    for subscription in (bob, Subscription(name="alice", by_client=True)):
        store.subscribe(subscription)

    assert store.subscriptions() == (Subscription(name="alice", by_client=True), bob)
    if store.is_durable:
        store.close()
        store = opener()
        assert store.subscriptions() == (Subscription(name="alice", by_client=True), bob)
    store.close()


def test_a_subscription_is_replaced_and_its_notices_stay(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    notify(store, a_notice(1))

    store.subscribe(Subscription(name="bob", put=("own",)))

    assert store.subscriptions() == (Subscription(name="bob", put=("own",)),)
    assert waiting(store) == ["bob-1"]


def test_with_a_subscription_its_notices_go(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    store.subscribe(Subscription(name="alice"))
    notify(store, a_notice(1), a_notice(1, "alice"))

    store.unsubscribe("bob")
    store.unsubscribe("carol")

    assert [one.name for one in store.subscriptions()] == ["alice"]
    assert (waiting(store), waiting(store, "alice")) == ([], ["alice-1"])


def test_for_a_client_without_a_subscription_no_notice_is_kept(store: Any) -> None:
    """A process that does not know yet that a subscription has ended goes on making notices for its client."""
    store.subscribe(Subscription(name="bob"))
    store.subscribe(Subscription(name="alice"))
    store.unsubscribe("bob")

    notify(store, a_notice(1), a_notice(1, "alice"), a_notice(1, "carol"))
    notify(store, a_notice(2), limit=3)

    assert (waiting(store), waiting(store, "alice"), waiting(store, "carol")) == ([], ["alice-1"], [])
    for name in ("bob", "carol"):
        store.subscribe(Subscription(name=name))
    notify(store, a_notice(3))
    assert (waiting(store), waiting(store, "carol")) == (["bob-3"], [])
    assert store.deliveries() == (
        Delivery(name="alice", pending=1),
        Delivery(name="bob", pending=1),
        Delivery(name="carol"),
    )


def test_notices_are_given_whole_and_in_their_order_also_after_a_restart(opener: Opener) -> None:
    store = opener()
    store.subscribe(Subscription(name="bob"))
    first = a_notice(9, changed=(STATE, CUSTOM), deleted=(CUSTOM,))
    second = a_notice(2, operation=Operation.PUT, replaced="old")
    notify(store, first)
    notify(store, second, a_notice(5, "alice"), a_notice(4))

    assert store.pending_notices("bob", 2) == (first, second)
    if store.is_durable:
        store.close()
        store = opener()
    assert waiting(store) == ["bob-9", "bob-2", "bob-4"]
    store.close()


def test_a_notice_comes_with_its_change_or_not_at_all(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    managed_object = a_key("key")
    with store.unit_of_work() as work:
        work.add(managed_object, content())
        assert work.changes() == ((None, managed_object),)
        work.commit()
    with store.unit_of_work() as work, store.unit_of_work() as faster:
        slow, fast = work.find("key"), faster.find("key")
        faster.save(fast)
        faster.notify([a_notice(1)])
        faster.commit()
        work.save(slow)
        assert work.changes() == ((slow, slow),)
        work.notify([a_notice(2)])
        with pytest.raises(ConcurrentChange):
            work.commit()
    with store.unit_of_work() as work:
        work.notify([a_notice(3)])  # left without a commit

    assert waiting(store) == ["bob-1"]


def test_a_delivery_removes_notices_and_records_it_in_one_transaction(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    store.subscribe(Subscription(name="alice"))
    notify(store, *(a_notice(number) for number in range(5)))
    so_far = Delivery(
        name="bob", attempts=2, again_at=NOW + 5, failure="deaf", delivered=2, delivered_at=NOW, seen_at=NOW, dropped=1
    )

    store.settle_notices(so_far, ("bob-0", "bob-1"))
    notify(store, a_notice(7))

    assert waiting(store) == ["bob-2", "bob-3", "bob-4", "bob-7"]
    assert store.deliveries() == (Delivery(name="alice"), evolve(so_far, pending=4))
    store.settle_notices(so_far, tuple(waiting(store)))
    notify(store, a_notice(8))
    assert waiting(store) == ["bob-8"]


def test_notices_over_the_limit_or_too_old_are_removed_oldest_first(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    store.subscribe(Subscription(name="alice"))
    notify(store, *(a_notice(number) for number in range(6)), a_notice(0, "alice"))

    assert store.trim_notices("bob", 10, NOW) == 0
    assert store.trim_notices("bob", 10, NOW + 2) == 2
    assert waiting(store) == ["bob-2", "bob-3", "bob-4", "bob-5"]
    assert store.trim_notices("bob", 3, NOW) == 1
    assert waiting(store) == ["bob-3", "bob-4", "bob-5"]
    assert waiting(store, "alice") == ["alice-0"]


def test_of_too_many_notices_the_oldest_give_way_in_the_same_commit(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    store.subscribe(Subscription(name="alice"))
    notify(store, *(a_notice(number) for number in range(2)), a_notice(0, "alice"), limit=3)
    assert store.deliveries() == (Delivery(name="alice", pending=1), Delivery(name="bob", pending=2))

    notify(store, *(a_notice(number) for number in range(2, 5)), limit=3)
    assert waiting(store) == ["bob-2", "bob-3", "bob-4"]
    notify(store, a_notice(5), a_notice(1, "alice"), a_notice(2, "alice"), a_notice(3, "alice"), limit=3)

    assert waiting(store) == ["bob-3", "bob-4", "bob-5"]
    assert waiting(store, "alice") == ["alice-1", "alice-2", "alice-3"]
    assert store.deliveries() == (
        Delivery(name="alice", pending=3, overflowed=1),
        Delivery(name="bob", pending=3, overflowed=3),
    )


def test_a_long_queue_is_kept_full_within_a_hundredth(store: Any) -> None:
    for name in ("bob", "alice"):
        store.subscribe(Subscription(name=name))
    for part in range(60):
        notify(store, *(a_notice(part * 10 + n, name) for n in range(10) for name in ("bob", "alice")), limit=500)

        for one in store.deliveries():
            assert one.pending + one.overflowed == part * 10 + 10
            assert one.pending <= 500
            assert one.pending >= min(495, part * 10 + 10)
    assert waiting(store, limit=1000)[-1] == "bob-599"


def test_a_delivery_that_is_noted_leaves_the_count_of_those_that_gave_way(store: Any) -> None:
    store.subscribe(Subscription(name="bob"))
    before = Delivery(name="bob", delivered=1)
    notify(store, *(a_notice(number) for number in range(5)), limit=3)

    store.settle_notices(before, ("bob-2",))

    assert store.deliveries() == (Delivery(name="bob", pending=2, delivered=1, overflowed=2),)


def test_the_store_keeps_until_when_dates_are_announced(store: Any) -> None:
    assert store.announced_until() is None
    store.note_announced(NOW)
    store.note_announced(NOW + 5)
    assert store.announced_until() == NOW + 5
