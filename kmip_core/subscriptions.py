"""Which clients are notified of which objects, and to which keys are pushed; and what is to be sent to them.

A subscription belongs to one client. Its scopes are `own` (the objects that the client owns), `group:NAME` (an object
group) and `object:IDENTIFIER`. A notice says what has happened, not what the values are: these are read, with the
client's rights, when it is delivered. KMIP 2.1 §6.2.2, §6.2.3; ADR 0186.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import field

from kmip_core.attributes import CUSTOM, FIELDS, AttributeReference, Attributes, custom_reference
from kmip_core.classes import define, frozen
from kmip_core.enums import LinkType, Operation
from kmip_core.objects import ManagedObject
from kmip_core.principal import Principal, Source
from kmip_core.structures import SERVER_VENDOR

OWN: Final = "own"
GROUP: Final = "group:"
OBJECT: Final = "object:"

NAMED: Final = 64
NAMED_CHARACTERS: Final = 4_096
"""Attributes, and characters of their names, that a notice names; of more than that all attributes are sent."""

MAXIMUM_SCOPES: Final = 1_000
MAXIMUM_SUBSCRIPTIONS: Final = 10_000
"""Clients make subscriptions for themselves by Set Endpoint Role."""

MAXIMUM_NOTICES: Final = 10_000
"""That wait for one client, unless the settings say another number."""

SILENT: Final = frozenset({"fresh", "last_change_date", "usage_limits", "lease_time"})
"""Attributes that every use of a key changes: by themselves they are no event."""

IMPLIED: Final = frozenset({"destroy_date", "last_change_date"})
"""Dates that follow from the change of another attribute, which is named (official case TC-NP-2).

