"""The clocks."""

import time

from kmip_adapters.system.clock import MovableClock, SteppableClock, SystemClock


def test_the_system_clock_agrees_with_the_operating_system() -> None:
    before = int(time.time())
    told = SystemClock().now()

    assert before <= told <= int(time.time())


def test_a_steppable_clock_stands_still_until_it_is_moved() -> None:
    clock = SteppableClock(1_000)

    assert [clock.now(), clock.now()] == [1_000, 1_000]


def test_a_steppable_clock_goes_on_by_seconds_and_days_and_back() -> None:
    clock = SteppableClock(1_000)

    assert clock.advance(5) == 1_005
    assert clock.advance(days=2) == 1_005 + 172_800
    assert clock.advance(-5, days=-2) == clock.now() == 1_000


def test_a_movable_clock_goes_on_from_where_it_was_moved_to() -> None:
    times = iter([1_000.9, 1_001.0, 1_002.5])
    clock = MovableClock(time=lambda: next(times))

    assert clock.now() == 1_000
    assert clock.advance(5, minutes=1, hours=1, days=1) == 1_001 + 5 + 60 + 3_600 + 86_400
    assert clock.now() == 1_002 + 90_065


def test_a_movable_clock_that_is_stopped_moves_by_request_and_can_be_reset() -> None:
    times = iter([1_000.0, 1_010.0])
    clock = MovableClock(time=lambda: next(times))

    assert clock.stop() == 1_000
    assert clock.advance(days=-1) == clock.stop() == clock.now() == 1_000 - 86_400

    clock.reset()

    assert clock.now() == 1_010
