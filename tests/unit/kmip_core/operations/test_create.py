"""Create."""

import hashlib
from typing import Any

import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    ObjectClass,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    RNGAlgorithm,
    SecretDataType,
    State,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.operations import create, get
from kmip_core.settings import Settings
from kmip_core.structures import Digest, RNGParameters, TransparentSymmetricKey, UsageLimits
from tests.builders import NOW, a_custom, a_name, an_engine, attributes_of, perform, stored

AES = Attributes(
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=256,
    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
)


def make(engine: Engine, attributes: Attributes = AES, **more: Any) -> str:
    request = create.Request(**{"object_type": ObjectType.SYMMETRIC_KEY, "attributes": attributes, **more})
    response: create.Response = perform(engine, Operation.CREATE, request)
    assert response.object_type is request.object_type
    return response.unique_identifier


def material(engine: Engine, identifier: str) -> Any:
    content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    return content.key_block.key_value.key_material


def refusal(*args: Any, **more: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        make(*args, **more)
    return refused.value.reason


def test_create_makes_a_key_that_its_client_owns() -> None:
    engine = an_engine()

    identifier = make(engine)

    assert stored(engine, identifier).owner == "alice"
    assert len(material(engine, identifier)) == 32


def test_create_sets_what_the_standard_says_is_set_implicitly() -> None:
    engine = an_engine()
    identifier = make(engine)

    expected = Attributes(
        unique_identifier=identifier,
        short_unique_identifier=hashlib.sha256(identifier.encode()).digest(),
        object_type=ObjectType.SYMMETRIC_KEY,
        object_class=ObjectClass.USER,
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        digests=(
            Digest(
                hashing_algorithm=HashingAlgorithm.SHA_256,
                digest_value=hashlib.sha256(material(engine, identifier)).digest(),
                key_format_type=KeyFormatType.RAW,
            ),
        ),
        operation_policy_name="default",
        lease_time=3600,
        state=State.PRE_ACTIVE,
        initial_date=NOW,
        last_change_date=NOW,
        original_creation_date=NOW,
        random_number_generator=RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED),
        fresh=False,  # it has been got just now
        sensitive=False,
        always_sensitive=False,
        extractable=True,
        never_extractable=False,
        key_format_type=KeyFormatType.RAW,
        protection_storage_mask=ProtectionStorageMask.SOFTWARE,
    )

    assert attributes_of(engine, identifier) == expected


def test_a_new_key_is_fresh() -> None:
    engine = an_engine()

    assert attributes_of(engine, make(engine)).fresh is True


@pytest.mark.parametrize(("date", "state"), [(NOW - 3600, State.ACTIVE), (NOW + 3600, State.PRE_ACTIVE)])
def test_an_activation_date_decides_how_the_key_begins(date: int, state: State) -> None:
    engine = an_engine()

    assert attributes_of(engine, make(engine, evolve(AES, activation_date=date))).state is state


def test_an_object_that_is_created_sensitive_was_always_sensitive() -> None:
    engine = an_engine()

    made = attributes_of(engine, make(engine, evolve(AES, sensitive=True, extractable=False)))

    assert (made.sensitive, made.always_sensitive) == (True, True)
    assert (made.extractable, made.never_extractable) == (False, True)


def test_create_keeps_names_groups_and_custom_attributes() -> None:
    engine = an_engine()
    wanted = evolve(
        AES,
        names=(a_name("one"), a_name("two")),
        object_groups=("g",),
        custom_attributes=(a_custom("ID", "1"),),
    )

    made = attributes_of(engine, make(engine, wanted))

    assert (made.names, made.object_groups, made.custom_attributes) == (
        wanted.names,
        wanted.object_groups,
        wanted.custom_attributes,
    )


def test_create_counts_usage_limits_from_their_total() -> None:
    engine = an_engine()
    limits = UsageLimits(usage_limits_total=16, usage_limits_unit=UsageLimitsUnit.BYTE)

    made = attributes_of(engine, make(engine, evolve(AES, usage_limits=limits)))

    assert made.usage_limits == evolve(limits, usage_limits_count=16)


@pytest.mark.parametrize("name", ["cryptographic_algorithm", "cryptographic_length", "cryptographic_usage_mask"])
def test_create_refuses_a_request_without(name: str) -> None:
    missing: dict[str, Any] = {name: None}
    assert refusal(an_engine(), evolve(AES, **missing)) is ResultReason.INVALID_FIELD


