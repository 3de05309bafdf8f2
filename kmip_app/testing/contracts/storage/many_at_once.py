"""The outbox, and several users of one store at once."""

import functools
import threading
from collections.abc import Callable

from attrs import evolve

from kmip_app.testing.contracts.samples import (
    a_key,
    query,
)
from kmip_app.testing.contracts.storage.support import (
    Store,
    an_audit_record,
    located,
    present,
    put,
)
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange

# --- outbox ---------------------------------------------------------------------------------------------------------


def test_records_are_pending_until_acknowledged(store: Store) -> None:
    with store.unit_of_work() as work:
        work.record(an_audit_record(1))
        assert work.has_writes
        work.record(an_audit_record(2))
        assert store.pending_records() == ()
        work.commit()

    assert (an_audit_record(1), an_audit_record(2)) == store.pending_records()
    store.acknowledge("record-1")
    assert (an_audit_record(2),) == store.pending_records()
    put(store, a_key("k1"))
    assert (an_audit_record(2),) == store.pending_records()


# --- many at once ---------------------------------------------------------------------------------------------------


def at_once(*tasks: Callable[[], None]) -> list[BaseException | None]:
    """Run the tasks in threads that start together; return what each raised."""
    barrier = threading.Barrier(len(tasks))
    raised: list[BaseException | None] = [None] * len(tasks)

    def run(number: int) -> None:
        barrier.wait(120)
        try:
            tasks[number]()
        except (ConcurrentChange, KmipError, AssertionError) as error:
            raised[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return raised


def test_of_two_changes_to_one_object_one_wins(store: Store) -> None:
    for number in range(50):
        put(store, a_key(f"k{number}"))

        together = threading.Barrier(2)

        def change(comment: str, unique_identifier: str = f"k{number}", together: threading.Barrier = together) -> None:
            with store.unit_of_work() as work:
                read = work.find(unique_identifier)
                work.save(evolve(read, attributes=evolve(read.attributes, comment=comment)))
                together.wait(120)
                work.commit()

        raised = at_once(lambda: change("a"), lambda: change("b"))

        assert sorted(map(type, raised), key=str) == [type(None), ConcurrentChange] or sorted(
            map(type, raised), key=str
        ) == [ConcurrentChange, type(None)]
        winner = "a" if raised[0] is None else "b"
        assert (2, winner) == (present(store, f"k{number}").version, present(store, f"k{number}").attributes.comment)


def test_a_counter_under_many_users_loses_no_step(store: Store) -> None:
    put(store, a_key("k1", lease_time=0))

    def step() -> None:
        while True:
            with store.unit_of_work() as work:
                read = work.find("k1")
                work.save(evolve(read, attributes=evolve(read.attributes, lease_time=read.attributes.lease_time + 1)))
                try:
                    work.commit()
                except ConcurrentChange:
                    continue
                return

    assert at_once(*[step] * 16) == [None] * 16
    assert present(store, "k1").attributes.lease_time == 16


def test_many_add_at_once_and_nothing_is_lost(store: Store) -> None:
    def add(thread: int) -> None:
        for number in range(5):
            put(store, a_key(f"k{thread}-{number}"))

    assert at_once(*(functools.partial(add, thread) for thread in range(64))) == [None] * 64
    assert len(located(store, query())) == 64 * 5
