"""What a request costs in counts, which no machine's mood can blur: Python calls and allocated blocks.

    python -m benchmarks.counts [--parts | --quotas]

One server is wired as `python -m kmip_app` wires it, on SQLite in a temporary directory, and asked in this process,
frame by frame, without sockets. Calls are those that `sys.setprofile` sees (Python functions and built-in ones); blocks
are what a request leaves allocated, by `sys.getallocatedblocks`. `LIMITS` are gates: a test fails when a request costs
more. `--parts` shows in which part of the server the calls are made, `--quotas` how many of those of a Create, in all
threads, keep the numbers of its owner's quota.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from benchmarks import messages

ROUNDS: Final = 40
WARM_UP: Final = 10
"""Requests before those that are counted: caches are warm then, plans are made."""

MANY_KEYS: Final = 5_000
MANY_NAMES: Final = 10_000
"""What is asked for in turn where it shall be read from the database each time: more than the store remembers."""

LIMITS: Final = {
    "Discover Versions": 129,
    "Get": 198,
    "Locate": 209,
    "Create": 376,
    "Encrypt": 298,
    "Register": 621,
    "Activate": 370,
    "Destroy": 466,
    "Discover Versions again": 65,
    "Get again": 69,
    "Locate again": 65,
}
"""Operation -> Python calls for one request, with a tenth to spare over what was measured last.

*Again*: its answer is given again (ADR 0411); all others are worked out each time.
"""

AGAIN: Final = ("Discover Versions", "Get", "Locate")


@frozen
class Count:
    """What one request costs on average: calls of functions, and blocks that are still allocated afterwards."""

    calls: float
    blocks: float


@contextmanager
def wired(*, answers_again: bool = False) -> Iterator[Callable[[bytes], bytes]]:
    """Wire a server and yield what answers a frame.

    answers_again: whether answers to plain reads are given again, as servers do, or worked out each time.
    """
    from kmip_adapters.ttlv.service import TtlvService
    from kmip_app.configuration.config import Configuration
    from kmip_app.container import build
    from kmip_core.ports.transport import run_to_end
    from kmip_core.principal import Principal, Source

    with tempfile.TemporaryDirectory() as folder:
        container = build(Configuration(data_directory=Path(folder), port=0))
        service = container.service()
        if not isinstance(service, TtlvService):
            raise RuntimeError("the server is wired with more than its service")
        service = evolve(service, answers_again=answers_again)
        principal = Principal(name="benchmark", source=Source.CERTIFICATE)

        def ask(frame: bytes) -> bytes:
            answer = run_to_end(service.open(frame, principal))
            if not isinstance(answer, bytes):
                raise RuntimeError("the server failed on purpose")
            return answer

        try:
            yield ask
        finally:
            container.storage().close()
            container.audit().close()


PARTS: Final = {
    "<maker": "making of records",
    "kmip_adapters/ttlv": "codec and service",
    "<direct": "codec and service",
    "kmip_core": "engine, rules, operations",
    "kmip_adapters/storage": "store",
    "kmip_adapters/sealing": "store",
    "<cattrs": "store",
    "cattrs": "store",
    "kmip_adapters/audit": "audit trail",
    "kmip_app/monitoring": "metrics",
    "<attrs": "making of records",
}
"""Part of a file's name -> part of the server; the first that fits."""

OTHERS: Final = "others"


@frozen
class Budget:
    """What one request costs: microseconds of processor time in this thread (the least of many runs), calls by part."""

    microseconds: float
    calls: dict[str, float]


def budgets() -> dict[str, Budget]:
    """Return what each operation of `LIMITS` costs that can be asked for again and again, and where."""
    with wired() as ask:
        repeated = {name: frames for name, frames in _frames(ask).items() if len(frames) == 1}
        endless = {name: cycle(frames) for name, frames in (repeated | _others(ask)).items()}
        found = {name: Budget(_microseconds(ask, frames), _parts(ask, frames)) for name, frames in endless.items()}
    with wired(answers_again=True) as ask:
        for name, frames in _again(ask).items():
            found[name] = Budget(_microseconds(ask, cycle(frames)), _parts(ask, cycle(frames)))
    return found


def _microseconds(ask: Callable[[bytes], bytes], frames: Iterator[bytes]) -> float:
    """Return the processor time of this thread alone: a commit's is in another one."""
    least = float("inf")
    for _ in range(ROUNDS):
        begun = time.thread_time()
        for frame in islice(frames, ROUNDS):
            ask(frame)
        least = min(least, time.thread_time() - begun)
    return least / ROUNDS * 1e6


def _parts(ask: Callable[[bytes], bytes], frames: Iterator[bytes]) -> dict[str, float]:
    found: Counter[str] = Counter()

    def note(at: Any, event: str, __: Any) -> None:
        if event in ("call", "c_call"):  # of a function in C, `at` is its caller
            name = at.f_code.co_filename
            found[next((part for key, part in PARTS.items() if key in name), OTHERS)] += 1

    sys.setprofile(note)
    try:
        for frame in islice(frames, ROUNDS):
            ask(frame)
    finally:
        sys.setprofile(None)
    return {part: found[part] / ROUNDS for part in dict.fromkeys((*PARTS.values(), OTHERS))}


