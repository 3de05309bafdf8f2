"""Create Split Key and Join Split Key as operations; the arithmetic has its own tests."""

from itertools import combinations
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    RecommendedCurve,
    ResultReason,
    SecretDataType,
    SplitKeyMethod,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Content, KeyBlock, KeyValue, OpaqueObject, PrivateKey, SplitKey, SymmetricKey
from kmip_core.operations import create_split_key, get, join_split_key, register
from kmip_core.ports.key_forms import SharingScheme
from kmip_core.structures import (
    CryptographicParameters,
    KeyWrappingData,
    TransparentECPrivateKey,
    TransparentSymmetricKey,
)
from tests.builders import BOB, a_name, a_secret, a_symmetric_key, an_engine, ask, attributes_of, perform

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


def registered(engine: Engine, content: Content, **attributes: Any) -> str:
    request = register.Request(
        object_type=content.object_type, attributes=Attributes(**attributes), managed_object=content
    )
    return str(perform(engine, Operation.REGISTER, request).unique_identifier)


def a_registered_key(engine: Engine, **attributes: Any) -> str:
    key = SymmetricKey(CryptographicAlgorithm.AES, 256, bytes(range(32)))
    return registered(engine, key, **{"cryptographic_usage_mask": MASK.ENCRYPT, **attributes})


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


@pytest.mark.parametrize(
    ("key", "wanted", "part"),
    [
        (MASK.ENCRYPT, None, MASK.ENCRYPT),
        (MASK.ENCRYPT, MASK.ENCRYPT | MASK.WRAP_KEY, MASK.ENCRYPT),
        (MASK(0), MASK.ENCRYPT, MASK(0)),
        (None, MASK.ENCRYPT, MASK.ENCRYPT),
    ],
)
def test_the_keys_own_usage_mask_takes_precedence(
    key: CryptographicUsageMask | None, wanted: CryptographicUsageMask | None, part: CryptographicUsageMask
) -> None:
    engine = an_engine()
    own, other = CryptographicParameters(tag_length=16), CryptographicParameters(tag_length=12)
    kept = a_registered_key(engine, cryptographic_usage_mask=key, cryptographic_parameters=(own,))
    asked = Attributes(cryptographic_usage_mask=wanted, cryptographic_parameters=(other,), names=(a_name("part"),))

    for identifier in split(engine, SplitKeyMethod.XOR, unique_identifier=kept, attributes=asked):
        attributes = attributes_of(engine, identifier)
        assert attributes.cryptographic_usage_mask == part
        assert attributes.cryptographic_parameters == (own,)
        assert attributes.names == (a_name("part"),)


def test_parameters_are_the_requests_where_the_key_has_none() -> None:
    engine = an_engine()
    asked = Attributes(cryptographic_parameters=(CryptographicParameters(tag_length=12),))

    parts = split(engine, SplitKeyMethod.XOR, unique_identifier=a_registered_key(engine), attributes=asked)
    assert attributes_of(engine, parts[0]).cryptographic_parameters == asked.cryptographic_parameters


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


@METHODS
@pytest.mark.parametrize("secret", [b"1234", b"12345", b"\x00leading", b"trailing\x00", bytes(3)], ids=repr)
def test_a_secret_comes_back_byte_by_byte(method: SplitKeyMethod, secret: bytes) -> None:
    engine = an_engine()
    kept = registered(engine, a_secret(secret))
    parts = split(engine, method, unique_identifier=kept)
    joined = join(engine, parts, ObjectType.SECRET_DATA, secret_data_type=SecretDataType.PASSWORD)

    assert fetched(engine, joined) == fetched(engine, kept)
    assert attributes_of(engine, joined).cryptographic_length is None


def test_a_secret_that_has_an_algorithm_keeps_its_length() -> None:
    engine = an_engine()
    content = a_secret(b"12345")
    block = evolve(
        content.key_block, cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256, cryptographic_length=40
    )
    kept = registered(engine, evolve(content, key_block=block))

    joined = join(engine, split(engine, SplitKeyMethod.XOR, unique_identifier=kept), ObjectType.SECRET_DATA)
    assert fetched(engine, joined).key_block == block


@METHODS
@pytest.mark.parametrize(
    ("form", "is_odd"), [(KeyFormatType.PKCS_8, False), (KeyFormatType.EC_PRIVATE_KEY, True)], ids=["even", "odd"]
)
def test_a_private_key_comes_back_in_its_format(method: SplitKeyMethod, form: KeyFormatType, is_odd: bool) -> None:
    engine = an_engine()
    key = engine.services.crypto.make_key_pair(CryptographicAlgorithm.EC, 256, private_format=form).private_key
    assert len(key.key_block.key_value.key_material) % 2 == is_odd  # type: ignore[arg-type, union-attr]
    private = registered(engine, key, cryptographic_usage_mask=MASK.SIGN)
    is_prime = method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
    parts = split(engine, method, unique_identifier=private, prime_field_size=2**1279 - 1 if is_prime else None)

    assert fetched(engine, join(engine, parts, ObjectType.PRIVATE_KEY)) == fetched(engine, private)
    assert fetched(engine, parts[0]).key_block.key_format_type is form


