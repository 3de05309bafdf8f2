"""Symmetric keys: every length of the table, parity, and refusals that say what would do."""

import pytest

from kmip_adapters.crypto.software import symmetric_keys
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


@pytest.mark.parametrize("algorithm", symmetric_keys.SYMMETRIC_LENGTHS, ids=lambda value: value.name)
def test_every_length_of_the_table_can_be_made(algorithm):
    with_parity = {(Algorithm.TRIPLE_DES, 112): 16, (Algorithm.TRIPLE_DES, 168): 24, (Algorithm.DES, 56): 8}

    for length in symmetric_keys.SYMMETRIC_LENGTHS[algorithm]:
        expected = with_parity.get((algorithm, length), length // 8)
        assert len(symmetric_keys.make_symmetric_key(algorithm, length)) == expected


def test_two_keys_differ():
    first, second = (symmetric_keys.make_symmetric_key(Algorithm.AES, 256) for _ in range(2))

    assert first != second


@pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.TRIPLE_DES])
def test_des_keys_have_odd_parity(algorithm):
    material = symmetric_keys.make_symmetric_key(algorithm, 64)

    assert [byte.bit_count() % 2 for byte in material] == [1] * 8


@pytest.mark.parametrize(
    ("algorithm", "length", "text"),
    [
        pytest.param(Algorithm.AES, 100, "128, 192, 256 or 512", id="fail AES 100"),
        pytest.param(Algorithm.BLOWFISH, 36, "32 to 448 in steps of 8", id="fail Blowfish 36"),
        pytest.param(Algorithm.IDEA, 64, "IDEA keys have 128 bits", id="fail IDEA 64"),
        pytest.param(Algorithm.AES, 0, "128", id="fail AES 0"),
        pytest.param(Algorithm.AES, -128, "128", id="fail negative"),
        pytest.param(Algorithm.HMAC_SHA256, 2**31, "8 to 8192", id="fail HMAC huge"),
        pytest.param(Algorithm.RSA, 2048, "not an algorithm of symmetric keys", id="fail RSA"),
    ],
)
def test_a_refusal_says_what_would_be_accepted(algorithm, length, text):
    with pytest.raises(KmipError) as refusal:
        symmetric_keys.make_symmetric_key(algorithm, length)

    assert refusal.value.reason == ResultReason.INVALID_ATTRIBUTE_VALUE
    assert text in refusal.value.message
