"""Every refusal of cryptography that the PyKMIP document lists, as the client reads it: in 1.2 and in 2.1.

In 1.2 the reason is PyKMIP's (RULINGS 2), but for objects of others, which look missing (RULINGS 1); in 2.1 it is the
one that the standard's error tables have.
"""

from typing import Any, Final

import pytest
from attrs import frozen

from kmip_adapters.ttlv.codec import Codec
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BlockCipherMode,
    DerivationMethod,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    State,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import OpaqueDataType as OpaqueType
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import OpaqueObject
from kmip_core.operations import (
    CATALOGUE,
    create_key_pair,
    decrypt,
    derive_key,
    encrypt,
    mac,
    sign,
    signature_verify,
)
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters, ProtocolVersion
from tests.builders import ALICE, a_service, an_engine, answered
from tests.unit.kmip_core.operations.usable_keys import (
    Stored,
    a_key,
    a_private_key,
    a_public_key,
    a_secret_key,
    a_stored,
)

V12, V21 = ProtocolVersion(1, 2), ProtocolVersion(2, 1)
CODEC: Final = Codec(CATALOGUE)

CBC = Parameters(
    cryptographic_algorithm=Algorithm.AES,
    block_cipher_mode=BlockCipherMode.CBC,
    padding_method=PaddingMethod.PKCS5,
)
RSA_PSS = Parameters(
    cryptographic_algorithm=Algorithm.RSA,
    hashing_algorithm=HashingAlgorithm.SHA_256,
    padding_method=PaddingMethod.PSS,
)
HMAC = Parameters(cryptographic_algorithm=Algorithm.HMAC_SHA256)
SHA_256 = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
EARLY: dict[str, Any] = {"state": State.PRE_ACTIVE, "activation_date": None}
NO_USE: dict[str, Any] = {"cryptographic_usage_mask": Mask.EXPORT}

NOT_FOUND = (ResultReason.ITEM_NOT_FOUND, ResultReason.OBJECT_NOT_FOUND)
WRONG_STATE = (ResultReason.PERMISSION_DENIED, ResultReason.WRONG_KEY_LIFECYCLE_STATE)
WRONG_MASK = (ResultReason.PERMISSION_DENIED, ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK)
WRONG_TYPE = (ResultReason.PERMISSION_DENIED, ResultReason.INVALID_OBJECT_TYPE)
FIELD = (ResultReason.INVALID_FIELD, ResultReason.INVALID_FIELD)
VALUE = (ResultReason.INVALID_FIELD, ResultReason.INVALID_ATTRIBUTE_VALUE)
BAD = (ResultReason.INVALID_FIELD, ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS)
UNSUPPORTED = (ResultReason.INVALID_FIELD, ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS)
FAILURE = (ResultReason.CRYPTOGRAPHIC_FAILURE, ResultReason.CRYPTOGRAPHIC_FAILURE)


@frozen
class Case:
    """A request that must fail.  reasons: in 1.2, in 2.1."""

    title: str
    request: Any
    reasons: tuple[ResultReason, ResultReason]
    store: tuple[Stored, ...] = ()


def on_key(title: str, request: Any, reasons: tuple[ResultReason, ResultReason], *store: Stored) -> Case:
    return Case(title, request, reasons, store or (a_key(),))


def to_encrypt(how: Parameters | None = CBC, key: str = "key") -> encrypt.Request:
    return encrypt.Request(unique_identifier=key, cryptographic_parameters=how, data=b"text")


def to_decrypt(how: Parameters = CBC) -> decrypt.Request:
    return decrypt.Request(
        unique_identifier="key", cryptographic_parameters=how, data=bytes(16), iv_counter_nonce=bytes(16)
    )


def to_sign(how: Parameters = RSA_PSS) -> sign.Request:
    return sign.Request(unique_identifier="private", cryptographic_parameters=how, data=b"text")


def to_verify(how: Parameters = RSA_PSS) -> signature_verify.Request:
    return signature_verify.Request(
        unique_identifier="public", cryptographic_parameters=how, data=b"text", signature_data=bytes(128)
    )


