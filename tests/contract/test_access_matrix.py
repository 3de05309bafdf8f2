"""Who may do what to whose object: every operation, every role, every state, every place that names an object.

The matrix is generated from the catalogue, so an operation that is added is judged at once; requests are filled with
samples of the right types, for what they hold must not matter before it is known who asks.
"""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, Final

import attrs
import pytest
from attrs import evolve, frozen

from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.ttlv.codec import Codec
from kmip_app.testing.contracts.samples import sample
from kmip_core.attributes import AttributeInstance, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    KeyWrapType,
    LinkType,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
    WrappingMethod,
)
from kmip_core.errors import NOT_FOUND_TEXT
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.objects import KeyBlock, KeyValue, ManagedObject, PrivateKey, SymmetricKey
from kmip_core.operation import Target
from kmip_core.operations import (
    CATALOGUE,
    activate,
    certify,
    derive_key,
    destroy,
    encrypt,
    get,
    get_attributes,
    import_,
    locate,
    mac,
    re_certify,
    re_key_key_pair,
    register,
    revoke,
)
from kmip_core.policy import BUILT_IN, USES, OperationPolicy, Permission
from kmip_core.principal import Principal
from kmip_core.settings import ForeignObjects
from kmip_core.structures import (
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    KeyWrappingSpecification,
    Link,
    MACSignatureKeyInformation,
    ProtocolVersion,
    RevocationReason,
    UsageLimits,
)
from tests import postgresql
from tests.builders import ALICE, BOB, VERSION, a_name, a_symmetric_key, an_engine, an_instance, ask, stored, the_only
from tests.unit.kmip_core.operations.test_validate import ROOT
from tests.unit.kmip_core.operations.usable_keys import a_private_key, a_public_key, a_stored

MEMBER: Final = Principal(name="carol", groups=frozenset({"readers"}))
CODEC: Final = Codec(CATALOGUE)
V1_4: Final = ProtocolVersion(1, 4)
EVERY_USE: Final = functools.reduce(lambda a, b: a | b, CryptographicUsageMask)
HERE, NOWHERE = "an-object", "no-object"  # of one length, so that answers can be compared byte by byte
A_NAME: Final = an_instance("names", a_name("new"))
DENIED: Final = "policy does not allow"


# --- requests that name an object, in any place -----------------------------------------------------------------------


@frozen(eq=False)
class Place:
    """One field of one operation that names an object."""

    operation: Operation
    target: Target

    def __str__(self) -> str:
        return f"{self.operation.name}.{self.target.field}"

    @property
    def type_of_others(self) -> ObjectType:
        """A type that will do for the object that the operation is about, where this place names another one."""
        main = CATALOGUE[self.operation].targets[0]
        return min(main.object_types or {ObjectType.SYMMETRIC_KEY})

    @functools.cache  # noqa: B019  there are as many places as the catalogue has fields that name objects
    def request(self, identifier: str) -> Any:
        """Return a request that names this object here, and its own `mine` wherever else one is needed."""
        cls = CATALOGUE[self.operation].request
        others = {t.field: "mine" for t in CATALOGUE[self.operation].targets if not t.optional}
        fields = attrs.fields_dict(attrs.resolve_types(cls))
        values = {name: _sample(field.type) for name, field in fields.items() if field.default is attrs.NOTHING}
        for path, named in {**others, self.target.field: identifier}.items():
            first, *rest = path.split(".")
            values[first] = _naming(fields[first].type, rest, named)
        return cls(**values)


def _sample(annotation: Any) -> Any:
    return A_NAME if annotation is AttributeInstance else sample(annotation)


def _naming(annotation: Any, path: list[str], identifier: str) -> Any:
    """Return a value of an annotated type that names the object at the end of a path."""
    value = sample(annotation)
    if not path:
        return (identifier,) if isinstance(value, tuple) else identifier
    fields = attrs.fields_dict(attrs.resolve_types(type(value)))
    return evolve(value, **{path[0]: _naming(fields[path[0]].type, path[1:], identifier)})


PLACES: Final = [Place(spec.operation, target) for spec in CATALOGUE.values() for target in spec.targets]
MAIN: Final = [
    Place(spec.operation, spec.targets[0])
    for spec in CATALOGUE.values()
    if spec.targets and not spec.targets[0].optional
]
STATES: Final = [(state, False) for state in State] + [(State.PRE_ACTIVE, True), (State.ACTIVE, True)]


