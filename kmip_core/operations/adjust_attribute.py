"""Adjust Attribute: a number or a Boolean is changed relative to what it is. KMIP 2.1 §6.1.3, §11.1."""

from typing import Any, Final

from kmip_core import attribute_rules
from kmip_core.attributes import ADJUSTABLE, AttributeInstance, AttributeReference, Attributes, title
from kmip_core.classes import frozen
from kmip_core.enums import AdjustmentType, ItemType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose
from kmip_core.standard_names import standard_name, with_article
from kmip_core.structures import TypedValue


@frozen(kw_only=True)
class Request:
    """adjustment_value: how much to add or subtract; 1 if left out."""

    unique_identifier: ObjectReference | None = None
    attribute_reference: AttributeReference
    adjustment_type: AdjustmentType
    adjustment_value: TypedValue | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Change the value, which counts as 0 or False where the object has none.

    Raises KmipError: Invalid Data Type for an attribute that is no number, interval, date or Boolean; Item Not Found
    where an absent value has no default; Numeric Range; else as Set Attribute.
    """
    reference, attributes = request.attribute_reference, scope.target.attributes
    if reference.vendor_identification is None and reference.attribute not in attribute_rules.RULES:
        raise KmipError(
            ResultReason.UNSUPPORTED_ATTRIBUTE, f"{reference.attribute[:100]} is not an attribute of the standard"
        )
    before = _before(reference, attributes)
    after = _adjusted(before, request.adjustment_type, _amount(request.adjustment_value))
    value = after if reference.vendor_identification is not None else after.value
    changing.put(scope, scope.target, AttributeInstance(reference=reference, value=value))
    return Response(unique_identifier=scope.target.unique_identifier)


RANGES: Final[dict[ItemType, tuple[int, int]]] = {
    ItemType.INTEGER: (-(2**31), 2**31 - 1),
    ItemType.LONG_INTEGER: (-(2**63), 2**63 - 1),
    ItemType.BIG_INTEGER: (-(2**4095), 2**4095 - 1),
    ItemType.INTERVAL: (0, 2**32 - 1),
    ItemType.DATE_TIME: (-(2**63), 2**63 - 1),
    ItemType.DATE_TIME_EXTENDED: (-(2**63), 2**63 - 1),
}
"""What each number can hold; Big Integers end somewhere, too."""

NEGATED: Final = frozenset({ItemType.INTEGER, ItemType.LONG_INTEGER, ItemType.BIG_INTEGER})


def _before(reference: AttributeReference, attributes: Attributes) -> TypedValue:
    values = attributes.values_of(reference)
    if reference.vendor_identification is not None:
        if not values:
            raise KmipError(ResultReason.ITEM_NOT_FOUND, f"the object has no {title(reference.attribute)}")
        custom: TypedValue = values[0]
        return custom
    item_type = ADJUSTABLE.get(reference.attribute)
    if item_type is None:
        raise KmipError(ResultReason.INVALID_DATA_TYPE, f"{title(reference.attribute)} is no number and no Boolean")
    if not values and item_type is ItemType.DATE_TIME:
        raise KmipError(ResultReason.ITEM_NOT_FOUND, f"the object has no {title(reference.attribute)}")
    return TypedValue(item_type, values[0] if values else item_type is not ItemType.BOOLEAN and 0)


def _amount(value: TypedValue | None) -> int:
    if value is None:
        return 1
    if value.item_type not in RANGES or not isinstance(value.value, int):
        raise KmipError(ResultReason.INVALID_DATA_TYPE, "Adjustment Value must be a number")
    return value.value


def _adjusted(before: TypedValue, adjustment_type: AdjustmentType, amount: int) -> TypedValue:
    number: Any = before.value
    match adjustment_type:
        case AdjustmentType.NEGATE if before.item_type is ItemType.BOOLEAN:
            return TypedValue(before.item_type, not number)
        case AdjustmentType.NEGATE if before.item_type in NEGATED:
            number = -number
        case AdjustmentType.INCREMENT if before.item_type in RANGES:
            number += amount
        case AdjustmentType.DECREMENT if before.item_type in RANGES:
            number -= amount
        case _:
            text = f"{standard_name(adjustment_type)} does not apply to {with_article(standard_name(before.item_type))}"
            raise KmipError(ResultReason.INVALID_DATA_TYPE, text)
    least, most = RANGES[before.item_type]
    if not least <= number <= most:
        raise KmipError(ResultReason.NUMERIC_RANGE, f"the value must stay between {least} and {most}")
    return TypedValue(before.item_type, number)


SPEC = Spec(
    operation=Operation.ADJUST_ATTRIBUTE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_ATTRIBUTES),),
)
