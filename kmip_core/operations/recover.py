"""Recover: an archived object is needed again. KMIP 2.1 §6.1.42, 1.4 §4.23."""

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or None for the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the object, which is on-line again and becomes the ID placeholder."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Put the object on-line, without its Archive Date; nothing changes for one that already is."""
    target = scope.target
    if target.managed_object.archived:
        attributes = target.attributes.but(archive_date=None)
        changing.save(scope, target.managed_object.changed(attributes, archived=False))
    return Response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.RECOVER,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.RECOVER),),
    placeholder=names_new_object,  # so that Recover and Get go together: KMIP 2.1 §6.1, §6.1.28
)
