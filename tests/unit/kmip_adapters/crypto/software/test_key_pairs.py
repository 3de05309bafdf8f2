"""Create Key Pair's small print: formats, curves beside algorithms, and what contradicts itself."""

import pytest

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KeyFormatType, RecommendedCurve, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import SecretData, SymmetricKey
from kmip_core.structures import TransparentECPublicKey, TransparentSymmetricKey

CRYPTO = SoftwareCrypto()


@pytest.mark.parametrize(
    ("algorithm", "length", "curve", "reason"),
    [
        pytest.param(
            Algorithm.RSA, 2048, RecommendedCurve.P_256, ResultReason.INVALID_ATTRIBUTE_VALUE, id="fail RSA and curve"
        ),
        pytest.param(Algorithm.ED25519, 512, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail Ed25519 512"),
        pytest.param(
            Algorithm.ED25519,
            None,
            RecommendedCurve.P_256,
            ResultReason.INVALID_ATTRIBUTE_VALUE,
            id="fail Ed25519 P-256",
        ),
        pytest.param(
            Algorithm.ECDSA,
            None,
            RecommendedCurve.CURVE25519,
            ResultReason.INVALID_ATTRIBUTE_VALUE,
            id="fail ECDSA X25519",
        ),
        pytest.param(Algorithm.ML_KEM_512, None, None, ResultReason.INVALID_ATTRIBUTE_VALUE, id="fail ML-KEM-512"),
        pytest.param(Algorithm.DSA, 1536, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail DSA 1536"),
    ],
)
def test_a_pair_that_contradicts_itself_is_refused(algorithm, length, curve, reason):
    with pytest.raises(KmipError) as refusal:
        CRYPTO.make_key_pair(algorithm, length, curve)

    assert refusal.value.reason is reason


def test_the_formats_asked_for_are_the_formats_made():
    pair = CRYPTO.make_key_pair(
        Algorithm.EC,
        256,
        private_format=KeyFormatType.EC_PRIVATE_KEY,
        public_format=KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
    )
    public = pair.public_key.key_block

    assert pair.private_key.key_block.key_format_type is KeyFormatType.EC_PRIVATE_KEY
    assert isinstance(public.key_value.key_material, TransparentECPublicKey)
    assert public.key_value.key_material.recommended_curve is RecommendedCurve.P_256


def test_a_raw_x25519_key_must_say_that_it_agrees():
    made = CRYPTO.make_key_pair(Algorithm.ECDH, None, RecommendedCurve.CURVE25519, private_format=KeyFormatType.RAW)
    with pytest.raises(KmipError):
        CRYPTO.make_key_pair(Algorithm.EC, None, RecommendedCurve.CURVE25519, private_format=KeyFormatType.RAW)

    material = made.private_key.key_block.clear_material
    assert isinstance(material, bytes)
    assert len(material) == 32


@pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.ED448, Algorithm.ML_DSA_65, Algorithm.ML_KEM_768])
def test_keys_of_one_kind_can_be_raw_and_are_read_again(algorithm):
    pair = CRYPTO.make_key_pair(algorithm, private_format=KeyFormatType.RAW, public_format=KeyFormatType.RAW)

    assert CRYPTO.describe(pair.private_key) == CRYPTO.describe(pair.public_key)
    assert CRYPTO.describe(pair.private_key).algorithm is algorithm


def test_symmetric_keys_become_transparent_and_raw_again():
    key = SymmetricKey(Algorithm.AES, 128, bytes(16))
    block = CRYPTO.convert(key, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)

    assert block.key_value.key_material == TransparentSymmetricKey(key=bytes(16))
    assert CRYPTO.convert(SymmetricKey(key_block=block), KeyFormatType.RAW) == key.key_block


def test_secret_data_is_opaque_or_raw():
    secret = SecretData(b"password")

    assert CRYPTO.convert(secret, KeyFormatType.RAW).key_value.key_material == b"password"
    with pytest.raises(KmipError) as refusal:
        CRYPTO.convert(secret, KeyFormatType.PKCS_1)
    assert refusal.value.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def test_a_3des_key_keeps_the_length_that_leaves_parity_out():
    for stated, expected in ((168, 168), (192, 192), (None, 192), (64, 192)):
        key = SymmetricKey(Algorithm.TRIPLE_DES, stated, bytes(24))

        assert CRYPTO.describe(key).length == expected
