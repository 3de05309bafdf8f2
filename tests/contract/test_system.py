"""The promises of ports/system.py, on every adapter."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from kmip_adapters.system.clock import MovableClock, SteppableClock, SystemClock
from kmip_adapters.system.identifiers import RandomIdentifiers, SequentialIdentifiers
from kmip_app.container import Container
from kmip_core.ports.system import Clock, Identifiers

CLOCKS: list[Callable[[], Clock]] = [SystemClock, SteppableClock, MovableClock]
IDENTIFIERS: list[Callable[[], Identifiers]] = [RandomIdentifiers, SequentialIdentifiers]


def test_every_clock_of_the_container_is_held_to_the_contract() -> None:
    providers: Any = Container.clock.providers.values()
    assert {provider.cls for provider in providers} <= set(CLOCKS)


@pytest.mark.parametrize("make", CLOCKS, ids=lambda make: make.__name__)
def test_a_clock_tells_whole_seconds_and_does_not_go_back(make: Callable[[], Clock]) -> None:
    clock = make()
    times = [clock.now() for _ in range(100)]

    assert all(type(time) is int for time in times)
    assert times == sorted(times)


@pytest.mark.parametrize("make", IDENTIFIERS, ids=lambda make: make.__name__)
def test_identifiers_do_not_repeat(make: Callable[[], Identifiers]) -> None:
    identifiers = make()
    made = [identifiers.new() for _ in range(5_000)]

    assert len(set(made)) == len(made)


@pytest.mark.parametrize("make", IDENTIFIERS, ids=lambda make: make.__name__)
def test_identifiers_are_short_printable_text(make: Callable[[], Identifiers]) -> None:
    identifiers = make()

    assert all(re.fullmatch(r"[0-9a-f-]{1,36}", identifiers.new()) for _ in range(100))