def counts() -> dict[str, Count]:
    """Measure every operation of `LIMITS`."""
    with wired() as ask:
        found = {name: _counted(ask, frames) for name, frames in _frames(ask).items()}
    with wired(answers_again=True) as ask:
        for name, frames in _again(ask).items():
            runs = [_counted(ask, frames) for _ in range(3)]  # a second may end in one of them, and an answer with it
            found[name] = min(runs, key=attrgetter("calls"))
    return found


def _frames(ask: Callable[[bytes], bytes]) -> dict[str, tuple[bytes, ...]]:
    """Return requests of each operation, once the server has what they ask for.

    One is enough where it can be repeated; else there are as many as `_counted` asks.
    """

    def make(name: str, number: int) -> list[str]:
        requests = [messages.create(f"{name} {each}").request for each in range(number)]
        return [messages.read_answer(ask(request)).unique_identifiers[0] for request in requests]

    keys = make("key", 8)
    for key in keys:
        ask(messages.activate(key).request)
    once = WARM_UP + ROUNDS
    return {
        "Discover Versions": (messages.discover_versions().request,),
        "Get": (messages.get(keys[0]).request,),
        "Locate": (messages.locate("key 1", unique_identifier=keys[1]).request,),
        "Create": (messages.create("another").request,),
        "Encrypt": (messages.encrypt(keys[0]).request,),
        "Register": (messages.register(bytes(messages.KEY_SIZE), "another").request,),
        "Activate": tuple(messages.activate(key).request for key in make("to be activated", once)),
        "Destroy": tuple(messages.destroy(key).request for key in make("to be destroyed", once)),
    }


def _again(ask: Callable[[bytes], bytes]) -> dict[str, tuple[bytes, ...]]:
    """Return requests whose answers are given again."""
    frames = _frames(ask)
    return {f"{name} again": frames[name] for name in AGAIN}


def _others(ask: Callable[[bytes], bytes]) -> dict[str, tuple[bytes, ...]]:
    """Return requests for something else each time, which the server has once been asked for."""
    made = [ask(messages.create(f"one of many {number}").request) for number in range(MANY_KEYS)]
    gets = tuple(messages.get(messages.read_answer(answer).unique_identifiers[0]).request for answer in made)
    for get in gets:  # the first one writes: the key is no longer fresh
        ask(get)
    names = (f"one of many {number}" for number in range(MANY_NAMES))
    return {
        "Get of another key": gets,
        "Locate of another name": tuple(messages.locate(name, unique_identifier="").request for name in names),
    }


def _counted(ask: Callable[[bytes], bytes], frames: tuple[bytes, ...]) -> Count:
    every = frames * (WARM_UP + ROUNDS) if len(frames) == 1 else frames
    for frame in every[:WARM_UP]:
        ask(frame)
    calls = 0

    def note(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        if event in ("call", "c_call"):
            calls += 1

    gc.disable()
    before = sys.getallocatedblocks()
    sys.setprofile(note)
    try:
        for frame in every[WARM_UP:]:
            ask(frame)
    finally:
        sys.setprofile(None)
    after = sys.getallocatedblocks()
    gc.enable()
    return Count(calls / ROUNDS, (after - before) / ROUNDS)


QUOTAS: Final = frozenset(
    {("holdings.py", "known"), ("holdings.py", "next_fact"), ("commit.py", "_growth"), ("commit.py", "_over_quota")}
)
"""Functions that count what an owner has, and judge it, by file and name."""


def quotas() -> tuple[float, float]:
    """Return the calls of a Create that stands alone in its commit, in all threads, and those of them for quotas."""
    calls = of_quotas = 0
    depths: Counter[int] = Counter()  # by thread
    is_counting = False

    def note(frame: Any, event: str, _: Any) -> None:
        nonlocal calls, of_quotas
        thread = threading.get_ident()
        counts_here = (frame.f_code.co_filename.rpartition("/")[2], frame.f_code.co_name) in QUOTAS
        if event in ("call", "c_call"):
            depths[thread] += counts_here and event == "call"
            calls += is_counting
            of_quotas += is_counting and depths[thread] > 0
        elif event == "return":
            depths[thread] -= counts_here

    threading.setprofile(note)
    try:
        with wired() as ask:
            (frame,) = _frames(ask)["Create"]
            sys.setprofile(note)
            is_counting = True
            for _ in range(ROUNDS):
                ask(frame)
            is_counting = False
            sys.setprofile(None)
    finally:
        threading.setprofile(None)
    return calls / ROUNDS, of_quotas / ROUNDS


def main() -> int:
    """Print the counts beside their limits; exit code 1 if one is over."""
    if "--quotas" in sys.argv[1:]:
        calls, of_quotas = quotas()
        print(
            f"Create: {calls:.0f} calls, {of_quotas:.0f} of them for quotas: {of_quotas / (calls - of_quotas):.1%} more"
        )
        return 0
    if "--parts" in sys.argv[1:]:
        for name, budget in budgets().items():
            parts = ", ".join(f"{part} {calls:.0f}" for part, calls in budget.calls.items())
            print(f"{name:24} {budget.microseconds:6.0f} us; calls: {parts}")
        return 0
    over = False
    for name, count in counts().items():
        over |= count.calls > LIMITS[name]
        print(f"{name:24} {count.calls:8.0f} calls (limit {LIMITS[name]:,}), {count.blocks:6.1f} blocks")
    return int(over)


if __name__ == "__main__":
    raise SystemExit(main())
