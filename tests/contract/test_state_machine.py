"""Random lives of managed objects, on every store at once, against a model that fits on one page.

Each step asks the same of an engine over memory and of one over an SQL engine, in a random protocol version through the
codec, and compares both answers with what the model says. The model knows nothing of the life-cycle table, the rules
or the policies: it is the standard's text told a second time. KMIPD_LIVES=2000 goes further than the few lives of an
everyday run.
"""

import functools
import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, precondition, rule

from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.system.clock import SteppableClock
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.service import TtlvService
from kmip_adapters.ttlv.standard import reasons
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
    StorageStatusMask,
    UsageLimitsUnit,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey
from kmip_core.operations import (
    CATALOGUE,
    activate,
    add_attribute,
    archive,
    create,
    delete_attribute,
    destroy,
    encrypt,
    get,
    get_attributes,
    get_usage_allocation,
    locate,
    modify_attribute,
    obtain_lease,
    re_key,
    recover,
    register,
    revoke,
)
from kmip_core.policy import BUILT_IN, OperationPolicy, Permission
from kmip_core.principal import Principal
from kmip_core.structures import CryptographicParameters, ProtocolVersion, RevocationReason, UsageLimits
from tests import postgresql
from tests.builders import NOW, RememberedFaults, a_name, a_service, an_engine, an_instance, answered
from tests.rounds import rounds

pytestmark = pytest.mark.long

VERSIONS: Final = tuple(ProtocolVersion(*v) for v in ((1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1)))
WITH_ENCRYPT: Final = VERSIONS[2:]
CODEC: Final = Codec(CATALOGUE)
TEXTS: Final = ("one", "two", "three")

READ: Final = (Operation.GET, Operation.GET_ATTRIBUTES, Operation.LOCATE)
READABLE: Final = OperationPolicy(
    name="readable",
    preset={
        ObjectType.SYMMETRIC_KEY: {
            operation: Permission.ALLOW_ALL if operation in READ else Permission.ALLOW_OWNER for operation in CATALOGUE
        }
    },
)
"""Everybody finds and reads such a key; its owner alone does the rest."""


# --- the model ----------------------------------------------------------------------------------------------------


@define
class Key:
    """What is known of one object.  materials: as each store gave it, once it has.  left: of its Usage Limits."""

    owner: str
    policy: str
    activation: int | None
    identifiers: tuple[str, ...]
    materials: list[bytes | None]
    state: State = State.PRE_ACTIVE
    deactivation: int | None = None
    limit: int | None = None
    left: int | None = None
    archived: bool = False
    names: dict[int, str] = field(factory=dict)

    def settle(self, now: int) -> None:
        """Let the dates that have come do their work."""
        if self.state is State.PRE_ACTIVE and self.activation is not None and self.activation <= now:
            self.state = State.ACTIVE
        if self.state is State.ACTIVE and self.deactivation is not None and self.deactivation <= now:
            self.state = State.DEACTIVATED

    @property
    def is_gone(self) -> bool:
        return self.state in (State.DESTROYED, State.DESTROYED_COMPROMISED)

    def refuses(self, asker: str, operation: Operation) -> ResultReason | None:
        """Return why nothing can be done at all: somebody else's, or archived."""
        if asker != self.owner and not (self.policy == "readable" and operation in READ):
            return ResultReason.PERMISSION_DENIED if self.policy == "readable" else ResultReason.OBJECT_NOT_FOUND
        if self.archived and operation not in (Operation.GET_ATTRIBUTES, Operation.RECOVER):
            return ResultReason.OBJECT_ARCHIVED
        return None


WRONG: Final = ResultReason.WRONG_KEY_LIFECYCLE_STATE


def activated(key: Key, now: int) -> ResultReason | None:
    if key.state is not State.PRE_ACTIVE:
        return WRONG
    key.state, key.activation = State.ACTIVE, now
    return None


def deactivated(key: Key, now: int) -> ResultReason | None:
    if key.state is not State.ACTIVE:
        return WRONG
    key.state, key.deactivation = State.DEACTIVATED, now
    return None


def compromised(key: Key) -> ResultReason | None:
    if key.state is State.DESTROYED_COMPROMISED:
        return WRONG
    key.state = State.DESTROYED_COMPROMISED if key.state is State.DESTROYED else State.COMPROMISED
    return None


