"""Login: a client asks for a ticket that stands for it in later requests. KMIP 2.1 §6.1.30."""

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.messages import Ticket
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.procedures.ticket_issuing import new_ticket
from kmip_core.settings import TicketUse
from kmip_core.structures import UsageLimits


@frozen(kw_only=True)
class Request:
    """lease_time: seconds, at most what the server allows.  request_count: requests, not operations."""

    lease_time: int | None = None
    request_count: int | None = None
    usage_limits: UsageLimits | None = None


@frozen(kw_only=True)
class Response:
    """ticket: to be sent as a Credential."""

    ticket: Ticket


def perform(request: Request, scope: Scope) -> Response:
    """Hand out a ticket; see `logging_in.new_ticket` for what is refused."""
    return Response(
        ticket=new_ticket(
            scope,
            lease_time=request.lease_time,
            request_count=request.request_count,
            usage_limits=request.usage_limits,
        )
    )


SPEC = Spec(
    operation=Operation.LOGIN,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    is_offered=lambda settings: settings.tickets is not TicketUse.OFF,
)
