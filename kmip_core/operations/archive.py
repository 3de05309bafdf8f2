"""Archive: a client will not need an object for a while. KMIP 2.1 §6.1.4, 1.4 §4.22."""

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or None for the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the archived object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Put the object off-line: until Recover only its attributes are read, and Locate must ask for the archive.

    Raises KmipError: Object Archived if it already is; Object Destroyed.
    """
    target = scope.target
    changing.check_is_not_gone(target)
    attributes = target.attributes.but(archive_date=scope.now)
    changing.save(scope, target.managed_object.changed(attributes, archived=True))
    return Response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.ARCHIVE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_STATE),),
)
