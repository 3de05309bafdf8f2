"""Create Group: an administrator creates a group. KMIP 3.0 §6.1.10."""

from kmip_core import objects
from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Group, Scope, Spec, names_new_object
from kmip_core.procedures import creation


@frozen(kw_only=True)
class Request:
    """attributes: its Name, and a Parent Link to each group that it is a part of."""

    attributes: Attributes = Attributes()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new group."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Keep the group.

    Raises KmipError: Permission Denied unless the client is an administrator; Invalid Attribute where the name is
    missing; Non Unique Name Attribute; and as `creation.begin` does.
    """
    made = creation.begin(scope, objects.Group(), request.attributes, made_here=False)
    return Response(unique_identifier=made.unique_identifier)


SPEC = Spec(
    operation=Operation.CREATE_GROUP,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.CHANGES,
    placeholder=names_new_object,
)
