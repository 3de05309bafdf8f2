"""One-time pads: data exclusive-or the first bytes of the pad. KMIP 1.3, 1.4 §4.29, §4.30, §9.1.3.2.13."""

from typing import Any

import pytest

from kmip_core.engine import Engine
from kmip_core.enums import BlockCipherMode, Operation, ResultReason, State, WrappingMethod
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.operations import decrypt, encrypt, export, get
from kmip_core.settings import OneTimePads, Settings
from kmip_core.structures import CryptographicParameters, EncryptionKeyInformation, KeyWrappingSpecification
from tests.builders import an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_secret_key

PAD = bytes.fromhex("00ff10")
KINDS = {
    "a Symmetric Key": lambda **more: a_key(Algorithm.ONE_TIME_PAD, PAD, **more),
    "Secret Data": lambda **more: a_secret_key(PAD, "key", cryptographic_algorithm=Algorithm.ONE_TIME_PAD, **more),
}
KIND = pytest.mark.parametrize("kind", KINDS)


def used(engine: Engine, operation: Operation, data: bytes, **fields: Any) -> Any:
    module = encrypt if operation is Operation.ENCRYPT else decrypt
    return perform(engine, operation, module.Request(unique_identifier="key", data=data, **fields))


def reason(call: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        call()
    return refused.value.reason


@KIND
@pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.DECRYPT])
def test_data_is_exclusive_or_the_pad(kind: str, operation: Operation) -> None:
    engine = an_engine(KINDS[kind]())

    assert used(engine, operation, bytes.fromhex("aabbcc")).data == bytes.fromhex("aa44dc")
    assert used(engine, operation, b"\xaa").data == b"\xaa"
    assert used(engine, operation, b"").data == b""
    assert reason(lambda: used(engine, operation, bytes(4))) is ResultReason.CRYPTOGRAPHIC_FAILURE


@KIND
def test_parts_use_up_the_pad_one_after_another(kind: str) -> None:
    engine = an_engine(KINDS[kind]())
    first = used(engine, Operation.ENCRYPT, bytes.fromhex("aa"), init_indicator=True)
    value = {"correlation_value": first.correlation_value}
    second = used(engine, Operation.ENCRYPT, bytes.fromhex("bb"), **value)
    last = used(engine, Operation.ENCRYPT, bytes.fromhex("cc"), **value, final_indicator=True)

    assert (first.data + second.data + last.data).hex() == "aa44dc"
    begun = used(engine, Operation.ENCRYPT, bytes(2), init_indicator=True)
    more = {"correlation_value": begun.correlation_value, "final_indicator": True}
    assert reason(lambda: used(engine, Operation.ENCRYPT, bytes(2), **more)) is ResultReason.CRYPTOGRAPHIC_FAILURE


@KIND
def test_state_and_mask_count_as_for_any_key(kind: str) -> None:
    sleeping = an_engine(KINDS[kind](state=State.PRE_ACTIVE, activation_date=None))
    barred = an_engine(KINDS[kind](cryptographic_usage_mask=Mask.DECRYPT))

    assert reason(lambda: used(sleeping, Operation.ENCRYPT, b"a")) is ResultReason.WRONG_KEY_LIFECYCLE_STATE
    refused = reason(lambda: used(barred, Operation.ENCRYPT, b"a"))
    assert refused is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


@KIND
def test_a_pad_has_no_mode(kind: str) -> None:
    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC)
    refused = reason(lambda: used(an_engine(KINDS[kind]()), Operation.ENCRYPT, b"a", cryptographic_parameters=how))

    assert refused is ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS


def test_secret_data_of_another_algorithm_does_not_encrypt() -> None:
    for algorithm in (None, Algorithm.AES):
        engine = an_engine(a_secret_key(PAD, "key", cryptographic_algorithm=algorithm))
        assert reason(lambda engine=engine: used(engine, Operation.ENCRYPT, b"a")) is ResultReason.INVALID_OBJECT_TYPE


@KIND
def test_pads_that_are_kept_do_not_leave(kind: str) -> None:
    kept = an_engine(KINDS[kind](), a_key(identifier="other"), settings=Settings(one_time_pads=OneTimePads.KEPT))
    wrapped = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier="other",
            cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.AES_KEY_WRAP_PADDING),
        ),
    )
    for specification in (None, wrapped):
        fields: dict[str, Any] = {"unique_identifier": "key", "key_wrapping_specification": specification}
        for operation, request in (
            (Operation.GET, get.Request(**fields)),
            (Operation.EXPORT, export.Request(**fields)),
        ):
            refused = reason(lambda operation=operation, request=request: perform(kept, operation, request))
            assert refused is ResultReason.PERMISSION_DENIED
    assert perform(kept, Operation.GET, get.Request(unique_identifier="other"))
    assert used(kept, Operation.ENCRYPT, b"\xaa").data == b"\xaa"
    assert perform(an_engine(KINDS[kind]()), Operation.GET, get.Request(unique_identifier="key"))
