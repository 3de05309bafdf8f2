"""What every keeper of allowances promises (`kmip_core.ports.allowances`); wanted: a fixture `allowances`."""

import threading

from kmip_app.testing.contracts.samples import NOW
from kmip_core.ports.allowances import Allowances, Charge

START = NOW * 1_000
ONE = (Charge("one", 3, 1_000),)
BOTH = (Charge("one", 3, 1_000), Charge("two", 5, 100))


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


def test_a_refund_gives_back_what_was_spent_and_no_more(allowances: Allowances) -> None:
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
