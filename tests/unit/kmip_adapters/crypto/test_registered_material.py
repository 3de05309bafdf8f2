"""Whatever material a client registers under whatever format, no later use of it is a fault of the server's.

Every object type x format x material, through Register and then every operation that reads or uses the object: each
answer is a result or a refusal, and the engine reports no fault.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, encode, integer
from kmip_adapters.ttlv.service import TtlvService
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_app.container import planned_codec
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    PaddingMethod,
    RecommendedCurve,
    SecretDataType,
    SplitKeyMethod,
    WrappingMethod,
)
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, SplitKey, SymmetricKey
from kmip_core.operations import (
    certify,
    create_split_key,
    decrypt,
    derive_key,
    encrypt,
    export,
    get,
    get_attributes,
    join_split_key,
    mac,
    re_key,
    re_key_key_pair,
    register,
    sign,
    signature_verify,
)
from kmip_core.ports.steps import run_blocking
from kmip_core.structures import (
    TRANSPARENT_KEYS,
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    KeyWrappingSpecification,
    ProtocolVersion,
    TransparentDHPrivateKey,
    TransparentDHPublicKey,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
    TransparentSymmetricKey,
)
from tests.builders import ALICE, NOW, a_service, an_engine, faults_of, perform
from tests.rounds import rounds
from tests.unit.kmip_core.operations.usable_keys import ALL_USES, a_key

pytestmark = pytest.mark.long

CRYPTO: Final = SoftwareCrypto()
RSA: Final = CRYPTO.make_key_pair(
    CryptographicAlgorithm.RSA,
    1024,
    private_format=KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY,
    public_format=KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
)
EC: Final = CRYPTO.make_key_pair(
    CryptographicAlgorithm.EC,
    256,
    private_format=KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY,
    public_format=KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
)


def material_of(key: Any) -> Any:
    return key.key_block.key_value.key_material


def pkcs8(oid: str, parameters: bytes, content: bytes) -> bytes:
    algorithm = encode(SEQUENCE, encode(OBJECT_IDENTIFIER, bytes.fromhex(oid)) + parameters)
    return encode(SEQUENCE, integer(0) + algorithm + encode(OCTET_STRING, content))


MATERIAL: Final = {
    "no bytes": b"",
    "16 bytes": bytes(range(16)),
    "32 bytes": bytes(range(32)),
    "PEM without an end": b"-----BEGIN PRIVATE KEY-----\n",
    "DER of another kind": encode(SEQUENCE, integer(1) * 3),
    "a Diffie-Hellman key": pkcs8("2a864886f70d010301", encode(SEQUENCE, integer(23) + integer(5)), integer(6)),
    "an X25519 key of five bytes": pkcs8("2b656e", b"", encode(OCTET_STRING, b"12345")),
    "a DSA key of small numbers": pkcs8(
        "2a8648ce380401", encode(SEQUENCE, integer(23) + integer(11) + integer(2)), integer(3)
    ),
    "a PKCS#8 key": CRYPTO.convert(RSA.private_key, KeyFormatType.PKCS_8).key_value.key_material,
    "symmetric": TransparentSymmetricKey(key=bytes(range(16))),
    "symmetric, no bytes": TransparentSymmetricKey(key=b""),
    "RSA private": material_of(RSA.private_key),
    "RSA private, negative": evolve(material_of(RSA.private_key), modulus=-5, p=-3),
    "RSA private, zero": TransparentRSAPrivateKey(modulus=0, public_exponent=0, p=0, q=0),
    "RSA public": material_of(RSA.public_key),
    "RSA public, even": TransparentRSAPublicKey(modulus=2**1023, public_exponent=2),
    "DSA private, small": TransparentDSAPrivateKey(p=23, q=11, g=2, x=3),
    "DSA private, zero": TransparentDSAPrivateKey(p=0, q=0, g=0, x=0),
    "DSA public, small": TransparentDSAPublicKey(p=23, q=11, g=2, y=8),
    "DSA public, negative": TransparentDSAPublicKey(p=-23, q=-11, g=-2, y=-3),
    "Diffie-Hellman private": TransparentDHPrivateKey(p=23, g=5, x=6),
    "Diffie-Hellman private, all": TransparentDHPrivateKey(p=23, q=11, g=5, j=2, x=-6),
    "Diffie-Hellman public": TransparentDHPublicKey(p=23, g=5, y=8),
    "EC private": material_of(EC.private_key),
    "EC private, zero": TransparentECPrivateKey(recommended_curve=RecommendedCurve.P_256, d=0),
    "EC private, X25519": TransparentECPrivateKey(recommended_curve=RecommendedCurve.CURVE25519, d=2**256 + 1),
    "EC private, unknown curve": TransparentECPrivateKey(recommended_curve=RecommendedCurve.B_163, d=7),
    "EC public": material_of(EC.public_key),
    "EC public, no point": TransparentECPublicKey(recommended_curve=RecommendedCurve.P_256, q_string=b"\x04"),
    "EC public, X448": TransparentECPublicKey(recommended_curve=RecommendedCurve.CURVE448, q_string=bytes(56)),
}
ALGORITHMS: Final = (
    CryptographicAlgorithm.AES,
    CryptographicAlgorithm.RSA,
    CryptographicAlgorithm.EC,
    CryptographicAlgorithm.DH,
    CryptographicAlgorithm.ED25519,
)
KINDS: Final = (
    ObjectType.SYMMETRIC_KEY,
    ObjectType.PUBLIC_KEY,
    ObjectType.PRIVATE_KEY,
    ObjectType.SECRET_DATA,
    ObjectType.SPLIT_KEY,
)


def content(kind: ObjectType, block: KeyBlock) -> Any:
    match kind:
        case ObjectType.SYMMETRIC_KEY:
            return SymmetricKey(key_block=block)
        case ObjectType.PUBLIC_KEY:
            return PublicKey(key_block=block)
        case ObjectType.PRIVATE_KEY:
            return PrivateKey(key_block=block)
        case ObjectType.SECRET_DATA:
            return SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block)
        case _:
            return SplitKey(
                split_key_parts=2,
                key_part_identifier=1,
                split_key_threshold=1,
                split_key_method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8,
                key_block=block,
            )


HOW: Final = (
    None,
    CryptographicParameters(
        cryptographic_algorithm=CryptographicAlgorithm.RSA,
        padding_method=PaddingMethod.PKCS1_V1_5,
        hashing_algorithm=HashingAlgorithm.SHA_256,
    ),
    CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB, hashing_algorithm=HashingAlgorithm.SHA_256),
)
WRAPPING: Final = KeyWrappingSpecification(
    wrapping_method=WrappingMethod.ENCRYPT,
    encryption_key_information=EncryptionKeyInformation(
        unique_identifier="other",
        cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP),
    ),
)


def uses(key: str) -> Iterator[tuple[Operation, Any]]:
    """Yield every request that reads or uses a key."""
    yield Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier=key)
    yield Operation.GET, get.Request(unique_identifier=key)
    for wanted in KeyFormatType:
        yield Operation.GET, get.Request(unique_identifier=key, key_format_type=wanted)
    for encoding in EncodingOption:
        specification = evolve(WRAPPING, encoding_option=encoding)
        yield Operation.GET, get.Request(unique_identifier=key, key_wrapping_specification=specification)
    yield Operation.EXPORT, export.Request(unique_identifier=key)
    for how in HOW:
        given: dict[str, Any] = {"unique_identifier": key, "cryptographic_parameters": how, "data": bytes(16)}
        yield Operation.ENCRYPT, encrypt.Request(**given)
        yield Operation.DECRYPT, decrypt.Request(**given)
        yield Operation.SIGN, sign.Request(**given)
        yield Operation.SIGNATURE_VERIFY, signature_verify.Request(**given, signature_data=bytes(64))
        yield Operation.MAC, mac.Request(**given)
        for method in (DerivationMethod.HMAC, DerivationMethod.ASYMMETRIC_KEY, DerivationMethod.ENCRYPT):
            parameters = DerivationParameters(cryptographic_parameters=how, derivation_data=bytes(16))
            yield (
                Operation.DERIVE_KEY,
                derive_key.Request(
                    object_type=ObjectType.SECRET_DATA,
                    unique_identifiers=(key, "other") if method is DerivationMethod.ASYMMETRIC_KEY else (key,),
                    derivation_method=method,
                    derivation_parameters=parameters,
                    attributes=Attributes(cryptographic_length=128),
                ),
            )
    yield Operation.CERTIFY, certify.Request(unique_identifier=key)
    yield Operation.RE_KEY, re_key.Request(unique_identifier=key)
    yield Operation.RE_KEY_KEY_PAIR, re_key_key_pair.Request(private_key_unique_identifier=key)
    yield (
        Operation.CREATE_SPLIT_KEY,
        create_split_key.Request(
            object_type=ObjectType.SPLIT_KEY,
            unique_identifier=key,
            split_key_parts=2,
            split_key_threshold=2,
            split_key_method=SplitKeyMethod.XOR,
        ),
    )
    for kind in (ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.SECRET_DATA):
        yield Operation.JOIN_SPLIT_KEY, join_split_key.Request(object_type=kind, unique_identifiers=(key,))


def attempt(engine: Engine, operation: Operation, request: Any) -> Any:
    try:
        return perform(engine, operation, request)
    except KmipError:
        return None


def fits(wanted: KeyFormatType, material: Any) -> bool:
    """Return whether the wire can say it: a transparent format has its own structure, every other one bytes."""
    return type(material) is TRANSPARENT_KEYS.get(wanted, bytes)


@pytest.mark.parametrize("wanted", KeyFormatType, ids=lambda each: each.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.name)
def test_no_material_makes_a_fault(kind: ObjectType, wanted: KeyFormatType) -> None:
    kept = 0
    every = rounds(3, nightly=1)  # of the algorithms for one material; over all materials each has its turn
    for number, (name, material) in enumerate(MATERIAL.items()):
        if not fits(wanted, material):
            continue
        for algorithm in ALGORITHMS[number % every :: every]:
            engine = an_engine(a_key(identifier="other"))
            block = KeyBlock(
                key_format_type=wanted,
                key_value=KeyValue(key_material=material),
                cryptographic_algorithm=algorithm,
                cryptographic_length=None,
            )
            mask = ALL_USES if kind is not ObjectType.SPLIT_KEY else Mask.ENCRYPT
            attributes = Attributes(cryptographic_usage_mask=mask, activation_date=NOW - 1)
            request = register.Request(object_type=kind, attributes=attributes, managed_object=content(kind, block))
            made = attempt(engine, Operation.REGISTER, request)
            if made is not None:
                kept += 1
                for operation, use in uses(made.unique_identifier):
                    attempt(engine, operation, use)
            assert not faults_of(engine), (name, algorithm, faults_of(engine))
    assert kept or wanted is KeyFormatType.PKCS_12


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.name)
def test_no_material_makes_a_fault_on_the_wire(kind: ObjectType, version: ProtocolVersion) -> None:
    """The same through the codec of every version: Register, then Get, whose bytes are the material as it came."""
    codec = planned_codec()
    for wanted in KeyFormatType:
        for name, material in MATERIAL.items():
            if not fits(wanted, material):
                continue
            block = KeyBlock(
                key_format_type=wanted,
                key_value=KeyValue(key_material=material),
                cryptographic_algorithm=CryptographicAlgorithm.DH,
                cryptographic_length=128,
            )
            engine = an_engine()
            service = a_service(engine, codec)
            request = register.Request(object_type=kind, managed_object=content(kind, block))

            def ask(operation: Operation, payload: Any, service: TtlvService = service) -> Any:
                item = RequestBatchItem(operation=operation, payload=payload)
                header = RequestHeader(protocol_version=version)
                frame = codec.encode_request(RequestMessage(header=header, batch_items=(item,)))
                answered = run_blocking(service.steps(codec.decode_request(frame), ALICE))
                assert isinstance(answered, bytes)
                answer = codec.decode_response(answered)
                return answer.batch_items[0]

            try:
                made = ask(Operation.REGISTER, request)
            except KmipError:
                continue  # the version has no such format or curve
            assert not faults_of(engine), (name, wanted, faults_of(engine))
            if made.payload is not None:
                got = ask(Operation.GET, get.Request(unique_identifier=made.payload.unique_identifier))
                assert not faults_of(engine), (name, wanted, faults_of(engine))
                value = got.payload.managed_object.key_block.key_value
                assert getattr(value, "key_material", value) == material
