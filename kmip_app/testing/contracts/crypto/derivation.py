"""Derivation."""

import pytest
from attrs import evolve

from kmip_app.testing.contracts.crypto.keys import (
    a_made_key,
    a_symmetric_key,
)
from kmip_app.testing.contracts.crypto.support import (
    CBC,
    FAILURE,
    FIELD,
    needs,
    refusal,
)
from kmip_app.testing.contracts.crypto.uses import mac
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    DerivationMethod,
    HashingAlgorithm,
    ResultReason,
)
from kmip_core.objects import SecretData
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters

# --- derivation ---------------------------------------------------------------------------------------------------


def derivation(**more):
    how = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    return DerivationParameters(cryptographic_parameters=how, derivation_data=b"label", **more)


def usable_as(crypto, material):
    return a_symmetric_key(Algorithm.AES, material, 256)


def test_every_derivation_is_repeatable_and_as_long_as_asked(crypto):
    base = a_made_key(crypto, Algorithm.AES, 256)
    for method in crypto.capabilities.derivation_methods - {DerivationMethod.ASYMMETRIC_KEY}:
        parameters = derivation(salt=b"salt", iteration_count=10)
        if method is DerivationMethod.HASH:
            parameters = evolve(parameters, derivation_data=None)
        if method is DerivationMethod.ENCRYPT:
            parameters = evolve(parameters, derivation_data=bytes(32), cryptographic_parameters=CBC)
        first, second = (crypto.derive(method, [base], parameters, 256, algorithm=Algorithm.AES) for _ in range(2))
        codes = {mac(crypto, usable_as(crypto, key), Parameters(), b"same") for key in (first, second)}

        assert len(codes) == 1, method
        if crypto.capabilities.exports_key_material:
            assert len(first) == 32


def test_both_sides_agree_on_every_curve(crypto):
    needs(crypto, "derivation_methods", DerivationMethod.ASYMMETRIC_KEY)
    for curve in crypto.capabilities.curves:
        ours, theirs = (crypto.make_key_pair(Algorithm.ECDH, None, curve) for _ in range(2))
        # The whole secret: a token gives no less.
        length = -(-crypto.describe(ours.private_key).length // 8) * 8
        codes = set()
        for one, other in ((ours, theirs), (theirs, ours)):
            halves = [one.private_key, other.public_key]
            made = crypto.derive(DerivationMethod.ASYMMETRIC_KEY, halves, DerivationParameters(), length)
            codes.add(mac(crypto, a_symmetric_key(Algorithm.HMAC_SHA256, made, length), Parameters(), b"same"))

        assert len(codes) == 1, curve


def test_derivation_data_may_come_as_secret_data(crypto):
    needs(crypto, "derivation_methods", DerivationMethod.HMAC)
    base = a_made_key(crypto, Algorithm.AES, 256)
    known = crypto.derive(DerivationMethod.HMAC, [base], derivation(), 256)
    brought = crypto.derive(
        DerivationMethod.HMAC, [base, SecretData(b"label")], evolve(derivation(), derivation_data=None), 256
    )

    codes = {mac(crypto, usable_as(crypto, key), Parameters(), b"same") for key in (known, brought)}
    assert len(codes) == 1


@pytest.mark.parametrize(
    ("method", "changes", "length", "reason"),
    [
        pytest.param(DerivationMethod.HMAC, {}, 264, FAILURE, id="fail longer than HMAC"),
        pytest.param(DerivationMethod.HMAC, {}, 12, FIELD, id="fail not whole bytes"),
        pytest.param(DerivationMethod.HMAC, {}, 0, FIELD, id="fail nothing"),
        pytest.param(DerivationMethod.HMAC, {}, 2**31 - 8, FIELD, id="fail huge"),
        pytest.param(DerivationMethod.HMAC, {"derivation_data": None}, 128, FIELD, id="fail no data"),
        pytest.param(DerivationMethod.HMAC, {"cryptographic_parameters": None}, 128, FIELD, id="fail no hash"),
        pytest.param(DerivationMethod.HASH, {"derivation_data": None}, 264, FAILURE, id="fail longer than hash"),
        pytest.param(DerivationMethod.HASH, {}, 128, FIELD, id="fail hash of two things"),
        pytest.param(DerivationMethod.PBKDF2, {"iteration_count": 1}, 128, FIELD, id="fail PBKDF2 no salt"),
        pytest.param(DerivationMethod.PBKDF2, {"salt": b"s"}, 128, FIELD, id="fail PBKDF2 no iterations"),
        pytest.param(
            DerivationMethod.PBKDF2,
            {"salt": b"s", "iteration_count": 10_000_001},
            128,
            FIELD,
            id="fail PBKDF2 too many",
        ),
        pytest.param(DerivationMethod.PBKDF2, {"salt": b"s", "iteration_count": 0}, 128, FIELD, id="fail PBKDF2 zero"),
        pytest.param(
            DerivationMethod.ENCRYPT,
            {"cryptographic_parameters": CBC, "derivation_data": bytes(8)},
            256,
            FAILURE,
            id="fail longer than cipher text",
        ),
        pytest.param(DerivationMethod.ASYMMETRIC_KEY, {}, 128, FIELD, id="fail agreement of one"),
        pytest.param(
            DerivationMethod.NIST800_108_C,
            {"cryptographic_parameters": Parameters(hashing_algorithm=HashingAlgorithm.SHA_256, counter_length=8)},
            65_536,
            ResultReason.CRYPTOGRAPHIC_FAILURE,
            id="fail counter too short",
        ),
    ],
)
def test_derive_refuses_by_name(crypto, method, changes, length, reason):
    needs(crypto, "derivation_methods", method)
    base = a_made_key(crypto, Algorithm.AES, 256)

    assert refusal(lambda: crypto.derive(method, [base], evolve(derivation(), **changes), length)).reason is reason


def test_a_derivation_method_that_is_not_claimed_is_refused(crypto):
    base = a_made_key(crypto, Algorithm.AES, 256)
    for method in set(DerivationMethod) - crypto.capabilities.derivation_methods:
        reason = refusal(lambda method=method: crypto.derive(method, [base], derivation(), 128)).reason

        assert reason in (FIELD, ResultReason.FEATURE_NOT_SUPPORTED)
