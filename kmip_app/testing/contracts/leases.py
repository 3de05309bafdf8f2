"""What every keeper of leases promises (`kmip_core.ports.leases`); wanted: a fixture `opener`, an `Opener`."""

import threading
from typing import Any

from kmip_app.testing.contracts.samples import NOW
from kmip_app.testing.contracts.storage.support import store  # noqa: F401


def test_one_holder_has_a_lease_until_its_time_is_over(store: Any) -> None:
    assert store.lease("work", "one", NOW, 60)
    assert not store.lease("work", "two", NOW + 59, 60)
    assert store.lease("other work", "two", NOW, 60)
    assert store.lease("work", "two", NOW + 60, 60)
    assert not store.lease("work", "one", NOW + 61, 60)


def test_a_holder_renews_its_lease(store: Any) -> None:
    assert store.lease("work", "one", NOW, 60)
    assert store.lease("work", "one", NOW + 30, 60)
    assert not store.lease("work", "two", NOW + 80, 60)


def test_a_lease_is_given_up_by_its_holder_alone(store: Any) -> None:
    store.lease("work", "one", NOW, 60)

    store.give_up("work", "two")
    assert not store.lease("work", "two", NOW, 60)
    store.give_up("work", "one")
    assert store.lease("work", "two", NOW, 60)


def test_of_many_that_ask_at_once_one_gets_the_lease(store: Any) -> None:
    got: list[str] = []

    def ask(holder: str) -> None:
        if store.lease("work", holder, NOW, 60):
            got.append(holder)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 1
