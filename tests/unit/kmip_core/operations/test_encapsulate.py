"""Encapsulate and Decapsulate."""

from typing import Any

import pytest

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import (
    KEMAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    SecretDataType,
    State,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.objects import SecretData
from kmip_core.operations import decapsulate, encapsulate, get
from kmip_core.principal import Principal
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import UsageLimits
from tests.builders import ALICE, BOB, NOW, a_name, an_engine, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key


def an_engine_with_a_pair(algorithm: Algorithm = Algorithm.EC, length: int | None = 256, **attributes: Any) -> Engine:
    return an_engine(a_private_key(algorithm, length, **attributes), a_public_key(algorithm, length, **attributes))


def encapsulated(engine: Engine, principal: Principal = ALICE, **fields: Any) -> encapsulate.Response:
    request = encapsulate.Request(**{"unique_identifier": "public", **fields})
    response: encapsulate.Response = perform(engine, Operation.ENCAPSULATE, request, principal)
    return response


def decapsulated(engine: Engine, data: bytes, principal: Principal = ALICE, **fields: Any) -> str:
    request = decapsulate.Request(**{"unique_identifier": "private", "data": data, **fields})
    identifier: str = perform(engine, Operation.DECAPSULATE, request, principal).unique_identifier
    return identifier


def secret_in(engine: Engine, identifier: str) -> SecretData:
    content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    assert isinstance(content, SecretData)
    return content


def reason_of(call: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        call()
    return caught.value.reason


@pytest.mark.parametrize(
    ("algorithm", "length", "size"),
    [
        (Algorithm.EC, 256, 32),
        (Algorithm.ECDH, 521, 64),
        (Algorithm.ML_KEM_768, None, 32),
        (Algorithm.ML_KEM_1024, None, 32),
        (Algorithm.RSA, 1024, 128),
    ],
    ids=["DHKEM P-256", "DHKEM P-521", "ML-KEM-768", "ML-KEM-1024", "RSASVE"],
)
def test_both_sides_keep_the_same_secret(algorithm: Algorithm, length: int | None, size: int) -> None:
    engine = an_engine_with_a_pair(algorithm, length, cryptographic_usage_mask=Mask.KEY_AGREEMENT)
    made = encapsulated(engine)
    secrets = [secret_in(engine, each) for each in (made.unique_identifier, decapsulated(engine, made.data))]

    assert secrets[0] == secrets[1]
    assert secrets[0].secret_data_type is SecretDataType.SEED
    assert secrets[0].key_block.key_format_type is KeyFormatType.RAW
    assert len(secrets[0].key_block.material) == size  # type: ignore[arg-type]
    assert secrets[0].key_block.cryptographic_algorithm is None


def test_the_secret_is_the_clients_with_the_attributes_that_it_asked_for() -> None:
    engine = an_engine_with_a_pair()
    wanted = Attributes(names=(a_name("session"),), cryptographic_usage_mask=Mask.DERIVE_KEY)
    made = encapsulated(engine, attributes=wanted)
    kept = decapsulated(engine, made.data, attributes=wanted)

    for identifier in (made.unique_identifier, kept):
        attributes = attributes_of(engine, identifier)
        assert attributes.names == (a_name("session"),)
        assert attributes.cryptographic_usage_mask is Mask.DERIVE_KEY
        assert attributes.state is State.PRE_ACTIVE
        assert attributes.object_type is ObjectType.SECRET_DATA
    assert attributes_of(engine, made.unique_identifier).random_number_generator is not None
    assert attributes_of(engine, kept).random_number_generator is None


@pytest.mark.parametrize(
    ("of_key", "name", "value"),
    [({"sensitive": True}, "sensitive", True), ({"extractable": False}, "extractable", False)],
)
def test_a_decapsulated_secret_is_as_sensitive_as_the_private_key(
    of_key: dict[str, Any], name: str, value: bool
) -> None:
    engine = an_engine_with_a_pair(**of_key)
    made = encapsulated(engine)
    kept = decapsulated(engine, made.data, attributes=Attributes(sensitive=False, extractable=True))

    assert getattr(attributes_of(engine, kept), name) is value
    assert getattr(attributes_of(engine, made.unique_identifier), name) is not value


@pytest.mark.parametrize("mask", [Mask.KEY_AGREEMENT, Mask.ENCRYPT | Mask.DECRYPT, Mask.WRAP_KEY | Mask.UNWRAP_KEY])
def test_any_of_three_bits_allows_it(mask: Mask) -> None:
    engine = an_engine_with_a_pair(cryptographic_usage_mask=mask)

    assert decapsulated(engine, encapsulated(engine).data)


@pytest.mark.parametrize("mask", [Mask.SIGN | Mask.VERIFY, Mask.DERIVE_KEY, None])
def test_no_other_bit_does(mask: Mask | None) -> None:
    engine = an_engine_with_a_pair(cryptographic_usage_mask=mask)
    incompatible = ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    assert reason_of(lambda: encapsulated(engine)) is incompatible
    assert reason_of(lambda: decapsulated(engine, bytes(65))) is incompatible


@pytest.mark.parametrize("more", [Mask.SIGN, Mask.DECRYPT, Mask.UNWRAP_KEY, Mask.CERTIFICATE_SIGN, Mask.EXPORT])
def test_an_rsa_key_with_another_use_gives_out_no_powers(more: Mask) -> None:
    """Otherwise a right to decapsulate would be one to sign, or to decrypt without the padding that the key wants."""
    engine = an_engine_with_a_pair(Algorithm.RSA, 1024, cryptographic_usage_mask=Mask.KEY_AGREEMENT | more)
    made = encapsulated(engine)

    assert reason_of(lambda: decapsulated(engine, made.data)) is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


def test_the_states_are_those_of_encrypt_and_decrypt() -> None:
    for state in (State.PRE_ACTIVE, State.DEACTIVATED, State.COMPROMISED):
        engine = an_engine_with_a_pair(state=state, activation_date=None)

        assert reason_of(lambda: encapsulated(engine)) is ResultReason.WRONG_KEY_LIFECYCLE_STATE  # noqa: B023
        assert reason_of(lambda: decapsulated(engine, b"")) is ResultReason.WRONG_KEY_LIFECYCLE_STATE  # noqa: B023


def test_a_key_of_another_type_is_refused() -> None:
    engine = an_engine(a_key(identifier="public"), a_key(identifier="private"))

    assert reason_of(lambda: encapsulated(engine)) is ResultReason.INVALID_OBJECT_TYPE
    assert reason_of(lambda: decapsulated(engine, bytes(16))) is ResultReason.INVALID_OBJECT_TYPE


def test_the_keys_own_parameters_hold() -> None:
    engine = an_engine_with_a_pair(cryptographic_parameters=(Parameters(kem_algorithm=KEMAlgorithm.DHKEM),))
    made = encapsulated(engine)

    assert decapsulated(engine, made.data)
    for wrong in (KEMAlgorithm.MLKEM, KEMAlgorithm.RSASVE):
        how = Parameters(kem_algorithm=wrong)
        assert reason_of(lambda: encapsulated(engine, cryptographic_parameters=how)) is (  # noqa: B023
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
        )


def test_a_key_counts_what_it_encapsulates() -> None:
    for unit, left in ((UsageLimitsUnit.OBJECT, 9), (UsageLimitsUnit.BYTE, 10 - 32)):
        limits = UsageLimits(usage_limits_total=10, usage_limits_count=10, usage_limits_unit=unit)
        engine = an_engine(a_public_key(Algorithm.EC, 256, usage_limits=limits))
        if left < 0:
            assert reason_of(lambda: encapsulated(engine)) is ResultReason.USAGE_LIMIT_EXCEEDED  # noqa: B023
        else:
            encapsulated(engine)
            spent = attributes_of(engine, "public").usage_limits
            assert spent is not None
            assert spent.usage_limits_count == left


def test_dates_bound_either_side() -> None:
    engine = an_engine_with_a_pair(protect_stop_date=NOW - 1, process_start_date=NOW + 1)

    assert reason_of(lambda: encapsulated(engine)) is ResultReason.WRONG_KEY_LIFECYCLE_STATE
    assert reason_of(lambda: decapsulated(engine, b"")) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_foreign_and_missing_keys_look_the_same() -> None:
    engine = an_engine_with_a_pair()
    data = encapsulated(engine).data
    answers = []
    for named in ("private", "nothing"):
        with pytest.raises(KmipError) as caught:
            decapsulated(engine, data, BOB, unique_identifier=named)
        answers.append((caught.value.reason, str(caught.value)))

    assert answers[0] == answers[1]


def test_encapsulation_is_not_offered_for_keys_in_a_token() -> None:
    engine = an_engine(crypto=HsmStub())

    assert reason_of(lambda: encapsulated(engine)) is ResultReason.FEATURE_NOT_SUPPORTED
    assert reason_of(lambda: decapsulated(engine, b"")) is ResultReason.FEATURE_NOT_SUPPORTED
    for spec in (encapsulate.SPEC, decapsulate.SPEC):
        assert not spec.can_be_done(HsmStub().capabilities)
