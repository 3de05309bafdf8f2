"""Builders for tests of the core: an engine over fakes, objects in it, and one line to perform an operation.

Everything stands still and is foreseeable: the clock is fixed until it is told to go on, identifiers are counted.
"""

from typing import Any, Final, TypeVar

from attrs import define, evolve, field

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.system.clock import SteppableClock
from kmip_adapters.system.identifiers import SequentialIdentifiers
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.kept_items import TtlvKeptItems
from kmip_adapters.ttlv.key_values import TtlvKeyValues
from kmip_adapters.ttlv.service import TtlvService
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.capabilities import Capabilities
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ItemType,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultStatus,
    SecretDataType,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseMessage,
)
from kmip_core.objects import CONTENT_CLASSES, KeyBlock, KeyValue, ManagedObject, SecretData, SymmetricKey
from kmip_core.operations import CATALOGUE
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.transport import Job, run_to_end
from kmip_core.principal import Principal
from kmip_core.services import EngineServices
from kmip_core.settings import Settings
from kmip_core.structures import CustomAttribute, Name, ProtocolVersion, TypedValue

T = TypeVar("T")

NOW: Final = 1_800_000_000
ALICE: Final = Principal(name="alice")
BOB: Final = Principal(name="bob")
VERSION: Final = ProtocolVersion(2, 1)

KEY_VALUES: Final = TtlvKeyValues()  # one for all: it plans a converter for every version
KEPT_ITEMS: Final = TtlvKeptItems(Codec(CATALOGUE))
CAPABILITIES: Final = Capabilities(
    operations=tuple(CATALOGUE),
    object_types=tuple(CONTENT_CLASSES),
    protocol_versions=(ProtocolVersion(2, 1), ProtocolVersion(1, 4), ProtocolVersion(1, 0)),
)


@define
class RememberedFaults:
    """Keeps faults, so that a test can see that there were none, or which."""

    errors: list[BaseException] = field(factory=list)

    def report(self, correlation_id: str, error: BaseException) -> None:
        """Keep one."""
        self.errors.append(error)


class PlainHashing:
    """Hashes that cost nothing and hide nothing."""

    def hash(self, password: str) -> str:
        """Return the password with a mark before it."""
        return f"hash:{password}"

    def is_hash(self, encoded: str) -> bool:
        """Return whether the mark is there."""
        return encoded.startswith("hash:")

    def verify(self, encoded: str, password: str) -> bool:
        """Return whether the password stands behind the mark."""
        return encoded == f"hash:{password}"


def faults_of(engine: Engine) -> list[BaseException]:
    """Return the faults that an engine of `an_engine` has kept."""
    assert isinstance(engine.services.faults, RememberedFaults)
    return engine.services.faults.errors


def clock_of(engine: Engine) -> SteppableClock:
    """Return the clock of an engine from `an_engine`."""
    clock = engine.services.clock
    assert isinstance(clock, SteppableClock)
    return clock


def storage_of(engine: Engine) -> MemoryStorage:
    """Return the store of an engine from `an_engine`."""
    storage = engine.services.storage
    assert isinstance(storage, MemoryStorage)
    return storage


def records_of(engine: Engine) -> tuple[AuditRecord, ...]:
    """Return the audit records that an engine of `an_engine` has kept."""
    assert isinstance(engine.services.audit, MemoryTrail)
    return engine.services.audit.records


def answered(job: Job) -> bytes:
    """Return the answer of a job that has one."""
    answer = run_to_end(job)
    assert isinstance(answer, bytes)
    return answer


def an_engine(*objects: tuple[ManagedObject, Any], **parts: Any) -> Engine:
    """Return an engine over memory that holds `objects`; parts replace those that it would be wired to."""
    storage = parts.setdefault("storage", MemoryStorage())
    given: dict[str, Any] = {
        "outbox": storage,
        "policy": StaticPolicies(),
        "crypto": SoftwareCrypto(),
        "certificates": SoftwareCertificates(),
        "key_forms": SoftwareKeyForms(),
        "key_values": KEY_VALUES,
        "passwords": PlainHashing(),
        "kept_items": KEPT_ITEMS,
        "audit": MemoryTrail(),
        "clock": SteppableClock(NOW),
        "identifiers": SequentialIdentifiers(),
        "faults": RememberedFaults(),
        "settings": Settings(),
        "capabilities": CAPABILITIES,
        **parts,
    }
    with storage.unit_of_work() as work:
        for managed_object, content in objects:
            work.add(managed_object, content)
        work.commit()
    return Engine(catalogue=given.pop("catalogue", CATALOGUE), services=EngineServices(**given))


