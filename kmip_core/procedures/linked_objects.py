"""Links to objects by their names, which are looked up when a link is followed. KMIP 3.0 §4.35, §4.36; RULINGS 40.

A link is kept as it was given. Its name means the one object that has it then, of the types that such a link leads to
and of those that the client may locate; a destroyed object has its name only where no other one has.
"""

import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, Protocol, get_args, get_type_hints

from attrs import evolve, fields, has

from kmip_core.attributes import (
    LINKS,
    NAMES,
    OBJECT_GROUPS,
    AttributeInstance,
    Attributes,
    link_to_group,
    name_of_group,
)
from kmip_core.criteria import MAXIMUM_ALTERNATIVES, AnyOf, Located, LocateQuery
from kmip_core.enums import LinkType, ObjectType, ResultReason, StorageStatusMask, UniqueIdentifier
from kmip_core.errors import KmipError
from kmip_core.operation import Scope
from kmip_core.policy import DEFAULT_POLICY, Visibility
from kmip_core.structures import (
    EncryptionKeyInformation,
    Link,
    MACSignatureKeyInformation,
    Name,
    NameReference,
    ObjectReference,
)

CREDENTIALS: Final = frozenset(
    {
        ObjectType.CERTIFICATE,
        ObjectType.PASSWORD_CREDENTIAL,
        ObjectType.DEVICE_CREDENTIAL,
        ObjectType.ONE_TIME_PASSWORD_CREDENTIAL,
        ObjectType.HASHED_PASSWORD_CREDENTIAL,
    }
)

TYPES: Final[Mapping[LinkType, frozenset[ObjectType]]] = {
    LinkType.CERTIFICATE_LINK: frozenset({ObjectType.CERTIFICATE}),
    LinkType.CERTIFICATE_REQUEST_LINK: frozenset({ObjectType.CERTIFICATE_REQUEST}),
    LinkType.CREDENTIAL_LINK: CREDENTIALS,
    LinkType.GROUP_LINK: frozenset({ObjectType.GROUP}),
    LinkType.PASSWORD_LINK: frozenset({ObjectType.SECRET_DATA}),
    LinkType.PKCS_12_CERTIFICATE_LINK: frozenset({ObjectType.CERTIFICATE}),
    LinkType.PKCS_12_PASSWORD_LINK: frozenset({ObjectType.SECRET_DATA}),
    LinkType.PRIVATE_KEY_LINK: frozenset({ObjectType.PRIVATE_KEY}),
    LinkType.PUBLIC_KEY_LINK: frozenset({ObjectType.PUBLIC_KEY}),
}
"""Kinds of links that lead to objects of certain types only: the halves of a pair often have one name."""

_NOT_DESTROYED: Final = StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE
_EVERYTHING: Final = _NOT_DESTROYED | StorageStatusMask.DESTROYED_STORAGE


class Searching(Protocol):
    """The part of a unit of work that finds objects."""

    def locate(self, query: LocateQuery) -> Located:
        """Return what satisfies the query."""
        ...


def having_name(
    work: Searching,
    visibility: Visibility,
    now: int,
    name: str,
    types: frozenset[ObjectType] | None = None,
    *,
    with_destroyed: bool = True,
) -> tuple[str, ...]:
    """Return the objects that a name stands for: none, the one, or two of several that make it ambiguous.

    types: None for every type.  with_destroyed: whether a destroyed object counts where no other one has the name.
    """
    visible = visibility if types is None else visibility.of_types(types)
    if not visible.owned and not visible.everyone:
        return ()
    of_any_type: Any = None  # a criterion need not have all of a structure
    query = LocateQuery(
        criteria=(AttributeInstance(reference=NAMES, value=Name(name_value=name, name_type=of_any_type)),),
        visibility=visible,
        now=now,
        storage_status_mask=_NOT_DESTROYED,
        maximum_items=2,
    )
    found = work.locate(query).unique_identifiers
    if found or not with_destroyed:
        return found
    return work.locate(evolve(query, storage_status_mask=_EVERYTHING)).unique_identifiers


def may_have_links(request: Any) -> bool:
    """Return whether there is anything in a request for `settled` to look through."""
    kind: Any = type(request)
    for name in fields_with_links(kind):
        part = getattr(request, name)
        if part and (part.links if type(part) is Attributes else _any_may_hold_links(part)):
            return True
    return False


def settled(value: Any, resolve: Callable[[ObjectReference], str]) -> Any:
    """Return a request, or a part of one, with each link to what its batch has returned made one by identifier.

    A name in a link stays as it is; the key that wraps another one is named by its identifier from then on.
    resolve: returns the identifier; raises KmipError, as does this then.
    """
    changes: dict[str, Any] = {}
    match value:
        case Link(linked_object_identifier=UniqueIdentifier() | int() as target):
            return evolve(value, linked_object_identifier=resolve(target))
        case Attributes(links=()) | Link():
            return value
        case EncryptionKeyInformation() | MACSignatureKeyInformation():
            changes["unique_identifier"] = _wrapping_key(value.unique_identifier, resolve)
        case Attributes():
            changes["links"] = settled(value.links, resolve)
        case AttributeInstance():
            changes["value"] = settled(value.value, resolve)
        case tuple():
            parts = [settled(part, resolve) for part in value]
            return value if all(map(operator.is_, parts, value)) else tuple(parts)
        case _ if has(type(value)):
            kind: Any = type(value)
            names = fields_with_links(kind)  # most of them are empty
            changes = {name: settled(part, resolve) for name in names if (part := getattr(value, name))}
    changes = {name: part for name, part in changes.items() if part is not getattr(value, name)}
    return evolve(value, **changes) if changes else value


