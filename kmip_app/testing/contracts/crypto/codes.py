"""MACs and digests."""

from kmip_app.testing.contracts.crypto.keys import (
    a_made_key,
)
from kmip_app.testing.contracts.crypto.support import (
    FIELD,
    UNSUPPORTED,
    refusal,
)
from kmip_app.testing.contracts.crypto.uses import hash_of, mac, verify_mac
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    HashingAlgorithm,
    ValidityIndicator,
)
from kmip_core.structures import CryptographicParameters as Parameters

# --- codes and digests --------------------------------------------------------------------------------------------


def test_every_mac_that_is_claimed_verifies_and_no_other_does(crypto):
    for algorithm in crypto.capabilities.macs:
        lengths = crypto.capabilities.symmetric_lengths.get(algorithm)
        if lengths is None:
            continue  # legacy codes may be checked with keys that can no longer be made
        key = a_made_key(crypto, algorithm, 256 if 256 in lengths else lengths[-1])
        how = Parameters(cryptographic_algorithm=algorithm)
        code = mac(crypto, key, how, b"data")
        stream = crypto.begin_mac(key, how)
        checking = crypto.begin_verify_mac(key, how)
        for piece in (b"da", b"ta"):
            stream.update(piece)
            checking.update(piece)

        assert stream.finish() == code
        assert checking.finish(code) is ValidityIndicator.VALID
        assert verify_mac(crypto, key, how, b"data", code) is ValidityIndicator.VALID
        assert verify_mac(crypto, key, how, b"date", code) is ValidityIndicator.INVALID
        assert verify_mac(crypto, key, how, b"data", code[:-1]) is ValidityIndicator.INVALID


def test_cmac_with_a_stream_cipher_is_refused(crypto, aes):
    answer = refusal(lambda: mac(crypto, aes, Parameters(cryptographic_algorithm=Algorithm.RC4), b"data"))

    assert answer.reason is UNSUPPORTED
    assert "stream cipher" in answer.message


def test_every_hash_that_is_claimed_agrees_with_its_stream(crypto):
    for algorithm in crypto.capabilities.hashing_algorithms:
        stream = crypto.begin_hash(algorithm)
        stream.update(b"da")
        stream.update(b"ta")

        assert stream.finish() == hash_of(crypto, algorithm, b"data")


def test_an_unknown_hash_is_refused(crypto):
    assert refusal(lambda: hash_of(crypto, HashingAlgorithm.MD2, b"")).reason is UNSUPPORTED


def test_random_bytes_are_as_many_as_asked_and_differ(crypto):
    assert len(crypto.random_bytes(37)) == 37
    assert crypto.random_bytes(32) != crypto.random_bytes(32)
    for wrong in (0, -1, 2**31 - 1):
        assert refusal(lambda wrong=wrong: crypto.random_bytes(wrong)).reason is FIELD
