"""A service that fails on request: refusals, lost messages, late answers and garbage, for the tests of a client.

It stands before the real service, in servers for tests only. A planned failure is used up by the first request with its
operation, whichever client sends it.
"""

import enum
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import evolve, field

from kmip_adapters.ttlv.service import TtlvJob, TtlvService
from kmip_core.classes import define, frozen
from kmip_core.enums import Operation
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage, UsernameAndPassword
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Wait
from kmip_core.ports.transport import Answer, ConnectionEnd, Job
from kmip_core.principal import Principal

GARBAGE: Final = bytes.fromhex("42007b01 00000010") + b"\xff" * 16
"""A Response Message by its header, whose length is right, so that no client waits for more; nothing in it is TTLV."""


class Lost(enum.Enum):
    """Which message does not arrive: the connection ends instead."""

    REQUEST = "request"  # nothing was done
    ANSWER = "answer"  # everything was done


@frozen(kw_only=True)
class InjectedFailure:
    """One failure of a request for `operation`.

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
        """Whether it concerns the whole answer, not one item."""
        return self.lost is not None or self.garbage is not None or self.delay > 0


@define(eq=False)
class PlannedFailures:
    """The failures that are planned, oldest first; re-entrant."""

    _planned: list[InjectedFailure] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _let_go: threading.Event = field(factory=threading.Event, init=False, repr=False)

    @property
    def planned(self) -> tuple[InjectedFailure, ...]:
        """Those that no request has used up."""
        with self._lock:
            return tuple(self._planned)

    @property
    def let_go(self) -> threading.Event:
        """The event that ends the delay of answers from now on: it is set by `clear`."""
        with self._lock:
            return self._let_go

    def plan(self, *failures: InjectedFailure) -> None:
        """Plan more failures."""
        with self._lock:
            self._planned.extend(failures)

    def take(self, operations: Iterable[Operation | None]) -> list[InjectedFailure | None]:
        """Return, and remove, the oldest failure for each operation of a request; None where there is none."""
        with self._lock:
            return [self._take_one(operation) for operation in operations]

    def clear(self) -> None:
        """Remove all that is planned, and send delayed answers at once."""
        with self._lock:
            self._planned.clear()
            let_go, self._let_go = self._let_go, threading.Event()
        let_go.set()

    def _take_one(self, operation: Operation | None) -> InjectedFailure | None:
        for place, failure in enumerate(self._planned):
            if failure.operation is operation:
                return self._planned.pop(place)
        return None


@define(eq=False)
class FailingService:
    """A `Service` (kmip_core.ports.transport): `service`, with planned failures.

    service: may be replaced; requests that have been opened end where they began.
    """

    service: TtlvService
    failures: PlannedFailures

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> Job:
        """Decode one message, and use up the failures that are planned for its operations."""
        service = self.service
        job = service.open(frame, principal, credentials)
        request = job.request
        if not isinstance(request, RequestMessage):
            return job
        met = self.failures.take(item.operation for item in request.batch_items)
        job = _refused(service, job, request, met)
        rest = tuple(failure for failure in met if failure is not None and failure.concerns_the_answer)
        return FailingJob(job=job, met=rest, let_go=self.failures.let_go) if rest else job

    def refuse(self, error: KmipError) -> bytes:
        """Return the whole response to what is not opened."""
        return self.service.refuse(error)


@define(kw_only=True)
class FailingJob:
    """A `Job` (kmip_core.ports.transport) whose answer comes late, or does not come.

    met: of several that lose or spoil the answer, the first one counts; delays add up.
    let_go: once it is set, nothing is held back.
    """

    job: Job
    met: tuple[InjectedFailure, ...]
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
        delay = sum(failure.delay for failure in self.met)
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
            return ConnectionEnd()
        outcome = self.job.run()
        if instead is None or isinstance(outcome, Wait | MoveTo | Pause):
            return outcome
        return ConnectionEnd(instead.garbage or b"")


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


def _refused(service: TtlvService, job: TtlvJob, request: RequestMessage, met: list[InjectedFailure | None]) -> TtlvJob:
    """Return the job with the items refused that are to be: like items that could not be read, each fails alone."""
    if not any(failure and failure.refusal for failure in met):
        return job
    items = tuple(
        evolve(item, payload=failure.refusal) if failure and failure.refusal else item
        for item, failure in zip(request.batch_items, met, strict=True)
    )
    refused = evolve(request, batch_items=items)
    return evolve(job, request=refused, pace=service.engine.pace(refused), repeated=None)