def _wrapping_key(reference: ObjectReference, resolve: Callable[[ObjectReference], str]) -> str:
    try:
        return reference if isinstance(reference, str) else resolve(reference)
    except KmipError as error:
        if error.reason is not ResultReason.OBJECT_NOT_FOUND:
            raise
        raise KmipError(ResultReason.WRAPPING_OBJECT_NOT_FOUND, error.message) from error


def _any_may_hold_links(value: Any) -> bool:
    """Return whether a value may hold links: what a Locate looks for is mostly a name."""
    if type(value) is not tuple:
        return True
    for part in value:
        if type(part) is not AttributeInstance:
            return True
        kind: Any = type(part.value)
        if _may_hold(kind):
            return True
    return False


@cache  # every value that is looked for is looked at
def _may_hold(kind: Any) -> bool:
    """Return whether a value of a class may be a link, or hold one."""
    return kind is tuple or _may_hold_links(kind, frozenset())


@cache  # every request is looked at
def fields_with_links(cls: Any) -> tuple[str, ...]:
    """Return the fields of a class in which `settled` looks for links; where there are none it need not be called."""
    hints = get_type_hints(cls)
    return tuple(a.name for a in fields(cls) if _may_hold_links(hints[a.name], frozenset({cls})))


def _may_hold_links(hint: Any, around: frozenset[Any]) -> bool:
    if hint in (Link, Attributes, AttributeInstance, EncryptionKeyInformation, MACSignatureKeyInformation):
        return True
    if isinstance(hint, type) and has(hint):
        inner = around | {hint}
        return hint not in around and any(_may_hold_links(part, inner) for part in get_type_hints(hint).values())
    return any(_may_hold_links(part, around) for part in get_args(hint))


def linked(scope: Scope, attributes: Attributes, kind: LinkType) -> tuple[str, ...]:
    """Return the identifiers of the objects to which the links of one kind lead, each once.

    Raises KmipError: Object Not Found, Non Unique Name Attribute for a name that does not stand for one object.
    """
    return tuple(dict.fromkeys(map(scope.admit.linked, attributes.links_of(kind))))


# --- links as criteria ------------------------------------------------------------------------------------------------


def widened(scope: Scope, criteria: tuple[AttributeInstance, ...]) -> tuple[AttributeInstance, ...]:
    """Return what Locate looks for, where a link is looked for by the object to which it leads, however it is named.

    Raises KmipError (Server Limit Exceeded) for an object with too many names.
    """
    for criterion in criteria:
        if _link_of(criterion) is not None:
            return tuple([_ways(scope, criterion) for criterion in criteria])
    return criteria


def _ways(scope: Scope, criterion: AttributeInstance) -> AttributeInstance:
    link = _link_of(criterion)
    if link is None:
        return criterion
    kind, target, types = link.link_type, link.linked_object_identifier, TYPES.get(link.link_type)
    if isinstance(target, NameReference):
        found = having_name(scope.work, scope.visibility, scope.now, target.name, types)
        identifier = found[0] if len(found) == 1 else None
    else:
        identifier = str(target)
    targets = dict.fromkeys((target, *(() if identifier is None else (identifier,))))
    for name in () if identifier is None else _names_of(scope, identifier, types):
        if having_name(scope.work, scope.visibility, scope.now, name, types) == (identifier,):
            targets[NameReference(name)] = None
    ways = [_criterion(Link(link_type=kind, linked_object_identifier=one)) for one in targets]
    return ways[0] if len(ways) == 1 else AttributeInstance(reference=LINKS, value=AnyOf(tuple(ways)))


def _link_of(criterion: AttributeInstance) -> Link | None:
    """Return the whole link that a criterion is about, if any."""
    reference, value = criterion.reference, criterion.value
    if reference.vendor_identification is not None:
        return None
    if reference.attribute == OBJECT_GROUPS.attribute:
        return link_to_group(value)
    is_whole = isinstance(value, Link) and None not in (value.link_type, value.linked_object_identifier)
    return value if is_whole else None


def _names_of(scope: Scope, identifier: str, types: frozenset[ObjectType] | None) -> list[str]:
    """Return the names of an object that the client may locate and to which such a link can lead."""
    found = scope.work.find(identifier)
    if found is None or (types is not None and found.object_type not in types):
        return []
    if not scope.visibility.includes(
        found.owner, found.attributes.operation_policy_name or DEFAULT_POLICY, found.object_type
    ):
        return []
    names = list(dict.fromkeys(name.name_value for name in found.attributes.names))
    if len(names) > MAXIMUM_ALTERNATIVES - 2:
        text = f"the linked object has more than {MAXIMUM_ALTERNATIVES - 2} names, and may be linked by each of them"
        raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, text)
    return names


def _criterion(link: Link) -> AttributeInstance:
    group = name_of_group(link)
    if group is not None:
        return AttributeInstance(reference=OBJECT_GROUPS, value=group)
    return AttributeInstance(reference=LINKS, value=link)
