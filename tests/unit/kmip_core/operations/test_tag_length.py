"""Tag Length: what each authenticated mode can have, cut tags, and what is refused. KMIP 1.4 §3.6, 2.1 §4.16."""

from typing import Any

import pytest

from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import Operation, ResultReason, WrappingMethod
from kmip_core.errors import KmipError
from kmip_core.operations import decrypt, encrypt, get
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import EncryptionKeyInformation, KeyWrappingSpecification
from tests.builders import an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key

# RFC 8439 §2.8.2
KEY = bytes(range(0x80, 0xA0))
NONCE = bytes.fromhex("070000004041424344454647")
BOUND = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
TEXT = b"Ladies and Gentlemen of the class of '99: " + (
    b"If I could offer you only one tip for the future, sunscreen would be it."
)
TAG = bytes.fromhex("1ae10b594f09e26a7e902ecbd0600691")
CIPHER_TEXT_BEGINS = bytes.fromhex("d31a8d34648e60db7b86afbc53ef7ec2")

LENGTHS = {
    ("gcm", Mode.GCM): {4, 8, 12, 13, 14, 15, 16},
    ("gcm", Mode.CCM): {4, 6, 8, 10, 12, 14, 16},
    ("sm4", Mode.GCM): {4, 8, 12, 13, 14, 15, 16},
    ("chacha", None): {12, 13, 14, 15, 16},
    ("chacha", Mode.AEAD): {12, 13, 14, 15, 16},
}


def engine(**parts: Any) -> Any:
    return an_engine(
        a_key(material=bytes(range(16)), identifier="gcm"),
        a_key(Algorithm.SM4, bytes(range(16)), "sm4"),
        a_key(Algorithm.CHACHA20_POLY1305, KEY, "chacha"),
        **parts,
    )


def sealed(engine: Any, key: str, how: Parameters) -> Any:
    request = encrypt.Request(
        unique_identifier=key,
        data=TEXT,
        cryptographic_parameters=how,
        iv_counter_nonce=NONCE,
        authenticated_encryption_additional_data=BOUND,
    )
    return perform(engine, Operation.ENCRYPT, request)


def opened(engine: Any, key: str, how: Parameters, data: bytes, tag: bytes | None) -> Any:
    request = decrypt.Request(
        unique_identifier=key,
        data=data,
        cryptographic_parameters=how,
        iv_counter_nonce=NONCE,
        authenticated_encryption_additional_data=BOUND,
        authenticated_encryption_tag=tag,
    )
    return perform(engine, Operation.DECRYPT, request).data


def reason(call: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        call()
    return refused.value.reason


@pytest.mark.parametrize("length", [*range(-1, 18), 32])
@pytest.mark.parametrize(("key", "mode"), LENGTHS)
def test_each_mode_has_its_lengths_and_every_other_is_refused(key: str, mode: Mode | None, length: int) -> None:
    server, how = engine(), Parameters(block_cipher_mode=mode, tag_length=length)
    if length not in LENGTHS[key, mode]:
        assert reason(lambda: sealed(server, key, how)) is ResultReason.GENERAL_FAILURE
        assert reason(lambda: opened(server, key, how, TEXT, bytes(16))) is ResultReason.GENERAL_FAILURE
        assert not server.services.faults.errors
        return
    made = sealed(server, key, how)
    tag = made.authenticated_encryption_tag

    assert len(tag) == length
    assert opened(server, key, how, made.data, tag) == TEXT
    assert opened(server, key, how, made.data + tag, None) == TEXT
    forged = bytes([tag[0] ^ 1]) + tag[1:]
    assert reason(lambda: opened(server, key, how, made.data, forged)) is ResultReason.CRYPTOGRAPHIC_FAILURE
    for other in (tag[:-1], tag + b"!", b""):
        assert reason(lambda other=other: opened(server, key, how, made.data, other)) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("mode", [None, Mode.AEAD])
def test_chacha20_poly1305_of_rfc_8439_with_its_tag_cut(mode: Mode | None) -> None:
    made = sealed(engine(), "chacha", Parameters(block_cipher_mode=mode, tag_length=12))

    assert made.data.startswith(CIPHER_TEXT_BEGINS)
    assert made.authenticated_encryption_tag == TAG[:12]
    assert opened(engine(), "chacha", Parameters(block_cipher_mode=mode, tag_length=12), made.data, TAG[:12]) == TEXT


def test_the_profile_modern_takes_no_cut_tags_of_chacha20_poly1305() -> None:
    strict = engine(crypto=modern(SoftwareCrypto()))
    whole, cut = Parameters(tag_length=16), Parameters(tag_length=12)
    made = sealed(strict, "chacha", whole)

    assert opened(strict, "chacha", whole, made.data, TAG) == TEXT
    assert reason(lambda: sealed(strict, "chacha", cut)) is ResultReason.FEATURE_NOT_SUPPORTED
    for how in (cut, Parameters()):
        refused = reason(lambda how=how: opened(strict, "chacha", how, made.data, TAG[:12]))
        assert refused is ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize("length", [0, 1, 11, 17, 32, -1])
def test_wrapping_refuses_the_same_lengths(length: int) -> None:
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier="gcm",
            cryptographic_parameters=Parameters(block_cipher_mode=Mode.GCM, tag_length=length),
        ),
    )
    request = get.Request(unique_identifier="sm4", key_wrapping_specification=specification)

    assert reason(lambda: perform(engine(), Operation.GET, request)) is ResultReason.GENERAL_FAILURE
