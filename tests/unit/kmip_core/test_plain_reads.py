"""Plain reads: which requests are some, what their answers rest on, and the record of one that is given again."""

from typing import Any

import pytest
from attrs import define, evolve, fields_dict

from kmip_adapters.crypto.software.adapter import SoftwareCrypto
from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    AsynchronousIndicator,
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    KeyWrapType,
    LinkType,
    ObjectGroupMember,
    Operation,
    QueryFunction,
    RecommendedCurve,
    ResultReason,
    ResultStatus,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, UsernameAndPassword
from kmip_core.operation import Cost
from kmip_core.operations import (
    CATALOGUE,
    create_key_pair,
    discover_versions,
    get,
    get_attribute_list,
    get_attributes,
    locate,
    obtain_lease,
    query,
)
from kmip_core.pacing import cost_of
from kmip_core.plain_reads import GivenAnswer, PlainReads
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import Steps
from kmip_core.principal import Principal
from kmip_core.services import EngineServices
from kmip_core.settings import ForeignObjects, GroupDefault, Settings
from kmip_core.structures import CryptographicDomainParameters, Link, NameReference
from tests.builders import (
    ALICE,
    BOB,
    NOW,
    VERSION,
    a_name,
    a_symmetric_key,
    an_engine,
    an_instance,
    clock_of,
    perform,
    records_of,
)

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
    [query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)), obtain_lease.Request(unique_identifier="key")],
)
def test_another_operation_that_reads_is_none(request_: Any) -> None:
    message = a_message(request_)

    assert cost_of(message.batch_items[0], CATALOGUE) is Cost.READS
    assert not an_engine().plain_reads.includes(message)


@pytest.mark.parametrize("key_format_type", [KeyFormatType.RAW, KeyFormatType.PKCS_8])
def test_a_get_that_names_a_format_is_one(key_format_type: KeyFormatType) -> None:
    named = get.Request(unique_identifier="key", key_format_type=key_format_type)

    assert an_engine().plain_reads.includes(a_message(named))


@pytest.mark.parametrize(
    "request_",
    [
        get.Request(unique_identifier="key", key_format_type=KeyFormatType.PKCS_12),
        get.Request(unique_identifier="key", key_wrap_type=KeyWrapType.NOT_WRAPPED),
    ],
    ids=["container", "unwrapped"],
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


SOMETHING: Any = object()


class ASilentStore(MemoryStorage):
    tells_state = False


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
        {"storage": ASilentStore()},
        {"authentication": CredentialAuthentication(groups=SOMETHING)},
        {"authentication": CredentialAuthentication(passwords=SOMETHING)},
    ],
    ids=[
        "attested operations",
        "attestations",
        "tracing",
        "keys in a token",
        "waiting for a token",
        "a store without a state",
        "groups of a directory",
        "passwords",
    ],
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


IN_THE_BASIS = {"clock", "storage", "policy"}
SETTLED_BEFORE = {"settings", "capabilities"}  # with the start of the server, and frozen
ASKED_ANEW = {"authentication", "audit", "identifiers"}  # each time that an answer is given
LEAVES_THE_ANSWER = {
    "at_pace",  # where it is made
    "crypto",  # converts keys, the same each time; one that holds keys has no plain reads
    "outbox",  # of a Get that changes something
    "runner",  # whether it may be made later, which is none
    "attestations",  # as is none with them
    "tracing",
    "announcer",  # of changes
}
READ: set[str] = set()


def a_link(target: NameReference) -> Link:
    return Link(link_type=LinkType.NEXT_LINK, linked_object_identifier=target)


class WatchedServices(EngineServices):
    """The services of an engine, which note what of them is read."""

    def __getattribute__(self, name: str) -> Any:
        if name in fields_dict(EngineServices):
            READ.add(name)
        return super().__getattribute__(name)


def watched(engine: Engine) -> Engine:
    parts = {name: getattr(engine.services, name) for name in fields_dict(EngineServices)}
    return evolve(engine, services=WatchedServices(**parts))


