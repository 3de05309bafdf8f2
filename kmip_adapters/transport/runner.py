"""Runs jobs where their pace wants them: on the loop, in one of many threads, in one of a few, or apart from all.

A job that waits for stable storage is left aside, without a thread, and gone on with on the loop once the outcome is
known. What has begun is always run to its end, whether or not its peer is still there: evidence and clearing up come
last. Touched on the loop's thread only, except `_tell`, which workers and the store call.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from attrs import frozen

from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.workers import Workers
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.steps import MoveTo, Pace, Wait
from kmip_core.ports.transport import Answer, Job, Service
from kmip_core.principal import Principal

LOG: Final = logging.getLogger("kmipd.transport")


class Asker(Protocol):
    """Who waits for an answer that was not there at once."""

    def completed(self, answer: Answer | None) -> None:
        """Take the answer, None after a fault, on the loop."""
        ...

    def declined(self) -> None:
        """Note that there was no room for the job; `completed` gets the refusal."""
        ...


@frozen
class _Onward:
    """Where a job that was in a worker wants to be run, or gone on with."""

    pace: Pace
    job: Job
    has_begun: bool


class Runner:
    """The jobs of one server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: TransportLimits) -> None:
        self._loop = loop
        self._brief = Workers("kmip-brief", limits.brief_threads)
        self._slow = Workers("kmip-slow", limits.slow_threads)
        self._remote = Workers("kmip-remote", limits.remote_threads)
        self._most_slow = limits.slow_threads + limits.slow_queue
        self._free = limits.committing  # places for jobs that wait for stable storage
        self._queued: deque[tuple[Job, Asker]] = deque()  # jobs that wait for such a place
        self._told: deque[Callable[[], None]] = deque()
        self._delivery_due = False

    def run(self, job: Job, asker: Asker) -> Answer | None:
        """Return the answer if it is there at once; else None, and `asker.completed` gets it.

        Raises what a job raises that breaks its promise.
        """
        return self._run_at(job.pace, job, asker)

    def _run_at(self, pace: Pace, job: Job, asker: Asker, *, has_begun: bool = False) -> Answer | None:
        if pace is Pace.QUICK:
            return self._go_on(job, asker, holds_place=False)
        if pace is not Pace.COMMITS:
            return self._elsewhere(pace, job, asker, has_begun=has_begun)
        if not self._free:
            # Bounded, or requests that contend for one object would run each other's attempts out.
            self._queued.append((job, asker))
            return None
        self._free -= 1
        return self._go_on(job, asker, holds_place=True)

    def open_elsewhere(self, service: Service, frame: bytes, principal: Principal, asker: Asker) -> None:
        """Decode a long message in a thread and run it there, unless it belongs to the slow ones."""
        self._brief.submit(partial(self._work, partial(_open_and_run, service, frame, principal), asker))

    def close(self) -> None:
        """Let the threads end after what they have; does not wait for them."""
        self._brief.close()
        self._slow.close()
        self._remote.close()

    def _go_on(self, job: Job, asker: Asker, *, holds_place: bool) -> Answer | None:
        """On the loop: run a job up to its answer or its next wait."""
        is_waiting = False
        try:
            match job.run():
                case Wait(pending):
                    is_waiting = True
                    go_on = partial(self._go_on, job, asker, holds_place=holds_place)
                    pending.add_done_callback(partial(self._tell, partial(self._take, go_on, asker)))
                    return None
                case MoveTo(pace):
                    return self._run_at(pace, job, asker, has_begun=True)
                case answer:
                    return answer
        finally:
            if holds_place and not is_waiting:
                self._give_place_back()

    def _take(self, step: Callable[[], Answer | None], asker: Asker) -> None:
        """On the loop: take a step of a job that has waited."""
        try:
            answer = step()
        except Exception:  # the service promised not to; the other connections must live on
            LOG.exception("a request failed outside of the engine")
            asker.completed(None)
        else:
            if answer is not None:
                asker.completed(answer)

    def _elsewhere(self, pace: Pace, job: Job, asker: Asker, *, has_begun: bool) -> Answer | None:
        """Have a job run in a thread of its pace; returns the refusal of a new one if there is no room."""
        if pace is Pace.SLOW and not has_begun and self._slow.pending >= self._most_slow:
            asker.declined()
            return job.decline(KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the server is busy; try again later"))
        workers = {Pace.SLOW: self._slow, Pace.REMOTE: self._remote}.get(pace, self._brief)
        workers.submit(partial(self._work, partial(_run, job), asker))
        return None

    def _give_place_back(self) -> None:
        self._free += 1
        if self._queued:
            job, asker = self._queued.popleft()
            self._free -= 1
            self._tell(partial(self._take, partial(self._go_on, job, asker, holds_place=True), asker))

    def _work(self, work: Callable[[], Answer | _Onward], asker: Asker) -> None:
        """In a worker: do `work` and have its result delivered, or the job gone on with where it wants to."""
        result: Answer | _Onward | None = None
        try:
            result = work()
        except Exception:  # the thread must live on; the connection is cut when the result is missing
            LOG.exception("a request failed outside of the engine")
        if isinstance(result, _Onward):
            go_on = partial(self._run_at, result.pace, result.job, asker, has_begun=result.has_begun)
            self._tell(partial(self._take, go_on, asker))
        else:
            self._tell(partial(asker.completed, result))

    def _tell(self, step: Callable[[], None]) -> None:
        """From any thread: have a step taken on the loop, many by one wake-up."""
        self._told.append(step)
        if not self._delivery_due:
            self._delivery_due = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop has ended meanwhile, and the connections with it
                LOG.debug("an answer came after the server had stopped")

    def _deliver(self) -> None:
        self._delivery_due = False  # first, so that what is told now asks for another delivery
        for _ in range(len(self._told)):
            try:
                self._told.popleft()()
            except Exception:  # of one connection; the others have their turn
                LOG.exception("an answer could not be delivered")


def _run(job: Job) -> Answer | _Onward:
    """In a worker: return the answer, or where the job wants to go on."""
    while True:
        match job.run():
            case Wait(pending):
                pending.wait()
            case MoveTo(pace):
                return _Onward(pace, job, has_begun=True)
            case answer:
                return answer


def _open_and_run(service: Service, frame: bytes, principal: Principal) -> Answer | _Onward:
    """In a worker: decode a long request and run it there, unless it belongs in the slow pool."""
    job = service.open(frame, principal)
    return _Onward(Pace.SLOW, job, has_begun=False) if job.pace is Pace.SLOW else _run(job)
