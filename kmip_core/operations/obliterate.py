"""Obliterate: an object is removed with all that is known of it. KMIP 3.0 §6.1.39."""

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import custody, system_objects
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """Nothing: the identifier is free again."""


def perform(request: Request, scope: Scope) -> Response:
    """Remove content and attributes, in whatever state; the audit trail keeps what it has."""
    target = scope.target
    custody.forget_on_commit(scope, target)
    if system_objects.is_watched(target.managed_object):
        system_objects.count_change(scope)
    scope.work.remove(target.unique_identifier)
    return Response()


def _nothing(response: Response) -> str | None:
    """Nothing is left that the ID placeholder could stand for."""
    return None


SPEC = Spec(
    operation=Operation.OBLITERATE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_STATE),),
    placeholder=_nothing,
)
