"""What real clients said and what they got, over every storage adapter; see the README beside the recordings."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from dependency_injector import providers

from kmip_adapters.transport.in_process import InProcessTransport
from kmip_app.configuration.config import Configuration
from kmip_app.container import build
from kmip_core.principal import Principal
from tests.contract.dialogues.corrections import CORRECTIONS
from tests.contract.dialogues.replay import Replay, read
from tests.contract.test_storage import STORES

RECORDINGS = sorted(Path(__file__).parent.glob("*.jsonl.gz"))
REQUESTS = 4_557


EVERY: Final = 4
LARGE: Final = 32_000  # bytes
"""Stores answer alike: all recordings are played on SQLite; on the others one in so many that is not large, and all at
night."""


def _marks(is_sqlite: bool, is_chosen: bool) -> tuple[pytest.MarkDecorator, ...]:
    if is_sqlite == is_chosen:
        return () if is_sqlite else (pytest.mark.nightly,)
    return (pytest.mark.long,)


def _cases() -> list[Any]:
    return [
        pytest.param(
            make,
            path,
            id=f"{name}-{path.name.partition('.')[0]}",
            marks=_marks(name == "sql", number % EVERY == 0 and path.stat().st_size < LARGE),
        )
        for name, make in STORES
        for number, path in enumerate(RECORDINGS)
    ]


@pytest.fixture
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcessTransport]:
    """Yield the way to a server as it is wired by default, over a store of its own."""
    make: Callable[[Path], Any] = request.param
    store = make(tmp_path)
    container: Any = build(Configuration(data_directory=tmp_path, ephemeral=True))
    container.storage.override(providers.Object(store))
    yield InProcessTransport(
        container.service(), new_framer=lambda: pytest.fail("frames come whole"), principal=Principal(name="client")
    )
    store.close()
    container.processes().close()


def test_every_recorded_request_is_there() -> None:
    assert sum(len(read(path)) for path in RECORDINGS) == REQUESTS


def test_every_correction_names_a_line() -> None:
    for name, lines in CORRECTIONS.items():
        (path,) = (path for path in RECORDINGS if path.name == name)
        assert set(lines) <= {line.number for line in read(path)}


@pytest.mark.parametrize(("transport", "path"), _cases(), indirect=["transport"])
def test_a_dialogue_holds(path: Path, transport: InProcessTransport) -> None:
    def exchange(frame: bytes) -> bytes:
        answer = transport.request(frame)
        assert isinstance(answer, bytes)
        return answer

    differences = Replay(exchange=exchange, now=int(time.time())).play(read(path))

    corrected = CORRECTIONS.get(path.name, {})
    assert [f"line {each.line}: {each.text}" for each in differences if each.line not in corrected] == []
