"""What Login and Delegated Login have in common: a ticket of the principal. KMIP 2.1 §6.1.12, §6.1.30."""

from kmip_core import rights as judged
from kmip_core import tickets
from kmip_core.enums import TicketType
from kmip_core.errors import invalid_field, permission_denied
from kmip_core.messages import Ticket
from kmip_core.operation import Scope
from kmip_core.principal import Source
from kmip_core.rights import Rights
from kmip_core.structures import UsageLimits
from kmip_core.tickets import Grant


def new_ticket(
    scope: Scope,
    *,
    lease_time: int | None,
    request_count: int | None,
    usage_limits: UsageLimits | None,
    rights: Rights | None = None,
) -> Ticket:
    """Return a ticket that lasts as long as is asked and allowed.

    lease_time, request_count: None or 0 for no limit but the server's own. KMIP 2.1 §6.1.30.
    Raises KmipError: Permission Denied under a ticket, Feature Not Supported for Usage Limits, Invalid Field for
    negative limits, Server Limit Exceeded for too many tickets.
    """
    if scope.principal.source is Source.TICKET:  # else a ticket would renew itself, or shed its limits
        raise permission_denied("a ticket makes no tickets; log in without one")
    judged.check_usage_limits([usage_limits])
    if rights is not None:
        judged.check(rights)
    if (lease_time or 0) < 0 or (request_count or 0) < 0:
        raise invalid_field("Lease Time and Request Count must not be negative; 0 asks for no limit")
    longest = scope.services.settings.ticket_lifetime
    lifetime = min(lease_time or longest, longest)
    ticket = Ticket(ticket_type=TicketType.LOGIN, ticket_value=scope.services.identifiers.new().encode())
    grant = Grant(
        name=scope.principal.name,
        certificate_name=scope.principal.certificate_name,
        expires=scope.now + lifetime,
        rights=rights,
        certificate_issuer=scope.principal.certificate_issuer,
        certificate_serial=scope.principal.certificate_serial,
        by_password=scope.principal.source is Source.PASSWORD,
    )
    tickets.issue(scope.work, ticket, grant, request_count or None, scope.now)
    return ticket
