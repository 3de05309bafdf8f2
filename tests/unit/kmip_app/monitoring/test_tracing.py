"""Spans of requests: whose thread they belong to, how many there are, and when they end."""

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from kmip_adapters.storage.pending import Done
from kmip_app.monitoring.tracing import PARTS, RequestTracing, TracedEngine, TracedJob, TracedService
from kmip_core.enums import Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.operations import ping
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Steps, Wait, run_blocking
from kmip_core.ports.tracing import Part
from kmip_core.ports.transport import Answer, Job
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion
from tests.builders import ALICE


@define
class PlayedJob:
    """A job that takes these steps, and in each of them does one part of its work."""

    steps: list[Answer | Step]
    tracing: RequestTracing
    title: str = "Get"
    pace: Pace = Pace.QUICK

    def run(self) -> Answer | Step:
        self.tracing.begin(Part.OPERATION)()
        return self.steps.pop(0)

    def curtail(self, error: KmipError) -> None:
        self.steps[:] = [b"curtailed"]

    def decline(self, error: KmipError) -> bytes:
        return b"declined"


@define
class PlayedService:
    """A service that opens these jobs, one after the other."""

    jobs: list[Job]
    refused: list[KmipError] = field(factory=list)

    def open(self, frame: bytes, principal: Principal, credentials: object = ()) -> Job:
        return self.jobs.pop(0)

    def refuse(self, error: KmipError) -> bytes:
        return b"refused"


@define
class Spans:
    """What one provider has exported."""

    exporter: InMemorySpanExporter
    tracing: RequestTracing

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]

    def traced(self, *steps: Answer | Step, title: str = "Get") -> Job:
        service = TracedService(PlayedService([PlayedJob(list(steps), self.tracing, title)]), self.tracing)
        return service.open(b"frame", ALICE)


def described(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def spans() -> Iterator[Spans]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Spans(exporter, RequestTracing(provider.get_tracer("test")))
    provider.shutdown()


def test_a_job_that_is_answered_at_once(spans: Spans) -> None:
    assert spans.traced(b"answer").run() == b"answer"

    *parts, root = spans.all
    assert [part.name for part in parts] == ["decode", "transport", "operation"]
    assert root.name == "Get"
    assert {part.parent.span_id for part in parts} == {root.context.span_id}


def test_a_job_that_waits_for_a_thread_waits_in_the_transport(spans: Spans) -> None:
    job = spans.traced(MoveTo(Pace.SLOW), Wait(Done()), Pause(), b"answer")

    while not isinstance(job.run(), bytes):
        assert spans.tracing.running is None

    assert spans.names == [
        *("decode", "transport", "operation", "transport", "operation", "operation", "operation"),
        "Get",
    ]


def test_a_request_that_has_not_ended_is_not_sent(spans: Spans) -> None:
    spans.traced(Wait(Done())).run()

    assert "Get" not in spans.names


def test_a_job_that_fails_leaves_the_thread_to_others(spans: Spans) -> None:
    job = spans.traced()

    with pytest.raises(IndexError):
        job.run()

    assert spans.tracing.running is None
    spans.tracing.begin(Part.AUDIT)()
    assert "audit" not in spans.names


def test_a_request_that_is_declined_has_its_reason(spans: Spans) -> None:
    refusal = KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "busy")

    assert spans.traced(b"answer").decline(refusal) == b"declined"

    *_, root = spans.all
    assert described(root)["kmip.result"] == "Server Limit Exceeded"


def test_a_curtailed_request_is_curtailed_in_the_job(spans: Spans) -> None:
    job = spans.traced(Pause(), b"answer")
    job.run()

    job.curtail(KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "busy"))

    assert job.run() == b"curtailed"


def test_the_parts_of_a_request_are_bounded(spans: Spans) -> None:
    more = 10

    job = spans.traced(*[Pause()] * (PARTS - 2 + more - 1), b"answer")
    while not isinstance(job.run(), bytes):
        pass

    *parts, root = spans.all
    assert len(parts) == PARTS
    assert described(root)["kmip.parts_left_out"] == more