def told(state: tuple[State, bool]) -> str:
    return state[0].name + (" archived" if state[1] else "")


def a_policy(**groups: dict[Operation, Permission]) -> StaticPolicies:
    """Return policies `open`, by which everybody may do all, and `shared`: its owner may, and groups what is given."""
    owner = dict.fromkeys(Operation, Permission.ALLOW_OWNER)
    everybody = dict.fromkeys(ObjectType, dict.fromkeys(Operation, Permission.ALLOW_ALL))
    shared = OperationPolicy(
        name="shared",
        preset=dict.fromkeys(ObjectType, owner),
        groups={name: dict.fromkeys(ObjectType, row) for name, row in groups.items()},
    )
    open_ = OperationPolicy(name="open", preset=everybody, groups={"readers": everybody})
    return StaticPolicies({**BUILT_IN, shared.name: shared, open_.name: open_})


def an_engine_with(
    state: State, archived: bool, *, policy: StaticPolicies | None = None, mine: ObjectType = ObjectType.SYMMETRIC_KEY
) -> Engine:
    """Return an engine that holds alice's `HERE`, and an Active object `mine`, of this type, that everybody may use."""
    record, content = a_symmetric_key("mine", State.ACTIVE, cryptographic_usage_mask=EVERY_USE)
    described = evolve(record.attributes, operation_policy_name="open", object_type=mine)
    others = evolve(record, owner="nobody", object_type=mine, attributes=described)
    here = a_symmetric_key(
        HERE, state, archived=archived, operation_policy_name="shared", cryptographic_usage_mask=EVERY_USE
    )
    return an_engine(here, (others, content), policy=policy or a_policy())


def answer_to(engine: Engine, operation: Operation, request: Any, principal: Principal) -> ResponseBatchItem:
    return the_only(ask(engine, (operation, request), principal=principal))


def encoded(
    engine: Engine, operation: Operation, request: Any, principal: Principal, version: ProtocolVersion
) -> bytes:
    """Return the whole answer as it goes over the wire."""
    item = RequestBatchItem(operation=operation, unique_batch_item_id=b"1", payload=request)
    message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))
    return CODEC.encode_response(engine.handle(message, principal))


NEW_IDENTIFIERS: Final = {Operation.IMPORT}
"""Operations whose Unique Identifier is the one of an object to come."""


def test_the_matrix_has_every_operation_that_names_an_object() -> None:
    naming = {
        spec.operation
        for spec in CATALOGUE.values()
        if any("unique_identifier" in field.name for field in attrs.fields(spec.request))
    }

    assert naming - NEW_IDENTIFIERS == {place.operation for place in PLACES}


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES, ids=told)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_to_another_client_an_object_looks_missing(place: Place, state: tuple[State, bool]) -> None:
    engine = an_engine_with(*state, mine=place.type_of_others)
    before = stored(engine, HERE)
    there, missing = place.request(HERE), place.request(NOWHERE)

    item = answer_to(engine, place.operation, there, BOB)

    expected = place.target.reasons.get(ResultReason.OBJECT_NOT_FOUND, ResultReason.OBJECT_NOT_FOUND)
    assert (item.result_reason, item.result_message) == (expected, NOT_FOUND_TEXT)
    for version in (V1_4, VERSION):
        answer = encoded(engine, place.operation, there, BOB, version)
        assert answer.replace(HERE.encode(), NOWHERE.encode()) == (
            encoded(engine, place.operation, missing, BOB, version)
        )
    assert stored(engine, HERE) == before


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_setting_denies_objects_of_others_instead_of_hiding_them(place: Place) -> None:
    engine = an_engine_with(State.ACTIVE, False, mine=place.type_of_others)
    settings = evolve(engine.services.settings, foreign_objects=ForeignObjects.REFUSED)
    engine = evolve(engine, services=evolve(engine.services, settings=settings))
    before = stored(engine, HERE)

    there, missing = (answer_to(engine, place.operation, place.request(name), BOB) for name in (HERE, NOWHERE))

    assert there.result_reason is ResultReason.PERMISSION_DENIED
    assert DENIED in (there.result_message or "")
    assert missing.result_message == NOT_FOUND_TEXT
    assert stored(engine, HERE) == before


