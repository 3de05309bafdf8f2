"""The default member of an object group, which the standard leaves to the server. KMIP 2.1 §6.1.28, 1.4 §4.9; ADR 0132.

The newest member that matches, or each in its turn: then the member that Get served last carries a mark of the server's
for the group, and the default is the next one that was made after it. One group's mark says nothing of another's.
"""

from typing import Final

from attrs import evolve

from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.criteria import Located, LocateQuery
from kmip_core.enums import ItemType, ObjectGroupMember, StorageStatusMask
from kmip_core.objects import ManagedObject
from kmip_core.operation import Scope
from kmip_core.rules import Admitted
from kmip_core.settings import GroupDefault
from kmip_core.structures import SERVER_VENDOR, TypedValue

MARK: Final = AttributeReference(attribute="Group Turn", vendor_identification=SERVER_VENDOR)
"""The server's attribute whose values are the groups of which the object was the last one served."""

_EVERYWHERE: Final = (
    StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE | StorageStatusMask.DESTROYED_STORAGE
)


def asks_for_default(query: LocateQuery) -> bool:
    """Return whether a Locate is for the default member of a group."""
    return query.object_group_member is ObjectGroupMember.GROUP_MEMBER_DEFAULT and bool(_groups(query))


def locate_default(scope: Scope, query: LocateQuery) -> Located:
    """Return one member of the group at most; Maximum Items and Offset Items are those of a list of one."""
    if scope.services.settings.group_default is GroupDefault.NEWEST:
        found = scope.work.locate(evolve(query, maximum_items=1, offset_items=0, is_counted=False)).unique_identifiers
    else:
        found = _next_in_turn(scope, query)
    end = None if query.maximum_items is None else query.offset_items + query.maximum_items
    return Located(
        unique_identifiers=found[query.offset_items : end], located_items=len(found) if query.is_counted else None
    )


def take_turn(scope: Scope, target: Admitted, managed_object: ManagedObject) -> ManagedObject:
    """Return the object that Get serves with the marks of its groups, which the members served before it lose."""
    groups = managed_object.attributes.object_groups
    if scope.services.settings.group_default is not GroupDefault.ROUND_ROBIN or not groups:
        return managed_object
    for group in groups:
        for identifier in _marked(scope, group):
            before = scope.work.find(identifier)
            if before is not None and identifier != target.unique_identifier:
                left = tuple(value for value in _marks(before.attributes) if value != _value(group))
                scope.work.save(before.changed(before.attributes.with_values(MARK, left)))
    marks = tuple(map(_value, groups))
    if _marks(managed_object.attributes) == marks:
        return managed_object
    return managed_object.changed(managed_object.attributes.with_values(MARK, marks))


def _next_in_turn(scope: Scope, query: LocateQuery) -> tuple[str, ...]:
    whole = evolve(query, maximum_items=None, offset_items=0, is_counted=False)
    matching = scope.work.locate(whole).unique_identifiers
    last = _marked(scope, _groups(query)[0])
    if not matching or not last:
        return matching[-1:]
    # Members that were destroyed or archived since keep their place in the order.
    members = evolve(
        whole,
        criteria=tuple(each for each in query.criteria if each.reference.attribute == _GROUPS),
        storage_status_mask=_EVERYWHERE,
        object_group_member=None,
    )
    newest_first = scope.work.locate(members).unique_identifiers
    newer = newest_first[: newest_first.index(last[0])] if last[0] in newest_first else ()
    can_be_next = frozenset(matching)
    following = [identifier for identifier in newer if identifier in can_be_next]
    return (following[-1],) if following else matching[-1:]


_GROUPS: Final = "object_groups"


def _groups(query: LocateQuery) -> list[str]:
    return [
        criterion.value
        for criterion in query.criteria
        if criterion.reference.attribute == _GROUPS and criterion.reference.vendor_identification is None
    ]


def _marked(scope: Scope, group: str) -> tuple[str, ...]:
    """Return the members of a group that carry its mark: one, if the client sees all of them."""
    criteria = (
        AttributeInstance(reference=AttributeReference(attribute=_GROUPS), value=group),
        AttributeInstance(reference=MARK, value=_value(group)),
    )
    query = LocateQuery(
        criteria=criteria, visibility=scope.visibility, now=scope.now, storage_status_mask=_EVERYWHERE, maximum_items=10
    )
    return scope.work.locate(query).unique_identifiers


def _marks(attributes: Attributes) -> tuple[TypedValue, ...]:
    marks: tuple[TypedValue, ...] = attributes.values_of(MARK)
    return marks


def _value(group: str) -> TypedValue:
    return TypedValue(ItemType.TEXT_STRING, group)
