"""Runs submissions in threads of this process: what is due, and at once what a client waits for.

One thread looks for work and keeps the claims of what runs; workers run batches, each to its end. When a process dies
its claims end by themselves and another process, of this node or another, takes the batches over.
"""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final

from kmip_adapters.fair_queue import RotatingQueue
from kmip_adapters.occasion import Occasion
from kmip_core.errors import KmipError
from kmip_core.ports.steps import Pending
from kmip_core.ports.submissions import SubmissionStore
from kmip_core.ports.system import Clock, Delays, FaultLog, Identifiers

CLAIM_SECONDS: Final = 15
"""How long a claim lasts: so long a batch waits whose process has died."""

RENEW_SECONDS: Final = 4.0
"""How often claims are renewed while batches run."""

LOOK_SECONDS: Final = 1.0
"""How often the store is looked through for what is due; what was submitted here is due after whole seconds."""

IDLE_SECONDS: Final = 5.0
"""How often it is looked through while nothing was submitted here, for what other processes have left."""

EXPIRE_SECONDS: Final = 60.0
"""How often what has expired is removed."""

BUSY_SECONDS: Final = 600.0
"""For how long after a submission the store is looked through often."""

LOG: Final = logging.getLogger("kmipd.asynchronous")

Run = Callable[[str], object]
"""Runs one batch to its end, in a thread that may block."""


