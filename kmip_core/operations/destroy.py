"""Destroy: the content of an object is erased for good. KMIP 2.1 §6.1.15, 1.4 §4.21."""

from typing import Final

from kmip_core import lifecycle
from kmip_core.classes import frozen
from kmip_core.enums import ObjectType, Operation
from kmip_core.makers import maker_of
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing, custody
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or None for the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the destroyed object, whose attributes remain (RULINGS 4)."""

    unique_identifier: str


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Erase the content and keep the attributes; a Template vanishes altogether.

    Raises KmipError: Wrong Key Lifecycle State if Active; Object Destroyed if it already is.
    """
    target = scope.target
    managed_object = target.managed_object
    if managed_object.object_type is ObjectType.TEMPLATE:
        scope.work.remove(target.unique_identifier)
    else:
        changing.check_is_not_gone(target)
        attributes = lifecycle.destroy(target.attributes, scope.now)
        custody.forget_on_commit(scope, target)
        changing.save(scope, managed_object.changed(attributes, has_content=False))
    return _make_response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.DESTROY,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_STATE),),
)
