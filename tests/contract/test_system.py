"""The promises of ports/system.py, on every adapter."""

from collections.abc import Callable
from typing import Any

import pytest

from kmip_adapters.system.clock import MovableClock, SteppableClock, SystemClock
from kmip_adapters.system.identifiers import RandomIdentifiers, SequentialIdentifiers
from kmip_app.container import Container
from kmip_app.testing.contracts.system import *  # noqa: F403  the promises, with the fixtures of this module
from kmip_core.ports.system import Clock, Identifiers

CLOCKS: list[Callable[[], Clock]] = [SystemClock, SteppableClock, MovableClock]
IDENTIFIERS: list[Callable[[], Identifiers]] = [RandomIdentifiers, SequentialIdentifiers]


def test_every_clock_of_the_container_is_held_to_the_contract() -> None:
    providers: Any = Container.clock.providers.values()
    assert {provider.cls for provider in providers} <= set(CLOCKS)


@pytest.fixture(params=CLOCKS, ids=lambda make: make.__name__)
def clock(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture(params=IDENTIFIERS, ids=lambda make: make.__name__)
def identifiers(request: pytest.FixtureRequest) -> Any:
    return request.param()