Last Change Date is in every notification."""

LAST_CHANGE: Final = AttributeReference(attribute="last_change_date")


@frozen(kw_only=True)
class Subscription:
    """What one client is sent.

    name: its identity.  url: where it listens, "tls://host:port"; None if it comes by itself (Set Endpoint Role).
    notify, put: scopes of Notify, and of Put.  own_changes: whether it is notified of its own changes, too.
    by_client: whether the client has made it, by Set Endpoint Role; it ends once the client stays away.
    """

    name: str
    url: str | None = None
    notify: tuple[str, ...] = (OWN,)
    put: tuple[str, ...] = ()
    own_changes: bool = False
    by_client: bool = False


@frozen(kw_only=True)
class Notice:
    """Something to be sent to one client.

    operation: Notify or Put.  changed, deleted: attributes, by Notify; none of both for all.  replaced: the object
    whose place a new one takes, by Put.  time: when it happened, in seconds since 1970-01-01 UTC.
    """

    notice_id: str
    subscriber: str
    operation: Operation
    unique_identifier: str
    time: int
    changed: tuple[AttributeReference, ...] = ()
    deleted: tuple[AttributeReference, ...] = ()
    replaced: str | None = None


@frozen(kw_only=True)
class Delivery:
    """How far the delivery to one client is.  pending: notices that wait.  Times as in `Notice`.

    seen_at: when the client was last reached.  attempts: failed ones since the last success.  again_at: when the next
    one may be made.  failure: why the last one failed.  delivered, dropped: notices in all; dropped are those that were
    too old, that the client has refused, or has no right to read.  overflowed: those that gave way to newer ones, as
    the store has counted them.
    """

    name: str
    pending: int = 0
    attempts: int = 0
    again_at: int = 0
    failure: str = ""
    delivered: int = 0
    delivered_at: int = 0
    seen_at: int = 0
    dropped: int = 0
    overflowed: int = 0


Change = tuple[ManagedObject | None, ManagedObject | None]
"""An object before and after; None before it began, and after it was removed."""


@define
class _Scopes:
    """Subscriptions of one operation by what their scopes name."""

    owners: dict[str, Subscription] = field(factory=dict)
    groups: dict[str, list[Subscription]] = field(factory=dict)
    objects: dict[str, list[Subscription]] = field(factory=dict)

    def add(self, subscription: Subscription, scopes: Iterable[str]) -> None:
        for scope in scopes:
            if scope == OWN:
                self.owners[subscription.name] = subscription
            elif scope.startswith(GROUP):
                self.groups.setdefault(scope.removeprefix(GROUP), []).append(subscription)
            elif scope.startswith(OBJECT):
                self.objects.setdefault(scope.removeprefix(OBJECT), []).append(subscription)

    def of(self, managed_object: ManagedObject, before: ManagedObject | None) -> dict[str, Subscription]:
        """Return whom an object concerns, by name; by its groups as they were before the change, too."""
        found: dict[str, Subscription] = {}
        if (owner := self.owners.get(managed_object.owner)) is not None:
            found[owner.name] = owner
        for one in self.objects.get(managed_object.unique_identifier, ()):
            found[one.name] = one
        groups = managed_object.attributes.object_groups
        if before is not None:
            groups = (*groups, *before.attributes.object_groups)
        for group in groups if self.groups else ():
            for one in self.groups.get(group, ()):
                found[one.name] = one
        return found


@define
class Announcer:
    """Says what a change means for subscribers, by the subscriptions as this process knows them.

    limit: how many notices may wait for one client.
    """

    limit: int = MAXIMUM_NOTICES
    subscriptions: tuple[Subscription, ...] = ()
    _notified: _Scopes = field(factory=_Scopes, init=False)
    _pushed: _Scopes = field(factory=_Scopes, init=False)

    def use(self, subscriptions: tuple[Subscription, ...]) -> None:
        """Take other subscriptions from now on."""
        if subscriptions == self.subscriptions:
            return
        notified, pushed = _Scopes(), _Scopes()
        for one in subscriptions:
            notified.add(one, one.notify)
            pushed.add(one, one.put)
        self._notified, self._pushed, self.subscriptions = notified, pushed, subscriptions

    def notices(
        self, changes: Iterable[Change], principal: Principal, now: int, new_identifier: Callable[[], str]
    ) -> list[Notice]:
        """Return what is to be sent about changes that a principal has made.

        What the server does in a client's name, by dates, is news to the client.
        """
        author = "" if principal.source is Source.SERVER else principal.name
        made: list[Notice] = []
        for before, after in changes:
            if after is None:  # a Template: nothing is left of it that could be read
                continue
            for name in self._pushed.of(after, None):
                if after.has_content and name not in self._was_pushed(before):
                    made.append(
                        Notice(
                            notice_id=new_identifier(),
                            subscriber=name,
                            operation=Operation.PUT,
                            unique_identifier=after.unique_identifier,
                            time=now,
                            replaced=_replaced_by(after),
                        )
                    )
            concerned = self._notified.of(after, before)
            if before is None or not concerned:
                continue
            differs = difference(before.attributes, after.attributes)
            if differs is None:
                continue
            changed, deleted = differs
            made.extend(
                Notice(
                    notice_id=new_identifier(),
                    subscriber=name,
                    operation=Operation.NOTIFY,
                    unique_identifier=after.unique_identifier,
                    time=now,
                    changed=changed,
                    deleted=deleted,
                )
                for name, subscription in concerned.items()
                if name != author or subscription.own_changes
            )
        return made

    def _was_pushed(self, before: ManagedObject | None) -> dict[str, Subscription]:
        return {} if before is None else self._pushed.of(before, None)


References = tuple[AttributeReference, ...]


def difference(before: Attributes, after: Attributes) -> tuple[References, References] | None:
    """Return the attributes that have another value, and those that have none any more; None where all are silent.

    Two empty tuples if they are too many to be named.
    """
    changed: list[AttributeReference] = []
    deleted: list[AttributeReference] = []
    old, new = vars(before), vars(after)
    for name in FIELDS:
        value = new[name]
        if old[name] != value and name not in SILENT:
            (deleted if value in (None, ()) else changed).append(AttributeReference(attribute=name))
    if old[CUSTOM] != new[CUSTOM]:
        for reference in dict.fromkeys(map(custom_reference, (*before.custom_attributes, *after.custom_attributes))):
            if reference.vendor_identification == SERVER_VENDOR:
                continue
            values = after.values_of(reference)
            if values != before.values_of(reference):
                (changed if values else deleted).append(reference)
    if not changed and not deleted:
        return None
    named = [one for one in changed if one.attribute not in IMPLIED or one.vendor_identification is not None]
    named = named or changed
    everything = (*named, *deleted)
    if len(everything) > NAMED or sum(len(one.attribute) for one in everything) > NAMED_CHARACTERS:
        return (), ()
    return tuple(named), tuple(deleted)


def _replaced_by(managed_object: ManagedObject) -> str | None:
    for link in managed_object.attributes.links_of(LinkType.REPLACED_OBJECT_LINK):
        if isinstance(link.linked_object_identifier, str):  # a client may have put a name there
            return link.linked_object_identifier
    return None
