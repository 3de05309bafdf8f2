"""Rates, latencies and ratios from what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from attrs import frozen


@frozen(kw_only=True)
class Figures:
    """One run, or the medians of several."""

    count: int  # answers, all of them checked
    per_second: float
    p50: float  # seconds
    p99: float  # seconds
    processor: float = math.nan  # seconds of the server's processes, user and system, for each answer

    def __str__(self) -> str:
        latencies = f"p50 {self.p50 * 1e3:.3f} ms, p99 {self.p99 * 1e3:.3f} ms"
        return f"{self.per_second:,.0f}/s, {latencies}, {self.processor * 1e6:.0f} us, {self.count} answers"


def figures_of(latencies: Sequence[float], seconds: float, processor_seconds: float = math.nan) -> Figures:
    """Figures of one run of `seconds`.

    latencies: seconds, any order.  processor_seconds: what the server's processes used meanwhile.
    """
    ordered = sorted(latencies)
    return Figures(
        count=len(ordered),
        per_second=len(ordered) / seconds,
        p50=percentile(ordered, 50),
        p99=percentile(ordered, 99),
        processor=processor_seconds / len(ordered) if ordered else math.nan,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of `ordered` that at least `percent` of them do not exceed (nearest rank); else NaN."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure by itself; the count is the sum."""
    return Figures(
        count=sum(figures.count for figures in rounds),
        per_second=statistics.median(figures.per_second for figures in rounds),
        p50=statistics.median(figures.p50 for figures in rounds),
        p99=statistics.median(figures.p99 for figures in rounds),
        processor=statistics.median(figures.processor for figures in rounds),
    )


def ratio(part: Sequence[Figures], whole: Sequence[Figures], figure: str = "per_second") -> float | None:
    """The median of the ratios of neighbouring rounds: what slowed both servers in one round falls out.

    figure: which of a run's.  None where one of the two was not measured or answered nothing.
    """
    pairs = [(getattr(one, figure), getattr(other, figure)) for one, other in zip(part, whole, strict=False)]
    if not pairs or not all(other for _, other in pairs):
        return None
    return statistics.median(one / other for one, other in pairs)
