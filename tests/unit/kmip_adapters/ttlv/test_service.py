"""The service: every frame gets an answer, of a size that was allowed."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, evolve, field

from kmip_adapters.storage.pending import DONE
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.encoding import BINARY, ENCODINGS, JSON, XML, Encoding
from kmip_adapters.ttlv.service import TtlvService, in_every_encoding
from kmip_core.enums import CertificateRequestType, EndpointRole, ObjectType, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError, invalid_message, not_found, permission_denied
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    UsernameAndPassword,
    failure,
)
from kmip_core.objects import CertificateRequest
from kmip_core.operations import CATALOGUE, activate, get, locate, set_endpoint_role
from kmip_core.plain_reads import Basis, GivenAnswer
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait
from kmip_core.ports.transport import Unprocessed
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from kmip_core.structures import ProtocolVersion
from tests.builders import answered

CODEC = Codec(CATALOGUE)
V12 = ProtocolVersion(1, 2)
V21 = ProtocolVersion(2, 1)
NOW = 1_700_000_000
ALICE = Principal(name="alice")

REQUEST = RequestMessage(
    header=RequestHeader(protocol_version=V12, batch_order_option=False),
    batch_items=(
        RequestBatchItem(
            operation=Operation.ACTIVATE, unique_batch_item_id=b"1", payload=activate.Request(unique_identifier="1")
        ),
    ),
)


class FixedClock:
    def now(self) -> int:
        return NOW


class FixedIdentifiers:
    def new(self) -> str:
        return "id-1"

    def has_form(self, identifier: str) -> bool:
        return identifier == "id-1"


@define
class KeptFaults:
    reported: list[tuple[str, BaseException]] = field(factory=list)

    def report(self, correlation_id: str, error: BaseException) -> None:
        self.reported.append((correlation_id, error))


def answers(payload: Any) -> Callable[[RequestMessage], ResponseMessage]:
    def handle(request: RequestMessage) -> ResponseMessage:
        return ResponseMessage(
            header=ResponseHeader(protocol_version=request.header.protocol_version, time_stamp=NOW),
            batch_items=tuple(
                ResponseBatchItem(
                    operation=item.operation, unique_batch_item_id=item.unique_batch_item_id, payload=payload
                )
                for item in request.batch_items
            ),
        )

    return handle


ACTIVATED = answers(activate.Response(unique_identifier="1"))


@define
class FakeEngine:
    """An engine whose answer the test gives, and what the service needs beside it."""

    answer: Callable[[RequestMessage], ResponseMessage] = ACTIVATED
    pace_told: Pace = Pace.QUICK
    maximum_response_size: int = Settings().maximum_response_size
    clock: FixedClock = field(factory=FixedClock)
    identifiers: FixedIdentifiers = field(factory=FixedIdentifiers)
    faults: KeptFaults = field(factory=KeptFaults)
    principals: list[Principal] = field(factory=list)
    refused: list[tuple[Principal, ResultReason]] = field(factory=list)
    unrecorded: KmipError | None = None
    plain_reads: None = None

    def pace(self, message: RequestMessage) -> Pace:
        return self.pace_told

    waits_for: tuple[Any, ...] = ()

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        self.principals.append(principal)
        yield from self.waits_for
        return self.answer(message)

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        self.refused.append((principal, error.reason))
        return self.unrecorded or error


def a_service(engine: FakeEngine, codec: Codec) -> TtlvService:
    return TtlvService(
        engine=engine,
        codec=codec,
        clock=engine.clock,
        identifiers=engine.identifiers,
        faults=engine.faults,
        maximum_response_size=engine.maximum_response_size,
    )


def ask(engine: FakeEngine, request: RequestMessage = REQUEST) -> ResponseMessage:
    job = a_service(engine, CODEC).open(CODEC.encode_request(request), ALICE)
    return CODEC.decode_response(answered(job))


def only(response: ResponseMessage) -> ResponseBatchItem:
    (item,) = response.batch_items
    return item


def test_a_request_is_answered_for_its_principal() -> None:
    engine = FakeEngine()

    assert activate.Response(unique_identifier="1") == only(ask(engine)).payload
    assert engine.principals == [ALICE]


@pytest.mark.parametrize("pace", Pace)
def test_the_pace_is_the_engines(pace: Pace) -> None:
    job = a_service(FakeEngine(pace_told=pace), CODEC).open(CODEC.encode_request(REQUEST), ALICE)

    assert pace is job.pace


def test_the_same_bytes_from_others_are_opened_without_what_the_first_client_sent_beside_them() -> None:
    service, frame = a_service(FakeEngine(), CODEC), CODEC.encode_request(REQUEST)
    bob = Principal(name="bob")
    shown = (UsernameAndPassword(username="alice", password="secret"),)

    jobs = [service.open(frame, ALICE, shown), service.open(frame, bob), service.open(frame, ALICE)]

    requests = [job.request for job in jobs if isinstance(job.request, RequestMessage)]
    sent = [[one.credential_value for one in request.header.credentials] for request in requests]
    assert sent == [list(shown), [], []]
    assert [job.principal for job in jobs] == [ALICE, bob, ALICE]


@define
class PacedByRefusals(FakeEngine):
    """An engine with which only what is refused is quick."""

    def pace(self, message: RequestMessage) -> Pace:
        is_refused = any(isinstance(item.payload, KmipError) for item in message.batch_items)
        return Pace.QUICK if is_refused else Pace.SLOW


@pytest.mark.parametrize(("swaps_roles", "pace"), [(False, Pace.QUICK), (True, Pace.SLOW)])
def test_a_request_whose_swap_of_roles_is_refused_has_the_pace_of_what_is_left(swaps_roles: bool, pace: Pace) -> None:
    swap = RequestBatchItem(
        operation=Operation.SET_ENDPOINT_ROLE,
        payload=set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT),
    )
    request = RequestMessage(header=RequestHeader(protocol_version=V21), batch_items=(swap,))
    service = evolve(a_service(PacedByRefusals(), CODEC), swaps_roles=swaps_roles)

    assert service.open(CODEC.encode_request(request), ALICE).pace is pace


def test_credentials_that_come_beside_a_message_count_for_its_pace() -> None:
    class Judging(FakeEngine):
        def pace(self, message: RequestMessage) -> Pace:
            return Pace.BRIEF if message.header.credentials else Pace.QUICK

    service = a_service(Judging(answers(None)), CODEC)
    frame = CODEC.encode_request(REQUEST)

    assert service.open(frame, ALICE).pace is Pace.QUICK
    assert service.open(frame, ALICE, (UsernameAndPassword(username="alice", password="secret"),)).pace is Pace.BRIEF


def test_a_job_says_what_it_waits_for_and_goes_on_from_there() -> None:
    engine = FakeEngine(waits_for=(Wait(DONE), MoveTo(Pace.SLOW)))
    job = a_service(engine, CODEC).open(CODEC.encode_request(REQUEST), ALICE)

    assert [job.run(), job.run()] == [Wait(DONE), MoveTo(Pace.SLOW)]
    answer = job.run()

    assert isinstance(answer, bytes)
    assert only(CODEC.decode_response(answer)).result_status is ResultStatus.SUCCESS
    assert engine.principals == [ALICE]


def test_a_malformed_frame_is_answered_without_the_engine() -> None:
    engine = FakeEngine()
    job = a_service(engine, CODEC).open(bytes.fromhex("4200780100000000"), ALICE)

    item = only(CODEC.decode_response(answered(job)))

    assert item.result_reason is ResultReason.INVALID_MESSAGE
    assert item.operation is None
    assert job.pace is Pace.QUICK
    assert engine.principals == []
    assert engine.refused == [(ALICE, ResultReason.INVALID_MESSAGE)]


def test_a_malformed_frame_that_cannot_be_recorded_is_answered_so_in_the_same_version() -> None:
    engine = FakeEngine(unrecorded=KmipError(ResultReason.GENERAL_FAILURE, "no trail"))
    frame = CODEC.encode_request(REQUEST)
    wrong = frame.replace(bytes.fromhex("42006a0200000004 00000001"), bytes.fromhex("42006a0200000004 00000009"))

    answer = CODEC.decode_response(answered(a_service(engine, CODEC).open(wrong, ALICE)))

    assert only(answer).result_message == "no trail"
    assert answer.header.protocol_version == CODEC.nearest(ProtocolVersion(9, 4))
    assert len(engine.refused) == 1


def test_a_malformed_frame_is_declined_as_malformed() -> None:
    job = a_service(FakeEngine(), CODEC).open(bytes.fromhex("4200780100000000"), ALICE)

    declined = CODEC.decode_response(job.decline(KmipError(ResultReason.GENERAL_FAILURE, "busy")))

    assert only(declined).result_reason is ResultReason.INVALID_MESSAGE


def test_a_frame_that_is_not_opened_is_refused_with_a_whole_message() -> None:
    answer = CODEC.decode_response(a_service(FakeEngine(), CODEC).refuse(invalid_message("no frame")))

    assert answer.header.time_stamp == NOW
    assert (only(answer).result_message, only(answer).operation) == ("no frame", None)


def test_declining_fails_every_item_with_its_operation_and_id() -> None:
    first = REQUEST.batch_items[0]
    request = evolve(REQUEST, batch_items=(first, evolve(first, unique_batch_item_id=b"2")))
    job = a_service(FakeEngine(), CODEC).open(CODEC.encode_request(request), ALICE)

    declined = CODEC.decode_response(job.decline(permission_denied("busy")))

    assert [item.unique_batch_item_id for item in declined.batch_items] == [b"1", b"2"]
    assert {Operation.ACTIVATE} == {item.operation for item in declined.batch_items}
    assert {ResultReason.PERMISSION_DENIED} == {item.result_reason for item in declined.batch_items}


LONG = answers(activate.Response(unique_identifier="1" * 300))


@pytest.mark.parametrize(("limit", "fits"), [(256, False), (1000, True), (None, True)])
def test_the_clients_limit_is_kept(limit: int | None, fits: bool) -> None:
    request = evolve(REQUEST, header=evolve(REQUEST.header, maximum_response_size=limit))

    item = only(ask(FakeEngine(LONG), request))

    assert fits is (item.result_reason is not ResultReason.RESPONSE_TOO_LARGE)
    assert (item.operation, item.unique_batch_item_id) == (Operation.ACTIVATE, b"1")


@pytest.mark.parametrize("extra", [0, 1])
def test_a_response_may_be_exactly_as_long_as_allowed(extra: int) -> None:
    length = len(CODEC.encode_response(LONG(REQUEST)))
    request = evolve(REQUEST, header=evolve(REQUEST.header, maximum_response_size=length - extra))

    item = only(ask(FakeEngine(LONG), request))

    assert bool(extra) is (item.result_reason is ResultReason.RESPONSE_TOO_LARGE)


def test_the_servers_own_limit_is_kept() -> None:
    engine = FakeEngine(LONG, maximum_response_size=300)

    assert only(ask(engine)).result_reason is ResultReason.RESPONSE_TOO_LARGE
    assert engine.refused == [(ALICE, ResultReason.RESPONSE_TOO_LARGE)]


def test_a_failed_answer_stays_what_it_is() -> None:
    def handle(request: RequestMessage) -> ResponseMessage:
        (item,) = request.batch_items
        failed = failure(not_found(), item)
        return evolve(ACTIVATED(request), batch_items=(failed,))

    assert only(ask(FakeEngine(handle))).result_reason is ResultReason.ITEM_NOT_FOUND


def test_an_answer_that_cannot_be_encoded_is_general_failure_and_logged() -> None:
    engine = FakeEngine(answers(locate.Response(unique_identifiers=(7,))))  # type: ignore[arg-type]  # a bug of ours

    item = only(ask(engine))

    assert item.result_reason is ResultReason.GENERAL_FAILURE
    assert item.result_message == "the server failed; its log says why under id-1"
    ((correlation_id, fault),) = engine.faults.reported
    assert correlation_id == "id-1"
    assert isinstance(fault, AttributeError)


def test_a_failing_engine_is_general_failure_and_logged() -> None:
    def handle(request: RequestMessage) -> ResponseMessage:
        raise RuntimeError("secret")

    engine = FakeEngine(handle)

    item = only(ask(engine))

    assert item.result_reason is ResultReason.GENERAL_FAILURE
    assert "secret" not in (item.result_message or "")
    assert len(engine.faults.reported) == 1
    assert engine.refused == [(ALICE, ResultReason.GENERAL_FAILURE)]


@define
class BrokenReads:
    """Plain reads with a bug: in looking for an answer, or in keeping one."""

    is_broken_at_once: bool

    def includes(self, message: RequestMessage) -> bool:
        return True

    def basis(self) -> Basis | None:
        if self.is_broken_at_once:
            raise RuntimeError("secret")
        return NOW, b"state", "policies"

    def given(
        self, request: RequestMessage, response: ResponseMessage, principal: Principal, before: Basis
    ) -> GivenAnswer | None:
        raise RuntimeError("secret")

    def record_again(self, given: GivenAnswer) -> bool:
        return True


@define(kw_only=True)
class EngineWithBrokenReads(FakeEngine):
    plain_reads: Any


@pytest.mark.parametrize(("is_broken_at_once", "reason"), [(True, ResultReason.GENERAL_FAILURE), (False, None)])
def test_a_bug_in_answering_again_is_answered_and_logged(is_broken_at_once: bool, reason: ResultReason | None) -> None:
    engine = EngineWithBrokenReads(plain_reads=BrokenReads(is_broken_at_once))
    service, frame = a_service(engine, CODEC), CODEC.encode_request(REQUEST)
    first, second = [only(CODEC.decode_response(answered(service.open(frame, ALICE)))) for _ in range(2)]

    assert (first.result_reason, second.result_reason) == (None, reason)
    assert "secret" not in (second.result_message or "")
    assert len(engine.faults.reported) == 1
    assert engine.refused == ([] if reason is None else [(ALICE, reason)])


class BrokenCodec(Codec):
    """A codec with a bug in it."""

    def decode_request(self, frame: bytes, encoding: Encoding = BINARY) -> RequestMessage:
        raise RuntimeError("secret")


def test_a_bug_in_decoding_is_general_failure_and_logged() -> None:
    engine = FakeEngine()
    job = a_service(engine, BrokenCodec(CATALOGUE)).open(CODEC.encode_request(REQUEST), ALICE)

    assert only(CODEC.decode_response(answered(job))).result_reason is ResultReason.GENERAL_FAILURE
    assert len(engine.faults.reported) == 1
    assert engine.refused == [(ALICE, ResultReason.GENERAL_FAILURE)]


def test_an_object_that_the_version_cannot_say_costs_the_others_of_its_batch_nothing() -> None:
    payloads = (
        activate.Response(unique_identifier="1"),
        get.Response(
            object_type=ObjectType.CERTIFICATE_REQUEST,
            unique_identifier="2",
            managed_object=CertificateRequest(
                certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=b"DER"
            ),
        ),
    )
    operations = (Operation.ACTIVATE, Operation.GET)
    header = ResponseHeader(protocol_version=V12, time_stamp=NOW)
    items = tuple(
        ResponseBatchItem(operation=operation, payload=payload)
        for operation, payload in zip(operations, payloads, strict=True)
    )
    engine = FakeEngine(answer=lambda *_: ResponseMessage(header=header, batch_items=items))

    told = ask(engine).batch_items
    assert [item.result_reason for item in told] == [None, ResultReason.ILLEGAL_OPERATION]
    assert told[0].payload == payloads[0]
    assert engine.faults.reported == []


# --- other encodings ----------------------------------------------------------------------------------------------


def ask_in(encoding: Encoding, engine: FakeEngine, request: RequestMessage = REQUEST) -> ResponseMessage:
    service = in_every_encoding(a_service(engine, CODEC))[encoding.content_type]
    job = service.open(CODEC.encode_request(request, encoding), ALICE)
    return CODEC.decode_response(answered(job), encoding)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_a_request_is_answered_in_its_encoding(encoding: Encoding) -> None:
    assert activate.Response(unique_identifier="1") == only(ask_in(encoding, FakeEngine())).payload


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("extra", [0, 1])
def test_a_size_is_that_of_the_binary_message_whatever_the_encoding(encoding: Encoding, extra: int) -> None:
    length = len(CODEC.encode_response(LONG(REQUEST)))
    request = evolve(REQUEST, header=evolve(REQUEST.header, maximum_response_size=length - extra))

    item = only(ask_in(encoding, FakeEngine(LONG), request))

    assert bool(extra) is (item.result_reason is ResultReason.RESPONSE_TOO_LARGE)


BROKEN = {
    BINARY: b"no TTLV",
    XML: b"<RequestMessage>",
    JSON: b'{"tag":"RequestMessage"',
}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_a_malformed_message_is_answered_in_its_encoding(encoding: Encoding) -> None:
    engine = FakeEngine()
    service = evolve(a_service(engine, CODEC), encoding=encoding)
    answers = [service.open(BROKEN[encoding], ALICE).run(), service.refuse(invalid_message("no frame"))]

    for answer in answers:
        assert isinstance(answer, bytes)
        assert only(CODEC.decode_response(answer, encoding)).result_reason is ResultReason.INVALID_MESSAGE
    assert engine.principals == []


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_a_message_that_breaks_off_is_answered_in_the_version_of_its_beginning(encoding: Encoding) -> None:
    service = evolve(a_service(FakeEngine(), CODEC), encoding=encoding)
    request = CODEC.encode_request(evolve(REQUEST, header=evolve(REQUEST.header, protocol_version=V21)), encoding)

    answer = service.open(request[:-8], ALICE).run()

    assert isinstance(answer, bytes)
    answered = CODEC.decode_response(answer, encoding)
    assert answered.header.protocol_version == V21
    assert only(answered).result_reason is ResultReason.CODEC_ERROR


def test_a_text_that_xml_cannot_carry_fails_its_item_alone() -> None:
    batch = tuple(evolve(REQUEST.batch_items[0], unique_batch_item_id=bytes([number])) for number in range(3))

    def handle(request: RequestMessage) -> ResponseMessage:
        response = ACTIVATED(request)
        first, second, third = response.batch_items
        second = evolve(second, payload=activate.Response(unique_identifier="\0"))
        return evolve(response, batch_items=(first, second, third))

    engine = FakeEngine(handle)
    first, second, third = ask_in(XML, engine, evolve(REQUEST, batch_items=batch)).batch_items

    assert first.payload == third.payload == activate.Response(unique_identifier="1")
    assert second.result_reason is ResultReason.FEATURE_NOT_SUPPORTED
    assert "XML" in (second.result_message or "")
    assert engine.faults.reported == []


def test_one_operation_in_json_is_answered_without_a_message() -> None:
    service = in_every_encoding(a_service(FakeEngine(), CODEC))["application/json"]
    activation = b'{"tag":"Activate","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"1"}]}'

    made = answered(service.open(activation, ALICE))
    failed = answered(service.open(b'{"tag":"Activate","value":[1]}', ALICE))

    assert made.startswith(b'{"tag":"ActivateResponse"')
    assert (type(made), type(failed)) == (bytes, Unprocessed)


def test_a_service_says_the_content_type_of_its_answers() -> None:
    services = in_every_encoding(a_service(FakeEngine(), CODEC))

    assert {content_type: service.content_type for content_type, service in services.items()} == {
        content_type: content_type for content_type in ("application/octet-stream", "application/json", "text/xml")
    }