@pytest.mark.parametrize("state", STATES, ids=told)
@pytest.mark.parametrize("place", MAIN, ids=str)
def test_an_owner_is_refused_by_rules_but_never_by_the_policy(place: Place, state: tuple[State, bool]) -> None:
    item = answer_to(an_engine_with(*state), place.operation, place.request(HERE), ALICE)

    assert DENIED not in (item.result_message or "")
    assert item.result_message != NOT_FOUND_TEXT


@pytest.mark.parametrize("granted", [place.operation for place in MAIN], ids=lambda operation: operation.name)
def test_a_grant_is_for_its_operation_alone(granted: Operation) -> None:
    policy = a_policy(readers={granted: Permission.ALLOW_ALL})
    allowed = [place for place in MAIN if is_granted(place, granted)]
    engine = an_engine_with(State.ACTIVE, False, policy=policy)
    for place in [*(place for place in MAIN if place not in allowed), *allowed]:  # those that change something last
        item = answer_to(engine, place.operation, place.request(HERE), MEMBER)

        is_denied = item.result_reason is ResultReason.PERMISSION_DENIED and DENIED in (item.result_message or "")
        assert is_denied is (place not in allowed), f"{granted.name} is granted, {place} was asked"
        assert item.result_message != NOT_FOUND_TEXT, place


def is_granted(place: Place, granted: Operation) -> bool:
    """Return whether this grant opens this place: its own operation, or a use of keys, which Get stands for."""
    asked = place.target.operation or place.operation
    return asked is granted or (granted is Operation.GET and asked in USES)


@pytest.mark.parametrize("state", STATES, ids=told)
def test_a_member_with_some_grant_is_denied_the_rest_whatever_the_state(state: tuple[State, bool]) -> None:
    policy = a_policy(readers={Operation.LOCATE: Permission.ALLOW_ALL})
    engine = an_engine_with(*state, policy=policy)
    for place in MAIN:
        item = answer_to(engine, place.operation, place.request(HERE), MEMBER)

        assert item.result_reason is ResultReason.PERMISSION_DENIED, place
        assert DENIED in (item.result_message or ""), place


def test_locate_neither_shows_nor_counts_what_is_not_to_be_seen() -> None:
    engine = an_engine_with(State.ACTIVE, False)
    request = locate.Request(offset_items=0, criteria=(an_instance("operation_policy_name", "shared"),))

    assert answer_to(engine, Operation.LOCATE, request, ALICE).payload.unique_identifiers == (HERE,)
    assert answer_to(engine, Operation.LOCATE, request, BOB).payload == locate.Response(located_items=0)


# --- identifiers inside payloads ----------------------------------------------------------------------------------


def wrapped_with(key: str) -> get.Request:
    """Return a Get of `mine`, wrapped with another key."""
    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP)
    return get.Request(
        unique_identifier="mine",
        key_wrapping_specification=KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=EncryptionKeyInformation(unique_identifier=key, cryptographic_parameters=how),
        ),
    )


def authenticated_with(key: str) -> get.Request:
    """Return a Get of `mine`, wrapped with `mine` and authenticated with another key."""
    request = wrapped_with("mine")
    assert request.key_wrapping_specification is not None
    how = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
    both = evolve(
        request.key_wrapping_specification,
        wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
        mac_signature_key_information=MACSignatureKeyInformation(unique_identifier=key, cryptographic_parameters=how),
    )
    return evolve(request, key_wrapping_specification=both)


def derived_from(*bases: str) -> derive_key.Request:
    """Return a derivation of secret data from these bases."""
    return derive_key.Request(
        object_type=ObjectType.SECRET_DATA,
        unique_identifiers=bases,
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(derivation_data=b"data"),
        attributes=Attributes(cryptographic_length=128),
    )


INSIDE: Final[dict[str, tuple[Operation, Callable[[str], Any]]]] = {
    "the wrapping key": (Operation.GET, wrapped_with),
    "the key of the wrapping's MAC": (Operation.GET, authenticated_with),
    "the only derivation base": (Operation.DERIVE_KEY, lambda key: derived_from(key)),
    "the second derivation base": (Operation.DERIVE_KEY, lambda key: derived_from("mine", key)),
}