def a_symmetric_key(
    identifier: str = "key",
    state: State = State.PRE_ACTIVE,
    *,
    owner: str = "alice",
    archived: bool = False,
    **attributes: Any,
) -> tuple[ManagedObject, SymmetricKey]:
    """Return an AES key of 128 zero bits as the store keeps it; attributes are put over those it has."""
    key = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16))
    described = Attributes(
        unique_identifier=identifier,
        object_type=ObjectType.SYMMETRIC_KEY,
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        operation_policy_name="default",
        state=state,
        initial_date=NOW - 1_000,
        last_change_date=NOW - 1_000,
        lease_time=3600,
        sensitive=False,
        always_sensitive=False,
        extractable=True,
        never_extractable=False,
    )
    gone = state in (State.DESTROYED, State.DESTROYED_COMPROMISED)
    record = ManagedObject(
        unique_identifier=identifier,
        object_type=ObjectType.SYMMETRIC_KEY,
        owner=owner,
        attributes=evolve(described, **attributes),
        archived=archived,
        has_content=not gone,
    )
    return record, key


def a_secret(value: bytes = b"secret") -> SecretData:
    """Return a password to register."""
    block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=value))
    return SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block)


def perform(engine: Engine, operation: Operation, request: Any, principal: Principal = ALICE) -> Any:
    """Return the response to a batch of this one request; its refusal is raised as a KmipError."""
    (item,) = ask(engine, (operation, request), principal=principal).batch_items
    if item.result_status is not ResultStatus.SUCCESS:
        assert item.result_reason is not None
        raise KmipError(item.result_reason, item.result_message or "")
    return item.payload


def ask(
    engine: Engine, *items: tuple[Operation | None, Any], principal: Principal = ALICE, **header: Any
) -> ResponseMessage:
    """Return the whole answer to a batch; items are numbered b"1", b"2" ... header: fields of the request's."""
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION, **header),
        batch_items=tuple(
            RequestBatchItem(operation=operation, unique_batch_item_id=str(number).encode(), payload=request)
            for number, (operation, request) in enumerate(items, start=1)
        ),
    )
    return engine.handle(message, principal)


def the_only(answer: ResponseMessage) -> ResponseBatchItem:
    """Return the one item of an answer."""
    (item,) = answer.batch_items
    return item


def attributes_of(engine: Engine, identifier: str = "key") -> Attributes:
    """Return what the store holds for an object."""
    return stored(engine, identifier).attributes


def stored(engine: Engine, identifier: str = "key") -> ManagedObject:
    """Return an object as the store has it."""
    with engine.services.storage.unit_of_work() as work:
        found = work.find(identifier)
    assert found is not None
    return found


def an_instance(attribute: str, value: Any, index: int | None = None) -> AttributeInstance:
    """Return one value of a standard attribute; one whose name begins with `x-` is a text of a client's."""
    if attribute.startswith("x-"):
        reference = AttributeReference(attribute=attribute[2:], vendor_identification="x", attribute_index=index)
        return AttributeInstance(reference=reference, value=a_text(value))
    return AttributeInstance(reference=AttributeReference(attribute=attribute, attribute_index=index), value=value)


def a_name(text: str) -> Name:
    """Return a name."""
    return Name(name_value=text)


def a_text(text: Any) -> TypedValue:
    """Return a text, or a value that is typed already, as custom attributes carry it."""
    return text if isinstance(text, TypedValue) else TypedValue(ItemType.TEXT_STRING, text)


def a_custom(name: str, text: str) -> CustomAttribute:
    """Return a client's own attribute."""
    return CustomAttribute(vendor_identification="x", attribute_name=name, attribute_value=a_text(text))


def a_service(engine: Engine, codec: Codec) -> TtlvService:
    """Return the service of binary TTLV before an engine, with the engine's own clock, identifiers and faults."""
    services = engine.services
    return TtlvService(
        engine=engine,
        codec=codec,
        clock=services.clock,
        identifiers=services.identifiers,
        faults=services.faults,
        maximum_response_size=services.settings.maximum_response_size,
    )
