"""Set Endpoint Role: a client says which role the server plays on this connection. KMIP 2.1 §6.1.54, 2.0 §6.1.48."""

from kmip_core.classes import frozen
from kmip_core.enums import EndpointRole, Operation
from kmip_core.errors import not_supported
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.principal import Source


@frozen(kw_only=True)
class Request:
    """endpoint_role: the role for the server to play."""

    endpoint_role: EndpointRole


@frozen(kw_only=True)
class Response:
    """endpoint_role: the role that the server plays from now on."""

    endpoint_role: EndpointRole


def perform(request: Request, scope: Scope) -> Response:
    """Answer with the role that the server plays from the answer on; as a client it sends Notify and Put.

    Raises KmipError (Feature Not Supported) for the role of a client where the settings do not allow it, or under a
    ticket: that ends, and has rights of its own.
    """
    if request.endpoint_role is EndpointRole.CLIENT and not scope.services.settings.server_to_client:
        raise not_supported("this server keeps the role of a server; it sends no requests to its clients")
    if request.endpoint_role is EndpointRole.CLIENT and scope.principal.source is Source.TICKET:
        raise not_supported("roles are not swapped under a ticket, which ends; send the user's credential itself")
    return Response(endpoint_role=request.endpoint_role)


SPEC = Spec(operation=Operation.SET_ENDPOINT_ROLE, request=Request, response=Response, perform=perform, cost=Cost.READS)
