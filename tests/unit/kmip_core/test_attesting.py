"""Attestations in requests: which are judged, which must be there, and what a refused client gets."""

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve, frozen

from kmip_adapters.audit.memory import MemoryTrail
from kmip_core.engine import Engine
from kmip_core.enums import AttestationType, CredentialType, Operation, ResultReason, ResultStatus, State
from kmip_core.errors import KmipError
from kmip_core.messages import Attestation, Credential, Nonce, ResponseMessage
from kmip_core.operations import activate, get, ping
from kmip_core.ports.steps import MoveTo, Pace, Steps
from kmip_core.principal import Principal, Source
from kmip_core.settings import Settings
from tests.builders import ALICE, NOW, a_symmetric_key, an_engine, ask, attributes_of, the_only

PING = (Operation.PING, ping.Request())
GET = (Operation.GET, get.Request(unique_identifier="key"))
ACTIVATE = (Operation.ACTIVATE, activate.Request(unique_identifier="key"))
WANTED = Settings(attested_operations=frozenset({Operation.GET}))
TYPES = (AttestationType.TPM_QUOTE, AttestationType.SAML_ASSERTION)


@frozen
class OneWord:
    """Accepts an attestation that says "right"; counts as many nonces as it gives out."""

    given: list[tuple[str, int]]
    refusal: ResultReason = ResultReason.ATTESTATION_FAILED

    types = TYPES

    def new_nonce(self, principal: Principal, now: int) -> Nonce:
        self.given.append((principal.name, now))
        return Nonce(nonce_id=str(len(self.given)).encode(), nonce_value=b"random")

    def verify(self, attestation: Attestation, principal: Principal, now: int) -> Steps[None]:
        yield MoveTo(Pace.REMOTE)
        if attestation.attestation_measurement != b"right":
            raise KmipError(self.refusal, "not accepted")


def attested(measurement: bytes = b"right") -> Credential:
    attestation = Attestation(
        nonce=Nonce(nonce_id=b"1", nonce_value=b"random"),
        attestation_type=AttestationType.TPM_QUOTE,
        attestation_measurement=measurement,
    )
    return Credential(credential_type=CredentialType.ATTESTATION, credential_value=attestation)


EMPTY = Credential(credential_type=CredentialType.ATTESTATION)


def an_attesting_engine(settings: Settings = WANTED, refusal: Any = ResultReason.ATTESTATION_FAILED) -> Engine:
    return an_engine(a_symmetric_key(state=State.ACTIVE), settings=settings, attestations=OneWord([], refusal))


def said(answer: ResponseMessage) -> tuple[ResultReason | None, bytes | None, tuple[AttestationType, ...]]:
    nonce = answer.header.nonce
    return (
        the_only(answer).result_reason,
        None if nonce is None else nonce.nonce_id,
        answer.header.attestation_types,
    )


@pytest.mark.parametrize("others", [(), (Credential(credential_type=CredentialType.DEVICE),)], ids=["alone", "beside"])
@pytest.mark.parametrize("credential", [EMPTY, attested()], ids=["without value", "whole"])
def test_an_attestation_is_refused_where_none_is_verified(
    credential: Credential, others: tuple[Credential, ...]
) -> None:
    trail = MemoryTrail()

    answer = ask(an_engine(audit=trail), PING, credentials=(*others, credential), attestation_capable_indicator=True)

    assert said(answer) == (ResultReason.ATTESTATION_FAILED, None, ())
    assert [(record.event, record.result) for record in trail.records] == [
        ("Authentication refused", ResultReason.ATTESTATION_FAILED)
    ]
    assert the_only(ask(an_engine(), PING, credentials=others)).result_status is ResultStatus.SUCCESS


def test_a_client_that_can_attest_is_asked_for_it_where_an_operation_wants_one() -> None:
    trail = MemoryTrail()
    engine = an_engine(a_symmetric_key(), audit=trail, settings=WANTED, attestations=OneWord([]))

    answer = ask(engine, GET, attestation_capable_indicator=True)

    assert said(answer) == (ResultReason.ATTESTATION_REQUIRED, b"1", TYPES)
    assert [(record.event, record.operation) for record in trail.records] == [("Authentication refused", Operation.GET)]


