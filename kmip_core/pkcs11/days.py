"""Days of the Gregorian calendar as PKCS#11 writes them: eight digits, year, month, day (CK_DATE, 3.0 §3.8)."""

from typing import Final

_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
"""Days of a year before each month."""

_EPOCH: Final = 719_162
"""Days from the beginning of year 1 to 1970-01-01."""


def read(digits: bytes) -> int | None:
    """Return the days from 1970-01-01, None for what is no day of the years 1970 to 9999."""
    if len(digits) != 8 or not digits.isdigit():
        return None
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= _length(year, month):
        return None
    return _before_year(year) + _before_month(year, month) + day - 1 - _EPOCH


def written(days: int) -> bytes:
    """Return the digits of a day; nothing for one outside of the years 1970 to 9999."""
    if not 0 <= days <= 2_932_896:
        return b""
    days += _EPOCH
    year = days // 366 + 1
    while _before_year(year + 1) <= days:
        year += 1
    days -= _before_year(year)
    month = max(month for month in range(1, 13) if _before_month(year, month) <= days)
    return f"{year:04}{month:02}{days - _before_month(year, month) + 1:02}".encode()


def _before_year(year: int) -> int:
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400


def _before_month(year: int, month: int) -> int:
    return _BEFORE[month - 1] + (month > 2 and _is_leap(year))


def _length(year: int, month: int) -> int:
    return _before_month(year, month + 1) - _before_month(year, month)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