@pytest.mark.parametrize("where", INSIDE)
def test_an_identifier_inside_a_payload_is_judged_like_the_target(where: str) -> None:
    operation, request = INSIDE[where]
    engine = an_engine_with(State.ACTIVE, False)

    there = encoded(engine, operation, request(HERE), BOB, VERSION)
    missing = encoded(engine, operation, request(NOWHERE), BOB, VERSION)

    assert there == missing
    reason = answer_to(engine, operation, request(HERE), BOB).result_reason
    assert reason in (ResultReason.OBJECT_NOT_FOUND, ResultReason.WRAPPING_OBJECT_NOT_FOUND)
    assert answer_to(engine, operation, request("mine"), BOB).result_message != NOT_FOUND_TEXT


# --- identifiers behind identifiers: wrapped keys and links ---


BLOCK: Final = KeyBlock(
    key_format_type=KeyFormatType.RAW,
    key_value=bytes(24),
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=128,
)


def wrapped_by(encryption: str | None, authentication: str | None = None) -> SymmetricKey:
    """Return a key that names these keys as those that have wrapped and authenticated it."""
    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP)
    code = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
    wrapping = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT if authentication is None else WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
        encryption_key_information=(
            None
            if encryption is None
            else EncryptionKeyInformation(unique_identifier=encryption, cryptographic_parameters=how)
        ),
        mac_signature_key_information=(
            None
            if authentication is None
            else MACSignatureKeyInformation(unique_identifier=authentication, cryptographic_parameters=code)
        ),
        mac_signature=None if authentication is None else bytes(32),
        encoding_option=EncodingOption.NO_ENCODING,
    )
    return SymmetricKey(key_block=evolve(BLOCK, key_wrapping_data=wrapping))


def imported(key: SymmetricKey) -> import_.Request:
    return import_.Request(unique_identifier="new", managed_object=key, key_wrap_type=KeyWrapType.NOT_WRAPPED)


def registered(key: SymmetricKey) -> register.Request:
    return register.Request(object_type=ObjectType.SYMMETRIC_KEY, managed_object=key)


def linked(object_type: ObjectType, link_type: LinkType, identifier: str) -> tuple[ManagedObject, Any]:
    """Return `linked`, an object of bob's with a link to another object."""
    made: Any = a_private_key if object_type is ObjectType.PRIVATE_KEY else a_certificate
    link = Link(link_type=link_type, linked_object_identifier=identifier)
    stored_object: tuple[ManagedObject, Any] = made(identifier="linked", owner="bob", links=(link,))
    return stored_object


def a_certificate(identifier: str, **attributes: Any) -> tuple[ManagedObject, Any]:
    return a_stored(ROOT.certificate, identifier, **attributes)


def certified_by(issuer: str) -> certify.Request:
    link = Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=issuer)
    return certify.Request(unique_identifier="public", attributes=Attributes(links=(link,)))


def in_a_container(password: str) -> register.Request:
    """Return a registration of a PKCS#12 container whose password is a managed object."""
    link = Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=password)
    block = KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=KeyValue(key_material=b"container"))
    return register.Request(
        object_type=ObjectType.PRIVATE_KEY,
        managed_object=PrivateKey(key_block=block),
        attributes=Attributes(links=(link,)),
    )


GET_UNWRAPPED: Final = get.Request(unique_identifier="wrapped", key_wrap_type=KeyWrapType.NOT_WRAPPED)