def test_create_supplies_a_usage_mask_where_a_setting_says_so() -> None:
    engine = an_engine(settings=Settings(default_usage_masks=True))

    made = attributes_of(engine, make(engine, evolve(AES, cryptographic_usage_mask=None)))

    assert made.cryptographic_usage_mask == CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cryptographic_algorithm": CryptographicAlgorithm.RSA}, ResultReason.INVALID_ATTRIBUTE_VALUE),
        ({"cryptographic_length": 100}, ResultReason.INVALID_ATTRIBUTE_VALUE),
        ({"state": State.ACTIVE}, ResultReason.READ_ONLY_ATTRIBUTE),
        ({"original_creation_date": NOW}, ResultReason.READ_ONLY_ATTRIBUTE),
        (
            {"random_number_generator": RNGParameters(rng_algorithm=RNGAlgorithm.DRBG)},
            ResultReason.READ_ONLY_ATTRIBUTE,
        ),
        ({"opaque_data_type": 1}, ResultReason.INVALID_ATTRIBUTE),
        ({"operation_policy_name": "none"}, ResultReason.INVALID_ATTRIBUTE_VALUE),
        ({"names": (a_name("same"), a_name("same"))}, ResultReason.NON_UNIQUE_NAME_ATTRIBUTE),
        ({"activation_date": NOW, "process_start_date": NOW - 1}, ResultReason.INVALID_ATTRIBUTE_VALUE),
        ({"object_groups": tuple(map(str, range(1_001)))}, ResultReason.SERVER_LIMIT_EXCEEDED),
        ({"key_format_type": KeyFormatType.PKCS_1}, ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED),
    ],
)
def test_create_refuses(change: dict[str, Any], reason: ResultReason) -> None:
    assert refusal(an_engine(), evolve(AES, **change)) is reason


def test_create_makes_a_key_in_the_format_asked_for() -> None:
    engine = an_engine()
    wanted = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY

    identifier = make(engine, evolve(AES, key_format_type=wanted))

    assert attributes_of(engine, identifier).key_format_type is wanted
    assert isinstance(material(engine, identifier), TransparentSymmetricKey)


def test_create_refuses_an_object_type_that_it_does_not_make() -> None:
    assert refusal(an_engine(), object_type=ObjectType.CERTIFICATE) is ResultReason.INVALID_OBJECT_TYPE


def test_create_makes_a_password() -> None:
    engine = an_engine()
    identifier = make(engine, Attributes(cryptographic_length=80), object_type=ObjectType.SECRET_DATA)

    secret = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object

    assert secret.secret_data_type is SecretDataType.PASSWORD
    assert secret.key_block.key_format_type is KeyFormatType.OPAQUE
    assert secret.key_block.cryptographic_algorithm is None
    assert len(secret.key_block.key_value.key_material) == 10


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param(Attributes(), ResultReason.INVALID_FIELD, id="fail no length"),
        pytest.param(Attributes(cryptographic_length=81), ResultReason.INVALID_ATTRIBUTE_VALUE, id="fail half a byte"),
        pytest.param(Attributes(cryptographic_length=0), ResultReason.INVALID_ATTRIBUTE_VALUE, id="fail nothing"),
        pytest.param(
            Attributes(cryptographic_length=80, key_format_type=KeyFormatType.PKCS_1),
            ResultReason.INVALID_ATTRIBUTE_VALUE,
            id="fail format",
        ),
    ],
)
def test_create_refuses_a_password(attributes: Attributes, reason: ResultReason) -> None:
    assert refusal(an_engine(), attributes, object_type=ObjectType.SECRET_DATA) is reason


@pytest.mark.parametrize(
    "masks",
    [
        (ProtectionStorageMask.SOFTWARE,),
        (ProtectionStorageMask.HARDWARE, ProtectionStorageMask.SOFTWARE),
    ],
)
def test_create_stores_the_key_in_the_first_way_that_can_be_had(masks: tuple[ProtectionStorageMask, ...]) -> None:
    engine = an_engine()

    made = attributes_of(engine, make(engine, protection_storage_masks=masks))

    assert made.protection_storage_mask is ProtectionStorageMask.SOFTWARE


def test_create_refuses_protection_that_cannot_be_had() -> None:
    masks = (ProtectionStorageMask.HARDWARE | ProtectionStorageMask.SOFTWARE,)

    assert refusal(an_engine(), protection_storage_masks=masks) is ResultReason.PROTECTION_STORAGE_UNAVAILABLE


@pytest.mark.parametrize(
    ("object_type", "way"),
    [(ObjectType.PRIVATE_KEY, "is made by Create Key Pair"), (ObjectType.OPAQUE_OBJECT, "can be registered")],
    ids=lambda value: getattr(value, "name", value),
)
def test_create_names_the_way_to_what_it_does_not_make(object_type: ObjectType, way: str) -> None:
    with pytest.raises(KmipError, match=way):
        perform(an_engine(), Operation.CREATE, create.Request(object_type=object_type))
