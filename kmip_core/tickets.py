"""Tickets: what Login and Delegated Login hand out, and what each of them stands for.

State belongs to this process and ends with it; it is bounded in number and time. A ticket is kept as a digest, so that
neither the time of a look-up nor a dump of memory tells one. Unknown, spent, expired and foreign tickets look the same.
KMIP 2.1 §6.1.12, §6.1.30, §6.1.31, §7.39; ADR 0051.
"""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Final

from attrs import define, field, frozen

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
    rights: None if they are those of the principal.  request_count: None for any number of requests.
    """

    name: str
    certificate_name: str
    expires: int
    rights: Rights | None = None
    request_count: int | None = None
    _uses: Iterator[int] = field(factory=itertools.count, init=False, eq=False, repr=False)

    def spend(self) -> int | None:
        """Take one request; return how many are left, negative if there was none, None if they are not counted."""
        # One step of the interpreter: two requests at once never take the same.
        return None if self.request_count is None else self.request_count - next(self._uses) - 1


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
        everybodys = list(self._grants.values())
        mine = sum(other.name == grant.name for other in everybodys)
        if mine >= self.maximum_per_principal or len(everybodys) >= self.maximum:
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many tickets are in use; log out with some first")
        self._grants[_digest(ticket)] = grant

    def find(self, ticket: Ticket, asker: Principal, use: TicketUse, now: int) -> Grant:
        """Return what a ticket stands for in the hands of `asker`.

        use: whether it serves its holder's certificate only.
        Raises KmipError (Invalid Ticket) if it is unknown, expired or foreign: one text for all.
        """
        grant = self._grants.get(_digest(ticket))
        if grant is None or ticket.ticket_type != TicketType.LOGIN or now >= grant.expires:
            raise invalid_ticket()
        if use is not TicketUse.BEARER and grant.certificate_name != asker.certificate_name:
            raise invalid_ticket()
        return grant

    def spend(self, ticket: Ticket, grant: Grant) -> None:
        """Take one request off a ticket; it ends with its last.  Raises KmipError (Invalid Ticket) if none is left."""
        left = grant.spend()
        if left is None:
            return
        if left <= 0:
            self.end(ticket)
        if left < 0:
            raise invalid_ticket()

    def end(self, ticket: Ticket) -> None:
        """Make a ticket invalid; nothing happens if it is."""
        self._grants.pop(_digest(ticket), None)


def invalid_ticket() -> KmipError:
    """Return the refusal of a ticket."""
    return KmipError(ResultReason.INVALID_TICKET, "the ticket is not valid, or not valid here; log in again")


def _digest(ticket: Ticket) -> bytes:
    return hashlib.sha256(ticket.ticket_value).digest()
