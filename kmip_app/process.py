"""Habits of the process that serves: no core dumps, and not as root."""

import contextlib
import ctypes
import gc
import os
import resource
from collections.abc import Iterator
from typing import Final

PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """Keep key material out of core files, and other processes of this user from attaching to this one.

    For a process of our own, not for one that a caller of `KmipServer` shares. RLIMIT_CORE is lowered for good;
    PR_SET_DUMPABLE also covers a `core_pattern` that is a pipe, which does not look at the limit.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError, TypeError):  # no Linux, or a C library without prctl
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def warnings() -> Iterator[str]:
    """Yield what an operator should change about the process itself."""
    if os.geteuid() == 0:
        yield (
            "running as root; give the server a user of its own (User= of systemd, --user of a container engine):"
            " any user may listen on ports above 1023"
        )


def begin() -> None:
    """Leave what is imported out of every garbage collection, and collect seldom until the server has settled in.

    What a start makes nearly all stays. Not never: a start may upgrade a large store, which leaves garbage.
    """
    gc.freeze()
    gc.set_threshold(STARTING, *gc.get_threshold()[1:])


def settle_in() -> None:
    """Leave out of every garbage collection what lives as long as the process: a full one stopped it for 0.1 s."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


STARTING: Final = 100_000
"""New containers until the collector looks at them during a start: more than one makes that has nothing to upgrade."""

YOUNG: Final = 10_000
"""New containers until the collector looks at them: some hundred requests, whose garbage goes without it."""


DRAIN_SECONDS: Final = 10.0  # how long requests in progress may take after the order to stop (R-DUR-8)