BEHIND: Final[dict[str, Callable[[str], tuple[Operation, Any, list[tuple[ManagedObject, Any]]]]]] = {
    "the key that unwraps an import": lambda key: (Operation.IMPORT, imported(wrapped_by(key)), []),
    "the key that verifies an import": lambda key: (Operation.IMPORT, imported(wrapped_by("mine", key)), []),
    "the key that unwraps for Get": lambda key: (
        Operation.GET,
        GET_UNWRAPPED,
        [a_stored(wrapped_by(key), "wrapped", owner="bob")],
    ),
    "the public half of a pair to replace": lambda key: (
        Operation.RE_KEY_KEY_PAIR,
        re_key_key_pair.Request(private_key_unique_identifier="linked"),
        [linked(ObjectType.PRIVATE_KEY, LinkType.PUBLIC_KEY_LINK, key)],
    ),
    "the public key of a certificate to renew": lambda key: (
        Operation.RE_CERTIFY,
        re_certify.Request(unique_identifier="linked"),
        [linked(ObjectType.CERTIFICATE, LinkType.PUBLIC_KEY_LINK, key)],
    ),
    "the issuer of a certificate": lambda key: (Operation.CERTIFY, certified_by(key), [a_public_key(owner="bob")]),
    "the password of a container": lambda key: (Operation.REGISTER, in_a_container(key), []),
    "the public half on the way to a chain": lambda key: (
        Operation.GET,
        get.Request(unique_identifier="linked", key_format_type=KeyFormatType.PKCS_12),
        [linked(ObjectType.PRIVATE_KEY, LinkType.PUBLIC_KEY_LINK, key)],
    ),
    "the certificate of a chain": lambda key: (
        Operation.GET,
        get.Request(unique_identifier="linked", key_format_type=KeyFormatType.PKCS_12),
        [linked(ObjectType.PRIVATE_KEY, LinkType.PKCS_12_CERTIFICATE_LINK, key)],
    ),
    "the link to a key that wraps": lambda key: (Operation.REGISTER, registered(wrapped_by(key)), []),
}
"""Places where an object is named by another object or inside a managed object, and the objects to get there."""


@pytest.mark.parametrize("where", BEHIND)
def test_an_identifier_behind_another_is_judged_like_the_target(where: str) -> None:
    def answer(identifier: str) -> tuple[bytes, Any]:
        operation, request, objects = BEHIND[where](identifier)
        engine = an_engine_with(State.ACTIVE, False)
        with engine.services.storage.unit_of_work() as work:
            for managed_object, content in objects:
                work.add(managed_object, content)
            work.commit()
        before = stored(engine, HERE)
        given = encoded(engine, operation, request, BOB, VERSION)
        return given, (before, stored(engine, HERE))

    there, (before, after) = answer(HERE)
    missing, _ = answer(NOWHERE)

    assert there == missing
    assert before == after


# --- what an operation writes ---


READS: Final = (
    Operation.LOCATE,
    Operation.CHECK,
    Operation.GET,
    Operation.GET_ATTRIBUTES,
    Operation.GET_ATTRIBUTE_LIST,
    Operation.OBTAIN_LEASE,
    Operation.VALIDATE,
)
READERS: Final = a_policy(readers=dict.fromkeys(READS, Permission.ALLOW_ALL))


def without_fresh(managed_object: ManagedObject) -> ManagedObject:
    """Return the object without Fresh: that it has been served is told by whatever serves it. KMIP 2.1 §4.24."""
    return evolve(managed_object, attributes=managed_object.attributes.but(fresh=None))


def limited(unit: UsageLimitsUnit) -> UsageLimits:
    return UsageLimits(usage_limits_total=1_000, usage_limits_count=1_000, usage_limits_unit=unit)


@pytest.mark.parametrize("state", [State.PRE_ACTIVE, State.ACTIVE], ids=lambda state: state.name)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_reader_changes_nothing(place: Place, state: State) -> None:
    engine = an_engine_with(state, False, policy=READERS, mine=place.type_of_others)
    before = stored(engine, HERE)

    answer_to(engine, place.operation, place.request(HERE), MEMBER)

    assert without_fresh(stored(engine, HERE)) == without_fresh(before)


AES_CBC: Final = CryptographicParameters(
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    block_cipher_mode=BlockCipherMode.CBC,
    padding_method=PaddingMethod.PKCS5,
)
HMAC: Final = CryptographicParameters(
    cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256, hashing_algorithm=HashingAlgorithm.SHA_256
)

CHARGING: Final[dict[str, tuple[Operation, Any]]] = {
    "Encrypt": (
        Operation.ENCRYPT,
        encrypt.Request(unique_identifier=HERE, data=b"data", cryptographic_parameters=AES_CBC),
    ),
    "MAC": (Operation.MAC, mac.Request(unique_identifier=HERE, data=b"data", cryptographic_parameters=HMAC)),
    "wrapping for Get": (Operation.GET, wrapped_with(HERE)),
    "authenticating for Get": (Operation.GET, authenticated_with(HERE)),
}
"""Uses of a key that its Usage Limits count, by requests that succeed."""


