"""Objects that are read again and again are as they were committed last, by whomever."""

from attrs import evolve

from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content, criterion, query
from kmip_app.testing.contracts.storage.support import Opener, Store, durable, found, present, put
from kmip_core.enums import State
from kmip_core.objects import ManagedObject
from kmip_core.ports.storage import ConcurrentChange

OFTEN = 4


def _read_often(store: Store, *identifiers: str) -> None:
    for _ in range(OFTEN):
        for identifier in identifiers:
            found(store, identifier)


def _change(store: Store, identifier: str, state: State = State.ACTIVE) -> ManagedObject:
    with store.unit_of_work() as work:
        before = work.find(identifier)
        work.save(evolve(before, attributes=before.attributes.but(state=state)))
        work.commit()
    return present(store, identifier)


def test_an_object_that_is_read_often_is_as_it_was_changed_last(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))

    for state in (State.ACTIVE, State.DEACTIVATED, State.COMPROMISED):
        _read_often(store, "k1", "k2")
        _change(store, "k1", state)

        assert present(store, "k1").attributes.state is state
        assert present(store, "k2").attributes.state is not state


def test_an_object_that_is_read_often_is_gone_once_it_is_removed(store: Store) -> None:
    put(store, a_key("k1"))
    _read_often(store, "k1")

    with store.unit_of_work() as work:
        work.remove("k1")
        work.commit()

    assert found(store, "k1") is None


def test_another_content_is_read_once_it_is_there(store: Store) -> None:
    put(store, a_key("k1"))
    for key in (b"1" * 16, b"2" * 16):
        _read_often(store, "k1")
        with store.unit_of_work() as work:
            work.save(work.find("k1"), content(key))
            work.commit()

        with store.unit_of_work() as work:
            assert work.content(admitted(work.find("k1"))) == content(key)


def test_a_change_by_another_server_on_the_database_is_read(opener: Opener) -> None:
    here = durable(opener)
    elsewhere = opener()
    put(here, a_key("k1"), a_key("k2"))

    for state in (State.ACTIVE, State.DEACTIVATED):
        _read_often(here, "k1", "k2")
        _read_often(elsewhere, "k1", "k2")
        _change(elsewhere, "k1", state)

        assert present(here, "k1").attributes.state is state
    for each in (here, elsewhere):
        each.close()


def test_all_that_a_unit_of_work_reads_is_of_one_instant(store: Store) -> None:
    """One that cannot read more of its instant, since others have changed the objects, is run again."""
    put(store, a_key("k1"), a_key("k2"))
    _read_often(store, "k1", "k2")

    with store.unit_of_work() as work:
        first = work.find("k1")
        _change(store, "k1")
        _change(store, "k2")
        try:
            second = work.find("k2")
            located = work.locate(query(criterion("state", State.ACTIVE))).unique_identifiers
        except ConcurrentChange:
            return
        assert first.attributes.state is second.attributes.state
        assert located == ()


def test_a_search_is_of_the_instant_of_the_object_that_was_found_before(store: Store) -> None:
    put(store, a_key("k1"))
    _read_often(store, "k1")

    with store.unit_of_work() as work:
        work.find("k1")
        put(store, a_key("k2", names=(a_name("new"),)))
        try:
            located = work.locate(query(criterion("names", a_name("new")))).unique_identifiers
        except ConcurrentChange:
            return
        assert located == ()


def test_a_change_of_what_was_read_often_is_refused_if_others_came_first(store: Store) -> None:
    put(store, a_key("k1"))
    _read_often(store, "k1")

    with store.unit_of_work() as work:
        stale = work.find("k1")
        _change(store, "k1")
        work.save(evolve(stale, attributes=stale.attributes.but(state=State.COMPROMISED)))
        try:
            work.commit()
        except ConcurrentChange:
            pass
        else:
            raise AssertionError("a change was lost")

    assert present(store, "k1").attributes.state is State.ACTIVE
