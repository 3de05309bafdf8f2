"""Rights: to which operations and objects a ticket is restricted, and the verdict on one of them.

They only ever take away: what they allow is still judged by the operation policy. KMIP 2.1 §6.1.12, §7.34, §7.35;
ADR 0051.
"""

from collections.abc import Iterable
from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field, not_supported
from kmip_core.objects import ManagedObject
from kmip_core.standard_names import standard_name
from kmip_core.structures import UsageLimits

MAXIMUM_SIZE: Final = 65_536
"""Characters in the names of one ticket's rights, with 16 for each entry: they are kept as long as the ticket."""


@frozen(kw_only=True)
class Operations:
    """The operations of a right; an empty list is none."""

    operations: tuple[Operation, ...] = ()


@frozen(kw_only=True)
class Objects:
    """The objects of a right by their identifiers; an empty list is none."""

    unique_identifiers: tuple[str, ...] = ()


@frozen(kw_only=True)
class ObjectGroups:
    """The groups whose objects a right is for; an empty list is none."""

    object_groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class Right:
    """Some operations on some objects; what is None is not restricted. KMIP 2.1 §7.34."""

    usage_limits: UsageLimits | None = None
    operations: Operations | None = None
    objects: Objects | None = None
    object_groups: ObjectGroups | None = None

    @property
    def is_for_any_object(self) -> bool:
        """Whether objects are not restricted, so that work on none, or on all, is allowed as well."""
        return self.objects is None and self.object_groups is None

    def has(self, operation: Operation) -> bool:
        """Return whether the operation is one of these."""
        return self.operations is None or operation in self.operations.operations

    def may_cover(self, unique_identifier: str) -> bool:
        """Return whether an object of this identifier can be one of these."""
        return self.objects is None or unique_identifier in self.objects.unique_identifiers

    def covers_member(self, managed_object: ManagedObject | None) -> bool:
        """Return whether the object is in one of the groups; without groups, whether or not it is there."""
        if self.object_groups is None:
            return True
        groups = () if managed_object is None else managed_object.attributes.object_groups
        return not set(self.object_groups.object_groups).isdisjoint(groups)


UNRESTRICTED: Final = Right()
"""What a principal without a delegated ticket has."""

_ALL: Final = (UNRESTRICTED,)


@frozen(kw_only=True)
class Rights:
    """What at least one of these allows is allowed; without any, nothing is. KMIP 2.1 §7.35."""

    rights: tuple[Right, ...] = ()


def check(rights: Rights) -> None:
    """Raise KmipError for rights that cannot be kept: Feature Not Supported if counted, Invalid Field if too many."""
    check_usage_limits(right.usage_limits for right in rights.rights)
    if sum(map(_size, rights.rights)) > MAXIMUM_SIZE:
        raise invalid_field("the rights of one ticket are limited; name fewer operations and objects")


def check_usage_limits(limits: Iterable[UsageLimits | None]) -> None:
    """Raise KmipError (Feature Not Supported) for Usage Limits of a ticket: what is promised must be kept."""
    if any(limit is not None for limit in limits):
        raise not_supported("tickets have no Usage Limits here; Request Count and Lease Time are kept")


def check_operation(rights: Rights | None, operation: Operation, *, names_objects: bool) -> None:
    """Raise KmipError (Not Authorised) unless a right has the operation.

    names_objects: False for an operation that names none, such as Create and Locate; those need a right without
        restriction of objects, since what they make or find is not known beforehand.
    """
    if rights is None:
        return
    if not any(right.has(operation) and (names_objects or right.is_for_any_object) for right in rights.rights):
        raise _not_authorised(operation)


def check_identifier(rights: Rights | None, operation: Operation, unique_identifier: str) -> tuple[Right, ...]:
    """Return the rights to this operation on an object of this identifier, as far as the identifier says.

    It is judged before the object is looked for, so that a ticket tells nothing of objects outside its rights.
    Raises KmipError (Not Authorised) where there is none.
    """
    if rights is None:
        return _ALL
    found = tuple(right for right in rights.rights if right.has(operation) and right.may_cover(unique_identifier))
    if not found:
        raise _not_authorised(operation)
    return found


def check_object(rights: tuple[Right, ...], operation: Operation, managed_object: ManagedObject | None) -> None:
    """Raise KmipError (Not Authorised) unless one of `check_identifier`'s rights covers the object.

    managed_object: None for one that is missing or must look so: where rights go by group, it is in none of them.
    """
    if rights is _ALL:  # as for nearly every request
        return
    if not any(right.covers_member(managed_object) for right in rights):
        raise _not_authorised(operation)


def _size(right: Right) -> int:
    operations = right.operations.operations if right.operations else ()
    names = [
        *(right.objects.unique_identifiers if right.objects else ()),
        *(right.object_groups.object_groups if right.object_groups else ()),
    ]
    return 16 * (1 + len(operations) + len(names)) + sum(map(len, names))


def _not_authorised(operation: Operation) -> KmipError:
    return KmipError(
        ResultReason.NOT_AUTHORISED,
        f"the rights of the ticket do not include {standard_name(operation)}, or not on this",
    )