OTHER_SETTINGS = Settings(
    usage_counters=True,
    pykmip_compatible=True,
    group_default=GroupDefault.ROUND_ROBIN,
    foreign_objects=ForeignObjects.REFUSED,
)


def test_an_answer_rests_on_nothing_else_of_the_server() -> None:
    """What is read of the services is a part of the basis, asked anew, or cannot make another answer of it.

    A part of the server that is read besides has to become one of these, or must not be read.
    """
    READ.clear()
    for settings in (Settings(), OTHER_SETTINGS):
        read_plainly(settings)

    assert READ == IN_THE_BASIS | SETTLED_BEFORE | ASKED_ANEW | LEAVES_THE_ANSWER


def read_plainly(settings: Settings) -> None:
    """Ask for every kind of thing that a plain read may be about."""
    group = an_instance("object_groups", "group")
    engine = an_engine(
        a_symmetric_key(fresh=True, object_groups=("group",)),
        a_symmetric_key("other", object_groups=("group",), names=(a_name("other's"),)),
        a_symmetric_key("pad", cryptographic_algorithm=CryptographicAlgorithm.ONE_TIME_PAD),
        settings=settings,
        authentication=Asking(),
    )
    curve = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256)
    pair = create_key_pair.Request(
        common_attributes=Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.EC, cryptographic_domain_parameters=curve
        ),
        private_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
    )
    elliptic = perform(engine, Operation.CREATE_KEY_PAIR, pair).private_key_unique_identifier
    engine = watched(engine)
    for wanted in (
        *PLAIN.values(),
        get.Request(unique_identifier="pad"),
        get.Request(unique_identifier=elliptic, prefers_transparent_keys=True),
        get.Request(unique_identifier=NameReference("other's")),
        get_attributes.Request(unique_identifier=elliptic),
        locate.Request(criteria=(an_instance("names", a_name("other's")),)),
        locate.Request(criteria=(an_instance("state", State.ACTIVE),), maximum_items=1, offset_items=0),
        locate.Request(criteria=(an_instance("links", a_link(NameReference("other's"))),)),
        locate.Request(criteria=(group,), object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT),
    ):
        answer = engine.handle(a_message(wanted), ALICE)
        assert answer.batch_items[0].result_status is ResultStatus.SUCCESS, wanted


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


def test_a_refusal_of_the_whole_request_is_not_kept() -> None:
    engine = an_engine(a_symmetric_key(), settings=Settings(check_time_stamp=True))

    assert given_by(engine, a_message(GET, header=evolve(HEADER, time_stamp=NOW - 3_600))) is None


def test_an_answer_that_is_recorded_with_its_change_is_not_kept() -> None:
    engine = an_engine(a_symmetric_key())
    message, before = a_message(GET), engine.plain_reads.basis()
    assert before is not None
    response: Any = engine.handle(message, ALICE)

    assert engine.plain_reads.given(message, evolve(response, records=()), ALICE, before) is None


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

    always_takes_steps = False
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


def test_each_field_of_a_record_is_said_again_or_says_nothing_of_a_plain_read() -> None:
    """A new field of records is one or the other."""
    engine = an_engine(a_symmetric_key())
    said = AuditRecord(
        record_id="first",
        time=NOW - 1,
        principal="a",
        source="b",
        address="c",
        certificate_serial="d",
        certificate_issuer="e",
        event="f",
        operation=Operation.LOCATE,
        unique_identifiers=("g",),
        result=ResultReason.GENERAL_FAILURE,
        message="h",
        client_correlation_value="i",
        server_correlation_value="j",
    )
    assert engine.plain_reads.record_again(evolve(kept(engine), record=said))

    again = records_of(engine)[-1]
    others = {name for name in fields_dict(AuditRecord) if getattr(again, name) != getattr(said, name)}
    assert others == {"record_id", "result", "client_correlation_value", "server_correlation_value"}


@define
class Asking:
    """Wants steps to settle who a client is, once it has to look."""

    always_takes_steps = False
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

    always_takes_steps = False
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
