"""Units of work and the content of objects."""

import threading

import pytest
from attrs import evolve

from kmip_app.testing.contracts.samples import (
    a_key,
    a_name,
    admitted,
    content,
    criterion,
    query,
)
from kmip_app.testing.contracts.storage.support import (
    Store,
    an_audit_record,
    found,
    located,
    present,
    put,
)
from kmip_core.enums import (
    ResultReason,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange

# --- units of work --------------------------------------------------------------------------------------------------


def test_an_added_object_is_found(store: Store) -> None:
    put(store, a_key("k1"))

    with store.unit_of_work() as work:
        managed_object = work.find("k1")
        assert evolve(a_key("k1"), version=1) == managed_object
        assert content() == work.content(admitted(managed_object))


def test_an_object_that_is_not_there_is_none(store: Store) -> None:
    assert found(store, "nothing") is None


def test_leaving_without_commit_discards(store: Store) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        assert work.has_writes

    assert found(store, "k1") is None


def test_reading_is_no_write(store: Store) -> None:
    put(store, a_key("k1"))

    with store.unit_of_work() as work:
        work.find("k1")
        work.locate(query())

        assert not work.has_writes


def test_a_unit_of_work_sees_its_own_writes(store: Store) -> None:
    put(store, a_key("old"), a_key("gone"), a_key("changed", names=(a_name("a"),)))

    with store.unit_of_work() as work:
        work.add(a_key("new", names=(a_name("a"),)), content(b"n" * 16))
        changed = work.find("changed")
        work.save(evolve(changed, attributes=evolve(changed.attributes, names=(a_name("b"),))))
        work.remove("gone")

        assert content(b"n" * 16) == work.content(admitted(work.find("new")))
        assert content() == work.content(admitted(work.find("changed")))
        assert work.find("gone") is None
        assert work.locate(query()).unique_identifiers == ("new", "changed", "old")
        assert work.locate(query(criterion("names", a_name("a")))).unique_identifiers == ("new",)
        assert work.locate(query(criterion("names", a_name("b")))).unique_identifiers == ("changed",)
        page = work.locate(query(offset_items=1, maximum_items=1))
        assert (page.unique_identifiers, page.located_items) == (("changed",), 3)


def test_others_see_writes_only_after_commit(store: Store) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        assert found(store, "k1") is None
        work.commit()
        assert present(store, "k1")


def test_a_unit_of_work_reads_one_instant(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))

    with store.unit_of_work() as work:
        work.find("k1")
        with store.unit_of_work() as other:
            other.remove("k2")
            other.add(a_key("k3"), content())
            other.commit()

        assert work.find("k2") is not None
        assert work.locate(query()).unique_identifiers == ("k2", "k1")
    assert located(store, query()) == ("k3", "k1")


