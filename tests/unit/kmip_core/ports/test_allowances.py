"""What one try takes of an allowance; the promises of its keepers are in tests/contract/test_allowances.py."""

import pytest

from kmip_core.ports.allowances import Charge

CHARGE = Charge("one", at_once=3, milliseconds=1_000)
NOW = 1_800_000_000_000


def test_each_try_puts_off_when_the_allowance_is_whole() -> None:
    whole_at = NOW - 5_000  # long whole
    left = []
    for _ in range(4):
        whole_at = CHARGE.taken(whole_at, NOW)
        left.append(CHARGE.left(whole_at, NOW))

    assert left == [2, 1, 0, 0]
    assert whole_at == NOW + 4_000


@pytest.mark.parametrize(("later", "left"), [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (2_000, 2), (3_000, 3)])
def test_a_try_grows_back_only_as_a_whole(later: int, left: int) -> None:
    assert left == CHARGE.left(NOW + 3_000, NOW + later)


def test_an_allowance_that_lacks_more_than_tries_can_take_is_whole() -> None:
    """A clock was set back: the client is not shut out until it is right again."""
    assert CHARGE.left(NOW + 6_000, NOW) == 0
    assert CHARGE.left(NOW + 6_001, NOW) == 3
    assert CHARGE.taken(NOW + 6_001, NOW) == NOW + 1_000
