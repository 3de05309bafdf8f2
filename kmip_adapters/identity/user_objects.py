"""Users, groups and credentials as managed objects: which of them count, and what leads from one to another."""

import hmac
import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from kmip_core import lifecycle
from kmip_core.attributes import NAMES, AttributeInstance, AttributeReference
from kmip_core.criteria import LocateQuery
from kmip_core.enums import CredentialType, LinkType, ObjectType, StorageStatusMask
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject, SecretData, material_bytes
from kmip_core.policy import DEFAULT_POLICY, Visibility
from kmip_core.ports.storage import UnitOfWork
from kmip_core.procedures.linked_objects import CREDENTIALS
from kmip_core.procedures.system_objects import MAXIMUM_GROUPS
from kmip_core.rules import Purpose, admit
from kmip_core.structures import Name, NameReference

IS_CREDENTIAL: Final = (AttributeReference(attribute="credential_type"), CredentialType.CERTIFICATE)
"""What a certificate has that is a credential, and not just an object of some client."""

_NOT_DESTROYED: Final = StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE

_NAMED_BY: Final[Mapping[LinkType, tuple[ObjectType, ...]]] = {
    LinkType.CREDENTIAL_LINK: tuple(sorted(CREDENTIALS)),
    LinkType.GROUP_LINK: (ObjectType.GROUP,),
    LinkType.PARENT_LINK: (ObjectType.GROUP,),
    LinkType.PASSWORD_LINK: (ObjectType.SECRET_DATA,),
}
"""Types of the objects to which names in links of each kind lead."""


def is_usable(record: ManagedObject, now: int) -> bool:
    """Return whether a user, group or credential counts at this instant (RULINGS 43)."""
    attributes = lifecycle.settle(record.attributes, now)
    date = attributes.activation_date
    try:
        admit(evolve(record, attributes=attributes), Purpose.AUTHENTICATE, now)
    except KmipError:
        return False
    return date is None or date <= now


def next_date(record: ManagedObject, now: int) -> float:
    """Return when a user, group or credential may begin or cease to count without a change."""
    dates = (record.attributes.activation_date, record.attributes.deactivation_date)
    return min((date for date in dates if date is not None and date > now), default=math.inf)


def locate(
    work: UnitOfWork,
    object_type: ObjectType,
    now: int,
    *criteria: tuple[AttributeReference, Any],
    owner: str | None = None,
) -> tuple[str, ...]:
    """Return the identifiers of the first objects that fit, of one owner or of anybody, archived ones too."""
    pairs, none = frozenset({(DEFAULT_POLICY, object_type)}), frozenset[tuple[str, ObjectType]]()
    query = LocateQuery(
        criteria=tuple(AttributeInstance(reference=reference, value=value) for reference, value in criteria),
        visibility=Visibility(
            owner=owner or "", owned=none if owner is None else pairs, everyone=pairs if owner is None else none
        ),
        now=now,
        storage_status_mask=_NOT_DESTROYED,  # the name of an archived user is taken
        maximum_items=4,
    )
    return work.locate(query).unique_identifiers


def name_criterion(text: str) -> Name:
    """Return the value by which objects of a name are found, whatever type the name has."""
    of_any_type: Any = None  # a criterion need not have all of a structure
    return Name(name_value=text, name_type=of_any_type)


def groups_of(work: UnitOfWork, record: ManagedObject, now: int) -> tuple[frozenset[str], float]:
    """Return the names of the groups of a user and of those above them, and when the next date of any of them comes.

    A group that is not there gives nothing.
    """
    waiting = [*linked_from(work, record, LinkType.GROUP_LINK, now)]
    seen: set[str] = set()
    names: set[str] = set()
    until = math.inf
    while waiting and len(seen) < MAXIMUM_GROUPS:
        identifier = waiting.pop()
        if identifier in seen:
            continue
        seen.add(identifier)
        group = work.find(identifier)
        if group is None or group.object_type is not ObjectType.GROUP:
            continue
        until = min(until, next_date(group, now))
        if is_usable(group, now):
            names.update(name.name_value for name in group.attributes.names)
            waiting += linked_from(work, group, LinkType.PARENT_LINK, now)
    return frozenset(names), until


def linked_from(work: UnitOfWork, record: ManagedObject, kind: LinkType, now: int) -> tuple[str, ...]:
    """Return the identifiers to which the links of one kind lead; a name that several objects have leads nowhere.

    Names are those of system objects, and for a password those of the Secret Data of the owner of the credential.
    """
    found: list[str] = []
    for link in record.attributes.links_of(kind):
        target = link.linked_object_identifier
        if isinstance(target, str):
            found.append(target)
        elif isinstance(target, NameReference):
            named = [
                one for each in _NAMED_BY[kind] for one in _having_name(work, each, now, target.name, record.owner)
            ]
            found += named if len(named) == 1 else ()
    return tuple(found)


def _having_name(work: UnitOfWork, object_type: ObjectType, now: int, name: str, owner: str) -> tuple[str, ...]:
    criteria: list[tuple[AttributeReference, Any]] = [(NAMES, name_criterion(name))]
    if object_type is ObjectType.CERTIFICATE:  # any client may give its own such a name
        criteria.append(IS_CREDENTIAL)
    return locate(work, object_type, now, *criteria, owner=owner if object_type is ObjectType.SECRET_DATA else None)


def is_linked_password_still(work: UnitOfWork, credential: str, password: bytes, now: int) -> bool:
    """Return whether the password is still that of the Secret Data to which a credential leads."""
    record = work.find(credential)
    return record is not None and is_usable(record, now) and is_linked_password(work, record, password, now)


def is_linked_password(work: UnitOfWork, record: ManagedObject, password: bytes, now: int) -> bool:
    """Return whether the password is that of the Secret Data to which the record of a credential leads."""
    for identifier in linked_from(work, record, LinkType.PASSWORD_LINK, now):
        linked = work.find(identifier)
        if linked is None or linked.object_type is not ObjectType.SECRET_DATA or not is_usable(linked, now):
            continue
        if linked.owner != record.owner or not linked.has_content:
            continue  # another client could change what it owns
        secret = work.content(admit(linked, Purpose.AUTHENTICATE, now))
        octets = material_bytes(secret) if isinstance(secret, SecretData) else None
        return octets is not None and hmac.compare_digest(octets, password)
    return False
