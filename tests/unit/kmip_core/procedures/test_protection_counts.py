"""Encryptions by GCM are counted and end; decryptions that fail are answered later. SP 800-38D §8.3."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BatchErrorContinuationOption,
    ItemType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    UsageLimitsUnit,
    WrappingMethod,
)
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import decrypt, encrypt, get, re_key
from kmip_core.ports.steps import MoveTo, Pace, Wait
from kmip_core.procedures.protection_counts import MARK, MAXIMUM, STEP
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import EncryptionKeyInformation, KeyWrappingSpecification, TypedValue, UsageLimits
from tests.builders import ALICE, VERSION, an_engine, ask, attributes_of, perform, the_only
from tests.unit.kmip_core.operations.usable_keys import a_key

GCM = Parameters(block_cipher_mode=Mode.GCM)
CBC = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)


def encrypted(engine: Engine, how: Parameters = GCM, **fields: Any) -> Any:
    request = encrypt.Request(unique_identifier="key", data=b"data", cryptographic_parameters=how, **fields)
    return perform(engine, Operation.ENCRYPT, request)


def counted(engine: Engine) -> int:
    values: Any = attributes_of(engine).values_of(MARK)
    return int(values[0].value) if values else 0


def with_count(number: int, **attributes: Any) -> Any:
    record, _ = a_key(**attributes)
    mark = record.attributes.with_values(MARK, (TypedValue(ItemType.LONG_INTEGER, number),))
    return a_key(**{**attributes, "custom_attributes": mark.custom_attributes})


def test_encryptions_are_counted_in_steps() -> None:
    engine = an_engine(a_key())
    for _ in range(3):
        encrypted(engine)

    assert counted(engine) == STEP


def test_a_server_that_starts_again_counts_a_new_step() -> None:
    engine = an_engine(with_count(5 * STEP))
    encrypted(engine)

    assert counted(engine) == 6 * STEP


def test_a_key_has_no_more_than_2_to_the_32_encryptions() -> None:
    engine = an_engine(with_count(MAXIMUM - 2))
    encrypted(engine)
    encrypted(engine, init_indicator=True)
    assert counted(engine) == MAXIMUM

    with pytest.raises(KmipError) as refused:
        encrypted(engine)
    assert refused.value.reason is ResultReason.USAGE_LIMIT_EXCEEDED
    with pytest.raises(KmipError):
        encrypted(engine, init_indicator=True)
    assert encrypted(engine, CBC).data


def test_other_modes_are_not_counted() -> None:
    engine = an_engine(a_key())
    encrypted(engine, CBC)

    assert counted(engine) == 0


def test_wrapping_counts_as_well() -> None:
    engine = an_engine(with_count(MAXIMUM), a_key(identifier="other"))
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier="key", cryptographic_parameters=GCM),
    )
    request = get.Request(unique_identifier="other", key_wrapping_specification=specification)

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, request)
    assert refused.value.reason is ResultReason.USAGE_LIMIT_EXCEEDED


def test_usage_limits_are_counted_beside() -> None:
    limits = UsageLimits(usage_limits_total=9, usage_limits_count=9, usage_limits_unit=UsageLimitsUnit.OBJECT)
    engine = an_engine(a_key(usage_limits=limits))
    encrypted(engine)
    left = attributes_of(engine).usage_limits

    assert counted(engine) == STEP
    assert left is not None
    assert left.usage_limits_count == 8


def test_a_batch_that_is_undone_has_counted_nothing() -> None:
    engine = an_engine(with_count(STEP))
    request = encrypt.Request(unique_identifier="key", data=b"data", cryptographic_parameters=GCM)
    missing = get.Request(unique_identifier="missing")
    ask(
        engine,
        (Operation.ENCRYPT, request),
        (Operation.GET, missing),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )
    assert counted(engine) == STEP

    encrypted(engine)
    assert counted(engine) == 2 * STEP


# --- failures -----------------------------------------------------------------------------------------------------


class Over:
    """A delay that is over when it is asked for."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def begin(self, milliseconds: int) -> Any:
        self.begun.append(milliseconds)
        return self

    def add_done_callback(self, callback: Any) -> None:
        callback()

    def wait(self) -> None:
        """Return at once."""


def bad_padding(engine: Engine) -> Any:
    request = decrypt.Request(
        unique_identifier="key", data=bytes(16), iv_counter_nonce=bytes(16), cryptographic_parameters=CBC
    )
    return the_only(ask(engine, (Operation.DECRYPT, request)))


def test_failed_decryptions_have_one_answer_that_comes_later_each_time() -> None:
    delays = Over()
    engine = an_engine(a_key(), delays=delays)
    answers = [bad_padding(engine) for _ in range(80)]

    assert {(each.result_status, each.result_reason, each.result_message) for each in answers} == {
        (ResultStatus.OPERATION_FAILED, ResultReason.CRYPTOGRAPHIC_FAILURE, "decryption failed")
    }
    assert delays.begun == sorted(delays.begun)
    assert len(delays.begun) == 72
    assert delays.begun[-1] == 250


def test_a_delay_is_waited_for_on_the_event_loop() -> None:
    engine = an_engine(a_key(), delays=Over())
    for _ in range(10):
        bad_padding(engine)

    request = decrypt.Request(
        unique_identifier="key", data=bytes(16), iv_counter_nonce=bytes(16), cryptographic_parameters=CBC
    )
    item = RequestBatchItem(operation=Operation.DECRYPT, payload=request)
    message = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))
    steps = list(engine.steps(message, ALICE, Pace.BRIEF))

    assert isinstance(steps[1], Wait)
    assert [steps[0], steps[2]] == [MoveTo(Pace.QUICK), MoveTo(Pace.BRIEF)]


def test_without_a_clock_for_delays_nothing_is_delayed() -> None:
    engine = an_engine(a_key())
    for _ in range(20):
        assert bad_padding(engine).result_reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_other_refusals_are_not_delayed() -> None:
    delays = Over()
    engine = an_engine(a_key(), delays=delays)
    request = decrypt.Request(
        unique_identifier="key", data=bytes(15), iv_counter_nonce=bytes(16), cryptographic_parameters=CBC
    )
    for _ in range(20):
        answer = the_only(ask(engine, (Operation.DECRYPT, request)))
        assert answer.result_reason is ResultReason.INVALID_FIELD

    assert delays.begun == []
    assert attributes_of(engine) != Attributes()


def test_a_replacement_begins_to_count_anew() -> None:
    engine = an_engine(with_count(5 * STEP))
    made = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier="key")).unique_identifier

    assert attributes_of(engine, made).values_of(MARK) == ()
    assert counted(engine) == 5 * STEP
