"""What `kmipd user` and `kmipd group` have in common: the users, groups and credentials of a server, over KMIP 3.0.

They are the administrators' (setting `administrators` of the server); for others they are not there.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli import remote
from kmip_app.cli.objects import AT_ONCE, in_one_message
from kmip_app.cli.remote import REFUSED, RemoteError
from kmip_core.classes import frozen

if TYPE_CHECKING:
    from kmip_app.client import KmipClient
    from kmip_core.attributes import Attributes
    from kmip_core.enums import LinkType, ObjectType
    from kmip_core.structures import ObjectReference

ENDED: Final = ("Deactivated", "Compromised", "Destroyed", "Destroyed Compromised")


def connected(values: Mapping[str, Any]) -> "AbstractContextManager[KmipClient]":
    """Give a client that speaks 3.0, the first version with users, unless the command line says another."""
    return remote.connected({**values, "kmip_version": values.get("kmip_version") or "3.0"})


@frozen(kw_only=True)
class SystemObject:
    """A user, a group or a credential as its attributes say."""

    identifier: str
    attributes: "Attributes"

    @property
    def name(self) -> str:
        """The first name; the identifier of an object without one."""
        return next((name.name_value for name in self.attributes.names), self.identifier)

    @property
    def is_archived(self) -> bool:
        """Whether it is put aside, which is how a user is disabled."""
        return self.attributes.archive_date is not None

    @property
    def state(self) -> str:
        """The State as the standard writes it."""
        from kmip_core.standard_names import standard_name

        return "" if self.attributes.state is None else standard_name(self.attributes.state)

    def linked(self, kind: "LinkType") -> "list[ObjectReference]":
        """Return the identifiers and names that its links of one type have."""
        return [link.linked_object_identifier for link in self.attributes.links_of(kind)]

    def links_to(self, kind: "LinkType", other: "SystemObject") -> "list[ObjectReference]":
        """Return how its links of one type name another object: by its identifier, by one of its names, or not."""
        from kmip_core.structures import NameReference

        ways = (other.identifier, *(NameReference(name.name_value) for name in other.attributes.names))
        return [target for target in self.linked(kind) if target in ways]


def located(client: "KmipClient", object_type: "ObjectType", *criteria: Any, name: str | None = None) -> list[str]:
    """Return the identifiers of system objects or certificates, archived ones as well."""
    from kmip_core.enums import ObjectClassMask, StorageStatusMask

    return list(
        client.locate(
            name,
            object_type=object_type,
            criteria=criteria,
            object_class_mask=ObjectClassMask.SYSTEM | ObjectClassMask.USER,  # certificates are of the class User
            storage_status_mask=StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE,
        ).unique_identifiers
    )


def read(client: "KmipClient", identifiers: "Sequence[ObjectReference]") -> list[SystemObject]:
    """Return what the server says of objects; what is gone meanwhile is left out."""
    from kmip_app.client import OperationFailed, requests

    found: list[SystemObject] = []
    for start in range(0, len(identifiers), AT_ONCE):
        asked = [requests.get_attributes(one) for one in identifiers[start : start + AT_ONCE]]
        for response in in_one_message(client, asked):
            if not isinstance(response, OperationFailed):
                found.append(SystemObject(identifier=response.unique_identifier, attributes=response.attributes))
    return found


def all_of(client: "KmipClient", object_type: "ObjectType") -> list[SystemObject]:
    """Return every object of a type, by name."""
    return sorted(read(client, located(client, object_type)), key=lambda each: each.name)


def find(client: "KmipClient", object_type: "ObjectType", name: str) -> SystemObject | None:
    """Return the object of this name."""
    return next(iter(read(client, located(client, object_type, name=name)[:1])), None)


def need(client: "KmipClient", object_type: "ObjectType", name: str) -> SystemObject:
    """Return the object of this name.  Raises RemoteError if there is none, or this client may not see it."""
    from kmip_core.standard_names import standard_name

    found = find(client, object_type, name)
    if found is None:
        kind = standard_name(object_type).lower()
        raise RemoteError(f"the server has no {kind} {name}, or this client is no administrator", REFUSED)
    return found


def link(kind: "LinkType", identifier: "ObjectReference") -> Any:
    """Return a link as the value of an attribute."""
    from kmip_core.attributes import AttributeInstance, AttributeReference
    from kmip_core.structures import Link

    value = Link(link_type=kind, linked_object_identifier=identifier)
    return AttributeInstance(reference=AttributeReference(attribute="links"), value=value)


def named(name: str, links: "Sequence[tuple[LinkType, ObjectReference]]" = ()) -> "Attributes":
    """Return the attributes of a new user or group."""
    from kmip_core.attributes import Attributes
    from kmip_core.structures import Link, Name

    made = tuple(Link(link_type=kind, linked_object_identifier=identifier) for kind, identifier in links)
    return Attributes(names=(Name(name_value=name),), links=made)


def shown(target: "ObjectReference", names: Mapping[str, str]) -> str:
    """Return the name of a linked object; an identifier that has none in `names` is shown itself."""
    from kmip_core.structures import NameReference

    return target.name if isinstance(target, NameReference) else names.get(str(target), str(target))


def obliterate(client: "KmipClient", target: SystemObject) -> None:
    """Remove an object with all that is known of it; an archived one is recovered before."""
    if target.is_archived:
        client.recover(target.identifier)
    client.obliterate(target.identifier)


def name_argument() -> click.Parameter:
    """Return NAME."""
    return click.Argument(["name"], metavar="NAME")
