"""Servers for end-to-end tests: started as users start them, ended by their pid."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server import StartedServer, running

Start = Callable[..., StartedServer]

QUICK = {"test_first_run", "test_https", "test_tickets", "test_rehearsed_failures"}
"""Modules that a plain `pytest` runs: what a user meets first. All others start servers by the dozen, or kill them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the other modules as long, before they are chosen from."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.path.stem not in QUICK:
            item.add_marker(pytest.mark.long)


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
