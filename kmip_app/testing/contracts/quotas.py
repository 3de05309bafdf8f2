"""What every store promises of quotas (`kmip_core.ports.storage`); wanted: a fixture `make`, a `Make`.

A store is given a function that looks up what an owner may have, a `Quota`. What an owner has is counted by commits:
one that would go beyond the quota is refused whole, with the reason Server Limit Exceeded.
"""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.storage.quotas import Quota
from kmip_app.testing.contracts.samples import a_key, a_name, content, query
from kmip_app.testing.contracts.storage.support import located, put
from kmip_core.enums import ResultReason, State
from kmip_core.errors import KmipError

Make = Callable[[Callable[[str], Quota]], Any]
"""Opens the store of a test, again and again on the same data if it is durable, with what looks up quotas."""

NAMES_OF_KIB: Final = tuple(a_name("n" * 1_000 + str(number)) for number in range(4))
"""Names that make an object larger by about a kilobyte each."""


def opened(make: Make, **quota: float) -> Iterator[Any]:
    store = make(lambda _: Quota(**quota))
    yield store
    store.close()


@pytest.fixture
def of_three(make: Make) -> Iterator[Any]:
    """A store in which each owner may have three objects."""
    yield from opened(make, objects=3)


@pytest.fixture
def of_bytes(make: Make) -> Iterator[Any]:
    """A store in which each owner may have some kilobytes."""
    yield from opened(make, stored_bytes=4_000)


def refused(store: Any, *objects: Any) -> None:
    with pytest.raises(KmipError) as refusal:
        put(store, *objects)
    assert refusal.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


def change(store: Any, identifier: str, **attributes: Any) -> None:
    with store.unit_of_work() as work:
        found = work.find(identifier)
        work.save(evolve(found, attributes=evolve(found.attributes, **attributes)))
        work.commit()


def test_one_object_more_than_the_quota_is_refused_and_nothing_of_it_is_kept(of_three: Any) -> None:
    put(of_three, a_key("1"), a_key("2"))
    refused(of_three, a_key("3"), a_key("4"))
    put(of_three, a_key("3"))
    refused(of_three, a_key("4"))

    assert located(of_three, query()) == ("3", "2", "1")
    assert getattr(of_three, "quota_refusals", 2) == 2  # a count for operators that a store may lack


def test_each_owner_has_a_quota_of_its_own(of_three: Any) -> None:
    put(of_three, *(a_key(str(number)) for number in range(3)))
    put(of_three, a_key("b", owner="bob"))

    refused(of_three, a_key("c", owner="carol"), a_key("a"))


def test_a_removed_object_makes_room(of_three: Any) -> None:
    put(of_three, *(a_key(str(number)) for number in range(3)))
    with of_three.unit_of_work() as work:
        work.remove("1")
        work.add(a_key("4"), content())
        work.commit()

    refused(of_three, a_key("5"))


def test_of_many_commits_at_once_exactly_the_quota_is_kept(make: Make) -> None:
    for store in opened(make, objects=20):
        reasons: list[Any] = []

        def add(number: int, store: Any = store, reasons: list[Any] = reasons) -> None:
            try:
                put(store, a_key(str(number), owner=("alice", "bob")[number % 2]))
            except KmipError as error:
                reasons.append(error.reason)

        threads = [Thread(target=add, args=(number,)) for number in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert reasons == [ResultReason.SERVER_LIMIT_EXCEEDED] * 20
        with store.unit_of_work() as work:
            kept = [work.find(str(number)) for number in range(60)]
        owners = [found.owner for found in kept if found is not None]
        assert (owners.count("alice"), owners.count("bob")) == (20, 20)


def test_an_object_that_is_too_large_for_the_room_is_refused(of_bytes: Any) -> None:
    put(of_bytes, a_key("1", names=NAMES_OF_KIB[:1]))
    refused(of_bytes, a_key("2", names=NAMES_OF_KIB[:3]))

    put(of_bytes, a_key("2", names=NAMES_OF_KIB[1:2]))


def test_attributes_that_grow_are_counted(of_bytes: Any) -> None:
    put(of_bytes, a_key("1"))
    change(of_bytes, "1", names=NAMES_OF_KIB[:2])
    with pytest.raises(KmipError) as refusal:
        change(of_bytes, "1", names=NAMES_OF_KIB)

    assert refusal.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    with of_bytes.unit_of_work() as work:
        assert work.find("1").attributes.names == NAMES_OF_KIB[:2]


def test_a_full_quota_lets_a_client_revoke_shrink_and_remove(make: Make) -> None:
    quota = [Quota()]
    store = make(lambda _: quota[0])
    put(store, a_key("1", names=NAMES_OF_KIB), a_key("2"))
    quota[0] = Quota(stored_bytes=1, objects=1)
    change(store, "1", state=State.COMPROMISED, compromise_date=5)
    change(store, "1", names=NAMES_OF_KIB[:2])
    with pytest.raises(KmipError):
        change(store, "1", names=NAMES_OF_KIB[:3])
    with store.unit_of_work() as work:
        work.remove("1")
        work.commit()

    refused(store, a_key("3"))
    store.close()


def test_what_is_not_committed_takes_no_room(of_three: Any) -> None:
    for number in range(5):
        with of_three.unit_of_work() as work:
            work.add(a_key(f"dropped {number}"), content())

    put(of_three, a_key("1"), a_key("2"), a_key("3"))
    assert located(of_three, query()) == ("3", "2", "1")


def test_a_refused_commit_takes_no_room(of_three: Any) -> None:
    for _ in range(3):
        refused(of_three, *(a_key(str(number)) for number in range(4)))

    put(of_three, a_key("1"), a_key("2"), a_key("3"))


def test_what_an_owner_has_is_known_when_the_store_is_opened_again(make: Make) -> None:
    store = make(lambda _: Quota(objects=3))
    is_durable = store.is_durable
    put(store, a_key("1"), a_key("2"))
    store.close()
    if not is_durable:
        pytest.skip("this store says that it forgets")

    store = make(lambda _: Quota(objects=3))
    refused(store, a_key("3"), a_key("4"))
    put(store, a_key("3"))
    refused(store, a_key("4"))
    store.close()
