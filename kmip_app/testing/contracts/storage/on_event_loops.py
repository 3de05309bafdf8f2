"""On the thread of an event loop nothing is waited for: reads are begun, and find what any other thread would."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

import pytest
from attrs import evolve

from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content, criterion, query
from kmip_app.testing.contracts.storage.support import Opener, Store, durable, present, put
from kmip_core.enums import State
from kmip_core.ports.steps import Pace, Pending
from kmip_core.ports.storage import Read, ReadBegun, TakesLong

T = TypeVar("T")

LONG = 120.0  # seconds until a test gives up


async def _done(pending: Pending) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    pending.add_done_callback(lambda: loop.call_soon_threadsafe(done.set))
    await asyncio.wait_for(done.wait(), LONG)


async def _attempt(store: Store, use: Callable[[Any], T], between: Callable[[int], object] = lambda number: None) -> T:
    """Return what `use` does with a unit of work, on the loop as the engine does it; begins again if a thread must.

    between: called when a read was begun, with the number of those before, and done.
    """
    give_up = time.monotonic() + LONG
    read: Read | None = None
    begun = 0
    while True:
        try:
            with (read or store).unit_of_work(Pace.QUICK) as work:
                return use(work)
        except ReadBegun as waiting:
            read = waiting.read
            await _done(read)
            between(begun)
            begun += 1
        except TakesLong:  # there is no connection for the loop yet, or the machine is busy
            assert time.monotonic() < give_up
            read, begun = None, 0
            await asyncio.sleep(0.01)


def _change(store: Store, state: State, *identifiers: str) -> None:
    with store.unit_of_work() as work:
        for identifier in identifiers:
            before = work.find(identifier)
            work.save(evolve(before, attributes=before.attributes.but(state=state)))
        work.commit()


def _state(work: Any, identifier: str) -> State | None:
    found = work.find(identifier)
    return None if found is None else found.attributes.state


def test_an_event_loop_reads_what_there_is(store: Store) -> None:
    put(store, a_key("k1", names=(a_name("one"),)), key=b"1" * 16)
    named = query(criterion("names", a_name("one")))

    async def read() -> None:
        assert await _attempt(store, lambda work: work.find("k0")) is None
        assert await _attempt(store, lambda work: work.content(admitted(work.find("k1")))) == content(b"1" * 16)
        assert (await _attempt(store, lambda work: work.locate(named))).unique_identifiers == ("k1",)
        several = [_attempt(store, lambda work: work.find("k1").unique_identifier) for _ in range(20)]
        assert await asyncio.gather(*several) == ["k1"] * 20

    asyncio.run(read())


def test_an_event_loop_reads_what_was_committed_before_it_asked(opener: Opener) -> None:
    store, other = durable(opener), opener()
    try:
        put(store, a_key("k1"))

        async def read() -> None:
            for state in (State.ACTIVE, State.DEACTIVATED, State.COMPROMISED) * 4:
                for writer in (store, other):
                    await asyncio.get_running_loop().run_in_executor(None, _change, writer, State.PRE_ACTIVE, "k1")
                    assert await _attempt(store, lambda work: _state(work, "k1")) is State.PRE_ACTIVE
                    await asyncio.get_running_loop().run_in_executor(None, _change, writer, state, "k1")
                    assert await _attempt(store, lambda work: _state(work, "k1")) is state

        asyncio.run(read())
    finally:
        other.close()
        store.close()


def test_all_that_a_unit_of_work_reads_on_an_event_loop_is_of_one_instant(opener: Opener) -> None:
    store, other = durable(opener), opener()
    try:
        put(store, a_key("k1"), a_key("k2"), a_key("k3"))
        states = (State.ACTIVE, State.DEACTIVATED, State.COMPROMISED)

        def change(number: int) -> None:
            _change(other, states[number % 3], "k1", "k2", "k3")

        async def read() -> None:
            for _ in range(4):
                found = await _attempt(store, lambda work: [_state(work, f"k{n}") for n in (1, 2, 3)], change)
                assert len(set(found)) == 1

        asyncio.run(read())
    finally:
        other.close()
        store.close()


def test_an_event_loop_commits_what_it_has_read_and_changed(store: Store) -> None:
    put(store, a_key("k1"))

    def activate(work: Any) -> Any:
        before = work.find("k1")
        work.save(evolve(before, attributes=before.attributes.but(state=State.ACTIVE)))
        return work.hand_over()

    async def change() -> None:
        commitment = await _attempt(store, activate)
        if not commitment.is_done:
            await _done(commitment)
        commitment.result()
        assert await _attempt(store, lambda work: _state(work, "k1")) is State.ACTIVE

    asyncio.run(change())


def test_only_a_store_that_may_wait_refuses_brief_work_on_an_event_loop(store: Store) -> None:
    """It would hold the event loop up; a store that never waits is read at once, in whatever thread."""
    put(store, a_key("k1"))

    async def read() -> None:
        for _ in range(20):
            expected = pytest.raises(TakesLong) if store.blocking else nullcontext()
            with store.unit_of_work(Pace.BRIEF) as work, expected:
                assert work.find("k1") is not None
            await asyncio.sleep(0.01)

    asyncio.run(read())


def test_work_that_may_take_long_waits_on_an_event_loop_too(store: Store) -> None:
    put(store, a_key("k1"))

    async def change() -> None:
        _change(store, State.ACTIVE, "k1")

    asyncio.run(change())
    assert present(store, "k1").attributes.state is State.ACTIVE


def test_work_that_may_take_long_ends_in_another_thread_than_it_began_in(store: Store) -> None:
    """As a batch that has let others run."""
    put(store, a_key("k1"))
    work = store.unit_of_work()
    begun = work.__enter__()
    found = begun.find("k1")
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work.__exit__, None, None, None).result()
    assert found is not None


def test_a_caller_that_holds_its_event_loop_up_gets_what_was_read(store: Store) -> None:
    put(store, a_key("k1"))

    async def read() -> str:
        assert await _attempt(store, lambda work: work.find("k1")) is not None  # there is a connection by now
        try:
            return _identifier_of_k1(store)
        except ReadBegun as begun:
            begun.read.wait()
            return _identifier_of_k1(begun.read)
        except TakesLong:
            return await asyncio.to_thread(lambda: str(present(store, "k1").unique_identifier))

    assert asyncio.run(read()) == "k1"


def _identifier_of_k1(place: Any) -> str:
    with place.unit_of_work(Pace.QUICK) as work:
        return str(work.find("k1").unique_identifier)


def test_event_loops_of_several_threads_read_side_by_side_and_one_after_another(store: Store) -> None:
    put(store, a_key("k1"))

    async def read() -> str:
        return await _attempt(store, lambda work: str(work.find("k1").unique_identifier))

    async def in_threads() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(asyncio.run, read()) for _ in range(3)))

    assert asyncio.run(in_threads()) == ["k1"] * 3
    assert asyncio.run(read()) == "k1"
