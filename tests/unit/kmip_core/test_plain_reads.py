"""Plain reads: which requests are some, what their answers rest on, and the record of one that is given again."""

from typing import Any

import pytest
from attrs import define, evolve

from kmip_adapters.crypto.software.adapter import SoftwareCrypto
from kmip_adapters.policy.static import StaticPolicies
from kmip_core.engine import Engine
from kmip_core.enums import (
    AsynchronousIndicator,
    CredentialType,
    KeyFormatType,
    KeyWrapType,
    Operation,
    ResultReason,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, UsernameAndPassword
from kmip_core.operations import CATALOGUE, discover_versions, get, get_attribute_list, get_attributes, locate
from kmip_core.plain_reads import GivenAnswer, PlainReads
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import Steps
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from tests.builders import ALICE, BOB, NOW, VERSION, a_symmetric_key, an_engine, clock_of, records_of

HEADER = RequestHeader(protocol_version=VERSION)
PLAIN = {
    Operation.DISCOVER_VERSIONS: discover_versions.Request(),
    Operation.GET: get.Request(unique_identifier="key"),
    Operation.GET_ATTRIBUTE_LIST: get_attribute_list.Request(unique_identifier="key"),
    Operation.GET_ATTRIBUTES: get_attributes.Request(unique_identifier="key"),
    Operation.LOCATE: locate.Request(),
}
GET = PLAIN[Operation.GET]


def a_message(*payloads: Any, header: RequestHeader = HEADER, **fields: Any) -> RequestMessage:
    by_class = {spec.request: operation for operation, spec in CATALOGUE.items()}
    items = (RequestBatchItem(operation=by_class.get(type(each)), payload=each, **fields) for each in payloads)
    return RequestMessage(header=header, batch_items=tuple(items))


def given_by(engine: Engine, message: RequestMessage, principal: Principal = ALICE) -> GivenAnswer | None:
    """Return what would be kept of the answer to a message."""
    before = engine.plain_reads.basis()
    assert before is not None
    return engine.plain_reads.given(message, engine.handle(message, principal), principal, before)


def kept(engine: Engine, message: RequestMessage | None = None) -> GivenAnswer:
    given = given_by(engine, message or a_message(GET))
    assert given is not None
    return given


# Which requests


@pytest.mark.parametrize("operation", PLAIN)
def test_reads_are_plain_reads(operation: Operation) -> None:
    assert an_engine().plain_reads.includes(a_message(PLAIN[operation]))


def test_no_other_operation_is_one() -> None:
    assert {operation for operation, spec in CATALOGUE.items() if spec.is_plain_read} == PLAIN.keys()


@pytest.mark.parametrize(
    "request_",
    [
        get.Request(unique_identifier="key", key_format_type=KeyFormatType.PKCS_8),
        get.Request(unique_identifier="key", key_wrap_type=KeyWrapType.NOT_WRAPPED),
    ],
    ids=["another format", "unwrapped"],
)
def test_a_get_that_is_more_work_is_none(request_: get.Request) -> None:
    assert not an_engine().plain_reads.includes(a_message(request_))


@pytest.mark.parametrize(
    "header",
    [
        evolve(HEADER, client_correlation_value="mine"),
        evolve(HEADER, asynchronous_indicator=AsynchronousIndicator.OPTIONAL),
        evolve(
            HEADER,
            credentials=(
                Credential(
                    credential_type=CredentialType.USERNAME_AND_PASSWORD,
                    credential_value=UsernameAndPassword(username="alice", password="secret"),
                ),
            ),
        ),
    ],
    ids=["correlation value", "asynchronous", "credential"],
)
def test_a_request_whose_answer_depends_on_more_is_none(header: RequestHeader) -> None:
    assert not an_engine().plain_reads.includes(a_message(GET, header=header))


@pytest.mark.parametrize("payloads", [(), (GET, GET), (KmipError(ResultReason.INVALID_FIELD, "unreadable"),)])
def test_only_one_item_that_can_be_read_is_one(payloads: tuple[Any, ...]) -> None:
    assert not an_engine().plain_reads.includes(a_message(*payloads))


class ATokensCrypto(SoftwareCrypto):
    @property
    def capabilities(self) -> Any:
        return evolve(super().capabilities, holds_keys=True)


class AWaitingCrypto(SoftwareCrypto):
    @property
    def capabilities(self) -> Any:
        return evolve(super().capabilities, blocking=True)


@pytest.mark.parametrize(
    "parts",
    [
        {"settings": Settings(attested_operations=frozenset({Operation.GET}))},
        {"attestations": object()},
        {"tracing": object()},
        {"crypto": ATokensCrypto()},
        {"crypto": AWaitingCrypto()},
    ],
    ids=["attested operations", "attestations", "tracing", "keys in a token", "waiting for a token"],
)
def test_a_server_whose_answers_depend_on_more_has_none(parts: dict[str, Any]) -> None:
    assert not an_engine(**parts).plain_reads.includes(a_message(GET))


# What an answer rests on


def test_the_basis_is_the_same_while_nothing_changes() -> None:
    engine = an_engine(a_symmetric_key())
    before = engine.plain_reads.basis()
    engine.handle(a_message(PLAIN[Operation.LOCATE]), ALICE)

    assert engine.plain_reads.basis() == before


def test_the_basis_is_another_one_in_the_next_second() -> None:
    engine = an_engine()
    before = engine.plain_reads.basis()
    clock_of(engine).advance(1)

    assert engine.plain_reads.basis() != before


def test_the_basis_is_another_one_after_a_commit() -> None:
    engine = an_engine()
    before = engine.plain_reads.basis()
    with engine.services.storage.unit_of_work() as work:
        work.add(*a_symmetric_key())
        work.commit()

    assert engine.plain_reads.basis() != before


@define
class ChangingPolicies(StaticPolicies):
    """Policies that a test replaces."""

    table: StaticPolicies

    def in_force(self) -> StaticPolicies:
        return self.table


def test_the_basis_is_another_one_under_other_policies() -> None:
    policies = ChangingPolicies(StaticPolicies())
    engine = an_engine(policy=policies)
    before = engine.plain_reads.basis()
    policies.table = StaticPolicies()

    assert engine.plain_reads.basis() != before


def test_there_is_no_basis_where_the_store_does_not_tell_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = an_engine()
    monkeypatch.setattr(type(engine.services.storage), "state", lambda store: None)

    assert engine.plain_reads.basis() is None


# What is kept of an answer


@pytest.mark.parametrize("operation", PLAIN)
def test_an_answer_is_kept_without_what_it_brings(operation: Operation) -> None:
    engine = an_engine(a_symmetric_key())
    given = kept(engine, a_message(PLAIN[operation]))

    (item,) = given.response.batch_items
    assert (given.principal, item.operation, item.payload) == (ALICE, operation, None)
    assert given.record == records_of(engine)[-1]
    assert given.basis == engine.plain_reads.basis()


def test_a_refusal_is_not_kept() -> None:
    assert given_by(an_engine(), a_message(GET)) is None


def test_an_answer_that_has_changed_something_is_not_kept() -> None:
    engine = an_engine(a_symmetric_key(fresh=True))

    assert given_by(engine, a_message(GET)) is None
    assert given_by(engine, a_message(GET)) is not None  # it is no longer fresh


@pytest.mark.parametrize("change", ["commit", "second"])
def test_an_answer_is_not_kept_if_something_has_changed_meanwhile(change: str) -> None:
    engine = an_engine(a_symmetric_key())
    message, before = a_message(GET), engine.plain_reads.basis()
    assert before is not None
    response = engine.handle(message, ALICE)
    if change == "second":
        clock_of(engine).advance(1)
    else:
        with engine.services.storage.unit_of_work() as work:
            work.add(*a_symmetric_key("another"))
            work.commit()

    assert engine.plain_reads.given(message, response, ALICE, before) is None


@define
class Renaming:
    """Takes each client for another one."""

    name: str

    def settle(self, credentials: Any, principal: Principal, now: int) -> Principal | Steps[Principal]:
        return evolve(principal, name=self.name)

    def check_still(self, principal: Principal, now: int) -> Steps[None]:
        yield from ()


def test_an_answer_in_another_name_is_not_kept() -> None:
    engine = an_engine(a_symmetric_key(owner="bob"), authentication=Renaming("bob"))

    assert given_by(engine, a_message(GET), BOB) is None  # equal, but looked at by a credential


# The record of an answer that is given again


def test_an_answer_that_is_given_again_has_a_record_of_its_own() -> None:
    engine = an_engine(a_symmetric_key())
    given = kept(engine)

    assert [engine.plain_reads.record_again(given) for _ in range(2)] == [True, True]

    first, *more = records_of(engine)
    assert len({record.record_id for record in (first, *more)}) == 3
    assert [evolve(record, record_id=first.record_id) for record in more] == [first, first]


def test_the_record_has_everything_that_the_first_one_had() -> None:
    principal = evolve(
        ALICE, address="192.0.2.1", certificate_serial="1", certificate_issuer="CN=CA", certificate_digest=b"1"
    )
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))
    message = a_message(GET)
    given = given_by(engine, message, principal)
    assert given is not None
    assert engine.plain_reads.record_again(given)

    first, second = records_of(engine)
    assert first == evolve(second, record_id=first.record_id)
    assert first.unique_identifiers == ("key",)


