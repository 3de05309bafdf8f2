"""Rights: to which operations and objects a ticket is restricted, and the verdict on one of them.

They only ever take away: what they allow is still judged by the operation policy. KMIP 2.1 §6.1.12, §7.34, §7.35;
ADR 0051.
"""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from kmip_core.enums import Operation
from kmip_core.errors import KmipError, invalid_field, not_found, not_supported, permission_denied, spoken
from kmip_core.objects import ManagedObject
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

    def covers(self, managed_object: ManagedObject) -> bool:
        """Return whether the object is one of these: by identifier and by group, where both are restricted."""
        by_name = self.objects is None or managed_object.unique_identifier in self.objects.unique_identifiers
        by_group = self.object_groups is None or not set(self.object_groups.object_groups).isdisjoint(
            managed_object.attributes.object_groups
        )
        return by_name and by_group


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
    """Raise KmipError (Permission Denied) unless a right has the operation.

    names_objects: False for an operation that names none, such as Create and Locate; those need a right without
        restriction of objects, since what they make or find cannot be told beforehand.
    """
    if rights is None:
        return
    if not any(right.has(operation) and (names_objects or right.is_for_any_object) for right in rights.rights):
        raise _denied(operation)


def check_object(rights: Rights | None, operation: Operation, managed_object: ManagedObject) -> None:
    """Raise KmipError unless a right has this operation on this object.

    Object Not Found for an object that no right covers, as if it were somebody else's; else Permission Denied.
    """
    if rights is None:
        return
    covering = [right for right in rights.rights if right.covers(managed_object)]
    if not covering:
        raise not_found()
    if not any(right.has(operation) for right in covering):
        raise _denied(operation)


def _size(right: Right) -> int:
    operations = right.operations.operations if right.operations else ()
    names = [
        *(right.objects.unique_identifiers if right.objects else ()),
        *(right.object_groups.object_groups if right.object_groups else ()),
    ]
    return 16 * (1 + len(operations) + len(names)) + sum(map(len, names))


def _denied(operation: Operation) -> KmipError:
    return permission_denied(f"the rights of the ticket do not include {spoken(operation)}")
