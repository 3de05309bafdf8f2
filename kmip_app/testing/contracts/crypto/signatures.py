"""Signatures."""

import pytest
from attrs import evolve

from kmip_app.testing.contracts.crypto.support import (
    BAD,
    FIELD,
    UNSUPPORTED,
    an_rsa_pair,
    refusal,
)
from kmip_app.testing.contracts.crypto.uses import hash_of
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    HashingAlgorithm,
    PaddingMethod,
    ValidityIndicator,
)
from kmip_core.structures import CryptographicParameters as Parameters

# --- signatures ---------------------------------------------------------------------------------------------------


def signing_rows(crypto):
    """(pair, parameters) for every signature that is claimed."""
    pairs = {}
    for (family, padding), hashes in crypto.capabilities.signatures.items():
        if family not in pairs:
            pairs[family] = crypto.make_key_pair(
                family, crypto.capabilities.key_pair_lengths[family][-1 if family is Algorithm.ECDSA else 0]
            )
        for hashing in sorted(hashes) or [None]:
            yield pairs[family], Parameters(padding_method=padding, hashing_algorithm=hashing)


def test_every_signature_that_is_claimed_verifies_and_no_other_does(crypto):
    for pair, how in signing_rows(crypto):
        signature = crypto.sign(pair.private_key, how, b"data")
        stream = crypto.begin_verify(pair.public_key, how)
        for piece in (b"da", b"ta"):
            stream.update(piece)

        assert crypto.verify(pair.public_key, how, b"data", signature) is ValidityIndicator.VALID, how
        assert stream.finish(signature) is ValidityIndicator.VALID
        assert crypto.verify(pair.public_key, how, b"date", signature) is ValidityIndicator.INVALID
        assert crypto.verify(pair.public_key, how, b"data", signature[:-1]) is ValidityIndicator.INVALID
        assert crypto.verify(pair.public_key, how, b"data", b"") is ValidityIndicator.INVALID


def test_signatures_in_parts_verify(crypto):
    for pair, how in signing_rows(crypto):
        stream = crypto.begin_sign(pair.private_key, how)
        for piece in (b"da", b"ta"):
            stream.update(piece)

        assert crypto.verify(pair.public_key, how, b"data", stream.finish()) is ValidityIndicator.VALID, how


def test_digested_data_signs_like_data(crypto):
    for pair, how in signing_rows(crypto):
        if how.hashing_algorithm is None:
            answer = refusal(lambda pair=pair, how=how: crypto.sign(pair.private_key, how, bytes(32), digested=True))
            assert answer.reason is FIELD
        elif how.hashing_algorithm in crypto.capabilities.hashing_algorithms:
            digest = hash_of(crypto, how.hashing_algorithm, b"data")
            signature = crypto.sign(pair.private_key, how, digest, digested=True)
            assert crypto.verify(pair.public_key, how, b"data", signature) is ValidityIndicator.VALID
            assert crypto.verify(pair.public_key, how, digest, signature, digested=True) is ValidityIndicator.VALID


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param(Parameters(hashing_algorithm=HashingAlgorithm.SHA_256), UNSUPPORTED, id="fail no padding"),
        pytest.param(Parameters(padding_method=PaddingMethod.PSS), BAD, id="fail no hash"),
        pytest.param(
            Parameters(padding_method=PaddingMethod.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256),
            UNSUPPORTED,
            id="fail OAEP",
        ),
        pytest.param(
            Parameters(
                padding_method=PaddingMethod.PSS,
                hashing_algorithm=HashingAlgorithm.SHA_256,
                cryptographic_algorithm=Algorithm.ECDSA,
            ),
            BAD,
            id="fail algorithm of another key",
        ),
        pytest.param(
            Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, trailer_field=2),
            BAD,
            id="fail trailer",
        ),
        pytest.param(
            Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, salt_length=-1),
            BAD,
            id="fail salt",
        ),
    ],
)
def test_rsa_signing_refuses_by_name(crypto, how, reason):
    assert refusal(lambda: crypto.sign(an_rsa_pair(crypto).private_key, how, b"data")).reason is reason


def test_a_public_key_does_not_sign_nor_a_private_key_verify(crypto):
    pair = crypto.make_key_pair(Algorithm.ECDSA, 256)

    assert refusal(lambda: crypto.sign(pair.public_key, Parameters(), b"")).reason is FIELD
    assert refusal(lambda: crypto.verify(pair.private_key, Parameters(), b"", b"")).reason is FIELD


def test_an_ec_key_decides_even_when_the_parameters_speak_of_rsa(crypto):
    # Official case CS-AC-M-3-ECC-13.
    pair = crypto.make_key_pair(Algorithm.EC, 256)
    signature = crypto.sign(pair.private_key, Parameters(cryptographic_algorithm=Algorithm.ECDSA), b"data")
    spoken = Parameters(
        padding_method=PaddingMethod.PSS,
        hashing_algorithm=HashingAlgorithm.SHA_256,
        cryptographic_algorithm=Algorithm.RSA,
    )

    assert crypto.verify(pair.public_key, spoken, b"data", signature) is ValidityIndicator.VALID
    other = evolve(spoken, hashing_algorithm=HashingAlgorithm.SHA_384)
    assert crypto.verify(pair.public_key, other, b"data", signature) is ValidityIndicator.INVALID
