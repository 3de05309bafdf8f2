"""Key encapsulation."""

from functools import partial

import pytest

from kmip_app.testing.contracts.crypto.support import BAD, FIELD, an_rsa_pair, refusal
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KEMAlgorithm, ResultReason
from kmip_core.errors import KmipError
from kmip_core.structures import CryptographicParameters as Parameters


def encapsulating_rows(crypto):
    """(mechanism, two pairs) for every mechanism and algorithm that is claimed."""
    for mechanism, algorithms in crypto.capabilities.encapsulations.items():
        for algorithm in sorted(algorithms & set(crypto.capabilities.key_pair_lengths)):
            lengths = crypto.capabilities.key_pair_lengths[algorithm]
            length = 256 if 256 in lengths else lengths[0]
            yield mechanism, *(crypto.make_key_pair(algorithm, length) for _ in range(2))


def test_both_sides_have_the_same_secret_and_no_other_key_has_it(crypto):
    for mechanism, pair, other in encapsulating_rows(crypto):
        how = Parameters(kem_algorithm=mechanism)
        made, again = (crypto.encapsulate(pair.public_key, how) for _ in range(2))

        assert crypto.decapsulate(pair.private_key, how, made.data) == made.shared_secret, mechanism
        assert crypto.decapsulate(pair.private_key, Parameters(), again.data) == again.shared_secret
        assert len(made.shared_secret) >= 32
        assert made.shared_secret != again.shared_secret
        assert made.data != again.data
        assert of_another(crypto, other, how, made.data) not in (made.shared_secret, ResultReason.INVALID_FIELD)


def of_another(crypto, pair, how, data):
    """What another key makes of it."""
    try:
        return crypto.decapsulate(pair.private_key, how, data)
    except KmipError as refused:
        return refused.reason  # a number that is too large for the other modulus


def test_a_key_takes_its_own_mechanism_alone(crypto):
    for mechanism, pair, _ in encapsulating_rows(crypto):
        for wrong in set(KEMAlgorithm) - {mechanism}:
            how = Parameters(kem_algorithm=wrong)

            assert refusal(partial(crypto.encapsulate, pair.public_key, how)).reason is BAD
            assert refusal(partial(crypto.decapsulate, pair.private_key, how, b"")).reason is BAD


def test_data_of_another_length_and_halves_of_another_kind_are_refused(crypto):
    for _, pair, _other in encapsulating_rows(crypto):
        data = crypto.encapsulate(pair.public_key, Parameters()).data
        for wrong in (b"", data[:-1], data + b"\0"):
            assert refusal(partial(crypto.decapsulate, pair.private_key, Parameters(), wrong)).reason is FIELD
        assert refusal(partial(crypto.encapsulate, pair.private_key, Parameters())).reason is FIELD
        assert refusal(partial(crypto.decapsulate, pair.public_key, Parameters(), data)).reason is FIELD


def test_an_adapter_without_encapsulation_refuses_it(crypto):
    if crypto.capabilities.encapsulations:
        pytest.skip("encapsulation is claimed")
    pair = an_rsa_pair(crypto)
    refusals = (
        refusal(lambda: crypto.encapsulate(pair.public_key, Parameters())),
        refusal(lambda: crypto.decapsulate(pair.private_key, Parameters(), bytes(256))),
    )

    assert {each.reason for each in refusals} == {ResultReason.FEATURE_NOT_SUPPORTED}


def test_key_pairs_of_every_claimed_algorithm_can_be_made(crypto):
    claimed = {algorithm for algorithms in crypto.capabilities.encapsulations.values() for algorithm in algorithms}

    assert claimed <= set(crypto.capabilities.key_pair_lengths)
    assert Algorithm.ECDSA not in claimed
