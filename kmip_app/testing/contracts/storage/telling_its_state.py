"""A store that tells its state tells another one after each change of objects, by whomever."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from kmip_app.testing.contracts.samples import a_key, admitted, content
from kmip_app.testing.contracts.storage.support import Opener, Store, durable, found, put
from kmip_core.enums import State


def _change_attributes(work: Any) -> None:
    before = work.find("k1")
    work.save(evolve(before, attributes=before.attributes.but(state=State.ACTIVE)))


def _replace_content(work: Any) -> None:
    work.save(work.find("k1"), content(b"2" * 16))


def _erase_content(work: Any) -> None:
    before = work.find("k1")
    work.save(evolve(before, attributes=before.attributes.but(state=State.DESTROYED), has_content=False))


CHANGES = [
    pytest.param(lambda work: work.add(a_key("k2"), content(b"1" * 16)), id="add"),
    pytest.param(_change_attributes, id="attributes"),
    pytest.param(_replace_content, id="content"),
    pytest.param(_erase_content, id="erasure"),
    pytest.param(lambda work: work.remove("k1"), id="removal"),
]


def _is_another(before: object | None, after: object | None) -> bool:
    return before is None or before != after


@pytest.mark.parametrize("change", CHANGES)
def test_the_state_is_another_one_after_a_change(store: Store, change: Callable[[Any], None]) -> None:
    put(store, a_key("k1"))
    found(store, "k1")
    before = store.state()

    with store.unit_of_work() as work:
        change(work)
        work.commit()

    assert _is_another(before, store.state())


@pytest.mark.parametrize("change", CHANGES)
def test_the_state_is_another_one_after_another_servers_change(opener: Opener, change: Callable[[Any], None]) -> None:
    here = durable(opener)
    elsewhere = opener()
    put(here, a_key("k1"))
    for each in (here, elsewhere):
        found(each, "k1")
    before = here.state()

    with elsewhere.unit_of_work() as work:
        change(work)
        work.commit()

    assert _is_another(before, here.state())
    for each in (here, elsewhere):
        each.close()


def test_the_state_is_the_same_while_nothing_is_committed(store: Store) -> None:
    put(store, a_key("k1"))
    found(store, "k1")
    before = store.state()

    for _ in range(3):
        with store.unit_of_work() as work:
            work.content(admitted(work.find("k1")))
            _change_attributes(work)  # discarded

    assert store.state() == before


def test_a_store_that_never_tells_its_state_says_so(store: Store) -> None:
    put(store, a_key("k1"))
    found(store, "k1")

    assert store.tells_state == (store.state() is not None)


def test_what_was_found_before_a_store_was_closed_is_of_another_state(opener: Opener) -> None:
    store = opener()
    put(store, a_key("k1"))
    found(store, "k1")
    before = store.state()
    store.close()

    assert _is_another(before, store.state())