class ThreadedRunner:
    """A `SubmissionRunner`; does nothing before `start`.

    name: of this process among all that use the store.  workers: batches that run at once.
    """

    def __init__(
        self,
        *,
        store: SubmissionStore,
        clock: Clock,
        delays: Delays,
        faults: FaultLog,
        identifiers: Identifiers,
        name: str,
        workers: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._delays = delays
        self._faults = faults
        self._identifiers = identifiers
        self._name = name
        self._workers = workers
        self._run: Run | None = None
        self._changed = threading.Condition()
        self._hurried: RotatingQueue[str] = RotatingQueue()  # by identity
        self._to_run: deque[str] = deque()
        self._running: set[str] = set()
        self._is_closed = False
        self._busy_until = 0.0
        self._look_at = 0.0
        self._threads: list[threading.Thread] = []
        self._waiting: defaultdict[bytes, list[Occasion]] = defaultdict(list)

    def start(self, run: Run) -> None:
        """Begin: look for work, and have `run` do it."""
        self._run = run
        self._threads = [threading.Thread(target=self._look_after, name="kmip-submissions", daemon=True)]
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"kmip-submission-{number}", daemon=True)
            self._threads.append(thread)
        for thread in self._threads:
            thread.start()

    def close(self, seconds: float = 5.0) -> None:
        """Begin nothing more, wait for what runs so long, and give up all claims; what is left runs elsewhere."""
        with self._changed:
            self._is_closed = True
            self._to_run.clear()
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if self._threads and not any(thread.is_alive() for thread in self._threads):
            try:
                self._store.release(self._name)
            except KmipError as error:
                LOG.warning("claims were not given up, and end by themselves: %s", error.message)

    # --- a `SubmissionRunner` -------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look for work soon."""
        with self._changed:
            self._busy_until = time.monotonic() + BUSY_SECONDS
            self._look_at = min(self._look_at, time.monotonic() + LOOK_SECONDS)
            self._changed.notify_all()

    def hurry(self, batch: str, identity: str) -> None:
        """Run a batch as soon as a worker is free; identities take turns."""
        with self._changed:
            if batch not in self._running and not self._hurried.holds(identity, batch):
                self._hurried.put(identity, batch)
                self._changed.notify_all()

    def has_ended(self, correlation_value: bytes) -> None:
        """Call back those who wait."""
        with self._changed:
            waiting = self._waiting.pop(correlation_value, [])
        for one in waiting:
            one.end()

    def wait(self, correlation_value: bytes, milliseconds: int) -> Pending:
        """Return what is known after the end of a submission, or so many milliseconds."""
        ended = Occasion()
        with self._changed:
            self._waiting[correlation_value].append(ended)

        def give_up() -> None:
            with self._changed:
                waiting = self._waiting.get(correlation_value, [])
                if ended in waiting:
                    waiting.remove(ended)
                if not waiting:
                    self._waiting.pop(correlation_value, None)
            ended.end()

        self._delays.begin(milliseconds).add_done_callback(give_up)
        return ended

    # --- the thread that looks for work -----------------------------------------------------------------------------

    def _look_after(self) -> None:
        renew_at = expire_at = 0.0
        while True:
            with self._changed:
                if not self._is_closed and not self._has_to_do(time.monotonic(), min(renew_at, expire_at)):
                    self._changed.wait(self._pause(time.monotonic(), renew_at, expire_at))
                if self._is_closed:
                    return
            now = time.monotonic()
            try:
                self._claim_hurried()
                if now >= self._look_at:
                    self._claim_due(now)
                if now >= renew_at:
                    renew_at = now + RENEW_SECONDS
                    if self._running or self._to_run:
                        self._store.renew(self._name, self._clock.now() + CLAIM_SECONDS)
                if now >= expire_at:
                    expire_at = now + EXPIRE_SECONDS
                    self._store.expire(self._clock.now())
            except KmipError as error:  # sealed, or lost: until it is back
                LOG.debug("no submissions can be run: %s", error.message)
                self._postpone()
            except Exception as fault:  # a bug in one look must not end the thread that makes all of them
                self._faults.report(self._identifiers.new(), fault)
                self._postpone()

    def _has_to_do(self, now: float, other: float) -> bool:
        return (bool(self._hurried) and self._has_room) or now >= min(self._look_at, other)

    def _pause(self, now: float, *times: float) -> float:
        return max(0.01, min(self._look_at, *times) - now)

    @property
    def _has_room(self) -> bool:
        return len(self._running) + len(self._to_run) < self._workers

    def _postpone(self) -> None:
        with self._changed:
            self._hurried = RotatingQueue()
            self._look_at = time.monotonic() + IDLE_SECONDS
            if not self._is_closed:
                self._changed.wait(LOOK_SECONDS)

    def _claim_hurried(self) -> None:
        while True:
            with self._changed:
                if not self._hurried or not self._has_room:
                    return
                batch = self._hurried.take()
                if batch in self._running or batch in self._to_run:
                    continue
            now = self._clock.now()
            if self._store.claim_batch(batch, self._name, now, now + CLAIM_SECONDS):
                self._give_out((batch,))

    def _claim_due(self, now: float) -> None:
        """Claim as much as there are workers; if there may be more, look again when one is free."""
        with self._changed:
            free = self._workers - len(self._running) - len(self._to_run)
            pause = LOOK_SECONDS if now < self._busy_until else IDLE_SECONDS
            self._look_at = now + pause
        while free > 0:  # each time one batch of each identity
            time_of_day = self._clock.now()
            claimed = self._store.claim(self._name, time_of_day, time_of_day + CLAIM_SECONDS, free)
            if not claimed:
                return
            self._give_out(claimed)
            free -= len(claimed)

    def _give_out(self, batches: tuple[str, ...]) -> None:
        if batches:
            with self._changed:
                self._to_run.extend(batches)
                self._changed.notify_all()

    # --- the workers --------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            try:
                if self._run is not None:
                    self._run(batch)
            except KmipError as error:
                LOG.warning("a submitted batch could not be run now: %s", error.message)
            except Exception as fault:  # the thread lives on; the batch is claimed again when its claim has ended
                self._faults.report(self._identifiers.new(), fault)
            finally:
                with self._changed:
                    self._running.discard(batch)
                    self._look_at = 0.0  # there may be more that is due
                    self._changed.notify_all()

    def _next(self) -> str | None:
        with self._changed:
            while not self._to_run and not self._is_closed:
                self._changed.wait()
            if self._is_closed:
                return None
            batch = self._to_run.popleft()
            self._running.add(batch)
            return batch
