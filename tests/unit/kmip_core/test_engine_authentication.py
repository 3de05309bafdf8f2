"""The engine has the principal settled before a batch begins; it refuses and records what is not accepted."""

from typing import Any

import pytest
from attrs import define, evolve, field

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.storage.pending import DONE
from kmip_core.enums import CredentialType, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, UsernameAndPassword
from kmip_core.operations import get, ping
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import MoveTo, Pace, Step, Steps, Wait
from kmip_core.principal import Principal, Source
from tests.builders import NOW, VERSION, a_symmetric_key, an_engine, the_only

PEER = Principal(name="peer", address="192.0.2.1", certificate_serial="7")
ALICE = Credential(
    credential_type=CredentialType.USERNAME_AND_PASSWORD,
    credential_value=UsernameAndPassword(username="alice", password="a"),
)


@define
class KnownUser:
    """An `Authentication` that believes every user name, or raises; it goes through `steps` before."""

    refusal: KmipError | None = None
    steps: tuple[Step, ...] = ()
    calls: list[Any] = field(factory=list)

    def settle(self, credentials: tuple[Credential, ...], principal: Principal, now: int) -> Steps[Principal]:
        self.calls.append((credentials, principal, now))
        yield from self.steps
        if self.refusal is not None:
            raise self.refusal
        return evolve(principal, name="alice", source=Source.PASSWORD)


class FullTrail(MemoryTrail):
    def append(self, record: Any) -> None:
        raise KmipError(ResultReason.GENERAL_FAILURE, "the disk is full")


def a_request(*items: tuple[Operation, Any]) -> RequestMessage:
    return RequestMessage(
        header=RequestHeader(protocol_version=VERSION, client_correlation_value="c", credentials=(ALICE,)),
        batch_items=tuple(RequestBatchItem(operation=o, unique_batch_item_id=b"1", payload=p) for o, p in items),
    )


GET = (Operation.GET, get.Request(unique_identifier="key"))
PING = (Operation.PING, ping.Request())


def test_the_batch_runs_in_the_name_of_the_settled_principal() -> None:
    authentication = KnownUser()
    engine = an_engine(a_symmetric_key(), authentication=authentication)

    item = the_only(engine.handle(a_request(GET), PEER))

    assert item.result_status is ResultStatus.SUCCESS  # the key is alice's
    assert authentication.calls == [((ALICE,), PEER, NOW)]
    (record,) = engine.services.audit.records  # type: ignore[attr-defined]
    assert (record.principal, record.source, record.certificate_serial) == ("alice", "password", "7")


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (CredentialRefused("wrong", user="alice"), "wrong (user alice)"),
        (CredentialRefused("wrong"), "wrong"),
        (KmipError(ResultReason.INVALID_TICKET, "expired"), "expired"),
    ],
)
def test_a_refusal_is_answered_once_and_recorded(refusal: KmipError, message: str) -> None:
    engine = an_engine(a_symmetric_key(), authentication=KnownUser(refusal))

    answer = engine.handle(a_request(GET, PING), PEER)

    item = the_only(answer)
    assert (item.operation, item.unique_batch_item_id) == (Operation.GET, b"1")
    assert (item.result_status, item.result_reason) == (ResultStatus.OPERATION_FAILED, refusal.reason)
    assert item.result_message == refusal.message  # the user is for the record alone
    assert (answer.header.time_stamp, answer.header.client_correlation_value) == (NOW, "c")
    (record,) = engine.services.audit.records  # type: ignore[attr-defined]
    assert (record.event, record.operation, record.result) == (
        "Authentication refused",
        Operation.GET,
        refusal.reason,
    )
    assert (record.principal, record.source, record.address, record.certificate_serial) == (
        "peer",
        "certificate",
        "192.0.2.1",
        "7",
    )
    assert (record.message, record.client_correlation_value) == (message, "c")


def test_a_refusal_of_an_empty_batch_has_one_item() -> None:
    answer = an_engine(authentication=KnownUser(CredentialRefused("wrong"))).handle(a_request(), PEER)

    assert the_only(answer).operation is None


def test_a_refusal_that_cannot_be_recorded_says_so() -> None:
    engine = an_engine(authentication=KnownUser(CredentialRefused("wrong")), audit=FullTrail())

    assert the_only(engine.handle(a_request(PING), PEER)).result_message == "the disk is full"


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        pytest.param((), (), id="nothing to wait for"),
        pytest.param((MoveTo(Pace.SLOW),), (MoveTo(Pace.QUICK),), id="a password was hashed"),
        pytest.param((MoveTo(Pace.SLOW), MoveTo(Pace.REMOTE)), (MoveTo(Pace.QUICK),), id="groups were fetched, too"),
        pytest.param((MoveTo(Pace.REMOTE), MoveTo(Pace.QUICK)), (), id="it came back by itself"),
        pytest.param((Wait(DONE),), (), id="something was waited for"),
    ],
)
def test_the_batch_begins_at_its_own_pace(steps: tuple[Step, ...], then: tuple[Step, ...]) -> None:
    engine = an_engine(authentication=KnownUser(steps=steps))

    assert tuple(engine.steps(a_request(PING), PEER)) == steps + then
