"""The profile `modern`: one row per algorithm and operation (R-CRY-3, R-CRY-4)."""

import pytest

from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_app.testing.contracts.crypto.uses import begin_encrypt, decrypt, encrypt
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import (
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.objects import SymmetricKey
from kmip_core.structures import CryptographicParameters as Parameters

COMPATIBLE = SoftwareCrypto()
MODERN = modern(COMPATIBLE)


def is_refused(call):
    with pytest.raises(KmipError) as refusal:
        call()
    return refusal.value.reason is ResultReason.FEATURE_NOT_SUPPORTED


OLD = [
    Algorithm.DES,
    Algorithm.TRIPLE_DES,
    Algorithm.BLOWFISH,
    Algorithm.CAST5,
    Algorithm.IDEA,
    Algorithm.RC4,
    Algorithm.SKIPJACK,
    Algorithm.HMAC_MD5,
]


@pytest.mark.parametrize("algorithm", OLD, ids=lambda value: value.name)
def test_old_keys_are_not_made(algorithm):
    assert is_refused(lambda: MODERN.make_symmetric_key(algorithm, 128))
    assert algorithm not in MODERN.capabilities.symmetric_lengths


@pytest.mark.parametrize(
    ("algorithm", "mode"),
    [
        (Algorithm.TRIPLE_DES, Mode.CBC),
        (Algorithm.BLOWFISH, Mode.CBC),
        (Algorithm.CAST5, Mode.CBC),
        (Algorithm.IDEA, Mode.CBC),
        (Algorithm.RC4, None),
        (Algorithm.AES, Mode.ECB),
    ],
    ids=lambda value: getattr(value, "name", "none"),
)
def test_old_ciphers_decrypt_and_no_longer_encrypt(algorithm, mode):
    length = COMPATIBLE.capabilities.symmetric_lengths[algorithm][-1] if algorithm is not Algorithm.AES else 256
    key = SymmetricKey(algorithm, length, COMPATIBLE.make_symmetric_key(algorithm, length))
    how = Parameters(block_cipher_mode=mode)
    sealed = encrypt(COMPATIBLE, key, how, bytes(16))

    assert is_refused(lambda: encrypt(MODERN, key, how, bytes(16)))
    assert is_refused(lambda: begin_encrypt(MODERN, key, how))
    assert decrypt(MODERN, key, how, sealed.data, iv_counter_nonce=sealed.iv_counter_nonce) == bytes(16)


@pytest.mark.parametrize(
    "how",
    [
        Parameters(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_1),
        Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.MD5),
        Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_1_WITH_RSA_ENCRYPTION),
    ],
    ids=["SHA-1", "MD5", "SHA-1 by its name"],
)
def test_old_hashes_verify_and_no_longer_sign(how):
    pair = COMPATIBLE.make_key_pair(Algorithm.RSA, 2048)
    signature = COMPATIBLE.sign(pair.private_key, how, b"data")

    assert is_refused(lambda: MODERN.sign(pair.private_key, how, b"data"))
    assert is_refused(lambda: MODERN.begin_sign(pair.private_key, how))
    assert MODERN.verify(pair.public_key, how, b"data", signature) is ValidityIndicator.VALID


def test_short_rsa_keys_are_not_made_and_do_not_sign():
    pair = COMPATIBLE.make_key_pair(Algorithm.RSA, 1024)
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

    assert is_refused(lambda: MODERN.make_key_pair(Algorithm.RSA, 1024))
    assert is_refused(lambda: MODERN.sign(pair.private_key, how, b"data"))


def test_short_curves_are_not_made():
    assert is_refused(lambda: MODERN.make_key_pair(Algorithm.EC, None, RecommendedCurve.P_192))
    assert is_refused(lambda: MODERN.make_key_pair(Algorithm.EC, 192))


def test_dsa_is_over_for_new_pairs():
    assert is_refused(lambda: MODERN.make_key_pair(Algorithm.DSA, 2048))


def test_pkcs1_v1_5_encryption_goes_neither_way():
    pair = COMPATIBLE.make_key_pair(Algorithm.RSA, 2048)
    how = Parameters(padding_method=PaddingMethod.PKCS1_V1_5)
    sealed = encrypt(COMPATIBLE, pair.public_key, how, b"data")

    assert is_refused(lambda: encrypt(MODERN, pair.public_key, how, b"data"))
    assert is_refused(lambda: decrypt(MODERN, pair.private_key, how, sealed.data))


def test_current_algorithms_still_work():
    key = SymmetricKey(Algorithm.AES, 256, MODERN.make_symmetric_key(Algorithm.AES, 256))

    assert encrypt(MODERN, key, Parameters(block_cipher_mode=Mode.GCM), b"data").data