def test_names_that_clients_have_are_cut_off(spans: Spans) -> None:
    service = TracedService(PlayedService([PlayedJob([b"answer"], spans.tracing)]), spans.tracing)

    service.open(b"frame", Principal(name="n" * 5_000, address="a" * 5_000)).run()

    *_, root = spans.all
    assert max(len(str(value)) for value in described(root).values()) == 64


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Create Key Pair", "Create Key Pair"),
        ("3 x Get", "Batch"),
        ("Get, Create and others", "Batch"),
        ("unknown", "Unknown operation"),
        ("an unreadable request", "Unreadable request"),
    ],
)
def test_the_names_of_spans_are_few(spans: Spans, title: str, name: str) -> None:
    spans.traced(b"answer", title=title).run()

    assert spans.names[-1] == name


def test_a_request_that_is_not_sampled_is_not_wrapped() -> None:
    tracing = RequestTracing(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test"))
    job = PlayedJob([b"answer"], tracing)

    assert TracedService(PlayedService([job]), tracing).open(b"frame", ALICE) is job


def test_a_refusal_without_a_request_is_passed_on(spans: Spans) -> None:
    service = TracedService(PlayedService([]), spans.tracing)

    assert service.refuse(KmipError(ResultReason.INVALID_MESSAGE, "no")) == b"refused"


VERSION = ProtocolVersion(2, 1)
REQUEST = RequestMessage(
    header=RequestHeader(protocol_version=VERSION),
    batch_items=(RequestBatchItem(operation=Operation.PING, payload=ping.Request()),),
)


@define
class AnsweringEngine:
    """An engine that gives one answer."""

    reason: ResultReason | None
    plain_reads: Any = None

    def pace(self, message: RequestMessage) -> Pace:
        return Pace.QUICK

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        status = ResultStatus.SUCCESS if self.reason is None else ResultStatus.OPERATION_FAILED
        item = ResponseBatchItem(operation=Operation.PING, result_status=status, result_reason=self.reason)
        yield Pause()
        return ResponseMessage(
            header=ResponseHeader(protocol_version=message.header.protocol_version, time_stamp=0), batch_items=(item,)
        )

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        return KmipError(error.reason, f"{principal.name}: {error.message}")


def test_each_answer_of_an_engine_that_is_traced_is_worked_out(spans: Spans) -> None:
    assert TracedEngine(AnsweringEngine(None, plain_reads=object()), spans.tracing).plain_reads is None


@pytest.mark.parametrize(
    ("reason", "result", "status"),
    [
        (None, "Success", StatusCode.UNSET),
        (ResultReason.PERMISSION_DENIED, "Permission Denied", StatusCode.UNSET),
        (ResultReason.GENERAL_FAILURE, "General Failure", StatusCode.ERROR),
    ],
)
def test_the_engine_says_what_came_of_a_request(
    spans: Spans, reason: ResultReason | None, result: str, status: StatusCode
) -> None:
    engine = TracedEngine(AnsweringEngine(reason), spans.tracing)
    steps = engine.steps(REQUEST, ALICE, engine.pace(REQUEST))
    request = spans.tracing.new_request()
    assert request is not None

    class Steps:
        title, pace = "Ping", Pace.QUICK

        def run(self) -> Answer | Step:
            try:
                return next(steps)
            except StopIteration:
                return b"answer"

    job = TracedJob(Steps(), request, spans.tracing)  # type: ignore[arg-type]
    while not isinstance(job.run(), bytes):
        pass

    *_, root = spans.all
    assert (described(root)["kmip.result"], root.status.status_code) == (result, status)
    assert (described(root)["kmip.version"], described(root)["kmip.batch_items"]) == ("2.1", 1)


def test_without_a_request_that_is_measured_the_engine_answers_the_same(spans: Spans) -> None:
    steps = TracedEngine(AnsweringEngine(None), spans.tracing).steps(REQUEST, ALICE)

    assert isinstance(run_blocking(steps), ResponseMessage)
    assert spans.names == []


def test_the_engine_refuses_a_message_that_could_not_be_read(spans: Spans) -> None:
    engine = TracedEngine(AnsweringEngine(None), spans.tracing)

    error = engine.refuse_whole(KmipError(ResultReason.INVALID_MESSAGE, "no message"), ALICE)

    assert error.message == f"{ALICE.name}: no message"
