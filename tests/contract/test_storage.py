"""What every store promises (`kmip_core.ports.storage`), tried on all of them."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.backends import BACKENDS
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.container import Container
from kmip_app.testing.contracts.samples import (
    a_name,
    admitted,
    content,
    criterion,
    query,
)
from kmip_app.testing.contracts.storage import *  # noqa: F403  the promises, with the `opener` of this module
from kmip_app.testing.contracts.storage.support import (
    Opener,
    Store,
    durable,
    located,
    put,
)
from tests import postgresql

__all__ = ["STORES", "Opener", "located", "open_memory", "open_sqlite", "put", "query"]


def open_memory(_: Path) -> Store:
    return MemoryStorage()


def open_sqlite(directory: Path) -> Store:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer)


def open_postgresql(directory: Path) -> Store:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(postgresql.url_for(directory), make_sealer)


STORES: list[tuple[str, Callable[[Path], Store]]] = [
    ("memory", open_memory),
    ("sql", open_sqlite),
    ("sql on postgresql", open_postgresql),
]


def test_every_adapter_of_the_container_is_held_to_the_contract() -> None:
    assert {name.partition(" on ")[0] for name, _ in STORES} == set(Container.storage.providers)


def test_every_engine_of_the_sql_store_is_held_to_the_contract() -> None:
    assert {"sqlite", *(name.partition(" on ")[2] for name, _ in STORES)} - {""} == set(BACKENDS)


@pytest.fixture(params=[make for _, make in STORES], ids=[name for name, _ in STORES])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    return Opener(request.param, tmp_path)


_ADD_UNTIL_KILLED = """
import sys, threading
from pathlib import Path
from kmip_app.testing.contracts.storage.support import put
from tests.contract import test_storage as suite
from kmip_app.testing.contracts.samples import a_key, a_name
store = dict(suite.STORES)[sys.argv[1]](Path(sys.argv[2]))
lock = threading.Lock()
def add(thread):
    for number in range(100_000):
        name = f"k{thread}-{number}"
        put(store, a_key(name, names=(a_name(name),)), a_key(name + "-pair"))
        with lock:
            print(name, flush=True)
for thread in range(8):
    threading.Thread(target=add, args=(thread,)).start()
"""


@pytest.mark.long
def test_kill_loses_nothing_acknowledged_and_leaves_no_half_pair(opener: Opener) -> None:
    durable(opener).close()
    name = next(name for name, make in STORES if make is opener.make)
    for enough in (3, 40, 120):
        script = _ADD_UNTIL_KILLED.replace("k{thread}", f"k{enough}-{{thread}}")
        process = subprocess.Popen(
            [sys.executable, "-c", script, name, str(opener.directory)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        acknowledged = [line.strip() for line, _ in zip(process.stdout, range(enough), strict=False)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        process.wait(120)
        assert enough <= len(acknowledged)

        store = opener()
        for unique_identifier in acknowledged:
            assert (unique_identifier,) == located(store, query(criterion("names", a_name(unique_identifier))))
            with store.unit_of_work() as work:
                assert content() == work.content(admitted(work.find(unique_identifier)))
        everything = set(located(store, query()))
        halves = {each.removesuffix("-pair") for each in everything}
        assert everything == halves | {f"{half}-pair" for half in halves}
        store.close()
