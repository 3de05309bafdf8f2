"""Create Split Key and Join Split Key as operations; the arithmetic has its own tests."""

from itertools import combinations
from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    SecretDataType,
    SplitKeyMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import OpaqueObject, SymmetricKey
from kmip_core.operations import create_key_pair, create_split_key, get, join_split_key, register
from tests.builders import BOB, a_secret, a_symmetric_key, an_engine, ask, attributes_of, perform

MASK = CryptographicUsageMask
PRIME = 2**521 - 1
METHODS = pytest.mark.parametrize("method", SplitKeyMethod, ids=lambda method: method.name)


def split(engine: Engine, method: SplitKeyMethod, parts: int = 3, **fields: Any) -> tuple[str, ...]:
    threshold = parts if method is SplitKeyMethod.XOR else 2
    given: dict[str, Any] = {
        "object_type": ObjectType.SPLIT_KEY,
        "split_key_parts": parts,
        "split_key_threshold": threshold,
        "split_key_method": method,
        "prime_field_size": PRIME if method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD else None,
        **fields,
    }
    request = create_split_key.Request(**given)
    identifiers: tuple[str, ...] = perform(engine, Operation.CREATE_SPLIT_KEY, request).unique_identifiers
    return identifiers


def join(engine: Engine, parts: Any, object_type: ObjectType = ObjectType.SYMMETRIC_KEY, **fields: Any) -> str:
    request = join_split_key.Request(object_type=object_type, unique_identifiers=tuple(parts), **fields)
    return str(perform(engine, Operation.JOIN_SPLIT_KEY, request).unique_identifier)


def fetched(engine: Engine, identifier: str) -> Any:
    return perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object


def a_registered_key(engine: Engine, **attributes: Any) -> str:
    key = SymmetricKey(CryptographicAlgorithm.AES, 256, bytes(range(32)))
    given = Attributes(**{"cryptographic_usage_mask": MASK.ENCRYPT, **attributes})
    request = register.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=given, managed_object=key)
    return str(perform(engine, Operation.REGISTER, request).unique_identifier)


def refusal(operation: Any, *arguments: Any, **fields: Any) -> KmipError:
    with pytest.raises(KmipError) as refused:
        operation(*arguments, **fields)
    return refused.value


@METHODS
def test_any_parts_that_are_enough_make_the_key(method: SplitKeyMethod) -> None:
    engine = an_engine()
    key = a_registered_key(engine)
    parts = split(engine, method, unique_identifier=key)
    enough = 3 if method is SplitKeyMethod.XOR else 2

    for chosen in (*combinations(parts, enough), parts):
        joined = join(engine, reversed(chosen))
        assert fetched(engine, joined) == fetched(engine, key)
        assert attributes_of(engine, joined).cryptographic_usage_mask is MASK.ENCRYPT


@METHODS
def test_too_few_parts_make_nothing(method: SplitKeyMethod) -> None:
    engine = an_engine()
    parts = split(engine, method, unique_identifier=a_registered_key(engine))

    refused = refusal(join, engine, parts[: 2 if method is SplitKeyMethod.XOR else 1])
    assert refused.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_parts_of_different_keys_make_nothing() -> None:
    engine = an_engine()
    method = SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8
    one, other = (split(engine, method, unique_identifier=a_registered_key(engine)) for _ in range(2))

    for wrong in ((one[0], one[1], other[2]), (one[0], other[0])):
        assert refusal(join, engine, wrong).reason is ResultReason.CRYPTOGRAPHIC_FAILURE


@METHODS
def test_a_new_key_exists_in_its_parts_only(method: SplitKeyMethod) -> None:
    engine = an_engine()
    wanted = Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128)
    parts = split(engine, method, attributes=wanted)

    content = fetched(engine, parts[1])
    assert (content.key_part_identifier, content.split_key_parts) == (2, 3)
    assert attributes_of(engine, parts[1]).object_type is ObjectType.SPLIT_KEY
    assert len(fetched(engine, join(engine, parts)).key_block.key_value.key_material) == 16


