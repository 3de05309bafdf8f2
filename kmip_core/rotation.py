"""Rotation by dates: the server re-keys, by itself, the objects whose Rotate Interval has passed.

Each rotation is a request that the server makes in the name of the object's owner, through an engine of its own: it is
committed, audited and run again after a conflict as any other. Whether the object is still due is judged inside of that
request, so that two nodes that find the same object rotate it once.

KMIP 2.1 §4.48 - §4.54; ADR 0185.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from attrs import evolve, field

from kmip_core import lifecycle
from kmip_core.classes import define, frozen
from kmip_core.engine import Engine
from kmip_core.enums import LinkType, ObjectType, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import ManagedObject
from kmip_core.operation import Scope, Spec
from kmip_core.operations import re_certify, re_key, re_key_key_pair
from kmip_core.policy import Decision, Visibility
from kmip_core.ports.leases import Leases
from kmip_core.ports.policy import PolicyDecider
from kmip_core.ports.schedule import Schedule, Scheduled
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.principal import Principal, Source
from kmip_core.procedures import linked_objects
from kmip_core.rotation_rules import is_due
from kmip_core.structures import Link, NameReference

LEASE: Final = "rotation"
LEASE_SECONDS: Final = 120
LOOK_SECONDS: Final = 60
"""For how long one look rotates at most; what is left is for the next one, and the lease outlives it."""

PIECE: Final = 200
PER_OWNER: Final = 200
"""Objects that one look rotates of one owner, so that an owner of many does not keep the others waiting."""

PER_LOOK: Final = 20_000
"""Objects that one look reads at most."""

FIRST_PAUSE: Final = 300
LONGEST_PAUSE: Final = 86_400
"""Seconds until an object that could not be rotated is tried again: doubled each time."""

REMEMBERED: Final = 10_000
"""Objects whose failure is remembered; the ones that came first give way."""

NOT_DUE: Final = "the object is not due for rotation any more"


@frozen
class OwnersPolicy:
    """Lets the server do to an object, in the name of its owner, what the owner has asked for by its attributes.

    policy: says what the owner may find, among which links by name lead to objects.
    """

    policy: PolicyDecider

    def decide(self, principal: Principal, operation: Operation, managed_object: ManagedObject) -> Decision:
        """Allow the owner everything."""
        is_owner = principal.name == managed_object.owner
        return Decision(is_allowed=is_owner, is_visible=is_owner, rule="the server rotates for the owner")

    def visibility(self, principal: Principal) -> Visibility:
        """Show what the owner may find of its own: to objects of others no rotation is led."""
        visible = self.policy.visibility(principal)
        return evolve(visible, owned=visible.owned | visible.everyone, everyone=frozenset())

    def is_known(self, policy_name: str) -> bool:
        """Take every policy that the old object has."""
        return True

    def in_force(self) -> object:
        """Return what stands for the policies by which links are followed."""
        return self.policy.in_force()


@define
class _Failure:
    attempts: int
    again_at: int


@define(kw_only=True)
class Rotation:
    """Rotates what is due; used by one thread.

    engine: the engine of clients' requests.  holder: this node and process, for the lease.
    note_failure: called with the identifier and the refusal the first time that an object cannot be rotated.
    """

    engine: Engine
    schedule: Schedule
    leases: Leases
    holder: str
    note_failure: Callable[[str, KmipError], None]
    _rotating: Engine = field(init=False)
    _failures: dict[str, _Failure] = field(factory=dict, init=False)
    _has_lease: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        services = evolve(self.engine.services, policy=OwnersPolicy(self.engine.services.policy), authentication=None)
        self._rotating = Engine(catalogue=CATALOGUE, services=services)

    def look(self) -> int:
        """Rotate what is due, and return how many objects or pairs that were; 0 where another node does it.

        Raises KmipError (General Failure) if the store cannot be read.
        """
        clock = self.engine.services.clock
        began = clock.now()
        if not self.schedule.due_for_rotation(began, 0, 1):
            return 0
        self._has_lease = self.leases.lease(LEASE, self.holder, began, LEASE_SECONDS)
        if not self._has_lease:
            return 0
        rotated = read = after = 0
        of_owner: dict[str, int] = {}
        while read < PER_LOOK and clock.now() - began < LOOK_SECONDS:
            piece = self.schedule.due_for_rotation(began, after, PIECE)
            for one in piece:
                if of_owner.get(one.owner, 0) < PER_OWNER and clock.now() - began < LOOK_SECONDS:
                    done = self._rotate(one, clock.now())
                    of_owner[one.owner] = of_owner.get(one.owner, 0) + done
                    rotated += done
            if len(piece) < PIECE:
                break
            read, after = read + len(piece), piece[-1].place
        return rotated

    def close(self) -> None:
        """Let another node take over at once; a store that cannot be written any more has the lease run out."""
        if self._has_lease:
            with suppress(KmipError):
                self.leases.give_up(LEASE, self.holder)

    def _rotate(self, scheduled: Scheduled, now: int) -> bool:
        identifier = scheduled.unique_identifier
        failed = self._failures.get(identifier)
        if failed is not None and failed.again_at > now:
            return False
        try:
            has_rotated = self._request(identifier, now)
        except ConcurrentChange:  # while it was read: the next look reads it again
            return False
        except KmipError as error:
            self._remember(identifier, failed, now)
            if failed is None:
                self.note_failure(identifier, error)
            return False
        self._failures.pop(identifier, None)
        return has_rotated

    def _request(self, identifier: str, now: int) -> bool:
        """Ask the engine; returns False for an object that is not due after all.  Raises KmipError."""
        with self.engine.services.storage.unit_of_work() as work:
            found = work.find(identifier)
            if found is None or not is_due(lifecycle.settle(found.attributes, now), now):
                return False
            principal = Principal(name=found.owner, source=Source.SERVER)
            visible = OwnersPolicy(self.engine.services.policy).visibility(principal)
            operation, request = REQUESTS[found.object_type](found, partial(_followed, work, visible, now))
        message = RequestMessage(
            header=RequestHeader(protocol_version=self.engine.services.capabilities.protocol_versions[0]),
            batch_items=(RequestBatchItem(operation=operation, payload=request),),
        )
        (answer,) = self._rotating.handle(message, principal).batch_items
        if answer.result_status is not ResultStatus.SUCCESS:
            error = KmipError(answer.result_reason or ResultReason.GENERAL_FAILURE, answer.result_message or "")
            if error.message == NOT_DUE:
                return False
            raise error
        return True

    def _remember(self, identifier: str, failed: _Failure | None, now: int) -> None:
        attempts = 0 if failed is None else failed.attempts
        self._failures.pop(identifier, None)
        self._failures[identifier] = _Failure(attempts + 1, now + min(FIRST_PAUSE << attempts, LONGEST_PAUSE))
        if len(self._failures) > REMEMBERED:
            del self._failures[next(iter(self._failures))]


def _if_due(spec: Spec) -> Spec:
    """Return the operation, refusing what is not due when it is performed."""

    def perform(request: Any, scope: Scope) -> Any:
        objects = [scope.target.attributes]
        for link in scope.target.attributes.links_of(LinkType.PUBLIC_KEY_LINK):
            other = scope.work.find(scope.admit.linked(link))
            if other is not None and other.object_type is ObjectType.PUBLIC_KEY:
                objects.append(lifecycle.settle(other.attributes, scope.now))
        if not any(is_due(attributes, scope.now) for attributes in objects):
            raise KmipError(ResultReason.INVALID_FIELD, NOT_DUE)
        return spec.perform(request, scope)

    return evolve(spec, perform=perform)


CATALOGUE: Final[Mapping[Operation, Spec]] = {
    spec.operation: _if_due(spec) for spec in (re_key.SPEC, re_key_key_pair.SPEC, re_certify.SPEC)
}
"""What the server asks of itself."""


Follow: TypeAlias = Callable[[Link], str]
"""Returns the identifier of the object to which a link leads.  Raises KmipError."""


def _followed(work: linked_objects.Searching, visible: Visibility, now: int, link: Link) -> str:
    target = link.linked_object_identifier
    if not isinstance(target, NameReference):
        return str(target)
    named = linked_objects.having_name(work, visible, now, target.name, linked_objects.TYPES.get(link.link_type))
    if len(named) != 1:
        raise KmipError(ResultReason.INVALID_FIELD, "the name of the private key does not stand for one object")
    return named[0]


def _re_key(found: ManagedObject, follow: Follow) -> tuple[Operation, Any]:
    request = re_key.Request(unique_identifier=found.unique_identifier, offset=found.attributes.rotate_offset)
    return Operation.RE_KEY, request


def _re_key_pair(found: ManagedObject, follow: Follow) -> tuple[Operation, Any]:
    """Ask for a new pair by the private half, whichever of the two is due."""
    identifier = found.unique_identifier
    if found.object_type is ObjectType.PUBLIC_KEY:
        links = found.attributes.links_of(LinkType.PRIVATE_KEY_LINK)
        if not links:
            raise KmipError(ResultReason.INVALID_FIELD, "the public key has no link to its private key")
        identifier = follow(links[0])
    request = re_key_key_pair.Request(private_key_unique_identifier=identifier, offset=found.attributes.rotate_offset)
    return Operation.RE_KEY_KEY_PAIR, request


def _re_certify(found: ManagedObject, follow: Follow) -> tuple[Operation, Any]:
    request = re_certify.Request(unique_identifier=found.unique_identifier, offset=found.attributes.rotate_offset)
    return Operation.RE_CERTIFY, request


REQUESTS: Final[Mapping[ObjectType, Callable[[ManagedObject, Follow], tuple[Operation, Any]]]] = {
    ObjectType.SYMMETRIC_KEY: _re_key,
    ObjectType.PRIVATE_KEY: _re_key_pair,
    ObjectType.PUBLIC_KEY: _re_key_pair,
    ObjectType.CERTIFICATE: _re_certify,
}
"""What the server asks for, by the type of the object that is due."""
