"""The clocks."""

import time

from kmip_adapters.system.clock import SteppableClock, SystemClock


def test_the_system_clock_agrees_with_the_operating_system() -> None:
    before = int(time.time())
    told = SystemClock().now()

    assert before <= told <= int(time.time())


def test_a_steppable_clock_stands_still_until_told() -> None:
    clock = SteppableClock(1_000)

    assert [clock.now(), clock.now()] == [1_000, 1_000]


def test_a_steppable_clock_goes_on_by_seconds_and_days_and_back() -> None:
    clock = SteppableClock(1_000)

    assert clock.advance(5) == 1_005
    assert clock.advance(days=2) == 1_005 + 172_800
    assert clock.advance(-5, days=-2) == clock.now() == 1_000
