"""Turns on the loop: handshakes first, then first requests, then the rest, in bounded time."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from attrs import define

from kmip_adapters.transport import turns as module
from kmip_adapters.transport.turns import BACKLOG_SECONDS, HANDSHAKES_SECONDS, REQUESTS_SECONDS, Turns


@define
class Clock:
    """What the turns are measured by: it goes on while work is done, and at no other time."""

    now: float = 1_000.0

    def perf_counter(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", CLOCK)


@define
class Work:
    """A connection that writes down its turns, and takes some seconds for each."""

    name: str
    log: list[str]
    seconds: float = 0.0
    again: Callable[[], object] | None = None

    @property
    def identity(self) -> str:
        return self.name[0]

    def take_turn(self) -> None:
        self.log.append(self.name)
        CLOCK.now += self.seconds
        if self.again is not None:
            self.again()


def run(begin: Callable[[Turns, asyncio.AbstractEventLoop], None], until: Callable[[], bool]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        begin(Turns(loop), loop)
        while not until():
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 120))


def test_handshakes_come_first_then_first_requests_then_the_backlog() -> None:
    log: list[str] = []

    def begin(turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        turns.queue(Work("backlog", log), is_backlog=True)
        turns.queue(Work("first", log), is_backlog=False)
        turns.queue_handshake(Work("handshake", log))

    run(begin, lambda: len(log) == 3)

    assert log == ["handshake", "first", "backlog"]


def test_a_turn_of_the_loop_ends_when_its_time_is_over() -> None:
    log: list[str] = []

    def begin(turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        for number in range(4):
            turns.queue(Work(f"{number}", log, seconds=REQUESTS_SECONDS * 1.5), is_backlog=False)
        for _ in range(8):  # one in each turn of the loop
            loop.call_soon(log.append, "others")

        def go_on() -> None:
            log.append("others")
            if len([entry for entry in log if entry != "others"]) < 4:
                loop.call_soon(go_on)

        loop.call_soon(go_on)

    run(begin, lambda: "3" in log)

    places = [log.index(str(number)) for number in range(4)]
    assert all("others" in log[a:b] for a, b in itertools.pairwise(places))


def test_work_queued_during_a_turn_waits_for_the_next_turn() -> None:
    log: list[str] = []

    def begin(turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        greedy = Work("greedy", log)
        greedy.again = lambda: turns.queue(greedy, is_backlog=True)
        turns.queue(greedy, is_backlog=True)

        def look() -> None:
            log.append("loop")
            if log.count("loop") < 5:
                loop.call_soon(look)

        loop.call_soon(look)

    run(begin, lambda: log.count("loop") == 5)

    before_the_last_look = log[: len(log) - log[::-1].index("loop")]
    assert "greedy,greedy" not in ",".join(before_the_last_look)


def test_arrivals_may_be_served_at_once_until_the_time_of_the_turn_is_used_up() -> None:
    log: list[str] = []

    def begin(turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        served = 0
        while turns.has_time():
            Work("inline", [], seconds=REQUESTS_SECONDS / 4.5).take_turn()
            turns.latest = CLOCK.now
            served += 1
        assert served == 5
        turns.queue(Work("queued", log), is_backlog=False)
        assert not turns.has_time()

    run(begin, lambda: log == ["queued"])


class Loop:
    """An event loop whose turns are taken one by one, by the test."""

    def __init__(self) -> None:
        self.scheduled: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.scheduled.append(callback)

    def take_turn(self) -> None:
        """Run what is scheduled by now, after the loop has slept."""
        CLOCK.now += 1
        scheduled, self.scheduled = self.scheduled, []
        for callback in scheduled:
            callback()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def turns(loop: Loop) -> Turns:
    return Turns(loop)  # type: ignore[arg-type]  # has what turns use


def test_handshakes_that_wait_take_a_share_of_a_turn(turns: Turns, loop: Loop) -> None:
    """One is gone on with in any case, and requests are served in each turn."""
    log: list[str] = []
    for name in "abc":
        turns.queue_handshake(Work(name, log, seconds=HANDSHAKES_SECONDS * 0.6))
    turns.queue(Work("request", log), is_backlog=False)

    loop.take_turn()
    assert log == ["a", "b", "request"]
    loop.take_turn()
    assert log == ["a", "b", "request", "c"]
    assert loop.scheduled == []


def test_a_handshake_alone_has_a_turn_scheduled(turns: Turns, loop: Loop) -> None:
    log: list[str] = []
    turns.queue_handshake(Work("handshake", log))
    assert log == []

    loop.take_turn()
    assert log == ["handshake"]


def test_the_backlog_takes_less_of_a_turn_than_first_requests(turns: Turns, loop: Loop) -> None:
    log: list[str] = []
    for name in "abc":
        turns.queue(Work(name, log, seconds=BACKLOG_SECONDS * 0.6), is_backlog=False)
    for name in "xyz":
        turns.queue(Work(name, log, seconds=BACKLOG_SECONDS * 0.6), is_backlog=True)

    loop.take_turn()
    assert log == ["a", "b", "c"]
    loop.take_turn()
    assert log == ["a", "b", "c", "x", "y"]


def test_arrivals_that_come_one_close_upon_another_use_up_the_time_of_a_turn(turns: Turns) -> None:
    begin = CLOCK.now
    while turns.has_time():
        CLOCK.now += 0.0009
        assert CLOCK.now - begin < 1

    assert CLOCK.now - begin == pytest.approx(REQUESTS_SECONDS, abs=0.001)


def test_what_arrives_after_the_loop_has_slept_does_not_pass_what_waits(turns: Turns) -> None:
    turns.queue(Work("queued", []), is_backlog=False)
    CLOCK.now += 1

    assert not turns.has_time()


def test_a_turn_that_was_used_up_leaves_no_time_for_what_arrives_right_after_it(turns: Turns, loop: Loop) -> None:
    log: list[str] = []
    turns.queue(Work("long", log, seconds=REQUESTS_SECONDS * 1.1), is_backlog=False)
    loop.take_turn()

    assert loop.scheduled == []
    assert not turns.has_time()
    CLOCK.now += 0.002
    assert turns.has_time()


def test_within_a_turn_there_is_time_though_more_is_queued_for_the_next(turns: Turns, loop: Loop) -> None:
    log: list[str] = []
    found: list[bool] = []
    later = Work("later", log)
    turns.queue(Work("a", log, again=lambda: turns.queue(later, is_backlog=False)), is_backlog=False)
    turns.queue(Work("b", log, again=lambda: found.append(turns.has_time())), is_backlog=False)

    loop.take_turn()

    assert (log, found) == (["a", "b"], [True])
    loop.take_turn()
    assert log == ["a", "b", "later"]
