"""Runs jobs where their pace needs them: on the loop, in one of many threads, in one of a few, or apart from all.

A job that waits for stable storage is set aside, without a thread, and resumed on the loop once the outcome is known.
What has begun is run to its end, even if its client has left: evidence and clearing up come last. Places and threads
are shared out between identities. Touched on the loop's thread only, except `_post`, which workers and the store call.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from kmip_adapters.fair_queue import FairPool
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.rates import Rates
from kmip_adapters.transport.watchdog import LIMIT, Watchdog
from kmip_adapters.transport.workers import Workers
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Wait
from kmip_core.ports.transport import Answer, Job
from kmip_core.principal import Principal

LOG: Final = logging.getLogger("kmipd.transport")

QUANTUM: Final = 0.1  # seconds after which a message with more items goes to the end of the queue, if there is one
DRAIN_SECONDS: Final = 0.010  # for results of workers and commits in one turn of the loop


class Opener(Protocol):
    """What decodes a request; a worker calls it."""

    def open(self, frame: bytes, principal: Principal) -> Job:
        """Return the request as a job; a malformed one becomes a job that answers so."""
        ...


class AnswerSink(Protocol):
    """What an answer is delivered to that was not there at once: a connection."""

    @property
    def identity(self) -> str:
        """Whose request it is."""
        ...

    @property
    def wants_answer(self) -> bool:
        """Whether the client is still there."""
        ...

    def completed(self, answer: Answer | None) -> None:
        """Take the answer, None after a fault, on the loop."""
        ...

    def declined(self, limit: str) -> None:
        """Note that the job was not begun, because of `limit`; `completed` gets the refusal."""
        ...


class Runner:
    """The jobs of one server."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: TransportLimits, counters: TransportCounters, rates: Rates
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._counters = counters
        self._rates = rates
        self._pools = {
            Pace.BRIEF: Workers("kmip-brief", limits.brief_threads),
            Pace.SLOW: Workers("kmip-slow", limits.slow_threads),
            Pace.REMOTE: Workers("kmip-remote", limits.remote_threads),
        }
        # Long requests are decoded by few threads: many would hold the interpreter's lock in turn, and the loop up.
        self._decoding = Workers("kmip-decode", limits.decoding_threads)
        self._commits: FairPool[_Running] = FairPool(limits.committing)  # jobs that wait for stable storage
        self._thread = threading.get_ident()
        self._posted: deque[Callable[[], None]] = deque()
        self._drain_is_due = False
        self._in_threads: dict[_Running, float] = {}  # when each was begun
        self.watchdog: Watchdog | None = None

    def run(self, job: Job, sink: AnswerSink) -> Answer | None:
        """Return the answer if it is there at once; else None, and `sink.completed` gets it.

        Raises what a job raises that breaks its promise.
        """
        pace = job.pace
        if pace is not Pace.QUICK:
            return _Running(self, job, sink).run_at(pace)
        outcome = job.run()
        if isinstance(outcome, bytes):  # as nearly always
            return outcome
        return _Running(self, job, sink).follow(outcome)

    def open_elsewhere(
        self,
        opener: Opener,
        frame: bytes,
        principal: Principal,
        sink: AnswerSink,
        declined: KmipError | None = None,
    ) -> None:
        """Decode a long request in a thread and run it there, unless it belongs to the slow ones, or is declined."""
        running = _Running(self, _Undecoded(opener, frame, principal, declined), sink)
        self._decoding.submit(sink.identity, running.decode)

    def in_progress(self) -> Iterator[str]:
        """Give what threads are doing now, in words."""
        now = time.perf_counter()
        for running, since in tuple(self._in_threads.items()):
            yield f"{running.job.title} of {running.sink.identity} for {now - since:.1f} s"

    def count(self) -> None:
        """Bring the gauges of the counters up to date."""
        for pace, workers in self._pools.items():
            self._counters.queued[pace.value] = workers.queued
            self._counters.running[pace.value] = workers.running
        self._counters.queued["decoding"], self._counters.running["decoding"] = (
            self._decoding.queued,
            self._decoding.running,
        )
        self._counters.queued[Pace.COMMITS.value] = self._commits.waiting
        self._counters.running[Pace.COMMITS.value] = self._commits.running

    def close(self) -> None:
        """Let the threads end after what they have; does not wait for them."""
        for workers in (self._decoding, *self._pools.values()):
            workers.close()

    # For _Running

    def _has_room(self, identity: str) -> bool:
        """Return whether another slow job may wait: an identity that waits for less than its quarter always may."""
        workers, most = self._pools[Pace.SLOW], self._limits.slow_threads + self._limits.slow_queue
        if workers.pending < most:
            return workers.pending_of(identity) < most - most // 4 or not most // 4
        return workers.pending_of(identity) < most // 4

    def _check_slow(self, sink: AnswerSink) -> None:
        """Raise KmipError (Server Limit Exceeded) if a slow job may not begin."""
        if not self._has_room(sink.identity):
            sink.declined("slow_queue")
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "the server is busy; try again later")
        try:
            self._rates.check_slow(sink.identity)
        except KmipError:
            sink.declined("slow_seconds_per_minute")
            raise

    def _has_queue(self, pace: Pace) -> bool:
        """Return whether work waits for a thread of a pool; may be called from a worker."""
        return self._pools[pace].queued > 0

    def _submit(self, pace: Pace, running: "_Running") -> None:
        self._pools[pace].submit(running.sink.identity, running.work)

    def _commit(self, running: "_Running") -> Answer | None:
        """Begin a job that will commit, if it has a place; else it begins when another has ended.

        Bounded, or requests that contend for one object would use up each other's attempts.
        """
        identity = running.sink.identity
        if self._commits.begin(identity):  # as nearly always
            return running.go_on(holds_place=True)
        self._commits.put(identity, running)
        return running.go_on(holds_place=True) if self._begin_commits(running) else None

    def _give_place_back(self, identity: str) -> None:
        self._commits.give_back(identity)
        self._begin_commits(None)

    def _begin_commits(self, mine: "_Running | None") -> bool:
        """Begin what has a place now; returns whether `mine`, which the caller begins itself, has one."""
        has_place = False
        while (taken := self._commits.take()) is not None:
            if taken[1] is mine:
                has_place = True
            else:
                self._post(taken[1].begin_commit)
        return has_place

    def _post(self, callback: Callable[[], None]) -> None:
        """From any thread: have `callback` called on the loop, many by one wake-up."""
        self._posted.append(callback)
        if not self._drain_is_due:
            self._drain_is_due = True
            if self._is_on_loop():
                self._loop.call_soon(self._drain)
                return
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop has ended meanwhile, and the connections with it
                LOG.debug("an answer came after the server had stopped")

    def _is_on_loop(self) -> bool:
        """Whether this is the loop's own thread, which need not be woken."""
        return threading.get_ident() == self._thread

    def _drain(self) -> None:
        self._drain_is_due = False  # first, so that what is posted now asks for another call
        began = time.perf_counter()
        for left in range(len(self._posted), 0, -1):
            try:
                self._posted.popleft()()
            except Exception:  # of one connection; the others have their turn
                LOG.exception("an answer could not be delivered")
            if left > 1 and time.perf_counter() - began > DRAIN_SECONDS:
                if not self._drain_is_due:
                    self._drain_is_due = True
                    self._loop.call_soon(self._drain)
                return


