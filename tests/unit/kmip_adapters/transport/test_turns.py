"""Turns on the loop: handshakes first, then first requests, then the rest, in bounded time."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from attrs import define

from kmip_adapters.transport import turns as module
from kmip_adapters.transport.turns import REQUESTS_SECONDS, Turns


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
