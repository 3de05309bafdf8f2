"""Keys and pairs: made, described, named."""

import itertools

import pytest
from attrs import evolve, fields, has

from kmip_app.testing.contracts.crypto.keys import (
    a_made_key,
    a_symmetric_key,
    an_imported_key,
)
from kmip_app.testing.contracts.crypto.support import (
    quick_pairs,
    refusal,
)
from kmip_app.testing.contracts.crypto.uses import (
    decrypt,
    encrypt,
    mac,
)
from kmip_core.enums import (
    BlockCipherMode as Mode,
)
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
)
from kmip_core.ports.crypto import Custody, Encryption
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters, KeyHandle

# --- keys ---------------------------------------------------------------------------------------------------------


def test_every_length_that_is_claimed_can_be_made(crypto):
    for algorithm, lengths in crypto.capabilities.symmetric_lengths.items():
        for length in (lengths[0], lengths[-1]):
            key = a_made_key(crypto, algorithm, length)

            assert crypto.describe(key).length == length


def test_material_comes_out_only_where_it_is_exported(crypto, aes):
    held = isinstance(aes.key_block.key_value.key_material, KeyHandle)

    assert held is not crypto.capabilities.exports_key_material


def test_a_length_or_algorithm_that_is_not_claimed_is_refused(crypto):
    for algorithm in Algorithm:
        if algorithm not in crypto.capabilities.symmetric_lengths:
            reason = refusal(lambda algorithm=algorithm: crypto.make_symmetric_key(algorithm, 128)).reason
            assert reason in (ResultReason.INVALID_ATTRIBUTE_VALUE, ResultReason.FEATURE_NOT_SUPPORTED)

    assert refusal(lambda: crypto.make_symmetric_key(Algorithm.AES, 100)).reason is ResultReason.INVALID_ATTRIBUTE_VALUE


def test_a_key_behind_a_handle_leaves_only_if_it_was_made_so(crypto, aes):
    pair = crypto.make_key_pair(Algorithm.ECDSA, 256)

    assert crypto.export_key(pair.public_key) == pair.public_key
    for key in (aes, pair.private_key):
        if key.key_block.handle is None:
            assert crypto.export_key(key) == key
        else:
            assert refusal(lambda key=key: crypto.export_key(key)).reason is ResultReason.NOT_EXTRACTABLE


def test_a_key_that_may_leave_comes_out_as_it_went_in(crypto):
    custody = Custody(in_token=crypto.capabilities.holds_keys, extractable=True, sensitive=False)
    needs_extraction = crypto.capabilities.holds_keys and not crypto.capabilities.extractable
    if needs_extraction:
        pytest.skip("no key leaves")
    held = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(range(16))), custody)

    assert crypto.export_key(held).key_block.material == bytes(range(16))


def test_a_key_is_wrapped_in_place_or_left_to_the_caller(crypto):
    custody = Custody(in_token=crypto.capabilities.holds_keys, extractable=True)
    if crypto.capabilities.holds_keys and not crypto.capabilities.extractable:
        pytest.skip("no key leaves")
    how = Parameters(block_cipher_mode=Mode.NIST_KEY_WRAP)
    wrapping = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(16)), custody)
    key = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(range(16))), custody)

    made = crypto.wrap_key(Encryption(wrapping, how), key)

    if made is not None:
        assert decrypt(crypto, wrapping, how, made.data) == bytes(range(16))
    assert (made is not None) is crypto.capabilities.extractable


def test_every_kind_of_pair_can_be_made_and_says_what_it_is(crypto):
    for algorithm, length in quick_pairs(crypto):
        pair = crypto.make_key_pair(algorithm, length)

        for key in (pair.private_key, pair.public_key):
            described = crypto.describe(key)
            assert (described.algorithm, described.length) == (algorithm, length)
            assert key.key_block.cryptographic_algorithm is algorithm
            assert key.key_block.cryptographic_length == length


def test_every_curve_can_be_named(crypto):
    for curve in crypto.capabilities.curves:
        pair = crypto.make_key_pair(Algorithm.ECDH, None, curve)

        assert crypto.describe(pair.private_key).curve is curve
        assert crypto.describe(pair.public_key).curve is curve


def test_public_rsa_keys_are_pkcs1_unless_asked_otherwise(crypto):
    length = crypto.capabilities.key_pair_lengths[Algorithm.RSA][0]
    plain = crypto.make_key_pair(Algorithm.RSA, length)
    asked = crypto.make_key_pair(Algorithm.RSA, length, public_format=KeyFormatType.X_509)

    assert plain.public_key.key_block.key_format_type is KeyFormatType.PKCS_1
    assert plain.private_key.key_block.key_format_type is KeyFormatType.PKCS_1
    assert asked.public_key.key_block.key_format_type is KeyFormatType.X_509


