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
    RNGAlgorithm,
    SecretDataType,
    SplitKeyMethod,
    SplitKeyPolynomial,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Content, KeyBlock, KeyValue, OpaqueObject, PrivateKey, SplitKey, SymmetricKey
from kmip_core.operations import create_split_key, get, join_split_key, register
from kmip_core.ports.key_forms import SharingScheme
from kmip_core.structures import (
    CryptographicParameters,
    KeyWrappingData,
    RNGParameters,
    TransparentECPrivateKey,
    TransparentSymmetricKey,
)
from tests.builders import BOB, a_name, a_secret, a_symmetric_key, an_engine, ask, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import a_stored

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
    assert len(key.key_block.key_value.key_material) % 2 == is_odd  # type: ignore[arg-type]
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


# --- the field, and what the parts need not say; KMIP 2.1 §13.1, §6.1.27, 1.2 §4.39 --------------------------------

FOREIGN = {1: b"\x99", 2: b"\xda", 3: b"\x10", 4: b"\x5c"}
"""One-byte shares of 0x53 by the polynomial 285, threshold 2."""


def a_part(number: int, share: bytes, algorithm: Any = None, length: int | None = None, **fields: Any) -> SplitKey:
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=share),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    given: dict[str, Any] = {
        "split_key_parts": 4,
        "key_part_identifier": number,
        "split_key_threshold": 2,
        "split_key_method": SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8,
        "key_block": block,
        **fields,
    }
    return SplitKey(**given)


@pytest.mark.parametrize("numbers", list(combinations(FOREIGN, 2)), ids=str)
def test_parts_that_other_systems_made_join_without_algorithm_and_length(numbers: tuple[int, int]) -> None:
    engine = an_engine()
    parts = [registered(engine, a_part(number, FOREIGN[number])) for number in numbers]

    joined = join(engine, parts, ObjectType.SECRET_DATA)
    got = perform(engine, Operation.GET, get.Request(unique_identifier=joined)).managed_object
    assert got.key_block.key_value.key_material == b"\x53"


AES, HMAC = CryptographicAlgorithm.AES, CryptographicAlgorithm.HMAC_SHA256


@pytest.mark.parametrize(
    ("blocks", "attributes", "wanted", "expected"),
    [
        pytest.param((AES, 128), {}, {}, (AES, 128), id="ok, the Key Blocks say it"),
        pytest.param(
            (None, None),
            {"cryptographic_algorithm": AES, "cryptographic_length": 128},
            {},
            (AES, 128),
            id="ok, attributes",
        ),
        pytest.param((None, None), {}, {"cryptographic_algorithm": AES}, (AES, 128), id="ok, request and bytes"),
        pytest.param((AES, None), {}, {"cryptographic_length": 128}, (AES, 128), id="ok, one here, one there"),
        pytest.param((None, None), {}, {}, None, id="fail, nobody says it"),
        pytest.param((AES, 128), {}, {"cryptographic_algorithm": HMAC}, None, id="fail, another algorithm"),
        pytest.param((AES, 128), {}, {"cryptographic_length": 256}, None, id="fail, another length"),
        pytest.param((AES, None), {}, {"cryptographic_length": 256}, None, id="fail, another length than the bytes"),
        pytest.param(
            (None, None), {"cryptographic_algorithm": AES}, {"cryptographic_algorithm": HMAC}, None, id="fail"
        ),
    ],
)
def test_algorithm_and_length_come_from_blocks_attributes_request_or_bytes(
    blocks: Any, attributes: Any, wanted: Any, expected: Any
) -> None:
    engine, crypto = an_engine(), an_engine().services.key_forms
    scheme = SharingScheme(method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, parts=4, threshold=2)
    shares = crypto.split_secret(bytes(range(16)), scheme)
    parts = [registered(engine, a_part(n, share, *blocks), **attributes) for n, share in enumerate(shares[:2], 1)]
    if expected is None:
        with pytest.raises(KmipError) as refused:
            join(engine, parts, attributes=Attributes(**wanted))
        assert refused.value.reason is ResultReason.INVALID_FIELD
        return
    made = attributes_of(engine, join(engine, parts, attributes=Attributes(**wanted)))

    assert (made.cryptographic_algorithm, made.cryptographic_length) == expected


