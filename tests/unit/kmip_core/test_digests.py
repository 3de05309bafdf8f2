"""Digests of what is kept, format by format. KMIP 2.1 §4.21."""

from hashlib import sha256

from kmip_core.attributes import Attributes
from kmip_core.enums import KeyFormatType, Operation
from kmip_core.objects import KeyBlock, KeyValue, PublicKey, SymmetricKey
from kmip_core.operations import register
from kmip_core.structures import Digest, TransparentRSAPublicKey, TransparentSymmetricKey
from tests.builders import an_engine, attributes_of, perform
from tests.unit.kmip_core.procedures.test_wrapping import DEK


def digests_of(content: SymmetricKey | PublicKey) -> dict[KeyFormatType | None, bytes | None]:
    engine = an_engine()
    request = register.Request(
        object_type=content.object_type, attributes=Attributes(cryptographic_usage_mask=None), managed_object=content
    )
    found: tuple[Digest, ...] = attributes_of(
        engine, perform(engine, Operation.REGISTER, request).unique_identifier
    ).digests
    return {digest.key_format_type: digest.digest_value for digest in found}


def a_block(wanted: KeyFormatType, material: object) -> KeyBlock:
    return KeyBlock(key_format_type=wanted, key_value=KeyValue(key_material=material))  # type: ignore[arg-type]  # any


def test_bytes_are_digested_as_they_are() -> None:
    found = digests_of(SymmetricKey(key_block=a_block(KeyFormatType.RAW, DEK)))

    assert found == {KeyFormatType.RAW: sha256(DEK).digest()}


def test_a_transparent_symmetric_key_has_the_digest_of_its_bytes_too() -> None:
    transparent = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY
    found = digests_of(SymmetricKey(key_block=a_block(transparent, TransparentSymmetricKey(key=DEK))))
    encoded = bytes.fromhex("420043010000001842003f0800000010") + DEK

    assert found == {KeyFormatType.RAW: sha256(DEK).digest(), transparent: sha256(encoded).digest()}


def test_a_transparent_key_is_digested_as_it_is_encoded() -> None:
    transparent = KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY
    modulus = 2**127 - 1
    found = digests_of(
        PublicKey(key_block=a_block(transparent, TransparentRSAPublicKey(modulus=modulus, public_exponent=3)))
    )
    encoded = (
        bytes.fromhex("4200430100000028")
        + bytes.fromhex("4200520400000010")
        + modulus.to_bytes(16)
        + bytes.fromhex("42006c0400000008")
        + (3).to_bytes(8)
    )

    assert found == {transparent: sha256(encoded).digest()}
