"""What key material says of itself, against what the client says of it, through Register."""

from typing import Any, Final

import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import KeyFormatType, ObjectType, Operation, RecommendedCurve, ResultReason, WrappingMethod
from kmip_core.errors import KmipError
from kmip_core.objects import Content, KeyBlock, KeyValue, PrivateKey, PublicKey
from kmip_core.operations import get, register
from kmip_core.ports.crypto import KeyPair
from kmip_core.structures import CryptographicDomainParameters, KeyWrappingData, TransparentDHPublicKey
from tests.builders import an_engine, attributes_of, perform

ENGINE: Final = an_engine()
EC: Final[KeyPair] = ENGINE.services.crypto.make_key_pair(Algorithm.EC, 256)
RSA: Final[KeyPair] = ENGINE.services.crypto.make_key_pair(Algorithm.RSA, 2048)


def silent(key: Any) -> Any:
    """Return the key with a block that says nothing of it."""
    return evolve(key, key_block=evolve(key.key_block, cryptographic_algorithm=None, cryptographic_length=None))


def handed_in(engine: Engine, content: Content, **attributes: Any) -> Attributes:
    request = register.Request(
        object_type=content.object_type,
        attributes=Attributes(cryptographic_usage_mask=Mask.SIGN, **attributes),
        managed_object=content,
    )
    return attributes_of(engine, perform(engine, Operation.REGISTER, request).unique_identifier)


def on(curve: RecommendedCurve) -> CryptographicDomainParameters:
    return CryptographicDomainParameters(recommended_curve=curve)


@pytest.mark.parametrize("key", [EC.private_key, EC.public_key, RSA.private_key, RSA.public_key])
def test_algorithm_and_length_are_read_from_the_key_where_the_request_has_none(key: PrivateKey | PublicKey) -> None:
    attributes = handed_in(an_engine(), silent(key))

    told = key.key_block
    assert attributes.cryptographic_algorithm is told.cryptographic_algorithm
    assert attributes.cryptographic_length == told.cryptographic_length


@pytest.mark.parametrize(
    ("key", "attributes", "message"),
    [
        (
            EC.public_key,
            {"cryptographic_algorithm": Algorithm.RSA, "cryptographic_length": 256},
            "Cryptographic Algorithm is RSA but the public key is one of EC",
        ),
        (
            RSA.private_key,
            {"cryptographic_algorithm": Algorithm.EC, "cryptographic_length": 2048},
            "Cryptographic Algorithm is EC but the private key is one of RSA",
        ),
        (
            RSA.public_key,
            {"cryptographic_length": 1024},
            "Cryptographic Length is 1024 but the public key has 2048 bits",
        ),
        (
            EC.private_key,
            {"cryptographic_domain_parameters": on(RecommendedCurve.P_384)},
            "Recommended Curve is not that of the private key, which is P-256",
        ),
    ],
    ids=["algorithm of a public key", "algorithm of a private key", "length", "curve"],
)
def test_attributes_that_contradict_the_key_are_refused(key: Any, attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(KmipError) as refused:
        handed_in(an_engine(), silent(key), **attributes)

    assert (refused.value.reason, refused.value.message) == (ResultReason.INVALID_ATTRIBUTE_VALUE, message)


@pytest.mark.parametrize(
    "attributes",
    [
        {"cryptographic_algorithm": Algorithm.ECDSA, "cryptographic_length": 256},
        {"cryptographic_algorithm": Algorithm.EC, "cryptographic_domain_parameters": on(RecommendedCurve.P_256)},
    ],
    ids=["another name for a key on a curve", "its curve"],
)
def test_attributes_that_agree_with_the_key_are_kept_as_given(attributes: dict[str, Any]) -> None:
    kept = handed_in(an_engine(), silent(EC.private_key), **attributes)

    assert {name: getattr(kept, name) for name in attributes} == attributes


def test_a_modulus_may_lack_a_few_bits_of_its_name() -> None:
    assert handed_in(an_engine(), silent(RSA.public_key), cryptographic_length=2047).cryptographic_length == 2047


@pytest.mark.parametrize(
    "block",
    [
        KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=b"wrapped",
            key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT),
        ),
        KeyBlock(key_format_type=KeyFormatType.PKCS_8, key_value=KeyValue(key_material=b"unknown")),
    ],
    ids=["wrapped", "unreadable"],
)
def test_the_attributes_of_an_unreadable_key_are_kept_as_given(block: KeyBlock) -> None:
    attributes = handed_in(
        an_engine(), PrivateKey(key_block=block), cryptographic_algorithm=Algorithm.RSA, cryptographic_length=77
    )

    assert (attributes.cryptographic_algorithm, attributes.cryptographic_length) == (Algorithm.RSA, 77)


def as_sent_without_sign_bytes(number: int) -> int:
    return int.from_bytes(number.to_bytes(-(-number.bit_length() // 64) * 8), signed=True)


@pytest.mark.parametrize(
    "change", [{}, {"modulus": -12345}, {"modulus": -(1 << 9000)}], ids=["ok", "fail, short", "fail, long"]
)
def test_numbers_without_sign_bytes_are_read_as_unsigned_or_refused(change: dict[str, int]) -> None:
    """IBM's libkmip sends a modulus so. RULINGS 27."""
    pair = ENGINE.services.crypto.make_key_pair(
        Algorithm.RSA, 1024, public_format=KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY
    )
    block = pair.public_key.key_block
    assert isinstance(block.key_value, KeyValue)
    material: Any = block.key_value.key_material
    sent = evolve(material, **{"modulus": as_sent_without_sign_bytes(_modulus(block)), **change})
    key = PublicKey(key_block=evolve(block, key_value=KeyValue(key_material=sent)))
    request = register.Request(object_type=ObjectType.PUBLIC_KEY, managed_object=key)

    if change:
        with pytest.raises(KmipError) as refused:
            perform(an_engine(), Operation.REGISTER, request)
        assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE_VALUE
        return
    engine = an_engine()
    made = perform(engine, Operation.REGISTER, request)
    got = perform(engine, Operation.GET, get.Request(unique_identifier=made.unique_identifier))
    assert got.managed_object.key_block.key_value.key_material == sent
    assert attributes_of(engine, made.unique_identifier).cryptographic_length == 1024


def _modulus(block: Any) -> int:
    return int(block.key_value.key_material.modulus)


def test_negative_numbers_of_diffie_hellman_are_kept_as_they_come() -> None:
    block = KeyBlock(
        key_format_type=KeyFormatType.TRANSPARENT_DH_PUBLIC_KEY,
        key_value=KeyValue(key_material=TransparentDHPublicKey(p=-23, g=5, y=8)),
        cryptographic_algorithm=Algorithm.DH,
        cryptographic_length=128,
    )
    request = register.Request(object_type=ObjectType.PUBLIC_KEY, managed_object=PublicKey(key_block=block))

    assert perform(an_engine(), Operation.REGISTER, request).unique_identifier


def test_material_that_makes_no_key_is_kept_where_no_number_is_negative() -> None:
    """RULINGS 22."""
    key = PublicKey(Algorithm.RSA, None, b"no key", KeyFormatType.PKCS_1)
    request = register.Request(object_type=ObjectType.PUBLIC_KEY, managed_object=key)

    assert perform(an_engine(), Operation.REGISTER, request).unique_identifier