def test_a_client_that_cannot_attest_is_refused_without_a_nonce() -> None:
    assert said(ask(an_attesting_engine(), GET)) == (ResultReason.PERMISSION_DENIED, None, ())


def test_an_operation_that_needs_an_attestation_is_refused_without_a_verified_one() -> None:
    engine = an_engine(a_symmetric_key(), settings=WANTED)

    assert said(ask(engine, GET, attestation_capable_indicator=True)) == (ResultReason.PERMISSION_DENIED, None, ())
    assert the_only(ask(engine, PING)).result_status is ResultStatus.SUCCESS


def test_a_batch_is_refused_before_any_item_is_run() -> None:
    engine = an_engine(a_symmetric_key(), settings=WANTED, attestations=OneWord([]))

    (item,) = ask(engine, ACTIVATE, GET, attestation_capable_indicator=True).batch_items

    assert item.result_reason is ResultReason.ATTESTATION_REQUIRED
    assert attributes_of(engine).state is State.PRE_ACTIVE


@pytest.mark.parametrize("is_capable", [True, False])
def test_an_accepted_attestation_lets_the_request_run(is_capable: bool) -> None:
    answer = ask(an_attesting_engine(), GET, credentials=(attested(),), attestation_capable_indicator=is_capable)

    assert said(answer) == (None, b"1" if is_capable else None, ())
    assert the_only(answer).payload.managed_object


@pytest.mark.parametrize(
    "credentials",
    [(attested(b"wrong"),), (EMPTY,), (attested(), attested())],
    ids=["wrong", "without value", "twice"],
)
@pytest.mark.parametrize("operation", [GET, PING], ids=["wanted", "not wanted"])
def test_an_attestation_that_is_not_accepted_refuses_any_request(
    credentials: tuple[Credential, ...], operation: Any
) -> None:
    engine = an_attesting_engine()
    capable = ask(engine, operation, credentials=credentials, attestation_capable_indicator=True)
    other = ask(engine, operation, credentials=credentials)

    assert said(capable) == (ResultReason.ATTESTATION_FAILED, b"1", TYPES)
    assert said(other) == (ResultReason.ATTESTATION_FAILED, None, TYPES)


def test_a_verifier_that_has_too_much_to_do_says_so_without_a_nonce() -> None:
    engine = an_attesting_engine(refusal=ResultReason.SERVER_LIMIT_EXCEEDED)

    answer = ask(engine, GET, credentials=(attested(b"wrong"),), attestation_capable_indicator=True)

    assert said(answer) == (ResultReason.SERVER_LIMIT_EXCEEDED, None, ())


def test_a_client_that_can_attest_gets_the_next_nonce_with_each_answer_and_another_client_none() -> None:
    engine = an_attesting_engine(settings=Settings())

    assert said(ask(engine, PING, attestation_capable_indicator=True)) == (None, b"1", ())
    assert said(ask(engine, PING, attestation_capable_indicator=True)) == (None, b"2", ())
    assert said(ask(engine, PING)) == (None, None, ())


def test_the_nonce_is_for_the_principal_that_the_credentials_name() -> None:
    class Renaming:
        def settle(self, credentials: Iterable[Credential], principal: Principal, now: int) -> Steps[Principal]:
            yield MoveTo(Pace.SLOW)
            return evolve(principal, name="bob")

    attestations = OneWord([])
    engine = an_engine(authentication=Renaming(), attestations=attestations)
    ask(engine, PING, attestation_capable_indicator=True)

    assert attestations.given == [("bob", NOW)]


@pytest.mark.parametrize("source", Source)
def test_the_server_s_own_requests_need_no_attestation(source: Source) -> None:
    principal = evolve(ALICE, source=source)

    reason, _, _ = said(ask(an_attesting_engine(), GET, principal=principal))

    assert (reason is None) is (source in {Source.SERVER, Source.SEED})
