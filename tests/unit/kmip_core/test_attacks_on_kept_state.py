"""Attacks on what the server keeps between requests: streams, submissions, applications of PKCS#11, swapped roles.

Each test is one thing that a client with a certificate of its own may try: names of what is another's, more than its
share, ways around what another operation wants, rights that were taken back meanwhile, versions that do not fit.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.service import TtlvService
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core import pkcs11_sessions
from kmip_core.engine import Engine
from kmip_core.enums import BatchErrorContinuationOption as Continuation
from kmip_core.enums import (
    BlockCipherMode,
    EndpointRole,
    HashingAlgorithm,
    Operation,
    PKCS11Function,
    ResultReason,
    ResultStatus,
    State,
)
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import (
    CATALOGUE,
    activate,
    cancel,
    encrypt,
    get,
    get_attributes,
    locate,
    pkcs_11,
    poll,
    process,
    query_asynchronous_requests,
    set_endpoint_role,
)
from kmip_core.operations import hash as hash_
from kmip_core.pkcs11_sessions import Active, Applications, Session, Use
from kmip_core.ports.transport import RoleSwap, run_to_end
from kmip_core.principal import Principal, Source
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters, ProtocolVersion
from tests.builders import (
    ALICE,
    BOB,
    a_service,
    a_symmetric_key,
    an_engine,
    answered,
    ask,
    faults_of,
    perform,
    records_of,
    the_only,
)
from tests.later import MANDATORY, an_engine_with_runner, polled, submitted
from tests.pkcs11_application import VALUE, Application, Refused, an_application
from tests.unit.kmip_core.operations.usable_keys import a_key

CODEC: Final = Codec(CATALOGUE)
HANG: Final = 120.0  # seconds
BY_CBC: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC)
SHA_256: Final = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


# --- what is another's ------------------------------------------------------------------------------------------------


def a_stream(engine: Engine) -> bytes:
    request = hash_.Request(data=b"a", cryptographic_parameters=SHA_256, init_indicator=True)
    value = perform(engine, Operation.HASH, request).correlation_value
    assert value is not None
    return bytes(value)


def last_part(value: bytes) -> hash_.Request:
    return hash_.Request(data=b"b", cryptographic_parameters=SHA_256, correlation_value=value, final_indicator=True)


def a_submission(engine: Engine) -> bytes:
    return submitted(engine, (Operation.GET, get.Request(unique_identifier="key")))[0]


def an_application_of_alice(engine: Engine) -> bytes:
    value = an_application(engine).value
    assert value is not None
    return value


def of_pkcs11(value: bytes) -> Any:
    return pkcs_11.Request(pkcs_11_function=PKCS11Function.C_GETINFO, correlation_value=value)


NAMED: Final[dict[str, tuple[Callable[[Engine], bytes], Operation, Callable[[bytes], Any]]]] = {
    "Hash": (
        a_stream,
        Operation.HASH,
        last_part,
    ),
    "Poll": (a_submission, Operation.POLL, lambda value: poll.Request(asynchronous_correlation_value=value)),
    "Cancel": (a_submission, Operation.CANCEL, lambda value: cancel.Request(asynchronous_correlation_value=value)),
    "Process": (a_submission, Operation.PROCESS, lambda value: process.Request(asynchronous_correlation_value=value)),
    "Query": (
        a_submission,
        Operation.QUERY_ASYNCHRONOUS_REQUESTS,
        lambda value: query_asynchronous_requests.Request(asynchronous_correlation_values=(value,)),
    ),
    "PKCS#11": (an_application_of_alice, Operation.PKCS_11, of_pkcs11),
}


@pytest.mark.parametrize("kind", NAMED)
def test_what_is_anothers_looks_as_if_it_were_not_there_and_goes_on(kind: str) -> None:
    keep, operation, request = NAMED[kind]
    engine, _ = an_engine_with_runner(a_symmetric_key())
    value = keep(engine)
    invented = bytes([value[0] ^ 1]) + value[1:]

    def told(principal: Principal, name: bytes) -> tuple[Any, ...]:
        item = the_only(ask(engine, (operation, request(name)), principal=principal))
        seen = repr(item.payload).replace(repr(name), "VALUE")
        return item.result_status, item.result_reason, item.result_message, seen

    stranger = told(BOB, value)
    assert stranger == told(BOB, invented) == told(ALICE, invented)
    assert told(ALICE, value) != stranger  # and it is as it was
    assert not faults_of(engine)


def test_of_two_connections_that_go_on_with_one_stream_one_does() -> None:
    engine = an_engine()
    for _ in range(20):
        value = a_stream(engine)
        outcomes: list[Any] = []
        both = threading.Barrier(2)

        def go_on(value: bytes = value, outcomes: list[Any] = outcomes, both: threading.Barrier = both) -> None:
            both.wait(HANG)
            request = last_part(value)
            outcomes.append(the_only(ask(engine, (Operation.HASH, request))).result_reason)

        threads = [threading.Thread(target=go_on) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANG)
        assert set(outcomes) == {None, ResultReason.INVALID_CORRELATION_VALUE}
    assert not faults_of(engine)


# --- ways around what another operation wants -------------------------------------------------------------------------


class Verifying:
    """Accepts every attestation."""

    types = ()

    def new_nonce(self, principal: Principal, now: int) -> None:
        """Give none."""

    def verify(self, *_: object) -> Any:
        yield from ()


@pytest.mark.parametrize("wanted", [Operation.GET, Operation.LOCATE, Operation.GET_ATTRIBUTES], ids=lambda op: op.name)
def test_pkcs11_is_no_way_around_an_attestation(wanted: Operation) -> None:
    key = a_key()

    def value_of_the_key(app: Application) -> bytes:
        (handle,) = app.find()
        return app.get(handle, VALUE)[VALUE]

    assert value_of_the_key(an_application(an_engine(key))) == bytes(range(16))
    settings = Settings(attested_operations=frozenset({wanted}))
    engine = an_engine(key, settings=settings, attestations=Verifying())
    app = an_application(engine)
    with pytest.raises((KmipError, Refused)) as refused:
        value_of_the_key(app)

    assert getattr(refused.value, "reason", None) is ResultReason.ATTESTATION_REQUIRED
    assert ResultReason.ATTESTATION_REQUIRED in {record.result for record in records_of(engine)}


# --- rights that were taken back --------------------------------------------------------------------------------------


SERIAL: Final = "2a"


def certified(**fields: Any) -> Principal:
    return evolve(ALICE, certificate_serial=SERIAL, certificate_issuer="CN=ca", **fields)


@pytest.mark.parametrize("continuation", [Continuation.STOP, Continuation.UNDO], ids=lambda option: option.name)
@pytest.mark.parametrize("then", ["revoked", "gone"])
def test_what_was_submitted_is_not_run_for_a_client_that_may_act_no_more(then: str, continuation: Continuation) -> None:
    revoked: list[str] = []
    authentication = CredentialAuthentication(is_revoked=lambda issuer, serial: serial in revoked)
    settings = Settings(asynchronous_delay=2)
    engine, runner = an_engine_with_runner(
        a_symmetric_key("first"), a_symmetric_key("second"), settings=settings, authentication=authentication
    )
    items = [(Operation.ACTIVATE, activate.Request(unique_identifier=name)) for name in ("first", "second")]
    values = submitted(engine, *items, principal=certified(), batch_error_continuation_option=continuation)
    if then == "revoked":
        revoked.append(SERIAL)
    else:  # a user of whom the password was shown, and who was removed
        store: Any = engine.services.storage
        with store.unit_of_work() as work:
            for value in values:
                found = work.submission(value)
                work.save_submission(evolve(found, principal=certified(source=Source.PASSWORD)))
            work.commit()
    engine.services.clock.advance(3)  # type: ignore[attr-defined]  # the clock of tests
    assert runner.run_due() == 1

    revoked.clear()
    for value in values:
        answer = polled(engine, value, certified())
        assert answer.result_status is ResultStatus.OPERATION_FAILED
        assert answer.result_reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    for name in ("first", "second"):
        attributes = perform(engine, Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier=name))
        assert attributes.attributes.state is State.PRE_ACTIVE
    ended = [one for one in records_of(engine) if one.result is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL]
    assert [one.operation for one in ended] == [Operation.ACTIVATE, Operation.ACTIVATE]


def test_a_revocation_stops_a_batch_between_its_items() -> None:
    revoked: list[str] = []

    def is_revoked(issuer: str, serial: str) -> bool:
        asked.append(serial)
        return len(asked) > 1  # after the first item

    asked: list[str] = []
    engine, runner = an_engine_with_runner(
        a_symmetric_key("first"),
        a_symmetric_key("second"),
        authentication=CredentialAuthentication(is_revoked=is_revoked),
    )
    items = [(Operation.ACTIVATE, activate.Request(unique_identifier=name)) for name in ("first", "second")]
    values = submitted(engine, *items, principal=certified())
    engine.services.clock.advance(3)  # type: ignore[attr-defined]  # the clock of tests
    runner.run_due()

    assert [polled(engine, value, certified()).result_status for value in values] == [
        ResultStatus.SUCCESS,
        ResultStatus.OPERATION_FAILED,
    ]
    assert not revoked


# --- roles ------------------------------------------------------------------------------------------------------------


def swapping_service(engine: Engine) -> TtlvService:
    return evolve(a_service(engine, CODEC), swaps_roles=True)


def sent(engine: Engine, *payloads: Any, principal: Principal = ALICE, **header: Any) -> Any:
    operations = {spec.request: operation for operation, spec in CATALOGUE.items()}
    items = tuple(
        RequestBatchItem(operation=operations[type(each)], payload=each, unique_batch_item_id=bytes([n]))
        for n, each in enumerate(payloads)
    )
    message = RequestMessage(header=RequestHeader(protocol_version=ProtocolVersion(2, 1), **header), batch_items=items)
    return run_to_end(swapping_service(engine).open(CODEC.encode_request(message), principal))


AS_CLIENT: Final = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)
AS_SERVER: Final = set_endpoint_role.Request(endpoint_role=EndpointRole.SERVER)


def test_roles_are_swapped_at_once_or_not_at_all() -> None:
    """An answer later would swap the roles of whatever connection polls for it, also under a ticket."""
    engine, _ = an_engine_with_runner()

    answer = sent(engine, AS_CLIENT, asynchronous_indicator=MANDATORY)

    assert isinstance(answer, RoleSwap)
    assert the_only(CODEC.decode_response(answer.octets)).result_status is ResultStatus.SUCCESS


def test_of_several_swaps_in_a_batch_the_last_one_counts() -> None:
    engine = an_engine()

    assert isinstance(sent(engine, AS_CLIENT, AS_SERVER), bytes)
    assert isinstance(sent(engine, AS_SERVER, AS_CLIENT), RoleSwap)
    assert isinstance(sent(engine, AS_CLIENT, AS_SERVER, AS_CLIENT), RoleSwap)


# --- more than one's share --------------------------------------------------------------------------------------------


def refusal(call: Callable[[], object]) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        call()
    return refused.value.reason


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, limit in {
        "HANDLES": 8,
        "HANDLES_OF_ONE": 10,
        "HANDLES_IN_ALL": 25,
        "WAITING": 6,
        "KEPT": 100,
        "KEPT_IN_ALL": 250,
    }.items():
        monkeypatch.setattr(pkcs11_sessions, f"MAXIMUM_{name}", limit)


def begun(all_of_them: Applications, number: int, principal: str) -> Any:
    value = f"{principal} {number}".encode()
    all_of_them.begin(value, principal, 0)
    return all_of_them.find(value, principal, 0)


@pytest.mark.usefixtures("small")
def test_handles_of_pkcs11_are_limited_by_application_principal_and_in_all() -> None:
    together = Applications()
    first = begun(together, 1, "alice")
    first.handles_of([f"a{n}" for n in range(8)])
    assert refusal(lambda: first.handle_of("a8")) is ResultReason.SERVER_LIMIT_EXCEEDED
    second = begun(together, 2, "alice")
    assert refusal(lambda: second.handles_of(["x", "y", "z"])) is ResultReason.SERVER_LIMIT_EXCEEDED
    assert second.handles_of(["x", "y"]) == (1, 2)
    assert first.handle_of("a0") == 1  # those that are known cost nothing
    begun(together, 1, "bob").handles_of([f"b{n}" for n in range(8)])
    carol = begun(together, 1, "carol")
    assert refusal(lambda: carol.handles_of([f"c{n}" for n in range(8)])) is ResultReason.SERVER_LIMIT_EXCEEDED

    together.end(b"alice 1")

    assert len(carol.handles_of([f"c{n}" for n in range(8)])) == 8


@pytest.mark.usefixtures("small")
def test_results_of_pkcs11_that_wait_are_limited_by_principal_and_in_all() -> None:
    together = Applications()

    def hold(application: Any, size: int) -> None:
        application.check_room(bytes(size))
        active = Active(mechanism=None, parameter=None, answer=(b"", bytes(size)))
        session = Session(is_read_write=True, active={Use.ENCRYPT: active})
        application.settle({application.new_number(): session})

    alice = [begun(together, n, "alice") for n in range(3)]
    hold(alice[0], 60)
    assert refusal(lambda: hold(alice[1], 60)) is ResultReason.SERVER_LIMIT_EXCEEDED
    hold(alice[1], 40)
    for name in ("bob", "carol"):
        others = begun(together, 1, name)
        hold(others, 75 if name == "bob" else 70)
    dave = begun(together, 1, "dave")
    assert refusal(lambda: hold(dave, 10)) is ResultReason.SERVER_LIMIT_EXCEEDED

    alice[0].settle({1: None})

    hold(dave, 10)


@pytest.mark.usefixtures("small")
def test_searches_of_pkcs11_that_wait_are_limited() -> None:
    application = begun(Applications(), 1, "alice")
    application.settle({1: Session(is_read_write=True, found=(1, 2, 3))})
    application.check_waiting(3)

    assert refusal(lambda: application.check_waiting(4)) is ResultReason.SERVER_LIMIT_EXCEEDED


def test_a_search_beyond_the_limit_leaves_the_session_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs11_sessions, "MAXIMUM_WAITING", 2)
    engine = an_engine(*(a_key(identifier=name) for name in "abc"))
    app = an_application(engine)
    with pytest.raises(KmipError) as refused:
        app.find()

    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    with pytest.raises(Refused) as failed:
        app.in_session(PKCS11Function.C_FINDOBJECTSFINAL)
    assert failed.value.code is ReturnCode.OPERATION_NOT_INITIALIZED


def test_streams_of_one_client_keep_no_other_out() -> None:
    engine = an_engine()
    request = hash_.Request(data=b"a", cryptographic_parameters=SHA_256, init_indicator=True)
    outcomes = [the_only(ask(engine, (Operation.HASH, request))).result_reason for _ in range(80)]

    assert set(outcomes[64:]) == {ResultReason.SERVER_LIMIT_EXCEEDED}
    assert perform(engine, Operation.HASH, request, BOB).correlation_value


# --- versions that do not fit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", sorted(VERSIONS), ids=str)
@pytest.mark.parametrize("first", sorted(VERSIONS), ids=str)
def test_what_one_version_has_begun_another_one_goes_on_with_or_is_refused(
    first: ProtocolVersion, later: ProtocolVersion
) -> None:
    """Outcomes are kept in the words of the version that asked; what the other cannot say is refused, no fault."""
    engine, _ = an_engine_with_runner(a_key(), a_symmetric_key("other"))
    service = a_service(engine, CODEC)

    def asked(version: ProtocolVersion, payload: Any, **header: Any) -> Any:
        operation = next(operation for operation, spec in CATALOGUE.items() if spec.request is type(payload))
        message = RequestMessage(
            header=RequestHeader(protocol_version=version, **header),
            batch_items=(RequestBatchItem(operation=operation, payload=payload),),
        )
        frame = answered(service.open(CODEC.encode_request(message), ALICE))
        return the_only(CODEC.decode_response(frame))

    submitted: tuple[Any, ...] = (locate.Request(),)  # in 1.x a client may wait for it; it cannot insist
    if first >= ProtocolVersion(2, 0):
        submitted += tuple(get.Request(unique_identifier=name) for name in ("key", "missing"))
        submitted += (get_attributes.Request(unique_identifier="key"),)
    for payload in submitted:
        pending = asked(first, payload, asynchronous_indicator=MANDATORY)
        assert pending.result_status is ResultStatus.OPERATION_PENDING
        value = pending.asynchronous_correlation_value
        answer = asked(later, poll.Request(asynchronous_correlation_value=value))
        assert answer.result_status in (ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED)
        assert answer.result_reason is not ResultReason.GENERAL_FAILURE
    if min(first, later) >= ProtocolVersion(1, 3):
        begin = encrypt.Request(
            unique_identifier="key",
            data=bytes(16),
            cryptographic_parameters=BY_CBC,
            iv_counter_nonce=bytes(16),
            init_indicator=True,
        )
        value = asked(first, begin).payload.correlation_value
        end = encrypt.Request(unique_identifier="key", data=bytes(16), correlation_value=value, final_indicator=True)
        assert asked(later, end).result_status is ResultStatus.SUCCESS
    assert not faults_of(engine)
