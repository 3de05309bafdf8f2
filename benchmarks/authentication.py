"""What it costs that records are authenticated: the same requests with it and with nothing in its place, in turn.

    python -m benchmarks.authentication [--rounds N]

Two servers are wired in this process as `benchmarks.counts` does it, each on SQLite. While the second one is asked,
seals of rows are plain copies, facts have no code, and no generation is counted: no setting does that, only this
program. Each round asks both, in changing order, and takes the processor time of all threads of the process, so that
neither other programs nor waits for the disk count. What is printed is the median of the ratios of the rounds.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from attrs import frozen

from benchmarks import messages
from benchmarks.counts import wired

REQUESTS: Final = {"Get": 60, "Get, row not remembered": 60, "Create": 25}
"""What is asked -> requests of a round, some 20 milliseconds."""

_NO_CODE: Final = "0" * 64 + ":"

Ask = Callable[[bytes], bytes]


@frozen
class Cost:
    """authenticated, plain: microseconds of processor time for a request.  ratio: the median of the rounds'."""

    authenticated: float
    plain: float
    ratio: float


@contextmanager
def nothing_in_its_place() -> Iterator[None]:
    """Have this process authenticate no record."""
    from kmip_adapters.sealing.envelope import EnvelopeSealer
    from kmip_adapters.storage.sql import client_realm, commit, generations, holdings, index_key, rows, rules

    def seal_record(sealer: Any, hidden: bytes, _: bytes) -> bytes:
        return b"\x02" + sealer._current.data_key_id.to_bytes(4) + hidden  # commits look under which data key it is

    replaced: list[tuple[Any, str, Any]] = [
        (EnvelopeSealer, "seal_record", seal_record),
        (EnvelopeSealer, "open_record", lambda _, sealed, __: sealed[5:]),
        (rows, "record_binding", lambda **_: b""),
        (commit.Commit, "_next_generation", lambda *_: []),
        (generations.GenerationStatements, "know", lambda *_: None),
        *(
            (one, "sealed_fact", lambda _, __, value: _NO_CODE + value)
            for one in (client_realm, holdings, index_key, rules)
        ),
        *((one, "proven_fact", lambda _, __, stored: stored[65:]) for one in (client_realm, holdings, rules)),
    ]
    with ExitStack() as stack:
        for owner, name, replacement in replaced:
            stack.enter_context(patch.object(owner, name, replacement))
        yield


def _processor_time(ask: Ask, frame: bytes, times: int) -> float:
    begin = time.process_time()
    for _ in range(times):
        ask(frame)
    return (time.process_time() - begin) / times * 1e6


def measure(rounds: int) -> dict[str, Cost]:
    """Return what each kind of request costs with and without."""
    found: dict[str, Cost] = {}
    for name, times in REQUESTS.items():
        with ExitStack() as stack:
            if "not remembered" in name:
                stack.enter_context(patch("kmip_adapters.storage.sql.rows.REMEMBERED", 0))
            authenticated = stack.enter_context(wired())
            with nothing_in_its_place():
                plain = stack.enter_context(wired())
            found[name] = _measured(name, authenticated, plain, rounds, times)
    return found


def _measured(name: str, authenticated: Ask, plain: Ask, rounds: int, times: int) -> Cost:
    def once(is_plain: bool, count: int) -> float:
        if not is_plain:
            return _processor_time(authenticated, frames[False], count)
        with nothing_in_its_place():
            return _processor_time(plain, frames[True], count)

    frames = {False: _frame(name, authenticated)}
    with nothing_in_its_place():
        frames[True] = _frame(name, plain)
    for is_plain in (False, True):
        once(is_plain, 4 * times)  # caches are warm, plans are made
    taken: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds):
        gc.collect()
        for is_plain in (False, True) if number % 2 else (True, False):
            taken[is_plain].append(once(is_plain, times))
    ratio = statistics.median(one / other for one, other in zip(taken[False], taken[True], strict=True))
    return Cost(statistics.median(taken[False]), statistics.median(taken[True]), ratio)


def _frame(name: str, ask: Ask) -> bytes:
    if name == "Create":
        return messages.create("another").request
    made = messages.create("key")
    key = messages.read_answer(ask(made.request)).unique_identifiers[0]
    ask(messages.activate(key).request)
    return messages.get(key).request


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.authentication", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    for name, cost in measure(rounds).items():
        print(f"{name}: {cost.authenticated:.0f} us, {cost.plain:.0f} us without: {cost.ratio:.3f} times", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
