"""Reading keys: every format, incomplete RSA keys, and RSA numbers that do not belong together."""

import pytest
from attrs import evolve
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmip_adapters.crypto.software import SoftwareCrypto, keys
from kmip_adapters.crypto.software.formats import written
from kmip_app.testing.contracts.crypto.uses import encrypt
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KeyFormatType, PaddingMethod, ResultReason, WrappingMethod
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey
from kmip_core.structures import (
    CryptographicParameters,
    KeyWrappingData,
    TransparentRSAPublicKey,
    TransparentSymmetricKey,
)

RSA = Algorithm.RSA
TRANSPARENT = KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY


@pytest.fixture(scope="module")
def parsed():
    return rsa.generate_private_key(65537, 1024)


@pytest.fixture
def transparent(parsed):
    return written(parsed, TRANSPARENT)


def read(material, key_format_type=TRANSPARENT):
    return keys.private_key(PrivateKey(RSA, 1024, material, key_format_type))


@pytest.mark.parametrize(
    "absent",
    [
        pytest.param(["prime_exponent_p", "prime_exponent_q", "crt_coefficient"], id="ok without CRT"),
        pytest.param(["p", "q", "prime_exponent_p", "prime_exponent_q", "crt_coefficient"], id="ok without primes"),
        pytest.param(["private_exponent"], id="ok without private exponent"),
        pytest.param(["public_exponent"], id="ok without public exponent"),
        pytest.param([], id="ok complete"),
    ],
)
def test_incomplete_rsa_keys_are_completed(parsed, transparent, absent):
    material = evolve(transparent, **dict.fromkeys(absent))

    assert read(material).private_numbers().public_numbers == parsed.public_key().public_numbers()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"modulus": 15}, id="fail modulus"),
        pytest.param({"private_exponent": 3}, id="fail private exponent"),
        pytest.param({"prime_exponent_p": 5}, id="fail exponent p"),
        pytest.param({"crt_coefficient": 7}, id="fail coefficient"),
        pytest.param({"p": 1, "q": 1}, id="fail primes of one"),
        pytest.param({"p": None, "q": None, "private_exponent": None}, id="fail nothing private"),
        pytest.param({"public_exponent": None, "p": None}, id="fail too little"),
        pytest.param({"p": -3}, id="fail negative"),
    ],
)
def test_rsa_numbers_that_do_not_belong_together_are_refused(transparent, change):
    with pytest.raises(KmipError) as refusal:
        read(evolve(transparent, **change))

    assert refusal.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_an_rsa_key_beyond_all_measure_is_not_computed_with(transparent):
    with pytest.raises(KmipError) as refusal:
        read(evolve(transparent, modulus=1 << 100_000, p=None, q=None))

    assert refusal.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_a_public_rsa_key_with_a_huge_exponent_is_refused_for_use():
    material = TransparentRSAPublicKey(modulus=(1 << 4095) + 1, public_exponent=(1 << 65) + 1)
    key = PublicKey(RSA, 4096, material, KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY)

    with pytest.raises(KmipError, match="too large"):
        encrypt(SoftwareCrypto(), key, CryptographicParameters(padding_method=PaddingMethod.OAEP), b"data")


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8),
        (serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL),
        (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8),
    ],
)
@pytest.mark.parametrize("label", [KeyFormatType.PKCS_1, KeyFormatType.PKCS_8, KeyFormatType.RAW])
def test_formats_are_read_for_what_they_are_whatever_their_label(parsed, encoding, form, label):
    material = parsed.private_bytes(encoding, form, serialization.NoEncryption())

    assert read(material, label).private_numbers() == parsed.private_numbers()


def test_public_keys_are_read_from_der_and_pem(parsed):
    for encoding, form in [
        (serialization.Encoding.DER, serialization.PublicFormat.PKCS1),
        (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    ]:
        material = parsed.public_key().public_bytes(encoding, form)

        assert keys.public_key(PublicKey(RSA, 1024, material)) == parsed.public_key()


def test_a_transparent_symmetric_key_gives_its_bytes():
    key = SymmetricKey(Algorithm.AES, 128, TransparentSymmetricKey(key=bytes(16)))

    assert keys.symmetric_bytes(key) == bytes(16)


def test_a_wrapped_key_is_not_used():
    key = SymmetricKey(Algorithm.AES, 128, bytes(24))
    wrapped = evolve(
        key,
        key_block=evolve(key.key_block, key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT)),
    )

    with pytest.raises(KmipError, match="unwrap it"):
        keys.symmetric_bytes(wrapped)


def a_public_key(algorithm: Algorithm | None, material: bytes) -> PublicKey:
    block = KeyBlock(
        key_format_type=KeyFormatType.X_509,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
    )
    return PublicKey(key_block=block)


def test_a_public_key_is_read_once_for_its_bytes_and_algorithm() -> None:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    as_signing, as_agreeing = (keys.public_key(a_public_key(each, raw)) for each in (Algorithm.ED25519, Algorithm.ECDH))

    assert as_signing is keys.public_key(a_public_key(Algorithm.ED25519, bytes(bytearray(raw))))
    assert as_agreeing is keys.public_key(a_public_key(Algorithm.ECDH, raw))
    assert type(as_signing) is not type(as_agreeing)


def test_a_certificate_and_a_key_of_the_same_bytes_are_told_apart() -> None:
    der = (
        ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert keys.public_key(a_public_key(None, der))

    with pytest.raises(KmipError):
        keys.public_key(Certificate(certificate_value=der))


def test_public_keys_are_remembered_up_to_a_number_and_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    keys._public.clear()
    monkeypatch.setattr(keys, "MOST_PUBLIC", 8)
    for number in range(20):
        keys.public_key(a_public_key(Algorithm.ED25519, number.to_bytes(32)))
    assert 0 < len(keys._public) <= 8

    keys._public.clear()
    monkeypatch.setattr(keys, "LONGEST_PUBLIC", 31)
    keys.public_key(a_public_key(Algorithm.ED25519, bytes(32)))
    assert not keys._public


def test_what_was_refused_is_not_remembered() -> None:
    keys._public.clear()
    with pytest.raises(KmipError):
        keys.public_key(a_public_key(Algorithm.RSA, b"no key"))

    assert not keys._public
