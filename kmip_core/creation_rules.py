"""Rules that administrators give to all new objects: constraints that they must satisfy, defaults that they take.

KMIP 2.1 §6.1.22, §6.1.52, §6.1.53, §7.6, §7.7, §7.11, §7.22. The standard does not say how several rules go together;
ADR 0031 does: a rule that names one of the object's groups comes before those that name no group.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from kmip_core.attributes import CUSTOM, FIELDS, MASKS, AttributeReference, Attributes, custom_reference, title
from kmip_core.classes import frozen
from kmip_core.enums import ObjectType, ResultReason
from kmip_core.errors import KmipError

MAXIMUM_RULES: Final = 100
"""Constraints, and defaults, at most: every new object is held against each of them."""


@frozen(kw_only=True)
class Constraint:
    """What new objects must have.  object_types, object_groups: whom it concerns; empty: all. KMIP 2.1 §7.6."""

    object_types: tuple[ObjectType, ...] = ()
    object_groups: tuple[str, ...] = ()
    attributes: Attributes | None = None


@frozen(kw_only=True)
class ObjectDefaults:
    """What new objects get where the client says nothing. KMIP 2.1 §7.22.

    object_type, object_types: one type, or several; one of the two is there.  object_groups: empty: all.
    """

    object_type: ObjectType | None = None
    object_types: tuple[ObjectType, ...] = ()
    attributes: Attributes
    object_groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class DefaultsInformation:
    """KMIP 2.1 §7.11."""

    object_defaults: tuple[ObjectDefaults, ...] = ()


@frozen(kw_only=True)
class SystemChanges:
    """How often users, groups and credentials have changed: what is remembered of them is as old as the number.

    It is kept beside the rules because two changes of it exclude each other, so that names stay unique.
    """

    number: int


Rule = TypeVar("Rule", Constraint, ObjectDefaults, SystemChanges)
GroupedRule = TypeVar("GroupedRule", Constraint, ObjectDefaults)


def check(constraints: tuple[Constraint, ...], attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (Constraint Violation) if a new object does not have what it must have.

    One of several values will do; a usage mask must have no bits beyond those of the constraint.
    """
    if not constraints:
        return
    fitting = [c for c in constraints if not c.object_types or object_type in c.object_types]
    named, general = _by_group(fitting, attributes.object_groups)
    for constraint in named or general:
        for instance in () if constraint.attributes is None else constraint.attributes.instances():
            reference = instance.reference
            values = attributes.values_of(reference)
            if reference.vendor_identification is None and reference.attribute in MASKS:
                satisfied = any(value & ~instance.value == 0 for value in values)
            else:
                satisfied = instance.value in values
            if not satisfied:
                raise KmipError(
                    ResultReason.CONSTRAINT_VIOLATION,
                    f"{title(reference.attribute)} is not what Get Constraints says of such objects",
                )


def completed(
    attributes: Attributes,
    defaults: tuple[ObjectDefaults, ...],
    object_type: ObjectType,
    without: frozenset[str] = frozenset(),
) -> Attributes:
    """Return a new object's attributes with defaults where there was nothing.

    without: fields that are left as they are.
    """
    fitting = [d for d in defaults if d.object_type is object_type]
    named, general = _by_group(fitting, attributes.object_groups)
    for rule in (*named, *general):
        changes: dict[str, Any] = {
            name: value
            for name in FIELDS
            if name not in without
            and (value := getattr(rule.attributes, name)) not in (None, ())
            and getattr(attributes, name) in (None, ())
        }
        taken: set[AttributeReference] = {custom_reference(custom) for custom in attributes.custom_attributes}
        more = tuple(c for c in rule.attributes.custom_attributes if custom_reference(c) not in taken)
        attributes = attributes.but(**changes, **{CUSTOM: attributes.custom_attributes + more})
    return attributes


def for_groups(rules: tuple[GroupedRule, ...], object_groups: tuple[str, ...]) -> tuple[GroupedRule, ...]:
    """Return the rules that concern objects of these groups; all of them where no group is named."""
    if not object_groups:
        return rules
    return tuple(rule for group in _by_group(rules, object_groups) for rule in group)


def _by_group(
    rules: Iterable[GroupedRule], object_groups: tuple[str, ...]
) -> tuple[list[GroupedRule], list[GroupedRule]]:
    """Return the rules that name one of these groups, and those that name none."""
    listed = tuple(rules)
    groups = set(object_groups)
    named = [rule for rule in listed if not groups.isdisjoint(rule.object_groups)]
    return named, [rule for rule in listed if not rule.object_groups]
