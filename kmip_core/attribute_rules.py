"""Who sets, changes and deletes each attribute, and which objects have it: the rules of the rows, applied.

The rules stand in the rows of `attributes.Attributes`. KMIP 2.1 §4, 1.4 §3. Handlers call the functions at the end;
docs/attributes.md is generated from `RULES`.
"""

from typing import Final

from kmip_core.attribute_facts import Change, Rule
from kmip_core.attributes import (
    CERTIFICATE_PARTS,
    CUSTOM,
    LINK_KINDS,
    LINKS,
    MULTIPLE,
    ROWS,
    AttributeReference,
    Attributes,
    custom_reference,
    title,
)
from kmip_core.enums import LinkType, ObjectType, ResultReason, State
from kmip_core.errors import KmipError, invalid_attribute_value
from kmip_core.lifecycle import need_state
from kmip_core.objects import class_of
from kmip_core.standard_names import standard_name, with_article
from kmip_core.structures import SERVER_VENDOR

STATES: Final[dict[Change, frozenset[State]]] = {
    Change.PRE_ACTIVE: frozenset({State.PRE_ACTIVE}),
    Change.PRE_ACTIVE_OR_ACTIVE: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
    Change.UNTIL_REACHED: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
}
"""States in which a client may add or change such an attribute; every state where there is no row."""


RULES: Final[dict[str, Rule]] = {name: row.rule for name, row in ROWS.items()}
"""Every attribute to its rules; custom and vendor attributes share one row."""


def check_creation(attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (Read Only Attribute, or Invalid Attribute) for what a client may not give to a new object."""
    check_class(attributes, object_type)
    for name in attributes.present():
        rule = RULES[name]
        if not rule.on_creation:
            raise read_only(AttributeReference(attribute=name))
        if object_type not in rule.object_types:
            _check_applies(AttributeReference(attribute=name), rule, object_type)
    for reference in map(custom_reference, attributes.custom_attributes):
        rule = rule_of(reference)
        _check_vendor(reference)
        _check_applies(reference, rule, object_type)


def check_class(attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (Invalid Attribute Value) for an Object Class that objects of this type do not have."""
    object_class = class_of(object_type)
    if attributes.object_class not in (None, object_class):
        kind = with_article(standard_name(object_type))
        raise invalid_attribute_value(f"the Object Class of {kind} is {standard_name(object_class)}")


def check_addition(reference: AttributeReference, attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError unless a client may add a value of this attribute to the object. KMIP 2.1 §6.1.2, 1.4 §4.14."""
    rule = rule_of(reference)
    if not rule.addable:
        raise read_only(reference)
    _check_vendor(reference)
    _check_applies(reference, rule, object_type)
    if not is_multiple(reference) and attributes.values_of(reference) and reference.attribute not in REPLACEABLE:
        raise KmipError(
            ResultReason.ATTRIBUTE_SINGLE_VALUED,
            f"{title(reference.attribute)} already has its one value; modify it",
        )
    _check_state(reference, rule, attributes)


REPLACEABLE: Final = frozenset({"operation_policy_name"})
"""Single attributes whose Add is taken as a change: storage systems send it when it is already set (clients.md 15)."""


def check_change(reference: AttributeReference, attributes: Attributes, new_value: object, now: int) -> None:
    """Raise KmipError unless a client may give this attribute, which has a value, a new one. KMIP 2.1 §4."""
    rule = rule_of(reference)
    if rule.change is Change.NEVER:
        raise read_only(reference)
    _check_state(reference, rule, attributes)
    (present, *_) = attributes.values_of(reference)
    match rule.change:
        case Change.UNTIL_REACHED if present <= now:
            raise _too_late(reference, attributes, rule.change)
        case Change.UNTIL_ALLOCATED if present.usage_limits_count != present.usage_limits_total:
            raise _allocated()
        case Change.ONLY_TO_TRUE if present and not new_value:
            raise invalid_attribute_value(f"{title(reference.attribute)} changes only from False to True")
        case Change.ONLY_TO_FALSE if new_value and not present:
            raise invalid_attribute_value(f"{title(reference.attribute)} changes only from True to False")
        case _:
            return


def check_deletion(reference: AttributeReference, attributes: Attributes) -> None:
    """Raise KmipError (Read Only Attribute, or Permission Denied) unless a client may delete this attribute."""
    rule = rule_of(reference)
    if not rule.deletable:
        raise read_only(reference)
    if rule.change is Change.UNTIL_ALLOCATED:
        limits = attributes.usage_limits
        if limits is not None and limits.usage_limits_count != limits.usage_limits_total:
            raise _allocated()


def rule_of(reference: AttributeReference) -> Rule:
    """Return the rule of an attribute.  Raises KmipError for one that is not the standard's, or is the server's own."""
    if reference.vendor_identification is not None:
        if reference.vendor_identification == SERVER_VENDOR:
            raise read_only(reference)  # RULINGS 15
        return RULES[CUSTOM]
    part = reference.attribute in CERTIFICATE_PARTS
    kind = reference.attribute in LINK_KINDS
    rule = RULES.get("certificate_attributes" if part else LINKS.attribute if kind else reference.attribute)
    if rule is None:
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE, f"{reference.attribute[:100]} is not an attribute of the standard"
        )
    return rule


def is_multiple(reference: AttributeReference) -> bool:
    """Return whether an object may have several instances of this attribute."""
    if reference.vendor_identification is not None or reference.attribute in MULTIPLE:
        return True
    return LINK_KINDS.get(reference.attribute) in _MULTIPLE_LINKS


_MULTIPLE_LINKS: Final = frozenset(
    {
        LinkType.CREDENTIAL_LINK,
        LinkType.DERIVED_KEY_LINK,
        LinkType.GROUP_LINK,
        LinkType.JOINED_SPLIT_KEY_PARTS_LINK,
        LinkType.PARENT_LINK,
    }
)
"""Kinds of which an object may have several, where each kind is an attribute. KMIP 3.0 §4.35."""


def read_only(reference: AttributeReference) -> KmipError:
    """Return the refusal of a client's hand on what is the server's."""
    return KmipError(
        ResultReason.READ_ONLY_ATTRIBUTE, f"{title(reference.attribute)} is set by the server, not by clients"
    )


def _check_vendor(reference: AttributeReference) -> None:
    """Raise KmipError (Invalid Attribute) for a vendor that is not named as KMIP 2.1 §4.60 says."""
    vendor = reference.vendor_identification
    if vendor is not None and not (vendor.isascii() and vendor.replace("_", "a").replace(".", "a").isalnum()):
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE, "a Vendor Identification has letters, digits, underscores and periods only"
        )


def _check_applies(reference: AttributeReference, rule: Rule, object_type: ObjectType) -> None:
    if object_type not in rule.object_types:
        text = f"{title(reference.attribute)} is not an attribute of {with_article(standard_name(object_type))}"
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, text)


def _check_state(reference: AttributeReference, rule: Rule, attributes: Attributes) -> None:
    if need_state(attributes) not in STATES.get(rule.change, _EVERY_STATE):
        raise _too_late(reference, attributes, rule.change)


_EVERY_STATE: Final = frozenset(State)


def _too_late(reference: AttributeReference, attributes: Attributes, change: Change) -> KmipError:
    return KmipError(
        ResultReason.WRONG_KEY_LIFECYCLE_STATE,
        f"state is {standard_name(need_state(attributes))}; {title(reference.attribute)} can be changed {change.value}",
    )


def _allocated() -> KmipError:
    return KmipError(ResultReason.PERMISSION_DENIED, "Usage Limits can be changed until usage has been allocated")
