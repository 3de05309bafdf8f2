"""Tickets: what Login and Delegated Login hand out, and what each of them stands for.

State belongs to this process and ends with it; it is bounded in number and time. A ticket is kept as a digest, so that
neither the time of a look-up nor a dump of memory tells one. Unknown, ended, expired and foreign tickets look the same;
one whose requests are used up is refused for that while its lease lasts.
KMIP 2.1 §6.1.12, §6.1.30, §6.1.31, §7.39; ADR 0051.
"""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Final

from attrs import define, field

from kmip_core.enums import ResultReason, TicketType
from kmip_core.errors import KmipError
from kmip_core.messages import Ticket
from kmip_core.principal import Principal
from kmip_core.rights import Rights
from kmip_core.settings import TicketUse

MAXIMUM_TICKETS: Final = 10_000
MAXIMUM_PER_PRINCIPAL: Final = 100


@define(kw_only=True)
class Grant:
    """What a ticket stands for.

    name: who acts with it.  certificate_name: whose certificate logged in.  expires: seconds since 1970-01-01 UTC.
    rights: None if they are those of the principal.  request_count: None for any number of requests.
    """

    name: str
    certificate_name: str
    expires: int
    rights: Rights | None = None
    request_count: int | None = None
    _uses: Iterator[int] = field(factory=itertools.count, init=False, eq=False, repr=False)

    is_spent: bool = field(default=False, init=False, eq=False)

    def spend(self) -> None:
        """Take one request.  Raises KmipError (Usage Limit Exceeded) if none is left."""
        if self.request_count is None:
            return
        left = self.request_count - next(self._uses)  # one step of the interpreter: no two requests take the same
        self.is_spent = left <= 1
        if left < 1:
            raise KmipError(ResultReason.USAGE_LIMIT_EXCEEDED, "the requests of the ticket are used up; log in again")


@define(kw_only=True)
class Tickets:
    """The tickets that are valid; re-entrant."""

    maximum: int = MAXIMUM_TICKETS
    maximum_per_principal: int = MAXIMUM_PER_PRINCIPAL
    _grants: dict[bytes, Grant] = field(factory=dict, init=False, repr=False)

    def issue(self, ticket: Ticket, grant: Grant, now: int) -> None:
        """Make a ticket valid.  Raises KmipError (Server Limit Exceeded) if too many are, of one principal or all."""
        for digest, other in list(self._grants.items()):
            if other.expires <= now:
                self._grants.pop(digest, None)
        own = [digest for digest, other in list(self._grants.items()) if other.name == grant.name]
        if len(own) >= self.maximum_per_principal or len(self._grants) >= self.maximum:
            own = [digest for digest in own if not self._forget_spent(digest)]
        if len(own) >= self.maximum_per_principal or len(self._grants) >= self.maximum:
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many tickets are in use; log out with some first")
        self._grants[_digest(ticket)] = grant

    def _forget_spent(self, digest: bytes) -> bool:
        """Forget a ticket whose requests are used up; return whether it was one."""
        grant = self._grants.get(digest)
        if grant is not None and not grant.is_spent:
            return False
        self._grants.pop(digest, None)
        return True

    def find(self, ticket: Ticket, shown_by: Principal, use: TicketUse, now: int) -> Grant:
        """Return what a ticket stands for that this principal shows.

        use: whether it serves its holder's certificate only.
        Raises KmipError (Invalid Ticket) if it is unknown, expired or foreign: one text for all.
        """
        grant = self._grants.get(_digest(ticket))
        if grant is None or ticket.ticket_type != TicketType.LOGIN or now >= grant.expires:
            raise invalid_ticket()
        if use is not TicketUse.BEARER and grant.certificate_name != shown_by.certificate_name:
            raise invalid_ticket()
        return grant

    def end(self, ticket: Ticket) -> None:
        """Make a ticket invalid; nothing happens if it is."""
        self._grants.pop(_digest(ticket), None)


def invalid_ticket() -> KmipError:
    """Return the refusal of a ticket."""
    return KmipError(ResultReason.INVALID_TICKET, "the ticket is not valid, or not valid here; log in again")


def _digest(ticket: Ticket) -> bytes:
    return hashlib.sha256(ticket.ticket_value).digest()
