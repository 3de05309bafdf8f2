"""Logout: a client gives a ticket back, which is then worth nothing. KMIP 2.1 §6.1.31."""

from kmip_core import tickets
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.messages import Ticket
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.settings import TicketUse


@frozen(kw_only=True)
class Request:
    """ticket: any that the principal could use, not only the one in the request's Credential."""

    ticket: Ticket


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """End a ticket.  Raises KmipError (Invalid Ticket) if the principal could not use it."""
    use = scope.services.settings.tickets
    found = tickets.find(scope.work, request.ticket, scope.principal, use, scope.now)
    scope.work.end_ticket(found.digest)
    return Response()


SPEC = Spec(
    operation=Operation.LOGOUT,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    is_offered=lambda settings: settings.tickets is not TicketUse.OFF,
)
