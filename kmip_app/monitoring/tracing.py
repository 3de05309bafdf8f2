"""Traces of requests: one span for each request, from its decoding to its answer, and one for each of its parts.

A request moves between the event loop and threads, so that its span is held by its job, and is that of the thread only
while the job runs there. What a client chooses reaches no attribute but its name and address, which are cut off; the
parts of one request are bounded. This module knows the interface of OpenTelemetry alone, and is imported only where an
operator has chosen to send traces (`kmip_app.monitoring.otlp` sends them).
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from attrs import field
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from kmip_adapters.ttlv.service import Answering
from kmip_app.monitoring.observation import SEVERAL, SUCCESS
from kmip_core.classes import define, frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage, ResponseMessage, UsernameAndPassword
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Steps, Wait
from kmip_core.ports.tracing import Part
from kmip_core.ports.transport import Answer, Job, Service
from kmip_core.principal import Principal
from kmip_core.standard_names import standard_name

PARTS: Final = 64
"""Spans for the parts of one request; a batch has thousands of them, which nobody looks at one by one."""

CHARACTERS: Final = 64
"""Of a client's name in an attribute."""

UNREADABLE: Final = "Unreadable request"
UNKNOWN: Final = "Unknown operation"
OPERATIONS: Final = frozenset(map(standard_name, Operation))


def _nothing() -> None:
    """End a part that is not measured."""


@define(eq=False)
class TracedRequest:
    """The span of one request, and how many parts of it were measured."""

    tracer: Tracer
    span: Span
    context: Context
    parts: int = 0

    def begin(self, part: Part) -> Callable[[], object]:
        """Begin the span of a part; returns what ends it."""
        self.parts += 1
        if self.parts > PARTS:
            return _nothing
        return self.tracer.start_span(part.value, context=self.context).end

    def end(self) -> None:
        """End it, with its parts."""
        if self.parts > PARTS:
            self.span.set_attribute("kmip.parts_left_out", self.parts - PARTS)
        self.span.end()


class RequestTracing:
    """A `Tracing` (kmip_core.ports.tracing) that makes spans by a tracer of OpenTelemetry. Re-entrant."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._running = threading.local()

    def new_request(self) -> TracedRequest | None:
        """Begin the span of a request; None if this one is not measured (OTEL_TRACES_SAMPLER)."""
        span = self._tracer.start_span(UNREADABLE, context=Context(), kind=SpanKind.SERVER)
        if not span.is_recording():
            return None
        return TracedRequest(self._tracer, span, set_span_in_context(span, Context()))

    def begin(self, part: Part) -> Callable[[], object]:
        """Begin a part of the request that runs in this thread, if one does that is measured."""
        request = self.running
        return _nothing if request is None else request.begin(part)

    @property
    def running(self) -> TracedRequest | None:
        """The request that runs in this thread."""
        return getattr(self._running, "request", None)

    @running.setter
    def running(self, request: TracedRequest | None) -> None:
        self._running.request = request


@frozen
class TracedEngine:
    """The engine, which says of each request that is measured who asked for it, and what came of it."""

    engine: Answering
    tracing: RequestTracing
    plain_reads: None = None
    """Each answer is worked out, so that its parts are measured."""

    def pace(self, message: RequestMessage) -> Pace:
        """Where `steps` may begin."""
        return self.engine.pace(message)

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        """Give the answer as the engine does."""
        answer = yield from self.engine.steps(message, principal, pace)
        request = self.tracing.running
        if request is not None:
            _describe(request.span, message, answer)
        return answer

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        """Have the engine record a message that could not be read."""
        return self.engine.refuse_whole(error, principal)


def _describe(span: Span, message: RequestMessage, answer: ResponseMessage) -> None:
    version = message.header.protocol_version
    reasons = [item.result_reason for item in answer.batch_items if item.result_reason is not None]
    span.set_attribute("kmip.version", f"{version.protocol_version_major}.{version.protocol_version_minor}")
    span.set_attribute("kmip.batch_items", len(message.batch_items))
    _set_result(span, reasons[0] if reasons else None)


def _set_result(span: Span, reason: ResultReason | None) -> None:
    span.set_attribute("kmip.result", SUCCESS if reason is None else standard_name(reason))
    if reason is ResultReason.GENERAL_FAILURE:  # what a client has caused is no error of the server
        span.set_status(StatusCode.ERROR)


@frozen
class TracedService:
    """A `Service` (kmip_core.ports.transport) that measures the requests of another one."""

    service: Service
    tracing: RequestTracing

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> Job:
        """Decode one whole message."""
        request = self.tracing.new_request()
        if request is None:
            return self.service.open(frame, principal, credentials)
        decoded = request.begin(Part.DECODE)
        job = self.service.open(frame, principal, credentials)
        decoded()
        request.span.update_name(_name(job.title))
        request.span.set_attribute("kmip.request_bytes", len(frame))
        request.span.set_attribute("kmip.client", principal.name[:CHARACTERS])
        request.span.set_attribute("client.address", (principal.address or "")[:CHARACTERS])
        return TracedJob(job, request, self.tracing)

    def refuse(self, error: KmipError) -> bytes:
        """Return the whole response to what is not opened."""
        return self.service.refuse(error)


def _name(title: str) -> str:
    """Return the name of a request's span: its operation; for several of them, one name for all."""
    if title in OPERATIONS:
        return title
    return {"an unreadable request": UNREADABLE, "unknown": UNKNOWN}.get(title, SEVERAL)


@define(eq=False)
class TracedJob:
    """A `Job` whose request is measured until it is answered."""

    job: Job
    request: TracedRequest
    tracing: RequestTracing
    _waited: Callable[[], object] = field(init=False)

    @_waited.default
    def _wait(self) -> Callable[[], object]:
        return self.request.begin(Part.TRANSPORT)

    @property
    def pace(self) -> Pace:
        """That of the job."""
        return self.job.pace

    @property
    def title(self) -> str:
        """That of the job."""
        return self.job.title

    def run(self) -> Answer | Step:
        """Begin, or go on."""
        self._waited()
        self._waited = _nothing
        before, self.tracing.running = self.tracing.running, self.request
        try:
            outcome = self.job.run()
        finally:
            self.tracing.running = before
        if isinstance(outcome, MoveTo):
            self._waited = self._wait()
        elif not isinstance(outcome, Wait | Pause):
            self.request.end()
        return outcome

    def curtail(self, error: KmipError) -> None:
        """Call off the items that have not begun."""
        self.job.curtail(error)

    def decline(self, error: KmipError) -> bytes:
        """Return the whole response that fails every batch item."""
        self._waited()
        answer = self.job.decline(error)
        _set_result(self.request.span, error.reason)
        self.request.end()
        return answer
