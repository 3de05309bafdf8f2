"""Queues and pools that identities share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.fair_queue import FairPool, RotatingQueue


def test_keys_take_turns_and_each_keeps_its_order() -> None:
    queue: RotatingQueue[str] = RotatingQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        queue.put(item[0], item)

    taken = [queue.take() for _ in range(len(queue))]

    assert taken == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert len(queue) == 0
    with pytest.raises(LookupError):
        queue.take()


@given(st.lists(st.sampled_from("aabbbc"), max_size=40))
def test_nothing_is_lost_and_nothing_is_taken_twice(keys: list[str]) -> None:
    queue: RotatingQueue[int] = RotatingQueue()
    for number, key in enumerate(keys):
        queue.put(key, number)

    taken = [queue.take() for _ in range(len(queue))]

    assert sorted(taken) == list(range(len(keys)))
    for key in set(keys):
        mine = [number for number in taken if keys[number] == key]
        assert mine == sorted(mine)


def begin_all(pool: FairPool[str]) -> list[str]:
    begun = []
    while (taken := pool.take()) is not None:
        begun.append(taken[1])
    return begun


def test_an_identity_alone_has_all_places_but_the_reserve() -> None:
    pool: FairPool[str] = FairPool(8, reserve=2)
    for number in range(20):
        pool.put("hog", f"hog {number}")

    assert len(begin_all(pool)) == 6
    pool.put("other", "other 1")
    assert begin_all(pool) == ["other 1"]


def test_an_identity_has_a_quarter_while_others_wait() -> None:
    pool: FairPool[str] = FairPool(8)
    for number in range(20):
        pool.put("hog", f"hog {number}")
    for name in "bcdefg":
        pool.put(name, name)

    assert begin_all(pool) == ["hog 0", "b", "c", "d", "e", "f", "g", "hog 1"]


def test_freed_places_go_to_those_below_their_share_first() -> None:
    pool: FairPool[str] = FairPool(4)
    for number in range(8):
        pool.put("hog", f"hog {number}")
    assert begin_all(pool) == [f"hog {number}" for number in range(4)]
    for name in ("b1", "b2", "c1"):
        pool.put(name[0], name)

    order = []
    for _ in range(3):
        pool.give_back("hog")
        order += begin_all(pool)

    assert order == ["b1", "c1", "b2"] or order == ["b1", "c1", "hog 4"]
    assert pool.running == 4


def test_a_pool_of_one_place_serves_all_in_turn() -> None:
    pool: FairPool[str] = FairPool(1)
    pool.put("a", "a1")
    pool.put("a", "a2")
    pool.put("b", "b1")

    order = []
    for key in ("a", "b", "a"):
        order += begin_all(pool)
        pool.give_back(key)

    assert order == ["a1", "b1", "a2"]
    assert pool.running == pool.waiting == pool.running_of("a") == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60), st.integers(0, 7))
def test_work_that_begins_at_once_is_what_would_have_been_taken(steps: list[tuple[str, bool]], reserve: int) -> None:
    at_once: FairPool[str] = FairPool(8, reserve=reserve)
    by_queue: FairPool[str] = FairPool(8, reserve=reserve)
    for key, ends in steps:
        begun: list[str] = []
        if not ends:
            by_queue.put(key, key)
            if at_once.begin(key):
                begun.append(key)
            else:
                at_once.put(key, key)
        elif by_queue.running_of(key):
            by_queue.give_back(key)
            at_once.give_back(key)

        assert begin_all(by_queue) == begun + begin_all(at_once)
        assert (at_once.running, at_once.waiting) == (by_queue.running, by_queue.waiting)
        assert [at_once.running_of(one) for one in "abc"] == [by_queue.running_of(one) for one in "abc"]
