"""Days as PKCS#11 writes them, beside the standard library's."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_core.pkcs11 import days

FIRST = datetime.date(1970, 1, 1)


@given(st.dates(FIRST, datetime.date(9999, 12, 31)))
def test_a_day_is_written_and_read_as_the_standard_library_does(day: datetime.date) -> None:
    digits = day.strftime("%Y%m%d").encode()

    assert days.written((day - FIRST).days) == digits
    assert days.read(digits) == (day - FIRST).days


@pytest.mark.parametrize(
    "digits", [b"", b"2026010", b"2026-1-1", b"19691231", b"20261301", b"20260001", b"20260100", b"20260229"]
)
def test_digits_that_are_no_day_are_not_read(digits: bytes) -> None:
    assert days.read(digits) is None


def test_the_last_day_of_all() -> None:
    assert days.written(2_932_896) == b"99991231"
    assert days.written(2_932_897) == days.written(-1) == b""
