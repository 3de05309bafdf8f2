"""The store at thousands of keys: what a key weighs, and that plans read from indexes. No time is measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.storage import FilledStore, fill
from kmip_adapters.storage.sql.locate import analyse
from tests.rounds import rounds
from tests.unit.kmip_adapters.storage.sql.test_locate import COMMON, RARE, plans

pytestmark = pytest.mark.long

COUNT = rounds(5_000, nightly=20_000)
BYTES_PER_KEY = 2_048


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledStore]:
    with (tmp_path_factory.mktemp("scale") / "console").open("w") as nobody:
        store = fill(Path(nobody.name).parent / "store", COUNT, Console(file=nobody))
    yield store
    store.storage.close()


def test_a_key_with_a_name_weighs_little(filled: FilledStore) -> None:
    assert 0 < filled.bytes_per_key <= BYTES_PER_KEY


@pytest.mark.parametrize("name", [*RARE, *COMMON])
def test_a_grown_store_is_searched_by_indexes(filled: FilledStore, name: str) -> None:
    lines = plans(filled.storage, (RARE | COMMON)[name])

    assert [line for line in lines if line.startswith("SCAN") and line != "SCAN found"] == []


def test_a_page_is_read_from_few_rows(filled: FilledStore) -> None:
    """Steps of SQLite's machine stand for time: Locate by name takes as many as in a small one."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    wanted = RARE["name"]
    shape, values = analyse(wanted, b"")
    connection: Any = filled.storage.database.take()
    connection.set_progress_handler(count, 1)
    statement = filled.storage.database.located(shape)
    connection.execute(statement.sql, statement.values(values)).fetchall()
    connection.set_progress_handler(None, 0)
    filled.storage.database.give_back(connection)

    assert 0 < steps < 300