def to_mac(how: Parameters = HMAC) -> mac.Request:
    return mac.Request(unique_identifier="key", cryptographic_parameters=how, data=b"text")


AES_128 = Attributes(
    cryptographic_algorithm=Algorithm.AES, cryptographic_length=128, cryptographic_usage_mask=Mask.ENCRYPT
)


def to_derive(
    method: DerivationMethod = DerivationMethod.HASH,
    attributes: Attributes = AES_128,
    how: Parameters = SHA_256,
    object_type: ObjectType = ObjectType.SYMMETRIC_KEY,
    **parameters: Any,
) -> derive_key.Request:
    return derive_key.Request(
        object_type=object_type,
        unique_identifiers=("key",),
        derivation_method=method,
        derivation_parameters=DerivationParameters(cryptographic_parameters=how, **parameters),
        attributes=attributes,
    )


def to_make(**attributes: Any) -> create_key_pair.Request:
    wanted = {
        "cryptographic_algorithm": Algorithm.RSA,
        "cryptographic_length": 1024,
        "cryptographic_usage_mask": Mask.SIGN | Mask.VERIFY,
        **attributes,
    }
    return create_key_pair.Request(common_attributes=Attributes(**wanted))


OPAQUE = a_stored(OpaqueObject(opaque_data_type=OpaqueType(0x80000001), opaque_data_value=b"?"), "key")
HALF_MASK = create_key_pair.Request(
    common_attributes=Attributes(cryptographic_algorithm=Algorithm.RSA, cryptographic_length=1024),
    public_key_attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
)
TWO_LENGTHS = create_key_pair.Request(
    common_attributes=Attributes(cryptographic_algorithm=Algorithm.RSA, cryptographic_usage_mask=Mask.SIGN),
    private_key_attributes=Attributes(cryptographic_length=1024),
    public_key_attributes=Attributes(cryptographic_length=2048),
)
TWO_ALGORITHMS = create_key_pair.Request(
    common_attributes=Attributes(cryptographic_length=1024, cryptographic_usage_mask=Mask.SIGN),
    private_key_attributes=Attributes(cryptographic_algorithm=Algorithm.RSA),
    public_key_attributes=Attributes(cryptographic_algorithm=Algorithm.DSA),
)

