"""Servers for end-to-end tests: started as users start them, ended by their pid."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server import StartedServer, running

Start = Callable[..., StartedServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server on this test's data directory; it may be started again once it has ended."""
    data = tmp_path / "data"
    with ExitStack() as resources:
        yield lambda *arguments: resources.enter_context(running(tmp_path, "--data-dir", str(data), *arguments))


@pytest.fixture(scope="module")
def ephemeral(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    """A server that forgets, shared by the tests of a module."""
    with running(tmp_path_factory.mktemp("server"), "--ephemeral") as server:
        yield server
