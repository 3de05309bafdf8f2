"""What everything that keeps allowances promises (`kmip_core.ports.allowances`)."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.storage.sql.schema import facts
from kmip_core.ports.allowances import Allowances, Charge
from tests.builders import NOW
from tests.contract.test_storage import open_postgresql, open_sqlite

START = NOW * 1_000
ONE = (Charge("one", 3, 1_000),)
BOTH = (Charge("one", 3, 1_000), Charge("two", 5, 100))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def allowances(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Allowances]:
    if request.param == "memory":
        yield RememberedAllowances()
        return
    store = {"sqlite": open_sqlite, "postgresql": open_postgresql}[request.param](tmp_path)
    yield store.allowances
    store.close()


def test_an_allowance_is_spent_and_grows_back(allowances: Allowances) -> None:
    assert allowances.left(ONE, START) == 3
    assert [allowances.spend(ONE, START) for _ in range(4)] == [2, 1, 0, None]
    assert [allowances.left(ONE, START + later) for later in (0, 999, 1_000, 2_500, 3_000)] == [0, 0, 1, 2, 3]
    assert allowances.spend(ONE, START + 1_000) == 0
    assert allowances.spend(ONE, START + 100_000) == 2


def test_of_several_allowances_all_are_charged_or_none(allowances: Allowances) -> None:
    assert [allowances.spend(BOTH, START) for _ in range(4)] == [2, 1, 0, None]
    assert allowances.left(BOTH[1:], START) == 2
    assert allowances.left(BOTH, START) == 0


def test_what_is_refunded_was_not_spent(allowances: Allowances) -> None:
    allowances.refund(BOTH, START)  # is whole, and stays so
    for _ in range(20):
        allowances.spend(BOTH, START)
        allowances.refund(BOTH, START)

    assert [allowances.spend(ONE, START) for _ in range(4)] == [2, 1, 0, None]


def test_a_clock_that_was_set_back_shuts_no_client_out(allowances: Allowances) -> None:
    hour = 3_600_000
    while allowances.spend(ONE, START + hour) is not None:
        pass

    assert allowances.left(ONE, START) == 3
    assert [allowances.spend(ONE, START) for _ in range(4)] == [2, 1, 0, None]


def test_of_many_that_ask_at_once_no_more_succeed_than_were_left(allowances: Allowances) -> None:
    got: list[int | None] = []
    threads = [threading.Thread(target=lambda: got.append(allowances.spend(ONE, START))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(left for left in got if left is not None) == [0, 1, 2]
    assert len(got) == 12


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


def _overwrite(value: str, cursor: object) -> None:
    assert hasattr(cursor, "execute")
    cursor.execute(f"UPDATE {facts.name} SET value = ? WHERE name = 'allowance:one'", (value,))