@pytest.mark.parametrize("unit", UsageLimitsUnit, ids=lambda unit: unit.name)
@pytest.mark.parametrize("use", CHARGING)
def test_a_reader_does_not_use_up_the_limits_of_a_key(use: str, unit: UsageLimitsUnit) -> None:
    key = a_symmetric_key(
        HERE,
        State.ACTIVE,
        operation_policy_name="shared",
        cryptographic_usage_mask=EVERY_USE,
        usage_limits=limited(unit),
    )
    mine = a_symmetric_key(
        "mine", State.ACTIVE, operation_policy_name="open", cryptographic_usage_mask=EVERY_USE, owner="nobody"
    )
    operation, request = CHARGING[use]
    engine = an_engine(key, mine, policy=READERS)

    refused = answer_to(engine, operation, request, MEMBER)

    assert refused.result_reason is ResultReason.PERMISSION_DENIED
    before = stored(engine, HERE).attributes.usage_limits
    assert before == key[0].attributes.usage_limits
    assert answer_to(engine, operation, request, ALICE).result_status is ResultStatus.SUCCESS
    assert stored(engine, HERE).attributes.usage_limits != before


@pytest.mark.parametrize("use", CHARGING)
def test_a_reader_uses_a_key_without_limits(use: str) -> None:
    operation, request = CHARGING[use]
    engine = an_engine_with(State.ACTIVE, False, policy=READERS)
    before = stored(engine, HERE)

    assert answer_to(engine, operation, request, MEMBER).result_status is ResultStatus.SUCCESS
    assert stored(engine, HERE) == before


@pytest.mark.parametrize(
    ("granted", "uses"),
    [
        (Operation.GET_USAGE_ALLOCATION, list(CHARGING)),
        (Operation.MODIFY_ATTRIBUTE, list(CHARGING)),
        (Operation.ENCRYPT, ["Encrypt"]),
        (Operation.MAC, ["MAC"]),
    ],
    ids=lambda value: value.name if isinstance(value, Operation) else "",
)
def test_a_client_granted_the_use_may_use_up_the_usage_limits(granted: Operation, uses: list[str]) -> None:
    row = dict.fromkeys((*READS, granted), Permission.ALLOW_ALL)
    if granted not in USES:
        row |= dict.fromkeys((Operation.ENCRYPT, Operation.MAC), Permission.ALLOW_ALL)
    for use in uses:
        key = a_symmetric_key(
            HERE,
            State.ACTIVE,
            operation_policy_name="shared",
            cryptographic_usage_mask=EVERY_USE,
            usage_limits=limited(UsageLimitsUnit.OBJECT),
        )
        mine = a_symmetric_key(
            "mine", State.ACTIVE, operation_policy_name="open", cryptographic_usage_mask=EVERY_USE, owner="nobody"
        )
        engine = an_engine(key, mine, policy=a_policy(readers=row))

        assert answer_to(engine, *CHARGING[use], MEMBER).result_status is ResultStatus.SUCCESS, use
        assert stored(engine, HERE).attributes.usage_limits != key[0].attributes.usage_limits


@pytest.mark.parametrize("changes", [False, True], ids=["reads", "may change"])
def test_a_base_of_a_derivation_is_linked_by_who_may_change_it(changes: bool) -> None:
    more = {Operation.ADD_ATTRIBUTE: Permission.ALLOW_ALL} if changes else {}
    row = dict.fromkeys((*READS, Operation.DERIVE_KEY), Permission.ALLOW_ALL) | more
    engine = an_engine_with(State.ACTIVE, False, policy=a_policy(readers=row))

    how = DerivationParameters(derivation_data=b"data", cryptographic_parameters=HMAC)
    request = evolve(derived_from(HERE), derivation_parameters=how)

    assert answer_to(engine, Operation.DERIVE_KEY, request, MEMBER).result_status is ResultStatus.SUCCESS
    assert bool(stored(engine, HERE).attributes.links) is changes


def test_the_id_placeholder_carries_no_rights() -> None:
    engine = an_engine_with(State.ACTIVE, False)
    answer = ask(
        engine,
        (Operation.LOCATE, locate.Request(criteria=(an_instance("operation_policy_name", "shared"),))),
        (Operation.GET_ATTRIBUTES, get_attributes.Request()),
        principal=BOB,
    )

    assert [item.result_reason for item in answer.batch_items] == [None, ResultReason.ITEM_NOT_FOUND]