def destroyed(key: Key) -> ResultReason | None:
    if key.is_gone:
        return ResultReason.OBJECT_DESTROYED
    if key.state is State.ACTIVE:
        return WRONG
    key.state = State.DESTROYED_COMPROMISED if key.state is State.COMPROMISED else State.DESTROYED
    return None


def used(key: Key) -> ResultReason | None:
    if key.is_gone:
        return ResultReason.OBJECT_DESTROYED
    return None if key.state is State.ACTIVE else WRONG


def taken(key: Key, units: int) -> ResultReason | None:
    if key.left is None:
        return None
    if units > key.left:
        return ResultReason.USAGE_LIMIT_EXCEEDED
    key.left -= units
    return None


def archived(key: Key) -> ResultReason | None:
    if key.is_gone:
        return ResultReason.OBJECT_DESTROYED
    key.archived = True
    return None


def recovered(key: Key) -> None:
    key.archived = False


def read(key: Key) -> ResultReason | None:
    return ResultReason.OBJECT_DESTROYED if key.is_gone else None


def leased(key: Key) -> ResultReason | None:
    """No lease for what is compromised: a client that holds it shall let go."""
    return ResultReason.PERMISSION_DENIED if key.state is State.COMPROMISED else read(key)


def not_one_of(names: dict[int, str]) -> ResultReason:
    return ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND if names else ResultReason.ATTRIBUTE_NOT_FOUND


# --- the stores -----------------------------------------------------------------------------------------------------


@define
class Server:
    """One engine behind the codec."""

    engine: Engine
    service: TtlvService
    clock: SteppableClock
    faults: RememberedFaults

    def ask(self, version: ProtocolVersion, who: str, operation: Operation, request: Any) -> ResponseBatchItem:
        """Return the answer to a batch of one."""
        (item,) = self.ask_all(version, who, [(operation, request)])
        return item

    def ask_all(
        self,
        version: ProtocolVersion,
        who: str,
        requests: list[tuple[Operation, Any]],
        option: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP,
    ) -> tuple[ResponseBatchItem, ...]:
        """Return the answers to a batch."""
        message = RequestMessage(
            header=RequestHeader(protocol_version=version, batch_error_continuation_option=option),
            batch_items=tuple(
                RequestBatchItem(operation=operation, unique_batch_item_id=str(number).encode(), payload=request)
                for number, (operation, request) in enumerate(requests)
            ),
        )
        answer = answered(self.service.open(CODEC.encode_request(message), Principal(name=who)))
        faults, self.faults.errors = self.faults.errors, []  # examples share the servers: a fault is that of one
        assert faults == []
        return CODEC.decode_response(answer).batch_items


def a_server(storage: Any) -> Server:
    clock, faults = SteppableClock(NOW), RememberedFaults()
    policy = StaticPolicies({**BUILT_IN, READABLE.name: READABLE})
    engine = an_engine(storage=storage, clock=clock, faults=faults, policy=policy)
    return Server(engine, a_service(engine, CODEC), clock, faults)


_examples = itertools.count(1)


@functools.cache
def servers(engine: str) -> tuple[Server, Server]:
    """Return a server in memory and one over an SQL engine; examples share them and have clients of their own."""
    directory = Path(_folder().name)
    sealer = functools.partial(EnvelopeSealer, KeyFile(directory / f"{engine}.key"))
    url = f"sqlite:///{directory}/kmipd.db" if engine == "sqlite" else postgresql.url_for(directory)
    opened.append(engine)
    return a_server(MemoryStorage()), a_server(SqlStorage(url, sealer))


opened: Final[list[str]] = []


@functools.cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="state-machine-")


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Any:
    yield
    while opened:
        for server in servers(opened.pop()):
            server.engine.services.storage.close()
    servers.cache_clear()
    _folder().cleanup()
    _folder.cache_clear()


# --- the machine ------------------------------------------------------------------------------------------------------

TOLD: Final = tuple(
    AttributeReference(attribute=name)
    for name in ("state", "names", "activation_date", "deactivation_date", "archive_date", "usage_limits")
)

Outcome = Callable[[Key, int], ResultReason | None]

