import math

import pytest

from benchmarks.figures import Figures, figures_of, medians, percentile, ratio


def figures(per_second: float, count: int = 10) -> Figures:
    return Figures(count=count, per_second=per_second, p50=1 / per_second, p99=2 / per_second, processor=3 / per_second)


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(50, 50.0), (99, 99.0), (100, 100.0), (0.1, 1.0)],
)
def test_percentile_is_the_nearest_rank(percent, expected):
    ordered = [float(value) for value in range(1, 101)]

    assert expected == percentile(ordered, percent)


def test_percentile_of_nothing_is_not_a_number():
    assert math.isnan(percentile([], 50))


def test_figures_count_answers_over_the_whole_time():
    actual = figures_of([0.3, 0.1, 0.2, 0.4], seconds=2.0, processor_seconds=1.0)

    assert Figures(count=4, per_second=2.0, p50=0.2, p99=0.4, processor=0.25) == actual


def test_medians_are_taken_figure_by_figure():
    actual = medians([figures(100, count=1), figures(400, count=2), figures(200, count=4)])

    assert Figures(count=7, per_second=200, p50=1 / 200, p99=2 / 200, processor=3 / 200) == actual


def test_ratio_compares_neighbouring_rounds():
    # A slow second round of both servers must not change the ratio.
    part = [figures(10), figures(1), figures(12)]
    whole = [figures(100), figures(10), figures(100)]

    assert ratio(part, whole) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param([], id="not measured"),
        pytest.param([Figures(count=0, per_second=0.0, p50=math.nan, p99=math.nan)], id="answered nothing"),
    ],
)
def test_ratio_is_none_where_there_is_nothing_to_compare_with(whole):
    assert ratio([figures(10)], whole) is None


def test_the_processor_time_is_shared_out_among_the_answers():
    assert figures_of([0.1] * 4, seconds=1.0, processor_seconds=2.0).processor == 0.5


def test_ratios_of_processor_time_compare_neighbouring_rounds():
    part = [figures_of([0.1], 1.0, 6.0), figures_of([0.1], 1.0, 8.0), figures_of([0.1], 1.0, 90.0)]
    whole = [figures_of([0.1], 1.0, 2.0), figures_of([0.1], 1.0, 2.0), figures_of([0.1], 1.0, 10.0)]

    assert ratio(part, whole, "processor") == 4.0