@pytest.mark.parametrize(
    "method",
    [SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16],
    ids=lambda m: m.name,
)
@pytest.mark.parametrize("made_here", [True, False])
def test_parts_of_0_1_0_join_by_the_polynomial_that_made_them(method: SplitKeyMethod, made_here: bool) -> None:
    """0.1.0 wrote no polynomial down and made its parts by 283; parts that it was given may be anybody's."""
    polynomial = SplitKeyPolynomial.POLYNOMIAL_283 if made_here else SplitKeyPolynomial.POLYNOMIAL_285
    scheme = SharingScheme(method=method, parts=4, threshold=2, polynomial=polynomial)
    shares = an_engine().services.key_forms.split_secret(bytes(range(16)), scheme)
    origin: dict[str, Any] = (
        {"random_number_generator": RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED)} if made_here else {}
    )
    engine = an_engine(
        *(
            a_stored(a_part(n, share, AES, 128, split_key_method=method), f"part {n}", **origin)
            for n, share in enumerate(shares, 1)
        )
    )

    joined = join(engine, ["part 2", "part 4"])
    got = perform(engine, Operation.GET, get.Request(unique_identifier=joined)).managed_object
    assert got.key_block.key_value.key_material == bytes(range(16))


def test_new_parts_say_their_polynomial_and_do_not_join_with_parts_of_another() -> None:
    engine = an_engine(a_symmetric_key())
    made = split(engine, SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, unique_identifier="key")
    part = perform(engine, Operation.GET, get.Request(unique_identifier=made[0])).managed_object
    assert part.split_key_polynomial is SplitKeyPolynomial.POLYNOMIAL_285

    other = evolve(part, key_part_identifier=2, split_key_polynomial=SplitKeyPolynomial.POLYNOMIAL_283)
    with pytest.raises(KmipError) as refused:
        join(engine, [made[0], registered(engine, other)])
    assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


@pytest.mark.parametrize("polynomial", [None, *SplitKeyPolynomial], ids=str)
def test_a_client_chooses_the_polynomial_by_an_attribute_and_parts_say_what_they_are(
    polynomial: SplitKeyPolynomial | None,
) -> None:
    engine = an_engine(a_symmetric_key("key"))
    method = SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8
    request = create_split_key.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier="key",
        split_key_parts=3,
        split_key_threshold=2,
        split_key_method=method,
        attributes=Attributes(split_key_polynomial=polynomial),
    )

    made = perform(engine, Operation.CREATE_SPLIT_KEY, request).unique_identifiers

    expected = polynomial or SplitKeyPolynomial.POLYNOMIAL_285
    for number, identifier in enumerate(made, start=1):
        part = attributes_of(engine, identifier)
        assert (part.split_key_parts, part.key_part_identifier, part.split_key_threshold) == (3, number, 2)
        assert (part.split_key_method, part.split_key_polynomial) == (method, expected)
    joined = join_split_key.Request(object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=made[1:])
    again = perform(engine, Operation.JOIN_SPLIT_KEY, joined).unique_identifier
    fetched = perform(engine, Operation.GET, get.Request(unique_identifier=again)).managed_object
    assert (
        fetched.key_block.material
        == perform(engine, Operation.GET, get.Request(unique_identifier="key")).managed_object.key_block.material
    )


def test_attributes_of_a_part_that_contradict_it_are_refused() -> None:
    part = SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
        key_block=KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=bytes(16))),
    )
    request = register.Request(
        object_type=ObjectType.SPLIT_KEY, managed_object=part, attributes=Attributes(key_part_identifier=2)
    )

    with pytest.raises(KmipError) as refused:
        perform(an_engine(), Operation.REGISTER, request)

    assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE_VALUE
