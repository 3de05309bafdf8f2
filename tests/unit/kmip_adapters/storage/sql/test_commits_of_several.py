"""Commits that the writer takes together, and those of two processes in turn: what each leaves behind."""

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.quotas import Holdings, Quota
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork
from kmip_app.testing.contracts.samples import a_key, content
from kmip_app.testing.contracts.storage.support import an_audit_record
from kmip_core.creation_rules import Constraint
from kmip_core.enums import State
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange

HANG = 120.0


def opened(folder: Path) -> SqlStorage:
    return SqlStorage(f"sqlite:///{folder}/kmipd.db", partial(EnvelopeSealer, KeyFile(folder / "root.key")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    with closing(opened(tmp_path)) as store:
        yield store


def put(store: SqlStorage, *identifiers: str) -> None:
    """Commit new objects, by themselves if there is more than one change."""
    with store.unit_of_work() as work:
        for identifier in identifiers:
            work.add(a_key(identifier), content())
        work.commit()


def changing(store: SqlStorage, identifier: str) -> SqlUnitOfWork:
    """Return a unit of work that has collected a change of an object."""
    work = store.unit_of_work()
    assert isinstance(work, SqlUnitOfWork)
    found = work.find(identifier)
    assert found is not None
    work.save(evolve(found, attributes=found.attributes.but(state=State.ACTIVE)))
    return work


def destroy(store: SqlStorage, *identifiers: str) -> None:
    with store.unit_of_work() as work:
        for identifier in identifiers:
            found = work.find(identifier)
            assert found is not None
            gone = found.attributes.but(state=State.DESTROYED)
            work.save(evolve(found, has_content=False, attributes=gone))
        work.commit()


def test_of_changes_written_together_only_those_that_were_made_leave_their_records(store: SqlStorage) -> None:
    put(store, "key")
    works = [changing(store, "key"), changing(store, "key")]
    for number, work in enumerate(works):
        work.record(an_audit_record(number))
    gate = threading.Event()
    store.writer.hand_over(lambda cursor: gate.wait(HANG))

    commitments = [work.hand_over() for work in works]
    gate.set()

    commitments[0].result()
    with pytest.raises(ConcurrentChange):
        commitments[1].result()
    assert [record.record_id for record in store.pending_records()] == [an_audit_record(0).record_id]


@pytest.mark.parametrize("identifiers", [("one",), ("one", "two")], ids=["alone", "several"])
def test_whatever_erases_content_has_its_traces_removed(store: SqlStorage, identifiers: tuple[str, ...]) -> None:
    put(store, "one", "two")
    noted: list[bool] = []
    store._commit_services = evolve(store._commit_services, note_erased=lambda: noted.append(True))

    destroy(store, *identifiers)

    assert noted


def whole_holdings(store: SqlStorage) -> tuple[Holdings, Holdings]:
    """Return what the owner of all has, as it is noted and as it is counted."""
    holdings, key = store.database.statements.holdings, store.open_index_key()
    noted = store.submit(partial(holdings.read, owner="alice", key=key))
    return noted, store.submit(partial(holdings.counted, owner="alice"))


@pytest.mark.parametrize("at_once", [1, 2], ids=["alone", "several"])
def test_what_an_owner_has_is_counted_on_after_another_process_has_counted(
    store: SqlStorage, tmp_path: Path, at_once: int
) -> None:
    with closing(opened(tmp_path)) as other:
        for turn in range(3):
            for name, one in (("here", store), ("there", other)):
                made = [f"{name} {turn} {number}" for number in range(at_once)]
                put(one, *made)
                destroy(one, *made)

        noted, counted = whole_holdings(store)
        assert (noted, noted.objects) == (counted, 6 * at_once)


@pytest.mark.parametrize("at_once", [1, 2], ids=["alone", "several"])
def test_generations_go_on_after_those_of_another_process(store: SqlStorage, tmp_path: Path, at_once: int) -> None:
    begun = store.generation() or 0
    with closing(opened(tmp_path)) as other:
        for turn in range(3):
            for name, one in (("here", store), ("there", other)):
                made = [f"{name} {turn} {number}" for number in range(at_once)]
                put(one, *made)
                destroy(one, *made)

        assert (store.generation(), other.generation()) == (begun + 12, begun + 12)


def test_rules_that_are_collected_hold_for_new_objects_of_the_same_unit_of_work(store: SqlStorage) -> None:
    rule = Constraint(object_groups=("group",))
    with store.unit_of_work() as work:
        assert work.rules_for_new(Constraint) == ()
        work.save_rules(Constraint, (rule,))

        assert work.rules_for_new(Constraint) == (rule,)


def test_generations_of_several_changes_go_on_after_those_of_another_process(store: SqlStorage, tmp_path: Path) -> None:
    put(store, *(str(number) for number in range(8)))
    begun = store.generation() or 0
    with closing(opened(tmp_path)) as other:
        for turn, one in enumerate((store, other, store, other)):
            destroy(one, str(2 * turn), str(2 * turn + 1))  # two at once are not written with those of others

        assert store.generation() == begun + 4


def test_what_an_owner_has_is_less_by_an_object_that_is_removed(store: SqlStorage) -> None:
    put(store, "one", "two")
    with store.unit_of_work() as work:
        work.remove("one")
        work.commit()

    noted, counted = whole_holdings(store)
    assert (noted, noted.objects) == (counted, 1)


def test_a_quota_holds_for_objects_that_are_written_together(tmp_path: Path) -> None:
    make_sealer = partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    quota = Quota(objects=3)
    with closing(SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer, quota_of=lambda owner: quota)) as store:
        put(store, "one", "two")
        works = []
        for number in range(3):
            work = store.unit_of_work()
            work.add(a_key(f"more {number}"), content())
            works.append(work)
        gate = threading.Event()
        store.writer.hand_over(lambda cursor: gate.wait(HANG))
        commitments = [work.hand_over() for work in works]
        gate.set()

        commitments[0].result()
        for commitment in commitments[1:]:
            with pytest.raises(KmipError, match="3 objects"):
                commitment.result()
        noted, counted = whole_holdings(store)
        assert (noted, noted.objects) == (counted, 3)
