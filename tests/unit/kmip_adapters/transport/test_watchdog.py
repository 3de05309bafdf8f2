"""The watchdog measures how late the loop is and names what held it up."""

import asyncio
import logging
import time
from collections.abc import Iterable

from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.watchdog import LIMIT, Watchdog


def watch(block: float, explained: float = 0.0, in_progress: Iterable[str] = ()) -> tuple[TransportCounters, list[str]]:
    """Block a loop for some seconds; return what was counted and logged."""
    counters, lines = TransportCounters(), []

    def log(level: int, who: str, text: str) -> None:
        lines.append(f"{logging.getLevelName(level)}: {who}: {text}")

    async def main() -> None:
        dog = Watchdog(asyncio.get_running_loop(), counters, log, lambda: in_progress)
        dog.start()
        await asyncio.sleep(0.01)
        time.sleep(block)
        if explained:
            dog.held(explained, "192.0.2.1: alice", "Locate")
        while counters.loop_lag.samples < 2:
            await asyncio.sleep(0.01)
        dog.stop()

    asyncio.run(main())
    return counters, lines


def test_a_loop_that_was_held_up_is_counted_and_threads_are_named() -> None:
    counters, lines = watch(0.4, in_progress=["Derive Key of alice for 0.4 s"])

    assert counters.loop_lag.worst > 0.25
    assert counters.loop_lag.over_limit >= 1
    assert any("WARNING: event loop: late by" in line and "Derive Key of alice" in line for line in lines)


def test_a_request_on_the_loop_is_named_once() -> None:
    counters, lines = watch(0.4, explained=0.4)

    assert "WARNING: 192.0.2.1: alice: Locate held up all clients for 400 ms" in lines
    assert counters.held_up == 1
    assert not any("in threads" in line and "0.4" in line for line in lines)


def test_a_busy_machine_is_no_warning() -> None:
    _, lines = watch(0.4)

    assert lines
    assert all(line.startswith("DEBUG: event loop: late by") for line in lines)


def test_a_mean_can_be_made_of_the_samples() -> None:
    counters, _ = watch(0.0)

    lag = counters.loop_lag
    assert lag.samples >= 2
    assert lag.worst <= lag.total + 1e-9
    assert LIMIT == 0.050