@METHODS
@pytest.mark.parametrize(
    "text", [b"-----BEGIN EC PRIVATE KEY-----", b"-----BEGIN PRIVATE KEY-----"], ids=["even", "odd"]
)
def test_a_private_key_that_is_text_comes_back_as_it_came(method: SplitKeyMethod, text: bytes) -> None:
    engine = an_engine()
    private = registered(engine, PrivateKey(CryptographicAlgorithm.EC, 256, text, KeyFormatType.PKCS_8))

    joined = join(engine, split(engine, method, unique_identifier=private), ObjectType.PRIVATE_KEY)
    assert fetched(engine, joined) == fetched(engine, private)


@METHODS
@pytest.mark.parametrize("length", [168, 192])
def test_a_key_with_parity_comes_back_whole_whether_its_length_counts_parity_or_not(
    method: SplitKeyMethod, length: int
) -> None:
    engine = an_engine()
    key = registered(engine, SymmetricKey(CryptographicAlgorithm.TRIPLE_DES, length, bytes(range(24))))

    joined = join(engine, split(engine, method, unique_identifier=key))
    assert fetched(engine, joined) == fetched(engine, key)


def shares_of_others(engine: Engine, secret: bytes, method: SplitKeyMethod, **fields: Any) -> list[str]:
    """Return parts as another program may have made them: nothing says how long the secret is."""
    given = {"prime_field_size": PRIME if method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD else None, **fields}
    scheme = SharingScheme(method=method, parts=2, threshold=2, prime_field_size=PRIME)
    return [
        registered(
            engine,
            SplitKey(
                split_key_parts=2,
                key_part_identifier=number,
                split_key_threshold=2,
                split_key_method=method,
                key_block=KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=share)),
                **given,
            ),
        )
        for number, share in enumerate(engine.services.key_forms.split_secret(secret, scheme), start=1)
    ]


@METHODS
@pytest.mark.parametrize("secret", [b"0123456789", b"even"], ids=repr)
def test_parts_of_others_that_do_not_say_the_length_are_joined_to_what_they_hold(
    method: SplitKeyMethod, secret: bytes
) -> None:
    engine = an_engine()
    joined = join(engine, shares_of_others(engine, secret, method), ObjectType.SECRET_DATA)

    assert fetched(engine, joined).key_block.key_value.key_material == secret


def test_parts_of_a_prime_field_without_its_prime_are_refused() -> None:
    engine = an_engine()
    method = SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
    parts = shares_of_others(engine, b"secret", method, prime_field_size=None)

    refused = refusal(join, engine, parts, ObjectType.SECRET_DATA)
    assert refused.reason is ResultReason.INVALID_FIELD
    assert "Prime Field Size" in refused.message


def test_parts_that_are_split_in_different_ways_make_nothing() -> None:
    engine = an_engine()
    key = a_registered_key(engine)
    one, other = (split(engine, SplitKeyMethod.XOR, parts, unique_identifier=key) for parts in (2, 3))

    refused = refusal(join, engine, (one[0], other[1]))
    assert (refused.reason, refused.message) == (ResultReason.CRYPTOGRAPHIC_FAILURE, "the parts are not of one key")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "key_value": b"wrapped",
                "key_wrapping_data": KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT),
            },
            ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED,
        ),
        ({"key_value": KeyValue(key_material=TransparentSymmetricKey(key=b"part"))}, ResultReason.INVALID_FIELD),
    ],
    ids=["wrapped", "a structure"],
)
def test_a_part_whose_bytes_are_not_here_cannot_be_joined(changes: dict[str, Any], reason: ResultReason) -> None:
    engine = an_engine()
    parts = split(engine, SplitKeyMethod.XOR, 2, unique_identifier=a_registered_key(engine))
    content = fetched(engine, parts[0])
    changed = registered(engine, evolve(content, key_block=evolve(content.key_block, **changes)))

    assert refusal(join, engine, (changed, parts[1])).reason is reason


@METHODS
def test_a_transparent_key_is_split_and_comes_back_raw(method: SplitKeyMethod) -> None:
    engine = an_engine()
    raw = fetched(engine, a_registered_key(engine))
    transparent = KeyBlock(
        key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        key_value=KeyValue(key_material=TransparentSymmetricKey(key=raw.key_block.key_value.key_material)),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
    )
    key = registered(engine, SymmetricKey(key_block=transparent))

    assert fetched(engine, join(engine, split(engine, method, unique_identifier=key))) == raw


def a_transparent_private_key() -> PrivateKey:
    material = TransparentECPrivateKey(recommended_curve=RecommendedCurve.P_256, d=1)
    return PrivateKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY, key_value=KeyValue(key_material=material)
        )
    )


def a_wrapped_key() -> SymmetricKey:
    return SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=b"wrapped",
            key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT),
        )
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (a_wrapped_key(), ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED),
        (a_transparent_private_key(), ResultReason.INVALID_FIELD),
    ],
    ids=["wrapped", "transparent private key"],
)
def test_a_key_that_has_no_bytes_of_its_own_is_not_split(content: Content, reason: ResultReason) -> None:
    engine = an_engine()
    key = registered(engine, content)

    assert refusal(split, engine, SplitKeyMethod.XOR, unique_identifier=key).reason is reason


def test_a_key_that_a_token_holds_is_not_split() -> None:
    engine = an_engine(crypto=HsmStub())
    key = a_registered_key(engine)

    assert refusal(split, engine, SplitKeyMethod.XOR, unique_identifier=key).reason is ResultReason.NOT_EXTRACTABLE


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