# --- races ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        opened: Any = MemoryStorage()
    else:
        sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
        is_file = request.param == "sqlite"
        url = f"sqlite:///{tmp_path}/kmipd.db" if is_file else postgresql.url_for(tmp_path)
        opened = SqlStorage(url, sealer)
    yield opened
    opened.close()


def at_once(engine: Engine, *asked: tuple[Operation, Any]) -> list[ResponseBatchItem]:
    """Return the answers to requests that begin together, each in a thread of its own."""
    ready = Barrier(len(asked))

    def one(operation: Operation, request: Any) -> ResponseBatchItem:
        ready.wait(120)
        return answer_to(engine, operation, request, ALICE)

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(one, *zip(*asked, strict=True)))


def successes(answers: list[ResponseBatchItem]) -> int:
    return sum(answer.result_status is ResultStatus.SUCCESS for answer in answers)


ENCRYPT: Final = encrypt.Request(
    unique_identifier="key",
    data=b"data",
    cryptographic_parameters=CryptographicParameters(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        block_cipher_mode=BlockCipherMode.CBC,
        padding_method=PaddingMethod.PKCS5,
    ),
)


def test_a_limit_of_n_uses_is_n_uses_for_twice_as_many_users(storage: Any) -> None:
    users = 12
    limits = UsageLimits(usage_limits_total=users, usage_limits_count=users, usage_limits_unit=UsageLimitsUnit.OBJECT)
    engine = an_engine(a_symmetric_key("key", State.ACTIVE, usage_limits=limits), storage=storage)

    answers = at_once(engine, *[(Operation.ENCRYPT, ENCRYPT)] * (2 * users))

    assert successes(answers) == users
    refused = {answer.result_reason for answer in answers} - {None}
    assert refused == {ResultReason.USAGE_LIMIT_EXCEEDED}
    left = stored(engine).attributes.usage_limits
    assert left is not None
    assert left.usage_limits_count == 0


def test_of_two_destroys_one_succeeds(storage: Any) -> None:
    for number in range(20):
        identifier = f"key {number}"
        with storage.unit_of_work() as work:
            work.add(*a_symmetric_key(identifier))
            work.commit()
        engine = an_engine(storage=storage)

        answers = at_once(engine, *[(Operation.DESTROY, destroy.Request(unique_identifier=identifier))] * 2)

        assert successes(answers) == 1
        assert {answer.result_reason for answer in answers} == {None, ResultReason.OBJECT_DESTROYED}


def test_activate_against_revoke_ends_as_one_order_of_the_two(storage: Any) -> None:
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    for number in range(20):
        identifier = f"key {number}"
        with storage.unit_of_work() as work:
            work.add(*a_symmetric_key(identifier))
            work.commit()
        engine = an_engine(storage=storage)

        activated, revoked = at_once(
            engine,
            (Operation.ACTIVATE, activate.Request(unique_identifier=identifier)),
            (Operation.REVOKE, revoke.Request(unique_identifier=identifier, revocation_reason=why)),
        )

        assert activated.result_status is ResultStatus.SUCCESS
        is_revoked = revoked.result_status is ResultStatus.SUCCESS
        assert is_revoked or revoked.result_reason is ResultReason.WRONG_KEY_LIFECYCLE_STATE
        assert stored(engine, identifier).attributes.state is (State.DEACTIVATED if is_revoked else State.ACTIVE)


def test_destroy_against_get_gives_the_key_or_says_that_it_is_gone(storage: Any) -> None:
    for number in range(20):
        identifier = f"key {number}"
        with storage.unit_of_work() as work:
            work.add(*a_symmetric_key(identifier))
            work.commit()
        engine = an_engine(storage=storage)

        destroyed, got = at_once(
            engine,
            (Operation.DESTROY, destroy.Request(unique_identifier=identifier)),
            (Operation.GET, get.Request(unique_identifier=identifier)),
        )
        later = answer_to(engine, Operation.GET, get.Request(unique_identifier=identifier), ALICE)

        assert destroyed.result_status is ResultStatus.SUCCESS
        assert got.result_reason in (None, ResultReason.OBJECT_DESTROYED)
        assert later.result_reason is ResultReason.OBJECT_DESTROYED
