"""The promises of ports/allowances.py, on every keeper, and what those in a database promise beyond them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.storage.sql.schema import facts
from kmip_app.testing.contracts.allowances import *  # noqa: F403  the promises, with the `allowances` of this module
from kmip_app.testing.contracts.allowances import ONE, START
from kmip_core.ports.allowances import Allowances, Charge
from tests.contract.test_storage import open_postgresql, open_sqlite


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def allowances(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Allowances]:
    if request.param == "memory":
        yield RememberedAllowances()
        return
    store = {"sqlite": open_sqlite, "postgresql": open_postgresql}[request.param](tmp_path)
    yield store.allowances
    store.close()


@pytest.mark.parametrize("open_store", [open_sqlite, open_postgresql])
def test_two_processes_on_one_database_share_allowances(open_store: object, tmp_path: Path) -> None:
    assert callable(open_store)
    first, second = open_store(tmp_path), open_store(tmp_path)

    assert [each.allowances.spend(ONE, START) for each in (first, second, first, second)] == [2, 1, 0, None]
    assert second.allowances.left(ONE, START) == 0

    first.close()
    second.close()


def test_a_database_keeps_no_allowance_that_is_whole_and_believes_no_text(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path)
    for number in range(20):
        store.allowances.spend((Charge(f"{number}", 3, 1_000),), START)
    assert len(store.database.facts("allowance:")) == 20

    store.allowances.spend(ONE, START + 60_000)
    assert list(store.database.facts("allowance:")) == ["allowance:one"]

    store.submit(partial(_overwrite, "no number"))
    assert [store.allowances.spend(ONE, START) for _ in range(4)] == [2, 1, 0, None]
    store.close()


@pytest.mark.parametrize("whole_at", [0, START, START + 1_500, START + 6_000, START + 6_001, 1 << 63, 10**20 - 1])
def test_an_allowance_that_another_program_edits_gives_no_more_than_a_whole_one(tmp_path: Path, whole_at: int) -> None:
    store = open_sqlite(tmp_path)
    store.allowances.spend(ONE, START)
    store.allowances.spend((Charge("two", 3, 1_000),), START)
    store.submit(partial(_overwrite, f"{whole_at:020}"))

    spent = [store.allowances.spend(ONE, START) for _ in range(4)]
    assert len([left for left in spent if left is not None]) <= 3
    assert spent[-1] is None
    later = START + 2 * 3 * 1_000  # by then it is whole, whatever was written: nobody is shut out for longer
    assert store.allowances.left(ONE, later) == 3
    assert store.allowances.left((Charge("two", 3, 1_000),), START) == 2
    store.close()


def _overwrite(value: str, cursor: object) -> None:
    assert hasattr(cursor, "execute")
    cursor.execute(f"UPDATE {facts.name} SET value = ? WHERE name = 'allowance:one'", (value,))
