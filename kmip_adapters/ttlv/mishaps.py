"""A service that fails on request: refusals, lost messages, late answers and nonsense, for a client's tests.

It stands before the real service, which knows nothing of it, and only where the container was asked for it. A mishap is
used up when a request that has its operation arrives, from any client.
"""

import enum
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import define, evolve, field, frozen

from kmip_adapters.ttlv.service import TtlvJob, TtlvService
from kmip_core.enums import Operation
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage, UsernameAndPassword
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Wait
from kmip_core.ports.transport import Answer, Job, LastWords
from kmip_core.principal import Principal

GARBAGE: Final = bytes.fromhex("42007b01 00000010") + b"\xff" * 16
"""A Response Message by its header, whose length is right, so that no client waits for more; nothing in it is TTLV."""


class Lost(enum.Enum):
    """Which message does not arrive: the connection ends instead."""

    REQUEST = "request"  # nothing was done
    ANSWER = "answer"  # everything was done


@frozen(kw_only=True)
class Mishap:
    """What is to go wrong with one request for `operation`.

    refusal: its batch item fails so and is not performed; the items beside it are.
    lost: what does not arrive.  garbage: the last bytes on the connection, instead of the answer to what was done.
    delay: seconds for which the answer, or whatever is in its place, is held back once everything is done.
    """

    operation: Operation
    refusal: KmipError | None = None
    lost: Lost | None = None
    garbage: bytes | None = field(default=None, repr=False)
    delay: float = 0.0

    @property
    def concerns_the_answer(self) -> bool:
        """Whether more than one item of it comes to harm."""
        return self.lost is not None or self.garbage is not None or self.delay > 0


@define(eq=False)
class Mishaps:
    """The mishaps to come, in their order; re-entrant."""

    _planned: list[Mishap] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _let_go: threading.Event = field(factory=threading.Event, init=False, repr=False)

    @property
    def planned(self) -> tuple[Mishap, ...]:
        """What no request has met yet, oldest first."""
        with self._lock:
            return tuple(self._planned)

    @property
    def let_go(self) -> threading.Event:
        """What answers that are held back from now on wait for: that all is cleared."""
        with self._lock:
            return self._let_go

    def plan(self, *mishaps: Mishap) -> None:
        """Add to what is to come."""
        with self._lock:
            self._planned.extend(mishaps)

    def take(self, operations: Iterable[Operation | None]) -> list[Mishap | None]:
        """Return, and forget, the oldest mishap for each operation of a request; None where there is none."""
        with self._lock:
            return [self._take_one(operation) for operation in operations]

    def clear(self) -> None:
        """Plan nothing any more, and let go at once of the answers that are held back."""
        with self._lock:
            self._planned.clear()
            let_go, self._let_go = self._let_go, threading.Event()
        let_go.set()

    def _take_one(self, operation: Operation | None) -> Mishap | None:
        for place, mishap in enumerate(self._planned):
            if mishap.operation is operation:
                return self._planned.pop(place)
        return None


@define(eq=False)
class MishapService:
    """A `Service` (kmip_core.ports.transport): that of `service`, but for the mishaps.

    service: may be replaced; requests that have been opened end where they began.
    """

    service: TtlvService
    mishaps: Mishaps

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> Job:
        """Decode one message, and meet the mishaps that wait for its operations."""
        service = self.service
        job = service.open(frame, principal, credentials)
        request = job.request
        if not isinstance(request, RequestMessage):
            return job
        met = self.mishaps.take(item.operation for item in request.batch_items)
        job = _refused(service, job, request, met)
        rest = tuple(mishap for mishap in met if mishap is not None and mishap.concerns_the_answer)
        return MishapJob(job=job, met=rest, let_go=self.mishaps.let_go) if rest else job

    def refuse(self, error: KmipError) -> bytes:
        """Return the whole response to what is not opened."""
        return self.service.refuse(error)


@define(kw_only=True)
class MishapJob:
    """A `Job` (kmip_core.ports.transport) whose answer comes late, or does not come.

    met: of several that lose or spoil the answer, the first one counts; delays add up.
    let_go: once it is set, nothing is held back.
    """

    job: Job
    met: tuple[Mishap, ...]
    let_go: threading.Event
    _outcome: Answer | None = field(default=None, init=False)

    @property
    def pace(self) -> Pace:
        """That of the job."""
        return self.job.pace

    @property
    def title(self) -> str:
        """That of the job."""
        return self.job.title

    def run(self) -> Answer | Step:
        """Do the work, if the request was not lost, and only then hold its answer back; return what the client gets."""
        if self._outcome is not None:
            return self._outcome
        outcome = self._worked()
        if isinstance(outcome, Wait | MoveTo | Pause):
            return outcome
        self._outcome = outcome
        delay = sum(mishap.delay for mishap in self.met)
        return Wait(HeldBack(delay, self.let_go)) if delay else outcome

    def curtail(self, error: KmipError) -> None:
        """Call off the items that have not begun."""
        self.job.curtail(error)

    def decline(self, error: KmipError) -> bytes:
        """Return the response that fails every item."""
        return self.job.decline(error)

    def _worked(self) -> Answer | Step:
        instead = next((m for m in self.met if m.lost is not None or m.garbage is not None), None)
        if instead is not None and instead.lost is Lost.REQUEST:
            return LastWords()
        outcome = self.job.run()
        if instead is None or isinstance(outcome, Wait | MoveTo | Pause):
            return outcome
        return LastWords(instead.garbage or b"")


@frozen
class HeldBack:
    """A `Pending` (kmip_core.ports.steps): the time for which an answer is late, in seconds, or until it is let go."""

    seconds: float
    let_go: threading.Event

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` from a thread of its own."""

        def tell_later() -> None:
            self.wait()
            callback()

        threading.Thread(target=tell_later, name="kmip-held-back", daemon=True).start()

    def wait(self) -> None:
        """Return when the time is over."""
        self.let_go.wait(self.seconds)


def _refused(service: TtlvService, job: TtlvJob, request: RequestMessage, met: list[Mishap | None]) -> TtlvJob:
    """Return the job with the items refused that are to be: like items that could not be read, each fails alone."""
    if not any(mishap and mishap.refusal for mishap in met):
        return job
    items = tuple(
        evolve(item, payload=mishap.refusal) if mishap and mishap.refusal else item
        for item, mishap in zip(request.batch_items, met, strict=True)
    )
    refused = evolve(request, batch_items=items)
    return evolve(job, request=refused, pace=service.engine.pace(refused))
