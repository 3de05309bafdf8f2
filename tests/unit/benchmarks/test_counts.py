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
    assert all(count.blocks < 50 for count in measured.values())