STEPS: Final[dict[str, tuple[Operation, Callable[..., Any], Outcome]]] = {
    "activate": (Operation.ACTIVATE, activate.Request, activated),
    "deactivate": (
        Operation.REVOKE,
        functools.partial(
            revoke.Request,
            revocation_reason=RevocationReason(revocation_reason_code=RevocationReasonCode.SUPERSEDED),
        ),
        deactivated,
    ),
    "compromise": (
        Operation.REVOKE,
        functools.partial(
            revoke.Request,
            revocation_reason=RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE),
        ),
        lambda key, _: compromised(key),
    ),
    "destroy": (Operation.DESTROY, destroy.Request, lambda key, _: destroyed(key)),
    "archive": (Operation.ARCHIVE, archive.Request, lambda key, _: archived(key)),
    "recover": (Operation.RECOVER, recover.Request, lambda key, _: recovered(key)),
    "get": (Operation.GET, get.Request, lambda key, _: read(key)),
}
"""Requests of batches, which need nothing but the key."""


class Lives(RuleBasedStateMachine):
    """One client and its keys."""

    CLIENTS: tuple[str, ...] = ("alice",)
    engine = "sqlite"
    keys: Bundle[Key] = Bundle("keys")
    version = st.sampled_from(VERSIONS)
    client = st.sampled_from((0, 0, 0, 1, 2))
    soon = st.integers(-2, 3)

    def __init__(self) -> None:
        super().__init__()
        self.servers = servers(self.engine)
        self.example = next(_examples)
        self.every: list[Key] = []

    def name_of(self, client: int) -> str:
        return f"{self.CLIENTS[client % len(self.CLIENTS)]} {self.example}"

    @property
    def now(self) -> int:
        return self.servers[0].clock.now()

    def ask(
        self, version: ProtocolVersion, client: int, key: Key, operation: Operation, request: Any, outcome: Outcome
    ) -> list[Any] | None:
        """Ask both servers and compare with the model.  request: a class, or a function of the identifier.

        outcome: what the model says once the key is there for this client.  Returns the payloads of a success.
        """
        who = self.name_of(client)
        key.settle(self.now)
        expected = key.refuses(who, operation) or outcome(key, self.now)
        wire = None if expected is None else reasons.on_wire(expected, operation, version)
        answers = [
            server.ask(version, who, operation, request(unique_identifier=identifier))
            for server, identifier in zip(self.servers, key.identifiers, strict=True)
        ]
        for answer in answers:
            assert answer.result_reason == wire, (answer.result_message, key)
        self.look(key)
        return [answer.payload for answer in answers] if expected is None else None

    def look(self, key: Key) -> None:
        """Compare what each server tells the owner at this instant with the model."""
        key.settle(self.now)
        for server, identifier in zip(self.servers, key.identifiers, strict=True):
            request = get_attributes.Request(unique_identifier=identifier, references=TOLD)
            self.compare(key, server.ask(VERSIONS[-1], key.owner, Operation.GET_ATTRIBUTES, request).payload.attributes)

    def compare(self, key: Key, told: Attributes) -> None:
        assert told.state is key.state, key
        assert [name.name_value for name in told.names] == [key.names[index] for index in sorted(key.names)]
        assert (told.activation_date, told.deactivation_date) == (key.activation, key.deactivation)
        assert (told.archive_date is not None) is key.archived
        limits = told.usage_limits
        assert (None if limits is None else limits.usage_limits_count) == key.left

    def begin(self, version: ProtocolVersion, who: str, operation: Operation, request: Any, key: Key) -> Key:
        answers = [server.ask(version, who, operation, request) for server in self.servers]
        for answer in answers:
            assert answer.result_status is ResultStatus.SUCCESS, answer.result_message
        key.identifiers = tuple(answer.payload.unique_identifier for answer in answers)
        key.settle(self.now)
        self.every.append(key)
        return key

    def template(self, key: Key) -> Attributes:
        mask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
        return Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=mask,
            activation_date=key.activation,
            usage_limits=None
            if key.limit is None
            else UsageLimits(
                usage_limits_total=key.limit,
                usage_limits_count=key.limit,
                usage_limits_unit=UsageLimitsUnit.OBJECT,
            ),
        )

    def with_policy(self, key: Key) -> Key:
        """Give the key its policy, as 2.x has no attribute for it: by an attribute of 1.x."""
        if key.policy != "default":
            instance = an_instance("operation_policy_name", key.policy)
            for server, identifier in zip(self.servers, key.identifiers, strict=True):
                request = add_attribute.Request(unique_identifier=identifier, new_attribute=instance)
                answer = server.ask(VERSIONS[0], key.owner, Operation.ADD_ATTRIBUTE, request)
                assert answer.result_status is ResultStatus.SUCCESS, answer.result_message
        return key

    policies: tuple[str, ...] = ("default",)
    activation = st.none() | st.integers(-3, 6)

    @initialize(target=keys, version=version, limit=st.none() | st.integers(1, 3))
    def begin_with_an_active_key(self, version: ProtocolVersion, limit: int | None) -> Key:
        return self.made(version, 0, 0, 0, limit)

    # Few keys, so that long lives come about.
    @precondition(lambda self: len(self.every) < 4)
    @rule(
        target=keys,
        version=version,
        client=client,
        activation=activation,
        policy=st.integers(0, 1),
        limit=st.none() | st.integers(0, 2),
    )
    def create(
        self, version: ProtocolVersion, client: int, activation: int | None, policy: int, limit: int | None
    ) -> Key:
        return self.made(version, client, activation, policy, limit)

    def made(
        self, version: ProtocolVersion, client: int, activation: int | None, policy: int, limit: int | None = None
    ) -> Key:
        date = None if activation is None else self.now + activation
        key = Key(
            self.name_of(client),
            self.policies[policy % len(self.policies)],
            date,
            (),
            [None, None],
            limit=limit,
            left=limit,
        )
        request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=self.template(key))
        return self.with_policy(self.begin(version, key.owner, Operation.CREATE, request, key))

    @precondition(lambda self: len(self.every) < 4)
    @rule(target=keys, version=version, client=client, material=st.binary(min_size=16, max_size=16))
    def register(self, version: ProtocolVersion, client: int, material: bytes) -> Key:
        key = Key(self.name_of(client), "default", None, (), [material, material])
        block = KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
        )
        request = register.Request(
            object_type=ObjectType.SYMMETRIC_KEY,
            attributes=self.template(key),
            managed_object=SymmetricKey(key_block=block),
        )
        return self.begin(version, key.owner, Operation.REGISTER, request, key)

    @rule(seconds=st.integers(1, 3))
    def time_passes(self, seconds: int) -> None:
        for server in self.servers:
            server.clock.advance(seconds)
        for key in self.every:
            self.look(key)

    @rule(version=version, client=client, key=keys)
    def activate(self, version: ProtocolVersion, client: int, key: Key) -> None:
        self.ask(version, client, key, Operation.ACTIVATE, activate.Request, activated)

    @rule(version=version, client=client, key=keys, code=st.sampled_from(RevocationReasonCode))
    def revoke(self, version: ProtocolVersion, client: int, key: Key, code: RevocationReasonCode) -> None:
        def outcome(key: Key, now: int) -> ResultReason | None:
            is_compromise = code in (RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE)
            return compromised(key) if is_compromise else deactivated(key, now)

        why = RevocationReason(revocation_reason_code=code)
        request = functools.partial(revoke.Request, revocation_reason=why)
        self.ask(version, client, key, Operation.REVOKE, request, outcome)

    @rule(version=version, client=client, key=keys)
    def destroy(self, version: ProtocolVersion, client: int, key: Key) -> None:
        self.ask(version, client, key, Operation.DESTROY, destroy.Request, lambda key, _: destroyed(key))

    @precondition(lambda self: not any(key.archived for key in self.every))  # else all is refused before long
    @rule(version=version, client=client, key=keys)
    def archive(self, version: ProtocolVersion, client: int, key: Key) -> None:
        self.ask(version, client, key, Operation.ARCHIVE, archive.Request, lambda key, _: archived(key))

    @rule(version=version, client=client, key=keys)
    def recover(self, version: ProtocolVersion, client: int, key: Key) -> None:
        self.ask(version, client, key, Operation.RECOVER, recover.Request, lambda key, _: recovered(key))

    @rule(version=version, client=client, key=keys, text=st.sampled_from(TEXTS))
    def add_name(self, version: ProtocolVersion, client: int, key: Key, text: str) -> None:
        def outcome(key: Key, _: int) -> ResultReason | None:
            if text in key.names.values():
                return ResultReason.NON_UNIQUE_NAME_ATTRIBUTE
            key.names[max(key.names, default=-1) + 1] = text
            return None

        request = functools.partial(add_attribute.Request, new_attribute=an_instance("names", a_name(text)))
        self.ask(version, client, key, Operation.ADD_ATTRIBUTE, request, outcome)

    @rule(version=version, client=client, key=keys, which=st.integers(0, 2), text=st.sampled_from(TEXTS))
    def modify_name(self, version: ProtocolVersion, client: int, key: Key, which: int, text: str) -> None:
        by_index = version < ProtocolVersion(2, 0)
        place = which if by_index else self.place_of(key, TEXTS[which])

        def outcome(key: Key, _: int) -> ResultReason | None:
            if place not in key.names:
                return not_one_of(key.names)
            if text in (name for index, name in key.names.items() if index != place):
                return ResultReason.NON_UNIQUE_NAME_ATTRIBUTE
            key.names[place] = text
            return None

        request = functools.partial(
            modify_attribute.Request,
            new_attribute=an_instance("names", a_name(text), which if by_index else None),
            current_attribute=None if by_index else an_instance("names", a_name(TEXTS[which])),
        )
        self.ask(version, client, key, Operation.MODIFY_ATTRIBUTE, request, outcome)

    @rule(version=version, client=client, key=keys, which=st.integers(0, 2))
    def delete_name(self, version: ProtocolVersion, client: int, key: Key, which: int) -> None:
        by_index = version < ProtocolVersion(2, 0)
        place = which if by_index else self.place_of(key, TEXTS[which])

        def outcome(key: Key, _: int) -> ResultReason | None:
            if place not in key.names:
                return not_one_of(key.names)
            del key.names[place]
            return None

        request = functools.partial(
            delete_attribute.Request,
            reference=AttributeReference(attribute="names", attribute_index=which) if by_index else None,
            current_attribute=None if by_index else an_instance("names", a_name(TEXTS[which])),
        )
        self.ask(version, client, key, Operation.DELETE_ATTRIBUTE, request, outcome)

    def place_of(self, key: Key, text: str) -> int:
        return next((index for index, name in key.names.items() if name == text), -1)

    @rule(version=version, client=client, key=keys, which=st.sampled_from(("activation", "deactivation")), seconds=soon)
    def add_date(self, version: ProtocolVersion, client: int, key: Key, which: str, seconds: int) -> None:
        date = self.now + seconds

        def outcome(key: Key, _: int) -> ResultReason | None:
            if getattr(key, which) is not None:
                return ResultReason.ATTRIBUTE_SINGLE_VALUED
            return self.dated(key, which, date)

        request = functools.partial(add_attribute.Request, new_attribute=an_instance(f"{which}_date", date))
        self.ask(version, client, key, Operation.ADD_ATTRIBUTE, request, outcome)

    @rule(version=version, client=client, key=keys, which=st.sampled_from(("activation", "deactivation")), seconds=soon)
    def modify_date(self, version: ProtocolVersion, client: int, key: Key, which: str, seconds: int) -> None:
        date = self.now + seconds

        def outcome(key: Key, _: int) -> ResultReason | None:
            if getattr(key, which) is None:
                return ResultReason.ATTRIBUTE_NOT_FOUND
            return self.dated(key, which, date)

        request = functools.partial(modify_attribute.Request, new_attribute=an_instance(f"{which}_date", date))
        self.ask(version, client, key, Operation.MODIFY_ATTRIBUTE, request, outcome)

    def dated(self, key: Key, which: str, date: int) -> ResultReason | None:
        """KMIP 2.1 §4.1, §4.18: clients may say when a key begins while it is Pre-Active, when it ends until it has."""
        if key.state is not State.PRE_ACTIVE and (key.state is not State.ACTIVE or which == "activation"):
            return WRONG
        setattr(key, which, date)
        return None

    @rule(version=version, client=client, key=keys, which=st.sampled_from(("activation", "deactivation")))
    def delete_date(self, version: ProtocolVersion, client: int, key: Key, which: str) -> None:
        reference = AttributeReference(attribute=f"{which}_date")
        request = functools.partial(delete_attribute.Request, reference=reference)
        self.ask(version, client, key, Operation.DELETE_ATTRIBUTE, request, lambda *_: ResultReason.READ_ONLY_ATTRIBUTE)

    @rule(version=version, client=client, key=keys)
    def obtain_lease(self, version: ProtocolVersion, client: int, key: Key) -> None:
        payloads = self.ask(
            version, client, key, Operation.OBTAIN_LEASE, obtain_lease.Request, lambda key, _: leased(key)
        )
        for payload in payloads or ():
            assert (payload.lease_time, payload.last_change_date <= self.now) == (3600, True)

    @rule(version=version, client=client, key=keys, units=st.integers(0, 2))
    def get_usage_allocation(self, version: ProtocolVersion, client: int, key: Key, units: int) -> None:
        def outcome(key: Key, _: int) -> ResultReason | None:
            refusal = used(key)
            if refusal is None and key.left is None:
                refusal = ResultReason.ATTRIBUTE_NOT_FOUND
            if refusal is None and not units:
                refusal = ResultReason.INVALID_FIELD
            return refusal or taken(key, units)

        request = functools.partial(get_usage_allocation.Request, usage_limits_count=units)
        self.ask(version, client, key, Operation.GET_USAGE_ALLOCATION, request, outcome)

    @precondition(lambda self: len(self.every) < 6)
    @rule(target=keys, version=version, client=client, key=keys, offset=st.none() | st.integers(0, 3))
    def re_key(self, version: ProtocolVersion, client: int, key: Key, offset: int | None) -> Any:
        """The new key has the old one's names and dates, moved by the offset; its limits begin anew. KMIP 1.4 §4.4."""
        moved = None if offset is None or key.activation is None else self.now + offset - key.activation
        new = Key(
            key.owner,
            key.policy,
            key.activation if offset is None else self.now + offset,
            (),
            [None, None],
            deactivation=None if key.deactivation is None else key.deactivation + (moved or 0),
            limit=key.limit,
            left=key.limit,
            names=dict(enumerate(key.names[index] for index in sorted(key.names))),
        )

        def outcome(key: Key, _: int) -> ResultReason | None:
            if key.is_gone:
                return ResultReason.OBJECT_DESTROYED
            if offset is not None and key.activation is None and key.deactivation is not None:
                return ResultReason.ILLEGAL_OPERATION
            key.names = {}
            return None

        request = functools.partial(re_key.Request, offset=offset)
        payloads = self.ask(version, client, key, Operation.RE_KEY, request, outcome)
        if payloads is None:
            return multiple()
        new.identifiers = tuple(payload.unique_identifier for payload in payloads)
        self.every.append(new)
        self.look(new)
        return new

    @rule(
        version=version,
        client=client,
        key=keys,
        steps=st.lists(st.sampled_from(list(STEPS)), min_size=2, max_size=4),
        option=st.sampled_from(BatchErrorContinuationOption),
    )
    def batch(
        self,
        version: ProtocolVersion,
        client: int,
        key: Key,
        steps: list[str],
        option: BatchErrorContinuationOption,
    ) -> None:
        """Stop answers to the first failure, Continue goes on, Undo leaves everything as it was. KMIP 1.4 §4."""
        who, before = self.name_of(client), evolve(key)
        expected: list[ResultReason | None] = []
        for operation, _, outcome in map(STEPS.__getitem__, steps):
            key.settle(self.now)
            expected.append(key.refuses(who, operation) or outcome(key, self.now))
            if expected[-1] is not None and option is not BatchErrorContinuationOption.CONTINUE:
                break
        statuses = [ResultStatus.SUCCESS if e is None else ResultStatus.OPERATION_FAILED for e in expected]
        if option is BatchErrorContinuationOption.UNDO and expected[-1] is not None:
            statuses[:-1] = [ResultStatus.OPERATION_UNDONE] * len(statuses[:-1])
            for name in ("state", "activation", "deactivation", "archived"):
                setattr(key, name, getattr(before, name))
        wire = [
            None if reason is None else reasons.on_wire(reason, STEPS[step][0], version)
            for step, reason in zip(steps, expected, strict=False)
        ]
        for server, identifier in zip(self.servers, key.identifiers, strict=True):
            requests = [(STEPS[step][0], STEPS[step][1](unique_identifier=identifier)) for step in steps]
            answers = server.ask_all(version, who, requests, option)
            assert [answer.result_reason for answer in answers] == wire, key
            assert [answer.result_status for answer in answers] == statuses
        self.look(key)

    @rule(version=version, client=client, key=keys)
    def get(self, version: ProtocolVersion, client: int, key: Key) -> None:
        payloads = self.ask(version, client, key, Operation.GET, get.Request, lambda key, _: read(key))
        for place, payload in enumerate(payloads or ()):
            material = payload.managed_object.key_block.key_value.key_material
            assert key.materials[place] in (None, material)
            key.materials[place] = material

    @rule(version=st.sampled_from(WITH_ENCRYPT), client=client, key=keys)
    def encrypt(self, version: ProtocolVersion, client: int, key: Key) -> None:
        parameters = CryptographicParameters(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            block_cipher_mode=BlockCipherMode.ECB,
            padding_method=PaddingMethod.PKCS5,
        )
        request = functools.partial(encrypt.Request, cryptographic_parameters=parameters, data=b"data")
        payloads = self.ask(version, client, key, Operation.ENCRYPT, request, lambda key, _: used(key) or taken(key, 1))
        if payloads is not None and key.materials[0] is not None and key.materials[0] == key.materials[1]:
            assert payloads[0].data == payloads[1].data

    @rule(version=version, client=client, key=keys)
    def get_attributes(self, version: ProtocolVersion, client: int, key: Key) -> None:
        request = functools.partial(get_attributes.Request, references=TOLD)
        payloads = self.ask(version, client, key, Operation.GET_ATTRIBUTES, request, lambda *_: None)
        for payload in payloads or ():
            self.compare(key, payload.attributes)

    @rule(
        version=version,
        client=client,
        text=st.none() | st.sampled_from(TEXTS),
        state=st.none() | st.sampled_from(State),
        archived=st.sampled_from((None, False, True)),
    )
    def locate(
        self, version: ProtocolVersion, client: int, text: str | None, state: State | None, archived: bool | None
    ) -> None:
        criteria = [] if text is None else [an_instance("names", a_name(text))]
        criteria += [] if state is None else [an_instance("state", state)]
        mask = None
        if archived is not None:
            mask = StorageStatusMask.ARCHIVAL_STORAGE if archived else StorageStatusMask.ON_LINE_STORAGE
        request = locate.Request(criteria=tuple(criteria), storage_status_mask=mask)
        who = self.name_of(client)
        for key in self.every:
            key.settle(self.now)
        wanted = [
            key
            for key in self.every
            if (key.owner == who or key.policy == "readable")
            and not key.is_gone
            and key.archived is bool(archived)
            and (text is None or text in key.names.values())
            and (state is None or key.state is state)
        ]
        mine = [{key.identifiers[place]: key for key in self.every} for place in (0, 1)]
        found = [
            [mine[place][identifier] for identifier in self.located(place, version, who, request, mine[place])]
            for place in (0, 1)
        ]
        assert sorted(map(id, found[0])) == sorted(map(id, wanted))
        assert list(map(id, found[0])) == list(map(id, found[1]))

    def located(self, place: int, version: ProtocolVersion, who: str, request: Any, mine: dict[str, Key]) -> list[str]:
        """Return what one server finds, without what other examples have left for all to read."""
        answer = self.servers[place].ask(version, who, Operation.LOCATE, request)
        assert answer.result_status is ResultStatus.SUCCESS, answer.result_message
        return [identifier for identifier in answer.payload.unique_identifiers if identifier in mine]


class SharedLives(Lives):
    """Three clients who see of each other what policies let them see."""

    CLIENTS = ("alice", "bob", "carol")
    policies = ("default", "readable")


SETTINGS: Final = settings(
    max_examples=int(os.environ.get("KMIPD_LIVES", rounds(12, nightly=40))),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

TestLives = Lives.TestCase
TestLives.settings = SETTINGS
TestSharedLives = SharedLives.TestCase
TestSharedLives.settings = SETTINGS


class LivesOnPostgresql(SharedLives):
    """The same over PostgreSQL."""

    engine = "postgresql"


class TestLivesOnPostgresql(LivesOnPostgresql.TestCase):  # type: ignore[misc, valid-type]  # made by hypothesis
    """Skipped where there is none."""

    settings = settings(SETTINGS, max_examples=max(1, SETTINGS.max_examples // 2))

    def setUp(self) -> None:
        """Look for PostgreSQL."""
        postgresql.need_postgresql()
