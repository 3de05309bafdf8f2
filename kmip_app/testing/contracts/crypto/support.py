"""What the tests of crypto adapters share."""

import pytest

from kmip_app.testing.contracts.crypto.keys import (
    a_made_key,
)
from kmip_core.enums import (
    BlockCipherMode as Mode,
)
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    PaddingMethod,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.structures import CryptographicParameters as Parameters

BLOCK_OF_DATA = bytes(range(48))
CBC = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)
FIELD, FAILURE, MESSAGE = (
    ResultReason.INVALID_FIELD,
    ResultReason.CRYPTOGRAPHIC_FAILURE,
    ResultReason.INVALID_MESSAGE,
)
BAD = ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
UNSUPPORTED = ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS


@pytest.fixture
def aes(crypto):
    return a_made_key(crypto, Algorithm.AES, 256)


def needs(crypto, capability, item):
    if item not in getattr(crypto.capabilities, capability):
        pytest.skip(f"{item} is not claimed")


def refusal(call):
    with pytest.raises(KmipError) as raised:
        call()
    return raised.value


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


def quick_pairs(crypto):
    """(algorithm, length): the shortest of each, which for DSA and RSA is quick enough."""
    return [(algorithm, lengths[0]) for algorithm, lengths in crypto.capabilities.key_pair_lengths.items()]


def an_rsa_pair(crypto):
    return crypto.make_key_pair(Algorithm.RSA, crypto.capabilities.key_pair_lengths[Algorithm.RSA][0])
