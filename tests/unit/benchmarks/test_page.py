"""The page of figures says what was measured, with its spread, and what limits each row."""

import sysconfig

import pytest

from benchmarks.compare import CASES, Row
from benchmarks.counts import Budget
from benchmarks.figures import Figures
from benchmarks.page import LIMITED_BY, page_of


def figures(per_second: float, processor: float) -> Figures:
    return Figures(per_second=per_second, p50=0.001, p99=0.004, count=100, processor=processor)


ROWS = [
    Row(
        case="get",
        connections=4,
        rounds={
            "ceiling": [figures(10_000, 50e-6), figures(12_000, 40e-6), figures(11_000, 45e-6)],
            "kmipd": [figures(3_000, 200e-6), figures(4_000, 160e-6), figures(3_500, 180e-6)],
            "pykmip": [],
        },
    )
]
BUDGETS = {"Get": Budget(microseconds=80.4, calls={"store": 60.0, "engine": 120.0})}


def page() -> str:
    titles = {name: case.title for name, case in CASES.items()}
    return page_of(ROWS, titles, {"kmipd": "1.0"}, BUDGETS, "python -m benchmarks.compare --only get")


def test_a_row_has_median_spread_and_ratio() -> None:
    assert "| Get | 4 | kmipd | 3,500 (3,000 - 4,000) | 180 (160 - 200) | 4.0 | 4.0 |" in page().splitlines()


def test_a_server_that_was_not_measured_has_no_row() -> None:
    assert "pykmip" not in page()


def test_the_page_says_how_to_repeat_it_and_of_what_it_is() -> None:
    assert "python -m benchmarks.compare --only get" in page()
    assert "kmipd: 1.0" in page()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "'--enable-optimizations' '--with-lto' '--prefix=/usr'",
            "(configured with --enable-optimizations, --with-lto)",
        ),
        (None, "(configured without options of optimization)"),
    ],
)
def test_the_page_says_how_python_was_built(monkeypatch: pytest.MonkeyPatch, given: str | None, told: str) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", {"CONFIG_ARGS": given}.get)
    assert f"{told}, OpenSSL" in page()


def test_calls_stand_by_part() -> None:
    assert "| Operation | Calls | store | engine | µs |" in page().splitlines()
    assert "| Get | 180 | 60 | 120 | 80 |" in page().splitlines()


def test_every_case_says_what_limits_it() -> None:
    assert LIMITED_BY.keys() == CASES.keys()
