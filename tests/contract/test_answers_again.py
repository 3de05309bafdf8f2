"""An answer that is given again is the one that would be worked out: two services over one engine, one of which keeps
answers, are asked the same things between changes of all kinds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import define, evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.service import TtlvService
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultStatus,
    RevocationReasonCode,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseMessage, UsernameAndPassword
from kmip_core.objects import ManagedObject
from kmip_core.operations import (
    CATALOGUE,
    activate,
    create,
    destroy,
    discover_versions,
    get,
    get_attribute_list,
    get_attributes,
    locate,
    modify_attribute,
    revoke,
)
from kmip_core.policy import BUILT_IN, Decision, OperationPolicy, Permission, Visibility
from kmip_core.ports.steps import Pace, Steps
from kmip_core.ports.transport import run_to_end
from kmip_core.principal import Principal
from kmip_core.structures import Name, ProtocolVersion, RevocationReason
from tests.builders import ALICE, BOB, NOW, a_name, a_service, an_engine, an_instance, clock_of, perform, records_of

CODEC = Codec(CATALOGUE)
VERSIONS = (ProtocolVersion(1, 4), ProtocolVersion(2, 1))
BY_REQUEST = {spec.request: operation for operation, spec in CATALOGUE.items()}
NAMES = ("one", "two")
EVERYTHING = {kind: dict.fromkeys(Operation, Permission.ALLOW_ALL) for kind in ObjectType}
OPEN = StaticPolicies({**BUILT_IN, "default": OperationPolicy(name="default", preset=EVERYTHING)})
CLOSED = StaticPolicies()


@define
class Policies:
    """Policies that a test replaces, as a reload does."""

    table: StaticPolicies = CLOSED

    def decide(self, principal: Principal, operation: Operation, managed_object: ManagedObject) -> Decision:
        return self.table.decide(principal, operation, managed_object)

    def visibility(self, principal: Principal) -> Visibility:
        return self.table.visibility(principal)

    def in_force(self) -> StaticPolicies:
        return self.table

    def is_known(self, policy_name: str) -> bool:
        return self.table.is_known(policy_name)


@define
class CountedEngine:
    """The engine, which counts what it works out.  plain_reads: None where nothing is to be answered again."""

    engine: Engine
    plain_reads: Any
    worked_out: int = 0

    def pace(self, message: RequestMessage) -> Pace:
        return self.engine.pace(message)

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        self.worked_out += 1
        return (yield from self.engine.steps(message, principal, pace))

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        return self.engine.refuse_whole(error, principal)


@frozen
class Rig:
    """A server that keeps answers and one that does not, over the same objects."""

    engine: Engine
    policies: Policies
    keeping: CountedEngine
    kept: TtlvService
    plain: TtlvService
    keys: list[str] = field(factory=list)

    def answers(self, frame: bytes, principal: Principal) -> list[Any]:
        """Return what is answered to a frame three times by the server that keeps answers, and once by the other."""
        services = (self.kept, self.kept, self.kept, self.plain)
        return [run_to_end(service.open(frame, principal)) for service in services]


@contextmanager
def a_rig(kind: str) -> Iterator[Rig]:
    with TemporaryDirectory() as folder:
        key_file = KeyFile(Path(folder, "root.key"))
        storage: Any = MemoryStorage()
        if kind == "sqlite":
            storage = SqlStorage(f"sqlite:///{folder}/kmipd.db", partial(EnvelopeSealer, key_file))
        policies = Policies()
        engine = an_engine(storage=storage, policy=policies)
        keeping = CountedEngine(engine, engine.plain_reads)
        kept, plain = (evolve(a_service(engine, CODEC), engine=each) for each in (keeping, CountedEngine(engine, None)))
        rig = Rig(engine, policies, keeping, kept, plain)
        try:
            yield rig
        finally:
            storage.close()


def a_frame(payload: Any, version: ProtocolVersion) -> bytes:
    item = RequestBatchItem(operation=BY_REQUEST[type(payload)], payload=payload)
    return CODEC.encode_request(RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,)))


def reads_of(key: str, name: str) -> list[Any]:
    return [
        discover_versions.Request(),
        get.Request(unique_identifier=key),
        get.Request(unique_identifier=key, key_format_type=KeyFormatType.RAW),
        get_attributes.Request(unique_identifier=key),
        get_attributes.Request(
            unique_identifier=key,
            references=(AttributeReference(attribute="state"), AttributeReference(attribute="names")),
        ),
        get_attribute_list.Request(unique_identifier=key),
        locate.Request(),
        locate.Request(criteria=(an_instance("names", a_name(name)),)),
        locate.Request(criteria=(an_instance("state", State.ACTIVE),)),
    ]


def change(rig: Rig, number: int, key: int, principal: Principal) -> None:
    """Make one of the changes; a refusal changes nothing, which is as well."""
    engine, name = rig.engine, NAMES[key % len(NAMES)]
    identifier = rig.keys[key % len(rig.keys)] if rig.keys else "none"
    try:
        match number:
            case 0 | 1:
                described = Attributes(
                    cryptographic_algorithm=CryptographicAlgorithm.AES,
                    cryptographic_length=128,
                    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
                    names=(Name(name_value=f"{name} {len(rig.keys)}"),),
                    activation_date=NOW + key if number else None,
                )
                asked = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=described)
                rig.keys.append(perform(engine, Operation.CREATE, asked, principal).unique_identifier)
            case 2:
                perform(engine, Operation.ACTIVATE, activate.Request(unique_identifier=identifier), principal)
            case 3:
                reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
                asked_to = revoke.Request(unique_identifier=identifier, revocation_reason=reason)
                perform(engine, Operation.REVOKE, asked_to, principal)
            case 4:
                perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier), principal)
            case 5:
                renamed = an_instance("contact_information", f"contact {key}")
                asked_for = modify_attribute.Request(unique_identifier=identifier, new_attribute=renamed)
                perform(engine, Operation.MODIFY_ATTRIBUTE, asked_for, principal)
            case 6:
                clock_of(engine).advance(key)
            case 7:
                rig.policies.table = OPEN if rig.policies.table is CLOSED else CLOSED
    except KmipError:
        pass


STEPS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 5), st.sampled_from((ALICE, BOB)), st.integers(0, 8)), max_size=12
)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_is_answered_again_is_what_would_be_worked_out(kind: str) -> None:
    again = total = 0

    def check_all(rig: Rig, frame: bytes) -> None:
        nonlocal again, total
        for asking in (ALICE, BOB):
            before, recorded = rig.keeping.worked_out, len(records_of(rig.engine))
            answers = rig.answers(frame, asking)
            total += 3
            again += 3 - (rig.keeping.worked_out - before)

            assert answers == [answers[-1]] * 4
            assert len(records_of(rig.engine)) == recorded + 4

    @settings(max_examples=60 if kind == "memory" else 15, deadline=None)
    @given(STEPS)
    def compare(steps: list[tuple[int, int, Principal, int]]) -> None:
        with a_rig(kind) as rig:
            change(rig, 0, 0, ALICE)
            for number, key, principal, read in steps:
                identifier = rig.keys[key % len(rig.keys)]
                payload = reads_of(identifier, NAMES[key % len(NAMES)])[read]
                frame = a_frame(payload, VERSIONS[key % len(VERSIONS)])
                check_all(rig, frame)
                change(rig, number, key, principal)
                check_all(rig, frame)

    compare()
    assert again > total / 20  # else nothing was tried


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_destroyed_key_is_not_given_again(kind: str) -> None:
    with a_rig(kind) as rig:
        change(rig, 0, 0, ALICE)
        frame = a_frame(get.Request(unique_identifier=rig.keys[0]), VERSIONS[0])
        for _ in range(3):
            run_to_end(rig.kept.open(frame, ALICE))
        assert rig.keeping.worked_out < 3

        change(rig, 4, 0, ALICE)
        answer = run_to_end(rig.kept.open(frame, ALICE))

        assert isinstance(answer, bytes)
        (item,) = CODEC.decode_response(answer).batch_items
        assert item.result_status is ResultStatus.OPERATION_FAILED


def test_a_password_beside_a_request_is_looked_at_each_time() -> None:
    shown = (UsernameAndPassword(username="alice", password="secret"),)
    with a_rig("memory") as rig:
        change(rig, 0, 0, ALICE)
        frame = a_frame(get.Request(unique_identifier=rig.keys[0]), VERSIONS[0])
        for _ in range(3):
            run_to_end(rig.kept.open(frame, ALICE))
        before = rig.keeping.worked_out
        for _ in range(2):
            run_to_end(rig.kept.open(frame, ALICE, shown))

        assert rig.keeping.worked_out == before + 2


@pytest.mark.parametrize(("answers_again", "worked_out"), [(True, 2), (False, 4)])
def test_a_service_may_work_each_answer_out(answers_again: bool, worked_out: int) -> None:
    with a_rig("memory") as rig:
        service = evolve(rig.kept, answers_again=answers_again)
        for _ in range(4):
            run_to_end(service.open(a_frame(discover_versions.Request(), VERSIONS[0]), ALICE))

        assert rig.keeping.worked_out == worked_out
