"""What Locate asks for, and whether one object satisfies it: the reference that storage adapters compile to queries.

KMIP 2.1 §6.1.28, 1.4 §4.9. Two dates of one kind are a range, one is an exact date, the largest of all is none; a usage
mask matches objects that have all its bits; usage limits match those that leave and allow as much; of a structure the
fields that are said must be there; everything else is equality with any instance.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from attrs import evolve, fields, has

from kmip_core import lifecycle
from kmip_core.attributes import (
    BY_TYPE,
    CERTIFICATE_PARTS,
    DATES,
    FIELDS,
    MASKS,
    AttributeInstance,
    AttributeReference,
    Attributes,
    title,
)
from kmip_core.classes import define, frozen
from kmip_core.enums import ObjectClassMask, ObjectGroupMember, ResultReason, StorageStatusMask
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import ManagedObject
from kmip_core.policy import DEFAULT_POLICY, Visibility
from kmip_core.structures import CertificateAttributes, UsageLimits

NEVER: Final = 2**63 - 1
"""The largest possible date: "equivalent to an undefined attribute" (KMIP 2.1 §6.1.28, 1.4 §4.9)."""

MAXIMUM_CRITERIA: Final = 64
"""A query's cost grows with its criteria, and clients choose them; real ones send a handful."""


@define(kw_only=True)
class LocateQuery:
    """One Locate, complete: what to find, for which principal, and when; nothing sets a field of it afterwards.

    criteria: all must hold.  storage_status_mask: None means on-line objects only.
    maximum_items, offset_items: applied after the order, which is newest first and stable.
    is_counted: whether to tell how many there are in all, which costs as much as to find them all.
    """

    criteria: tuple[AttributeInstance, ...] = ()
    visibility: Visibility
    now: int
    storage_status_mask: StorageStatusMask | None = None
    object_group_member: ObjectGroupMember | None = None
    maximum_items: int | None = None
    offset_items: int = 0
    is_counted: bool = False


@define(kw_only=True)
class Located:
    """The answer.  located_items: how many there are in all, before offset and maximum, if they were to be counted."""

    unique_identifiers: tuple[str, ...]
    located_items: int | None = None


MAXIMUM_ALTERNATIVES: Final = 64
"""Ways to satisfy one criterion: an object with more names than that has them in few of its links."""


@frozen
class AnyOf:
    """Ways to satisfy one criterion, each with a whole value, of which any will do. 1 to `MAXIMUM_ALTERNATIVES`."""

    instances: tuple[AttributeInstance, ...]


@frozen
class DateRange:
    """A range of seconds, both ends included."""

    first: int
    last: int

    @property
    def includes_none(self) -> bool:
        """Whether objects without the date are in the range: it is open to `NEVER`."""
        return self.last == NEVER


def conditions(criteria: tuple[AttributeInstance, ...]) -> Iterator[tuple[AttributeReference, Any]]:
    """Yield each criterion once, two dates of one kind joined to a `DateRange`.

    Raises KmipError: Invalid Attribute for one that the standard does not have; Invalid Field for three or more dates
    of one kind, and for more than `MAXIMUM_CRITERIA`.
    """
    if len(criteria) > MAXIMUM_CRITERIA:
        raise invalid_field(f"Locate takes at most {MAXIMUM_CRITERIA} attributes")
    dates: dict[AttributeReference, list[int]] = {}
    for criterion in criteria:
        reference = criterion.reference
        if reference.attribute_index is not None:
            reference = AttributeReference(
                attribute=reference.attribute, vendor_identification=reference.vendor_identification
            )
        if reference.vendor_identification is None and reference.attribute not in _SEARCHABLE:
            text = f"{reference.attribute} is not an attribute that can be searched for"
            raise KmipError(ResultReason.INVALID_ATTRIBUTE, text)
        if reference.vendor_identification is None and reference.attribute in DATES:
            dates.setdefault(reference, []).append(criterion.value)
        else:
            yield reference, criterion.value
    for reference, values in dates.items():
        if len(values) > 2:
            raise invalid_field(f"{title(reference.attribute)} takes one value, or two for a range")
        yield reference, DateRange(min(values), max(values))


