"""Tickets: what Login and Delegated Login hand out, and what each of them stands for.

They are kept in the store, so that every server over it knows them, and ends and counts hold over all. A ticket is kept
as a digest: neither the time of a look-up nor a reader of the store tells one. Unknown, ended, expired and foreign
tickets look the same; one whose requests are used up is refused for that while its lease lasts.
KMIP 2.1 §6.1.12, §6.1.30, §6.1.31, §7.39; ADR 0051, 0192.
"""

import hashlib
from typing import Final, Protocol

from attrs import evolve

from kmip_core.classes import frozen
from kmip_core.enums import ResultReason, TicketType
from kmip_core.errors import KmipError
from kmip_core.messages import Ticket
from kmip_core.principal import Principal
from kmip_core.rights import Rights
from kmip_core.settings import TicketUse

MAXIMUM_TICKETS: Final = 10_000
MAXIMUM_PER_PRINCIPAL: Final = 100


@frozen(kw_only=True)
class Grant:
    """What a ticket stands for.

    name: who acts with it.  certificate_name: whose certificate logged in.  expires: seconds since 1970-01-01 UTC.
    rights: None if they are those of the principal.
    certificate_issuer, certificate_serial: of that certificate; the ticket ends when it is revoked.
    by_password: whether the name is that of a user with a password; the ticket ends with the user.
    """

    name: str
    certificate_name: str
    expires: int
    rights: Rights | None = None
    certificate_issuer: str = ""
    certificate_serial: str = ""
    by_password: bool = False


@frozen(kw_only=True)
class StoredTicket:
    """A ticket as the store keeps it.  left: how many requests it still serves; None for any number."""

    digest: str
    grant: Grant
    left: int | None = None

    @property
    def is_spent(self) -> bool:
        """Whether its requests are used up."""
        return self.left == 0


@frozen(kw_only=True)
class TicketCounts:
    """How many tickets there are.  own: of one principal.  own_spent: of these, those whose requests are used up."""

    own: int
    own_spent: int
    in_all: int


class TicketWork(Protocol):
    """The part of a unit of work that is about tickets; see ports.storage.UnitOfWork for the promises."""

    def ticket(self, digest: str) -> StoredTicket | None:
        """Return a ticket, or None."""
        ...

    def count_tickets(self, name: str, now: int) -> TicketCounts:
        """Count the tickets that have not expired.  name: of the principal whose own are meant."""
        ...

    def add_ticket(self, ticket: StoredTicket, now: int, *, forgets_spent: bool) -> None:
        """Collect a new ticket; those that have expired are forgotten with it.

        forgets_spent: so are those of the same principal whose requests are used up.
        """
        ...

    def save_ticket(self, ticket: StoredTicket) -> None:
        """Collect a change of a ticket that this unit of work has read."""
        ...

    def end_ticket(self, digest: str) -> None:
        """Collect the end of a ticket; nothing happens if there is none."""
        ...


def issue(work: TicketWork, ticket: Ticket, grant: Grant, request_count: int | None, now: int) -> None:
    """Make a ticket valid.  Raises KmipError (Server Limit Exceeded) if too many are, of one principal or all.

    Of logins at the same moment a few more than that may succeed.
    """
    counts = work.count_tickets(grant.name, now)
    forgets_spent = counts.own >= MAXIMUM_PER_PRINCIPAL or counts.in_all >= MAXIMUM_TICKETS
    gone = counts.own_spent if forgets_spent else 0
    if counts.own - gone >= MAXIMUM_PER_PRINCIPAL or counts.in_all - gone >= MAXIMUM_TICKETS:
        raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many tickets are in use; log out with some first")
    stored = StoredTicket(digest=digest_of(ticket), grant=grant, left=request_count)
    work.add_ticket(stored, now, forgets_spent=forgets_spent)


def find(work: TicketWork, ticket: Ticket, shown_by: Principal, use: TicketUse, now: int) -> StoredTicket:
    """Return a ticket that this principal shows.

    use: whether it serves its holder's certificate only.
    Raises KmipError (Invalid Ticket) if it is unknown, expired or foreign: one text for all.
    """
    stored = work.ticket(digest_of(ticket))
    if stored is None or ticket.ticket_type != TicketType.LOGIN or now >= stored.grant.expires:
        raise invalid_ticket()
    if use is not TicketUse.BEARER and stored.grant.certificate_name != shown_by.certificate_name:
        raise invalid_ticket()
    return stored


def spend(work: TicketWork, ticket: StoredTicket) -> None:
    """Take one request.  Raises KmipError (Usage Limit Exceeded) if none is left."""
    if ticket.left is None:
        return
    if ticket.left < 1:
        raise KmipError(ResultReason.USAGE_LIMIT_EXCEEDED, "the requests of the ticket are used up; log in again")
    work.save_ticket(evolve(ticket, left=ticket.left - 1))


def invalid_ticket() -> KmipError:
    """Return the refusal of a ticket."""
    return KmipError(ResultReason.INVALID_TICKET, "the ticket is not valid, or not valid here; log in again")


def digest_of(ticket: Ticket) -> str:
    """Return under which name a ticket is kept."""
    return hashlib.sha256(ticket.ticket_value).hexdigest()
