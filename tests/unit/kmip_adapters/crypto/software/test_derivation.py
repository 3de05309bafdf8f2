"""SP 800-108 in its three modes, against another implementation of the same text, and Derive Key's small print."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation
from cryptography.hazmat.primitives.kdf.kbkdf import Mode as KBKDFMode

from kmip_adapters.crypto.software import SoftwareCrypto, derivation
from kmip_core.enums import BlockCipherMode, CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import SecretData, SymmetricKey
from kmip_core.ports.crypto import Key
from kmip_core.structures import CryptographicParameters, DerivationParameters

CRYPTO = SoftwareCrypto()
KEY = bytes(range(32))
FIXED = b"label\0context"
LENGTHS = [8, 128, 256, 264, 1000 * 8]


def derived(method, length, base=None, iv=None, counter_length=None, data=FIXED):
    parameters = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(
            hashing_algorithm=HashingAlgorithm.SHA_256, counter_length=counter_length
        ),
        derivation_data=data,
        initialization_vector=iv,
    )
    return CRYPTO.derive(method, [base or SymmetricKey(None, None, KEY)], parameters, length)


def prf(message):
    return hmac.new(KEY, message, hashlib.sha256).digest()


def counted(index, width):
    return index.to_bytes(width, "big")


@pytest.mark.parametrize("length", LENGTHS)
def test_counter_mode_agrees_with_pyca(length):
    reference = KBKDFHMAC(
        algorithm=hashes.SHA256(),
        mode=KBKDFMode.CounterMode,
        length=length // 8,
        rlen=4,
        llen=None,
        location=CounterLocation.BeforeFixed,
        label=None,
        context=None,
        fixed=FIXED,
    )

    assert derived(DerivationMethod.NIST800_108_C, length) == reference.derive(KEY)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("iv", "width"), [(None, 4), (b"\x55" * 32, 4), (b"\x55" * 32, 2)])
def test_feedback_mode(length, iv, width):
    # SP 800-108r1 §4.2: K(i) = PRF(K_I, K(i-1) || [i] || Label || 0 || Context), K(0) = IV.
    blocks = [iv or b""]
    while 8 * len(b"".join(blocks[1:])) < length:
        blocks.append(prf(blocks[-1] + counted(len(blocks), width) + FIXED))

    assert (
        derived(DerivationMethod.NIST800_108_F, length, iv=iv, counter_length=8 * width)
        == (b"".join(blocks[1:])[: length // 8])
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_double_pipeline_mode(length):
    # SP 800-108r1 §4.3: A(0) = fixed, A(i) = PRF(K_I, A(i-1)), K(i) = PRF(K_I, A(i) || [i] || fixed).
    chain, out = [FIXED], b""
    while 8 * len(out) < length:
        chain.append(prf(chain[-1]))
        out += prf(chain[-1] + counted(len(chain) - 1, 4) + FIXED)

    assert derived(DerivationMethod.NIST800_108_DPI, length) == out[: length // 8]


def test_hmac_takes_the_hash_that_the_key_names():
    # KMIP 2.1 §7.12: the attributes of the derivation key say enough, the parameters are ignored.
    base = SymmetricKey(CryptographicAlgorithm.HMAC_SHA512, 256, KEY)

    assert derived(DerivationMethod.HMAC, 512, base) == hmac.new(KEY, FIXED, hashlib.sha512).digest()
    assert derived(DerivationMethod.HMAC, 256) == prf(FIXED)


def test_hash_takes_the_object():
    assert derived(DerivationMethod.HASH, 128, SecretData(b"abc"), data=None) == hashlib.sha256(b"abc").digest()[:16]


def test_encryption_without_an_iv_can_be_repeated():
    base = SymmetricKey(CryptographicAlgorithm.AES, 256, KEY)
    parameters = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC),
        derivation_data=bytes(32),
    )
    first, second = (CRYPTO.derive(DerivationMethod.ENCRYPT, [base], parameters, 256) for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    "method",
    [DerivationMethod.NIST800_108_C, DerivationMethod.NIST800_108_F, DerivationMethod.NIST800_108_DPI],
    ids=lambda method: method.name,
)
def test_blocks_times_data_are_bounded(method: DerivationMethod) -> None:
    """Each of the blocks reads all of the data: 1 MiB of it took 52 seconds."""
    key = SymmetricKey(CryptographicAlgorithm.TRIPLE_DES, 192, bytes(range(24)))
    parameters = DerivationParameters(derivation_data=bytes(60_000))

    assert len(derivation.derive(method, [key], parameters, 512)) == 64
    with pytest.raises(KmipError) as refused:
        derivation.derive(method, [key], parameters, 65_536)
    assert refused.value.reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(
    "method",
    [DerivationMethod.NIST800_108_C, DerivationMethod.NIST800_108_F, DerivationMethod.NIST800_108_DPI],
    ids=lambda method: method.name,
)
@pytest.mark.parametrize("is_stored", [False, True], ids=["in the request", "in a stored Secret Data"])
def test_no_block_is_made_of_too_much_data(
    method: DerivationMethod, is_stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gather(*_: object) -> bytes:
        raise AssertionError("a block was made")

    monkeypatch.setattr(derivation, "_gather", gather)
    key = SymmetricKey(CryptographicAlgorithm.TRIPLE_DES, 192, bytes(range(24)))
    data = bytes(60_000)
    keys: list[Key] = [key, SecretData(data)] if is_stored else [key]
    parameters = DerivationParameters(derivation_data=None if is_stored else data)

    with pytest.raises(KmipError, match="the blocks of this length, times the data"):
        derivation.derive(method, keys, parameters, 65_536)
    with pytest.raises(AssertionError, match="a block was made"):
        derivation.derive(method, keys, parameters, 512)
