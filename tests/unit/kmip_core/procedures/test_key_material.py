"""What key material says of itself, against what the client says of it, through Register."""

from typing import Any, Final

import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import KeyFormatType, Operation, RecommendedCurve, ResultReason, WrappingMethod
from kmip_core.errors import KmipError
from kmip_core.objects import Content, KeyBlock, KeyValue, PrivateKey, PublicKey
from kmip_core.operations import register
from kmip_core.ports.crypto import KeyPair
from kmip_core.structures import CryptographicDomainParameters, KeyWrappingData
from tests.builders import an_engine, attributes_of, perform

ENGINE: Final = an_engine()
EC: Final[KeyPair] = ENGINE.crypto.make_key_pair(Algorithm.EC, 256)
RSA: Final[KeyPair] = ENGINE.crypto.make_key_pair(Algorithm.RSA, 2048)


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
def test_algorithm_and_length_are_read_from_the_key_where_nobody_says_them(key: PrivateKey | PublicKey) -> None:
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
            "Recommended Curve is not that of the private key, which is P_256",
        ),
    ],
    ids=["algorithm of a public key", "algorithm of a private key", "length", "curve"],
)
def test_what_contradicts_the_key_is_refused(key: Any, attributes: dict[str, Any], message: str) -> None:
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
def test_what_agrees_with_the_key_is_kept_as_it_was_said(attributes: dict[str, Any]) -> None:
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
def test_what_cannot_be_read_is_believed(block: KeyBlock) -> None:
    attributes = handed_in(
        an_engine(), PrivateKey(key_block=block), cryptographic_algorithm=Algorithm.RSA, cryptographic_length=77
    )

    assert (attributes.cryptographic_algorithm, attributes.cryptographic_length) == (Algorithm.RSA, 77)