@define
class Asking:
    """Wants steps to settle who a client is, once it has to look."""

    has_to_look: bool = False

    def settle(self, credentials: Any, principal: Principal, now: int) -> Principal | Steps[Principal]:
        return self._steps(principal) if self.has_to_look else principal

    def _steps(self, principal: Principal) -> Steps[Principal]:
        yield from ()
        return principal

    def check_still(self, principal: Principal, now: int) -> Steps[None]:
        yield from ()


def test_nothing_is_recorded_where_the_client_has_to_be_looked_at_first() -> None:
    authentication = Asking()
    engine = an_engine(a_symmetric_key(), authentication=authentication)
    given = kept(engine)
    authentication.has_to_look = True

    assert not engine.plain_reads.record_again(given)
    assert len(records_of(engine)) == 1


@define
class Refusing:
    """Refuses every client, once it is told to."""

    refuses: bool = False

    def settle(self, credentials: Any, principal: Principal, now: int) -> Principal | Steps[Principal]:
        if self.refuses:
            raise CredentialRefused("gone")
        return principal

    def check_still(self, principal: Principal, now: int) -> Steps[None]:
        yield from ()


def test_nothing_is_recorded_where_the_client_is_refused_by_now() -> None:
    """The engine is asked then, which records the refusal and answers it."""
    authentication = Refusing()
    engine = an_engine(a_symmetric_key(), authentication=authentication)
    given = kept(engine)
    authentication.refuses = True

    assert not engine.plain_reads.record_again(given)
    assert len(records_of(engine)) == 1


def test_an_answer_that_cannot_be_recorded_is_not_given_again() -> None:
    engine = an_engine(a_symmetric_key())
    given = kept(engine)

    class FullTrail:
        def append(self, record: AuditRecord) -> None:
            raise KmipError(ResultReason.GENERAL_FAILURE, "the disk is full")

        def close(self) -> None:
            pass

    reads = PlainReads(catalogue=CATALOGUE, services=evolve(engine.services, audit=FullTrail()))

    assert not reads.record_again(given)
    assert given.record.time == NOW