def of_classes(query: LocateQuery, classes: ObjectClassMask) -> LocateQuery:
    """Return the query for the objects of these classes, and of each that a criterion names. KMIP 3.0 §6.1.32.

    An object's class follows from its type, so that the classes narrow the types that are visible; no store is asked
    for them.
    """
    others: list[AttributeInstance] = []
    for criterion in query.criteria:
        if criterion.reference.vendor_identification is None and criterion.reference.attribute in BY_TYPE:
            classes &= ObjectClassMask[criterion.value.name]
        else:
            others.append(criterion)
    visible = query.visibility.of_classes(classes)
    if visible is query.visibility and len(others) == len(query.criteria):  # as for nearly every client
        return query
    return evolve(query, criteria=tuple(others), visibility=visible)


def satisfies(managed_object: ManagedObject, query: LocateQuery) -> bool:
    """Return whether one stored object is visible and matches; the state is settled at `query.now` first."""
    attributes = lifecycle.settle(managed_object.attributes, query.now)
    policy_name = attributes.operation_policy_name or DEFAULT_POLICY
    return (
        query.visibility.includes(managed_object.owner, policy_name, managed_object.object_type)
        and has_status(managed_object, query.storage_status_mask)
        and _is_group_member(attributes, query.object_group_member)
        and all(matches(attributes, reference, wanted) for reference, wanted in conditions(query.criteria))
    )


def has_status(managed_object: ManagedObject, mask: StorageStatusMask | None) -> bool:
    """Return whether the object's storage status is asked for; without a mask, whether it is on line.

    On-line objects are neither archived nor destroyed. KMIP 2.1 §6.1.28, §12.3.
    """
    if managed_object.attributes.state in lifecycle.GONE:
        status = StorageStatusMask.DESTROYED_STORAGE
    elif managed_object.archived:
        status = StorageStatusMask.ARCHIVAL_STORAGE
    else:
        status = StorageStatusMask.ON_LINE_STORAGE
    return bool(status & (StorageStatusMask.ON_LINE_STORAGE if mask is None else mask))


def matches(attributes: Attributes, reference: AttributeReference, wanted: Any) -> bool:
    """Return whether any instance of one attribute satisfies one condition."""
    if isinstance(wanted, AnyOf):
        return any(matches(attributes, one.reference, one.value) for one in wanted.instances)
    values = attributes.values_of(reference)
    if isinstance(wanted, DateRange):
        return any(wanted.first <= value <= wanted.last for value in values) or (wanted.includes_none and not values)
    if reference.vendor_identification is None and reference.attribute in MASKS:
        return any(value & wanted == wanted for value in values)
    return wanted in values or (is_partial(reference, wanted) and any(_fits(value, wanted) for value in values))


def is_partial(reference: AttributeReference, wanted: Any) -> bool:
    """Return whether a criterion says less than a whole value, so that equality is too much to ask."""
    if reference.vendor_identification is not None or isinstance(wanted, str | int | AnyOf):
        return False
    kind: Any = type(wanted)
    names = _names_of(kind)
    if names and isinstance(wanted, UsageLimits | CertificateAttributes):
        return True
    return any([getattr(wanted, name) in _ABSENT for name in names])  # noqa: C419 - one frame, not one for each name


_ABSENT: Final[tuple[Any, ...]] = (None, ())


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    """Return the names of the parts of a structure; none for any other value."""
    return tuple(a.name for a in fields(kind)) if has(kind) else ()


def _fits(value: Any, wanted: Any) -> bool:
    """Return whether a structure has everything that `wanted` says of it."""
    for name in (a.name for a in fields(type(wanted))):
        asked, present = getattr(wanted, name), getattr(value, name)
        if asked in (None, ()) or asked == present:
            continue
        if isinstance(asked, tuple):
            fits = set(asked) <= set(present)
        else:
            fits = isinstance(wanted, UsageLimits) and name in _AT_LEAST and present is not None and present >= asked
        if not fits:
            return False
    return True


_AT_LEAST: Final = frozenset({"usage_limits_total", "usage_limits_count"})
_SEARCHABLE: Final = (frozenset(FIELDS) - BY_TYPE) | frozenset(CERTIFICATE_PARTS)


def _is_group_member(attributes: Attributes, member: ObjectGroupMember | None) -> bool:
    """Fresh members have never been handed out. KMIP 2.1 §11.33."""
    return member is not ObjectGroupMember.GROUP_MEMBER_FRESH or attributes.fresh is True