def test_a_private_key_and_a_secret_come_back_in_their_formats() -> None:
    engine = an_engine()
    common = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.EC,
        cryptographic_length=256,
        cryptographic_usage_mask=MASK.SIGN,
    )
    pair = perform(engine, Operation.CREATE_KEY_PAIR, create_key_pair.Request(common_attributes=common))
    method = SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16
    private = pair.private_key_unique_identifier
    parts = split(engine, method, unique_identifier=private)
    assert fetched(engine, join(engine, parts, ObjectType.PRIVATE_KEY)) == fetched(engine, private)
    assert fetched(engine, parts[0]).key_block.key_format_type is KeyFormatType.PKCS_8

    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret(b"12345"))
    secret = perform(engine, Operation.REGISTER, request).unique_identifier
    parts = split(engine, SplitKeyMethod.XOR, unique_identifier=secret)
    joined = join(engine, parts, ObjectType.SECRET_DATA, secret_data_type=SecretDataType.PASSWORD)
    assert fetched(engine, joined) == fetched(engine, secret)


def test_parts_are_no_freer_than_the_key_and_neither_is_what_they_make() -> None:
    engine = an_engine()
    key = a_registered_key(engine, sensitive=True, extractable=False)
    wanted = Attributes(sensitive=False, extractable=True)
    parts = split(engine, SplitKeyMethod.XOR, unique_identifier=key, attributes=wanted)
    joined = join(engine, parts, attributes=wanted)

    for identifier in (*parts, joined):
        attributes = attributes_of(engine, identifier)
        assert (attributes.sensitive, attributes.extractable) == (True, False)


def test_parts_are_linked_to_the_key_and_the_first_is_the_placeholder() -> None:
    engine = an_engine()
    key = a_registered_key(engine)
    request = create_split_key.Request(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=key,
        split_key_parts=2,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
    )
    items = ask(engine, (Operation.CREATE_SPLIT_KEY, request), (Operation.GET, get.Request())).batch_items

    parts = items[0].payload.unique_identifiers
    assert items[1].payload.unique_identifier == parts[0]
    (link,) = attributes_of(engine, parts[1]).links
    assert (link.link_type, link.linked_object_identifier) == (LinkType.PARENT_LINK, key)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"object_type": ObjectType.OPAQUE_OBJECT}, ResultReason.INVALID_OBJECT_TYPE),
        ({"object_type": ObjectType.PRIVATE_KEY}, ResultReason.INVALID_FIELD),
        ({"split_key_threshold": 4}, ResultReason.INVALID_FIELD),
        ({"split_key_threshold": 0}, ResultReason.INVALID_FIELD),
        ({"split_key_parts": 100_000}, ResultReason.INVALID_FIELD),
        ({"attributes": Attributes()}, ResultReason.INVALID_FIELD),
        ({"unique_identifier": "none"}, ResultReason.OBJECT_NOT_FOUND),
        ({"unique_identifier": "bobs"}, ResultReason.OBJECT_NOT_FOUND),
    ],
    ids=["type", "new private key", "threshold", "no threshold", "parts", "no algorithm", "missing", "foreign"],
)
def test_a_split_that_cannot_be_is_refused(fields: dict[str, Any], reason: ResultReason) -> None:
    engine = an_engine(a_symmetric_key("bobs", owner=BOB.name))
    wanted = Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128)
    method = SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8

    assert refusal(split, engine, method, **{"attributes": wanted, **fields}).reason is reason


def test_only_split_keys_are_joined_and_only_to_keys_and_secrets() -> None:
    engine = an_engine()
    request = register.Request(object_type=ObjectType.OPAQUE_OBJECT, managed_object=OpaqueObject(b"x"))
    opaque = perform(engine, Operation.REGISTER, request).unique_identifier
    parts = split(engine, SplitKeyMethod.XOR, unique_identifier=a_registered_key(engine))

    assert refusal(join, engine, [opaque]).reason is ResultReason.INVALID_OBJECT_TYPE
    refused = refusal(join, engine, parts, ObjectType.CERTIFICATE)
    assert refused.reason is ResultReason.INVALID_OBJECT_TYPE
    assert refusal(join, engine, []).reason is ResultReason.INVALID_FIELD