CASES: Final = (
    on_key("Encrypt, unknown", to_encrypt(key="none"), NOT_FOUND),
    on_key("Encrypt, of another user", to_encrypt(), NOT_FOUND, a_key(owner="bob")),
    on_key("Encrypt, pre-active", to_encrypt(), WRONG_STATE, a_key(**EARLY)),
    on_key("Encrypt, no Encrypt bit", to_encrypt(), WRONG_MASK, a_key(**NO_USE)),
    on_key(
        "Encrypt, unsupported algorithm",
        to_encrypt(Parameters(cryptographic_algorithm=Algorithm.SKIPJACK, block_cipher_mode=BlockCipherMode.CBC)),
        UNSUPPORTED,
    ),
    on_key(
        "Encrypt, algorithm not of the key",
        to_encrypt(Parameters(cryptographic_algorithm=Algorithm.TRIPLE_DES, block_cipher_mode=BlockCipherMode.CBC)),
        FAILURE,
        a_key(material=bytes(range(32))),
    ),
    on_key("Encrypt, no mode", to_encrypt(Parameters(cryptographic_algorithm=Algorithm.AES)), BAD),
    on_key("Encrypt, no parameters", to_encrypt(None), BAD),
    on_key("Encrypt, unsupported mode", to_encrypt(Parameters(block_cipher_mode=BlockCipherMode.CMAC)), UNSUPPORTED),
    on_key(
        "Encrypt, unsupported padding",
        to_encrypt(Parameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.SSL3)),
        UNSUPPORTED,
    ),
    on_key("Encrypt, secret data", to_encrypt(), WRONG_TYPE, a_secret_key(identifier="key")),
    on_key("Encrypt, a private key", to_encrypt(), WRONG_TYPE, a_private_key(identifier="key")),
    on_key("Decrypt, a public key", to_decrypt(), WRONG_TYPE, a_public_key(identifier="key")),
    on_key("Decrypt, of another user", to_decrypt(), NOT_FOUND, a_key(owner="bob")),
    on_key("Decrypt, pre-active", to_decrypt(), WRONG_STATE, a_key(**EARLY)),
    on_key("Decrypt, no Decrypt bit", to_decrypt(), WRONG_MASK, a_key(**NO_USE)),
    on_key("Decrypt, no mode", to_decrypt(Parameters(cryptographic_algorithm=Algorithm.AES)), BAD),
    on_key("Decrypt, bad padding", to_decrypt(), FAILURE),
    on_key("Sign, unknown", to_sign(), NOT_FOUND),
    on_key("Sign, of another user", to_sign(), NOT_FOUND, a_private_key(owner="bob")),
    on_key("Sign, not a private key", to_sign(), WRONG_TYPE, a_public_key(identifier="private")),
    on_key("Sign, a symmetric key", to_sign(), WRONG_TYPE, a_key(identifier="private")),
    on_key("Sign, pre-active", to_sign(), WRONG_STATE, a_private_key(**EARLY)),
    on_key("Sign, no Sign bit", to_sign(), WRONG_MASK, a_private_key(**NO_USE)),
    on_key(
        "Sign, no padding",
        to_sign(Parameters(cryptographic_algorithm=Algorithm.RSA, hashing_algorithm=HashingAlgorithm.SHA_256)),
        UNSUPPORTED,
        a_private_key(),
    ),
    on_key(
        "Sign, unsupported algorithm",
        to_sign(Parameters(cryptographic_algorithm=Algorithm.ECDSA, hashing_algorithm=HashingAlgorithm.SHA_256)),
        BAD,
        a_private_key(),
    ),
    on_key(
        "Sign, padding OAEP",
        to_sign(Parameters(padding_method=PaddingMethod.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256)),
        UNSUPPORTED,
        a_private_key(),
    ),
    on_key("Sign, no algorithms", to_sign(Parameters(padding_method=PaddingMethod.PSS)), BAD, a_private_key()),
    on_key("Signature Verify, not a public key", to_verify(), WRONG_TYPE, a_private_key(identifier="public")),
    on_key("Signature Verify, pre-active", to_verify(), WRONG_STATE, a_public_key(**EARLY)),
    on_key("Signature Verify, no Verify bit", to_verify(), WRONG_MASK, a_public_key(**NO_USE)),
    on_key("Signature Verify, no algorithms", to_verify(Parameters()), BAD, a_public_key()),
    on_key(
        "Signature Verify, no padding",
        to_verify(Parameters(cryptographic_algorithm=Algorithm.RSA, hashing_algorithm=HashingAlgorithm.SHA_256)),
        UNSUPPORTED,
        a_public_key(),
    ),
    on_key(
        "Signature Verify, hash and signature algorithm disagree",
        to_verify(
            Parameters(
                digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
                hashing_algorithm=HashingAlgorithm.SHA_1,
                padding_method=PaddingMethod.PKCS1_V1_5,
            )
        ),
        BAD,
        a_public_key(),
    ),
    on_key("MAC, unknown", to_mac(), NOT_FOUND, a_key(identifier="another")),
    on_key("MAC, of another user", to_mac(), NOT_FOUND, a_key(owner="bob")),
    on_key("MAC, pre-active", to_mac(), WRONG_STATE, a_key(**EARLY)),
    on_key("MAC, no MAC Generate bit", to_mac(), WRONG_MASK, a_key(**NO_USE)),
    on_key("MAC, opaque", to_mac(), WRONG_TYPE, OPAQUE),
    on_key("MAC, RSA", to_mac(Parameters(cryptographic_algorithm=Algorithm.RSA)), BAD),
    on_key("MAC, RC4", to_mac(Parameters(cryptographic_algorithm=Algorithm.RC4)), BAD),
    on_key("Derive Key, unknown base", to_derive(), NOT_FOUND, a_key(identifier="another")),
    on_key("Derive Key, base of another user", to_derive(), NOT_FOUND, a_key(owner="bob")),
    on_key("Derive Key, opaque base", to_derive(), (FIELD[0], ResultReason.INVALID_OBJECT_TYPE), OPAQUE),
    on_key(
        "Derive Key, no Derive Key bit",
        to_derive(),
        (FIELD[0], ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
        a_key(**NO_USE),
    ),
    on_key("Derive Key, no length", to_derive(attributes=Attributes(cryptographic_algorithm=Algorithm.AES)), FIELD),
    on_key("Derive Key, no algorithm", to_derive(attributes=Attributes(cryptographic_length=128)), FIELD),
    on_key(
        "Derive Key, length of no whole bytes",
        to_derive(attributes=Attributes(cryptographic_algorithm=Algorithm.AES, cryptographic_length=100)),
        FIELD,
    ),
    on_key(
        "Derive Key, a public key",
        to_derive(object_type=ObjectType.PUBLIC_KEY),
        (FIELD[0], ResultReason.INVALID_OBJECT_TYPE),
    ),
    on_key(
        "Derive Key, longer than the digest",
        to_derive(attributes=Attributes(cryptographic_algorithm=Algorithm.AES, cryptographic_length=512)),
        FAILURE,
    ),
    on_key(
        "Derive Key, longer than the cipher text",
        to_derive(
            DerivationMethod.ENCRYPT,
            Attributes(cryptographic_algorithm=Algorithm.AES, cryptographic_length=256),
            CBC,
            initialization_vector=bytes(16),
            derivation_data=b"short",
        ),
        FAILURE,
    ),
    on_key("Derive Key, hash of key and data", to_derive(derivation_data=b"data"), FIELD),
    on_key("Derive Key, no hash", to_derive(how=Parameters()), FIELD),
    on_key("Derive Key, PBKDF2 without salt", to_derive(DerivationMethod.PBKDF2, iteration_count=1), FIELD),
    on_key("Derive Key, PBKDF2 without iterations", to_derive(DerivationMethod.PBKDF2, salt=b"salt"), FIELD),
    on_key("Create Key Pair, no algorithm", to_make(cryptographic_algorithm=None), FIELD),
    on_key("Create Key Pair, no length", to_make(cryptographic_length=None), FIELD),
    on_key("Create Key Pair, no usage mask", to_make(cryptographic_usage_mask=None), FIELD),
    on_key("Create Key Pair, usage mask of one half", HALF_MASK, FIELD),
    on_key("Create Key Pair, unsupported algorithm", to_make(cryptographic_algorithm=Algorithm.AES), VALUE),
    on_key("Create Key Pair, impossible length", to_make(cryptographic_length=1000), FAILURE),
    on_key("Create Key Pair, two lengths", TWO_LENGTHS, VALUE),
    on_key("Create Key Pair, two algorithms", TWO_ALGORITHMS, VALUE),
)

OPERATION_OF: Final = {spec.request: operation for operation, spec in CATALOGUE.items()}


@pytest.mark.parametrize("version", [V12, V21], ids=["1.2", "2.1"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_refusal_has_the_reason_of_its_version(case: Case, version: ProtocolVersion) -> None:
    engine = an_engine(*case.store)
    operation: Operation = OPERATION_OF[type(case.request)]
    message = RequestMessage(
        header=RequestHeader(protocol_version=version),
        batch_items=(RequestBatchItem(operation=operation, payload=case.request),),
    )

    job = a_service(engine, CODEC).open(CODEC.encode_request(message), ALICE)
    (item,) = CODEC.decode_response(answered(job)).batch_items

    assert item.result_status is ResultStatus.OPERATION_FAILED
    assert item.operation is operation
    assert item.result_reason is case.reasons[version == V21], item.result_message
    assert item.result_message
    assert engine.services.faults.errors == []  # type: ignore[attr-defined]
