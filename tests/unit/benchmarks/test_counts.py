"""A request costs no more calls than it did: counts do not depend on the machine."""

import pytest

from benchmarks.counts import LIMITS, counts


@pytest.fixture(scope="module")
def measured() -> dict:
    return counts()


@pytest.mark.parametrize("operation", LIMITS)
def test_a_request_stays_within_its_calls(measured, operation):
    assert measured[operation].calls <= LIMITS[operation]


def test_a_request_leaves_little_behind(measured):
    """One that changes an object leaves its opened row, and the version that was seen last."""
    most = {"Activate": 100, "Destroy": 100}
    assert all(count.blocks < most.get(operation, 50) for operation, count in measured.items())