@pytest.mark.parametrize(
    ("algorithm", "length", "curve", "reason"),
    [
        pytest.param(Algorithm.AES, 128, None, "unknown", id="fail symmetric algorithm"),
        pytest.param(Algorithm.RSA, None, None, ResultReason.INVALID_FIELD, id="fail RSA without length"),
        pytest.param(Algorithm.RSA, 1000, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail RSA 1000"),
        pytest.param(Algorithm.RSA, 2**31 - 1, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail RSA huge"),
        pytest.param(Algorithm.EC, 257, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail EC 257"),
        pytest.param(Algorithm.EC, None, None, ResultReason.INVALID_FIELD, id="fail EC without anything"),
        pytest.param(
            Algorithm.EC, 384, RecommendedCurve.P_256, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail curve and length"
        ),
        pytest.param(Algorithm.EC, None, RecommendedCurve.K_163, "unknown", id="fail unknown curve"),
    ],
)
def test_a_pair_that_cannot_be_had_is_refused(crypto, algorithm, length, curve, reason):
    allowed = (
        {ResultReason.INVALID_ATTRIBUTE_VALUE, ResultReason.FEATURE_NOT_SUPPORTED} if reason == "unknown" else {reason}
    )

    assert refusal(lambda: crypto.make_key_pair(algorithm, length, curve)).reason in allowed


def test_a_format_that_a_pair_cannot_take_is_refused_before_it_is_made(crypto):
    length = crypto.capabilities.key_pair_lengths[Algorithm.RSA][-1]

    answer = refusal(lambda: crypto.make_key_pair(Algorithm.RSA, length, public_format=KeyFormatType.EC_PRIVATE_KEY))

    assert answer.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def test_a_key_that_came_from_outside_is_usable(crypto):
    key = an_imported_key(crypto, Algorithm.AES, bytes(16))
    how = Parameters(block_cipher_mode=Mode.GCM)

    assert encrypt(crypto, key, how, bytes(16), iv_counter_nonce=bytes(12)).data.hex() == (
        "0388dace60b6a392f328c2b971b2fe78"
    )


def test_a_destroyed_key_is_gone_where_it_was_held(crypto, aes):
    crypto.destroy_key(aes)
    crypto.destroy_key(aes)

    if crypto.capabilities.exports_key_material:
        assert crypto.describe(aes).length == 256
    else:
        how = Parameters(block_cipher_mode=Mode.GCM)
        assert refusal(lambda: encrypt(crypto, aes, how, b"")).reason is ResultReason.KEY_VALUE_NOT_PRESENT


def test_a_handle_of_another_is_refused(crypto):
    key = a_symmetric_key(Algorithm.AES, KeyHandle(provider="another", token="1"), 128)

    reason = refusal(lambda: encrypt(crypto, key, Parameters(block_cipher_mode=Mode.GCM), b"")).reason

    assert reason in (ResultReason.CRYPTOGRAPHIC_FAILURE, ResultReason.KEY_VALUE_NOT_PRESENT)


def test_a_key_without_material_is_refused(crypto):
    key = a_symmetric_key(Algorithm.AES, b"", 128)
    empty = evolve(key, key_block=evolve(key.key_block, key_value=None))

    reason = refusal(lambda: encrypt(crypto, empty, Parameters(block_cipher_mode=Mode.GCM), b"")).reason

    assert reason in (ResultReason.KEY_VALUE_NOT_PRESENT, ResultReason.CRYPTOGRAPHIC_FAILURE)


def all_bytes(value):
    """Every byte string inside a result, and its repr."""
    yield repr(value).encode()
    if isinstance(value, bytes | bytearray):
        yield bytes(value)
    elif has(type(value)):
        for each in fields(type(value)):
            yield from all_bytes(getattr(value, each.name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from all_bytes(each)


def test_no_byte_of_a_held_key_crosses_the_port(crypto):
    if crypto.capabilities.exports_key_material:
        pytest.skip("keys are not held")
    secret = bytes(range(100, 132))
    key = an_imported_key(crypto, Algorithm.AES, secret)
    pair = crypto.make_key_pair(Algorithm.EC, 256)
    results = [
        key,
        crypto.describe(key),
        encrypt(crypto, key, Parameters(block_cipher_mode=Mode.GCM), bytes(64)),
        mac(crypto, key, Parameters(), b"data"),
        pair.private_key,
        crypto.sign(pair.private_key, Parameters(), b"data"),
        str(refusal(lambda: crypto.convert(key, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY))),
    ]

    if DerivationMethod.HMAC in crypto.capabilities.derivation_methods:
        how = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
        derivation_data = DerivationParameters(derivation_data=b"x", cryptographic_parameters=how)
        results.append(crypto.derive(DerivationMethod.HMAC, [key], derivation_data, 128))

    for found in itertools.chain.from_iterable(all_bytes(result) for result in results):
        assert secret[:8] not in found
        assert secret[:8].hex().encode() not in found
    if len(results) > 7:
        assert isinstance(results[-1], KeyHandle)
    assert isinstance(pair.private_key.key_block.key_value.key_material, KeyHandle)
    for held in (key, pair.private_key):
        assert refusal(lambda held=held: crypto.convert(held, KeyFormatType.RAW)).reason is ResultReason.NOT_EXTRACTABLE