class _Running:
    """One job on its way to its answer."""

    __slots__ = (
        "_holds_place",
        "_is_waiting",
        "_pace",
        "_result",
        "_runner",
        "_spent",
        "_spent_slow",
        "has_begun",
        "job",
        "sink",
    )

    def __init__(self, runner: Runner, job: Job, sink: AnswerSink) -> None:
        self._runner = runner
        self.job = job
        self.sink = sink
        self.has_begun = False
        self._holds_place = False
        self._is_waiting = False  # for an outcome, with its place
        self._pace = Pace.BRIEF  # of the worker
        self._spent = 0.0  # seconds in workers
        self._spent_slow = 0.0  # of these, not charged yet
        self._result: Answer | MoveTo | None = None  # of a worker

    def run_at(self, pace: Pace) -> Answer | None:
        """On the loop: run the job where `pace` is run; returns the answer if it is there at once."""
        runner = self._runner
        if pace is Pace.QUICK:
            return self.go_on(holds_place=False)
        if pace is Pace.COMMITS:
            return runner._commit(self)
        if pace is Pace.SLOW and not self.has_begun:
            try:
                runner._check_slow(self.sink)
            except KmipError as error:
                return self.job.decline(error)
        self._pace = pace
        runner._submit(pace, self)
        return None

    def go_on(self, *, holds_place: bool) -> Answer | None:
        """On the loop: run the job up to its answer or its next wait."""
        self._holds_place = holds_place
        self._is_waiting = False
        try:
            return self.follow(self.job.run())
        finally:
            if holds_place and not self._is_waiting:
                self._runner._give_place_back(self.sink.identity)

    def follow(self, outcome: Answer | Step) -> Answer | None:
        """On the loop: return the answer, or see to it that the job is gone on with."""
        self.has_begun = True
        while isinstance(outcome, Pause):  # a turn of the loop is bounded by what may run there
            outcome = self.job.run()
        match outcome:
            case Wait(pending):
                self._is_waiting = True
                pending.add_done_callback(self.post_resume)
                return None
            case MoveTo(pace):
                return self.run_at(pace)
            case answer:
                return answer

    def begin_commit(self) -> None:
        """On the loop: begin, with a place that was waited for."""
        self._holds_place = True
        self.resume()

    def post_resume(self) -> None:
        """From any thread: the outcome that the job waits for is known."""
        self._runner._post(self.resume)

    def resume(self) -> None:
        """On the loop: go on after a wait, and deliver the answer if there is one."""
        began, job = time.perf_counter(), self.job
        try:
            answer = self.go_on(holds_place=self._holds_place)
        except Exception:  # the service promised not to; the other connections must live on
            LOG.exception("a request failed outside of the engine")
            self.sink.completed(None)
        else:
            if answer is not None:
                self._deliver(answer)
        held = time.perf_counter() - began
        if held > LIMIT and self._runner.watchdog is not None:
            self._runner.watchdog.held(held, self.sink.identity, job.title)

    def decode(self) -> None:
        """In a worker for long requests: decode ours, and have it run elsewhere."""
        in_threads = self._runner._in_threads
        in_threads[self] = time.perf_counter()
        try:
            self._result = self._decode()
        except Exception:  # as in `work`
            LOG.exception("a request failed outside of the engine")
            self._result = None
        finally:
            del in_threads[self]
        self._runner._post(self.finish)

    def work(self) -> None:
        """In a worker: run the job up to its answer, or until it must move elsewhere."""
        in_threads = self._runner._in_threads
        in_threads[self] = time.perf_counter()
        try:
            self._result = self._run_blocking()
        except Exception:  # the thread must live on; the connection is cut when the result is missing
            LOG.exception("a request failed outside of the engine")
            self._result = None
        finally:
            del in_threads[self]
        self._runner._post(self.finish)

    def finish(self) -> None:
        """On the loop: deliver what a worker has made, or run the job where it must move."""
        result, self._result = self._result, None
        if self._spent_slow:
            self._runner._rates.spend_slow(self.sink.identity, self._spent_slow)
            self._spent_slow = 0.0
        if not isinstance(result, MoveTo):
            self._deliver(result)
            return
        try:
            answer = self.run_at(result.pace)
        except Exception:  # as in `resume`
            LOG.exception("a request failed outside of the engine")
            self.sink.completed(None)
        else:
            if answer is not None:
                self._deliver(answer)

    def _deliver(self, answer: Answer | None) -> None:
        self.job = _DONE  # its errors hold their tracebacks, these hold us: memory must not wait for the collector
        self.sink.completed(answer)

    def _decode(self) -> Answer | MoveTo:
        undecoded = self.job
        if not isinstance(undecoded, _Undecoded):
            raise TypeError("it is decoded already")
        self.job = undecoded.opener.open(undecoded.frame, undecoded.principal)
        if undecoded.declined is not None:
            return self.job.decline(undecoded.declined)
        pace = self.job.pace
        return MoveTo(pace if pace in {Pace.SLOW, Pace.REMOTE} else Pace.BRIEF)  # its answer takes time to encode, too

    def _run_blocking(self) -> Answer | MoveTo:
        self.has_begun = True
        began = time.perf_counter()
        try:
            while True:
                match self.job.run():
                    case Wait(pending):
                        pending.wait()
                    case MoveTo() as move:
                        return move
                    case Pause():
                        if self._must_let_others_run(time.perf_counter() - began):
                            return MoveTo(self._pace)
                    case answer:
                        return answer
        finally:
            seconds = time.perf_counter() - began
            self._spent += seconds
            if self._pace is Pace.SLOW:
                self._spent_slow += seconds

    def _must_let_others_run(self, seconds: float) -> bool:
        """In a worker, between two items: call off the rest if it is not wanted, or has used up its time."""
        if not self.sink.wants_answer:
            self.job.curtail(KmipError(ResultReason.OPERATION_CANCELED_BY_REQUESTER, "the client has left"))
            return False
        limit = self._runner._limits.work
        if self._spent + seconds > limit:
            text = f"the request has used {limit:g} s, all that one message may have; send fewer items in each"
            self.job.curtail(KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, text))
            return False
        return seconds > QUANTUM and self._runner._has_queue(self._pace)


class _Undecoded:
    """A long request that a worker decodes; takes the place of the job until then."""

    pace = Pace.BRIEF
    title = "a long request"

    def __init__(self, opener: Opener, frame: bytes, principal: Principal, declined: KmipError | None) -> None:
        self.declined = declined
        self.opener = opener
        self.frame = frame
        self.principal = principal

    def run(self) -> Answer:
        raise NotImplementedError("decode it first")

    def curtail(self, error: KmipError) -> None:
        raise NotImplementedError("decode it first")

    def decline(self, error: KmipError) -> bytes:
        raise NotImplementedError("decode it first")


class _Done:
    """Takes the place of a job that has its answer."""

    pace = Pace.QUICK
    title = "a request"

    def run(self) -> Answer:
        raise NotImplementedError("it has its answer")

    def curtail(self, error: KmipError) -> None:
        raise NotImplementedError("it has its answer")

    def decline(self, error: KmipError) -> bytes:
        raise NotImplementedError("it has its answer")


_DONE: Final = _Done()
