"""Log lines for each address, and how often deadlines are looked at."""

import pytest

from kmip_adapters.transport.limits import LineBudget, TransportLimits


def test_an_address_gets_a_few_log_lines_a_minute_and_the_number_of_those_left_out() -> None:
    budget = LineBudget()

    spent = [budget.spend("192.0.2.1", now) for now in (0, 1, 2, 3, 4, 5, 59, 60, 61)]

    assert spent == [0, 0, 0, 0, 0, None, None, 2, 0]


def test_addresses_do_not_share_their_lines() -> None:
    budget = LineBudget()
    for _ in range(LineBudget.LINES + 1):
        budget.spend("192.0.2.1", 0)

    assert budget.spend("192.0.2.2", 0) == 0


def test_memory_is_bounded_when_addresses_are_many() -> None:
    budget = LineBudget()

    spent = [budget.spend(str(number), 0) for number in range(3 * LineBudget.ADDRESSES)]

    assert spent.count(0) == LineBudget.ADDRESSES + LineBudget.LINES
    assert budget.spend("later", LineBudget.PERIOD) == 0
    assert len(budget._spent) == 1


@pytest.mark.parametrize(
    ("limits", "expected"),
    [(TransportLimits(), 0.5), (TransportLimits(message=0.2), 0.05), (TransportLimits(linger=9), 1.0)],
)
def test_the_sweep_is_as_frequent_as_the_shortest_limit_needs(limits: TransportLimits, expected: float) -> None:
    assert limits.sweep_interval == pytest.approx(expected)


def test_a_limit_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="max_connections"):
        TransportLimits(max_connections=0)
