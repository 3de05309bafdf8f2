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
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork
from kmip_app.testing.contracts.samples import a_key, content
from kmip_app.testing.contracts.storage.support import an_audit_record
from kmip_core.creation_rules import Constraint
from kmip_core.enums import State
from kmip_core.ports.storage import ConcurrentChange

HANG = 60.0


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


def held(store: SqlStorage) -> tuple[int, int]:
    """Return the objects of their owner as they are noted, and as they are counted."""
    holdings, key = store.database.statements.holdings, store.open_index_key()
    noted = store.submit(partial(holdings.read, owner="alice", key=key))
    return noted.objects, store.submit(partial(holdings.counted, owner="alice")).objects


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

        assert held(store) == (6 * at_once, 6 * at_once)


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