def test_a_saved_change_raises_the_version(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        work.save(evolve(work.find("k1"), archived=True))
        work.commit()

    assert evolve(a_key("k1"), version=2, archived=True) == present(store, "k1")


def test_two_saves_in_one_unit_of_work_are_one_change(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        for comment in ("first", "second"):
            read = work.find("k1")
            work.save(evolve(read, attributes=evolve(read.attributes, comment=comment)))
        work.commit()

    assert (present(store, "k1").version, present(store, "k1").attributes.comment) == (2, "second")


def test_a_save_after_another_is_refused_and_changes_nothing(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))
    with store.unit_of_work() as late:
        stale, other = late.find("k1"), late.find("k2")
        with store.unit_of_work() as work:
            work.save(evolve(work.find("k1"), archived=True))
            work.commit()
        late.save(evolve(other, archived=True))
        late.save(evolve(stale, has_content=False))
        late.add(a_key("k3"), content())
        late.record(an_audit_record(1))

        with pytest.raises(ConcurrentChange):
            late.commit()
    assert not present(store, "k2").archived
    assert present(store, "k1").has_content
    assert found(store, "k3") is None
    assert store.pending_records() == ()


def test_a_commit_that_was_handed_over_is_there_once_its_result_is(store: Store) -> None:
    known = threading.Event()
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.record(an_audit_record(1))
        commitment = work.hand_over()
    commitment.add_done_callback(known.set)
    commitment.wait()

    assert known.wait(120)
    assert commitment.is_done
    commitment.result()
    assert present(store, "k1")
    assert store.pending_records() == (an_audit_record(1),)


def test_nothing_handed_over_is_known_at_once(store: Store) -> None:
    with store.unit_of_work() as work:
        work.find("k1")
        commitment = work.hand_over()

        assert commitment.is_done
        commitment.result()


def test_of_many_handed_over_at_once_only_the_first_of_a_name_is_kept(store: Store) -> None:
    commitments = []
    for number in range(40):
        with store.unit_of_work() as work:
            work.add(a_key(f"k{number % 30}", owner=f"owner {number}"), content())
            work.add(a_key(f"beside {number}"), content())
            commitments.append(work.hand_over())
    outcomes = []
    for commitment in commitments:
        try:
            commitment.result()
        except ConcurrentChange:
            outcomes.append(False)
        else:
            outcomes.append(True)

    assert outcomes == [True] * 30 + [False] * 10
    assert [present(store, f"k{number}").owner for number in range(30)] == [f"owner {n}" for n in range(30)]
    assert [found(store, f"beside {number}") is not None for number in range(40)] == outcomes
    assert located(store, query(maximum_items=2)) == ("beside 29", "beside 28")


def test_a_removal_after_another_is_refused(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as late:
        late.remove("k1")
        with store.unit_of_work() as work:
            work.save(evolve(work.find("k1"), archived=True))
            work.commit()

        with pytest.raises(ConcurrentChange):
            late.commit()


def test_a_save_of_what_was_removed_is_refused(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as late:
        stale = late.find("k1")
        with store.unit_of_work() as work:
            work.remove("k1")
            work.commit()
        late.save(evolve(stale, archived=True))

        with pytest.raises(ConcurrentChange):
            late.commit()
    assert found(store, "k1") is None


def test_an_identifier_is_given_once(store: Store) -> None:
    put(store, a_key("k1"))

    with pytest.raises(ConcurrentChange):
        put(store, a_key("k1", owner="bob"))
    assert present(store, "k1").owner == "alice"


def test_a_removed_object_leaves_no_trace(store: Store) -> None:
    put(store, a_key("k1", names=(a_name("a"),)))
    with store.unit_of_work() as work:
        work.remove("k1")
        work.commit()

    assert found(store, "k1") is None
    assert located(store, query(criterion("names", a_name("a")))) == ()
    put(store, a_key("k1"))
    assert located(store, query(criterion("names", a_name("a")))) == ()


def test_an_object_added_and_removed_in_one_unit_of_work_leaves_no_trace(store: Store) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.remove("k1")
        assert work.find("k1") is None
        work.commit()

    assert found(store, "k1") is None


# --- content --------------------------------------------------------------------------------------------------------


def test_content_is_kept_when_attributes_change(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        work.save(evolve(work.find("k1"), archived=True))
        work.commit()

    with store.unit_of_work() as work:
        assert content() == work.content(admitted(evolve(work.find("k1"), archived=False)))


def test_content_is_replaced_by_a_save_that_brings_some(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        work.save(work.find("k1"), content(b"n" * 32))
        assert content(b"n" * 32) == work.content(admitted(work.find("k1")))
        work.commit()

    with store.unit_of_work() as work:
        assert content(b"n" * 32) == work.content(admitted(work.find("k1")))


def test_erased_content_is_gone(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        read = work.find("k1")
        destroyed = evolve(read.attributes, state=State.DESTROYED)
        work.save(evolve(read, has_content=False, attributes=destroyed))
        with pytest.raises(KmipError) as before:
            work.content(admitted(work.find("k1")))
        work.commit()

    with store.unit_of_work() as work, pytest.raises(KmipError) as after:
        work.content(admitted(work.find("k1")))
    assert ResultReason.OBJECT_DESTROYED == before.value.reason == after.value.reason


def test_an_object_registered_without_its_key_value_has_no_content(store: Store) -> None:
    put(store, evolve(a_key("k1"), has_content=False))

    with store.unit_of_work() as work, pytest.raises(KmipError) as refused:
        work.content(admitted(work.find("k1")))
    assert refused.value.reason == ResultReason.KEY_VALUE_NOT_PRESENT
