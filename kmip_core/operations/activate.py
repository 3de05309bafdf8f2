"""Activate: an object may be used from now on. KMIP 2.1 §6.1.1, 1.4 §4.19."""

from typing import Final

from kmip_core import lifecycle
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.makers import maker_of
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or None for the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the object that is now Active."""

    unique_identifier: str


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Move the object from Pre-Active to Active.

    Raises KmipError: Wrong Key Lifecycle State unless Pre-Active; Invalid Object Type for an Opaque Object.
    """
    target = scope.target
    changing.check_has_life_cycle(target, "activated")
    attributes = lifecycle.activate(target.attributes, scope.now)
    changing.save(scope, target.managed_object.changed(attributes))
    return _make_response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.ACTIVATE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_STATE),),
)
