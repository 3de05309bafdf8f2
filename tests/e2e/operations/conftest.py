"""Servers as processes of their own, and what an operator does to them."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server import READY_WITHIN, TICK, StartedServer, running

Start = Callable[..., StartedServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server on this test's data directory; it may be started again once it has ended."""
    data = tmp_path / "data"
    with ExitStack() as resources:
        yield lambda *arguments: resources.enter_context(running(tmp_path, "--data-dir", str(data), *arguments))


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; fail after a generous hang limit."""
    give_up = time.monotonic() + READY_WITHIN
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"never came true: {what}")
        time.sleep(TICK)
