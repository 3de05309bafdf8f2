"""How many processes serve together."""

import math
import os
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from kmip_app.configuration.setting_types import Kind, whole

MAXIMUM: Final = 64
AUTO: Final = "auto"

_NUMBER: Final = whole(1, MAXIMUM)
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def _read(value: Any) -> int:
    if isinstance(value, str) and value.strip().lower() == AUTO:
        return min(processors(), MAXIMUM)
    number: int = _NUMBER.read(value)
    return number


WORKERS: Final[Kind] = evolve(_NUMBER, accepts=f"{_NUMBER.accepts}, or {AUTO}", metavar="N|auto", read=_read)


def processors(quota: Path = _QUOTA) -> int:
    """Return how many processors this process may use: those of its affinity, fewer if its control group has less.

    quota: the file in which the kernel says how much of a period the control group may run (cgroups v2, cpu.max).
    """
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # no Linux
        found = os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        return max(1, min(found, math.ceil(int(allowed) / int(period))))
    except (OSError, ValueError):  # no such control group, or "max"
        return found
