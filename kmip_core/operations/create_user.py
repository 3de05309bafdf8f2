"""Create User: an administrator creates a user. KMIP 3.0 §6.1.13."""

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.objects import User
from kmip_core.operation import Cost, Group, Scope, Spec, names_new_object
from kmip_core.procedures import creation


@frozen(kw_only=True)
class Request:
    """attributes: its Name, and a Credential Link to each of its credentials."""

    attributes: Attributes = Attributes()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new user."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Keep the user.

    Raises KmipError: Permission Denied unless the client is an administrator; Invalid Attribute where the name or the
    credential is missing; Non Unique Name Attribute; and as `creation.begin` does.
    """
    made = creation.begin(scope, User(), request.attributes, made_here=False)
    return Response(unique_identifier=made.unique_identifier)


SPEC = Spec(
    operation=Operation.CREATE_USER,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.CHANGES,
    placeholder=names_new_object,
)
