"""Adjust Attribute."""

from typing import Any

import pytest

from kmip_core.attributes import ADJUSTABLE, FIELDS, AttributeReference
from kmip_core.engine import Engine
from kmip_core.enums import AdjustmentType, ItemType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import adjust_attribute
from kmip_core.structures import CustomAttribute, TypedValue
from tests.builders import NOW, a_custom, a_symmetric_key, an_engine, attributes_of, perform

INCREMENT, DECREMENT, NEGATE = AdjustmentType.INCREMENT, AdjustmentType.DECREMENT, AdjustmentType.NEGATE
COUNTER = AttributeReference(attribute="Counter", vendor_identification="x")


def adjust(
    engine: Engine, reference: AttributeReference | str, adjustment: AdjustmentType, value: TypedValue | None = None
) -> None:
    if isinstance(reference, str):
        reference = AttributeReference(attribute=reference)
    request = adjust_attribute.Request(
        unique_identifier="key",
        attribute_reference=reference,
        adjustment_type=adjustment,
        adjustment_value=value,
    )
    response = perform(engine, Operation.ADJUST_ATTRIBUTE, request)
    assert response == adjust_attribute.Response(unique_identifier="key")


def refusal(engine: Engine, *what: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        adjust(engine, *what)
    return refused.value.reason


def a_counter(item_type: ItemType, value: int) -> CustomAttribute:
    return CustomAttribute(
        vendor_identification="x", attribute_name="Counter", attribute_value=TypedValue(item_type, value)
    )


@pytest.mark.parametrize(
    ("adjustment", "amount", "expected"), [(INCREMENT, None, 61), (INCREMENT, 5, 65), (DECREMENT, 60, 0)]
)
def test_adjust_moves_a_number(adjustment: AdjustmentType, amount: int | None, expected: int) -> None:
    engine = an_engine(a_symmetric_key(protection_period=60))

    adjust(engine, "protection_period", adjustment, None if amount is None else TypedValue(ItemType.INTERVAL, amount))

    assert attributes_of(engine).protection_period == expected


def test_adjust_counts_an_absent_number_as_zero() -> None:
    engine = an_engine(a_symmetric_key())

    adjust(engine, "rotate_interval", INCREMENT, TypedValue(ItemType.INTERVAL, 7))

    assert attributes_of(engine).rotate_interval == 7


def test_adjust_counts_an_absent_boolean_as_false() -> None:
    engine = an_engine(a_symmetric_key(cryptographic_length=256))

    adjust(engine, "quantum_safe", NEGATE)

    assert attributes_of(engine).quantum_safe is True


def test_adjust_moves_a_date() -> None:
    engine = an_engine(a_symmetric_key(deactivation_date=NOW + 10))

    adjust(engine, "deactivation_date", INCREMENT)

    assert attributes_of(engine).deactivation_date == NOW + 11


def test_adjust_keeps_the_type_of_a_custom_attribute() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_counter(ItemType.LONG_INTEGER, 5),)))

    adjust(engine, COUNTER, NEGATE)

    assert attributes_of(engine).custom_attributes == (a_counter(ItemType.LONG_INTEGER, -5),)


@pytest.mark.parametrize(
    ("reference", "adjustment", "reason"),
    [
        ("Shoe Size", INCREMENT, ResultReason.UNSUPPORTED_ATTRIBUTE),
        ("comment", INCREMENT, ResultReason.INVALID_DATA_TYPE),
        ("quantum_safe", INCREMENT, ResultReason.INVALID_DATA_TYPE),
        ("protection_period", NEGATE, ResultReason.INVALID_DATA_TYPE),
        ("protection_period", DECREMENT, ResultReason.NUMERIC_RANGE),
        ("activation_date", INCREMENT, ResultReason.ITEM_NOT_FOUND),
        (COUNTER, INCREMENT, ResultReason.ITEM_NOT_FOUND),
        ("cryptographic_length", INCREMENT, ResultReason.READ_ONLY_ATTRIBUTE),
    ],
)
def test_adjust_refuses(reference: AttributeReference | str, adjustment: AdjustmentType, reason: ResultReason) -> None:
    assert refusal(an_engine(a_symmetric_key()), reference, adjustment) is reason


def test_adjust_refuses_a_custom_text() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_custom("Counter", "five"),)))

    assert refusal(engine, COUNTER, INCREMENT) is ResultReason.INVALID_DATA_TYPE


def test_adjust_refuses_an_amount_that_is_no_number() -> None:
    amount = TypedValue(ItemType.TEXT_STRING, "5")

    assert refusal(an_engine(a_symmetric_key()), "protection_period", INCREMENT, amount) is (
        ResultReason.INVALID_DATA_TYPE
    )


def test_adjust_refuses_to_open_a_sensitive_object() -> None:
    engine = an_engine(a_symmetric_key(sensitive=True))

    assert refusal(engine, "sensitive", NEGATE) is ResultReason.INVALID_ATTRIBUTE_VALUE


def test_every_adjustable_attribute_is_one_of_the_standard() -> None:
    assert ADJUSTABLE.keys() <= set(FIELDS)
