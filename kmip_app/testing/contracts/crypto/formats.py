"""Key formats."""

import itertools

import pytest
from attrs import evolve

from kmip_app.testing.contracts.crypto.keys import (
    a_private_key,
    a_public_key,
)
from kmip_app.testing.contracts.crypto.support import (
    FAILURE,
    quick_pairs,
    refusal,
)
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.structures import CryptographicParameters as Parameters

# --- formats ------------------------------------------------------------------------------------------------------

FORMATS_TO_TRY = [each for each in KeyFormatType if each not in (KeyFormatType.OPAQUE, KeyFormatType.PKCS_12)]


def converted(crypto, key, wanted):
    """The key's block in a format, or None where the key has no such form."""
    try:
        return crypto.convert(key, wanted)
    except KmipError as refused:
        if refused.reason is not ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED:
            raise
        return None


def test_a_pair_in_every_format_is_still_the_same_pair(crypto):
    for algorithm, length in quick_pairs(crypto):
        pair = crypto.make_key_pair(algorithm, length)
        keys = [pair.public_key]
        if crypto.capabilities.exports_key_material:
            keys.append(pair.private_key)
        for key, wanted in itertools.product(keys, FORMATS_TO_TRY):
            block = converted(crypto, key, wanted)
            if block is None:
                continue
            again = evolve(key, key_block=block)

            assert block.key_format_type is wanted
            if wanted is KeyFormatType.RAW and crypto.describe(again) is None:
                pytest.fail(f"{algorithm.name} in Raw cannot be read back")
            assert crypto.convert(again, key.key_block.key_format_type) == key.key_block, (algorithm, wanted)


def test_material_that_cannot_be_read_has_no_description(crypto):
    assert crypto.describe(a_public_key(Algorithm.RSA, b"nonsense")) is None


def test_material_that_cannot_be_read_is_refused_for_use(crypto):
    key = a_public_key(Algorithm.RSA, b"nonsense", KeyFormatType.PKCS_1)
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

    assert refusal(lambda: crypto.verify(key, how, b"", b"")).reason is FAILURE


def test_a_broken_private_key_is_not_used(crypto):
    key = a_private_key(Algorithm.RSA, b"nonsense", KeyFormatType.PKCS_1)
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

    assert refusal(lambda: crypto.sign(crypto.import_key(key), how, b"")).reason is FAILURE
