"""Tickets, kept among the facts of the database: one row for each, sealed, with what is counted in front.

A value is EXPIRES:LEFT:OWNER:SEALED. The numbers have twenty digits, so that they compare as texts do, and OWNER is a
digest of the principal's name. They serve to count and to forget; what holds is what the seal proves.
"""

import hashlib
from binascii import a2b_base64, b2a_base64
from typing import Final

from kmip_adapters.storage.records import decode_ticket, encode_ticket
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.prepared import Prepared, statements_for
from kmip_core.classes import frozen
from kmip_core.ports.sealing import SealBroken, StoreSealer
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.tickets import StoredTicket

PREFIX: Final = "ticket:"
ANY: Final = f"{PREFIX}%"
UNCOUNTED: Final = 10**20 - 1

_DIGITS: Final = "_" * 20
_SPENT: Final = f"{0:020}"


class TicketStatements:
    """The statements about tickets, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        of_one = statements_for(dialect, FactStatements)
        self.find, self.add, self.end = of_one.find, of_one.add, of_one.forget
        self.count = Prepared(
            "SELECT count(*) FROM facts WHERE name LIKE :any_ticket AND value > :now AND value LIKE :like", dialect
        )
        self.change = Prepared("UPDATE facts SET value = :after WHERE name = :of_name AND value = :before", dialect)
        self.forget_expired = Prepared("DELETE FROM facts WHERE name LIKE :any_ticket AND value < :now", dialect)
        self.forget_spent = Prepared("DELETE FROM facts WHERE name LIKE :any_ticket AND value LIKE :like", dialect)


def written(ticket: StoredTicket, sealer: StoreSealer) -> tuple[str, bytes]:
    """Return the value of a ticket's row, and what in it is sealed."""
    sealed = sealer.seal(encode_ticket(ticket), _binding(ticket.digest))
    left = UNCOUNTED if ticket.left is None else min(ticket.left, UNCOUNTED - 1)
    owner = owner_of(ticket.grant.name)
    text = b2a_base64(sealed, newline=False).decode()
    return f"{max(ticket.grant.expires, 0):020}:{left:020}:{owner}:{text}", sealed


def read(digest: str, value: str, sealer: StoreSealer) -> StoredTicket:
    """Return the ticket of a row.  Raises SealBroken if it was changed, or if its data key is gone."""
    try:
        sealed = a2b_base64(value.rpartition(":")[2], strict_mode=True)
    except ValueError as error:
        raise SealBroken("a ticket is not as it was written") from error
    return decode_ticket(sealer.unseal(sealed, _binding(digest)))


def owner_of(name: str) -> str:
    """Return how a principal is named in rows."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def all_like() -> str:
    """Return the pattern of every ticket."""
    return "%"


def own_like(name: str) -> str:
    """Return the pattern of a principal's tickets."""
    return f"{_DIGITS}:{_DIGITS}:{owner_of(name)}:%"


def spent_like(name: str) -> str:
    """Return the pattern of a principal's tickets whose requests are used up."""
    return f"{_DIGITS}:{_SPENT}:{owner_of(name)}:%"


def expired_before(now: int) -> str:
    """Return the text that comes after the rows of all tickets that have expired by now, and before all others."""
    return f"{max(now, 0) + 1:020}"


@frozen(kw_only=True)
class TicketWrite:
    """What becomes of one ticket: a `Change`, like `rows.RowWrite`.

    before: the value that was read; None for a new ticket.  after: the new value; None ends it.
    now, forgets_spent_of: for a new one, see `UnitOfWork.add_ticket`.
    """

    statements: TicketStatements
    digest: str
    before: str | None
    after: str | None
    seals: tuple[bytes, ...] = ()
    now: int = 0
    forgets_spent_of: str | None = None

    is_new = False
    erases = False

    def apply(self, cursor: Cursor, _: object) -> None:
        """Write it on a cursor inside a transaction.  Raises ConcurrentChange."""
        statements, name = self.statements, PREFIX + self.digest
        if self.after is None:
            statements.end.run(cursor, {"of_name": name})
        elif self.before is not None:
            values = {"of_name": name, "before": self.before, "after": self.after}
            if not statements.change.run(cursor, values).rowcount:
                raise ConcurrentChange("a ticket")
        else:
            statements.forget_expired.run(cursor, {"any_ticket": ANY, "now": expired_before(self.now)})
            if self.forgets_spent_of is not None:
                statements.forget_spent.run(cursor, {"any_ticket": ANY, "like": spent_like(self.forgets_spent_of)})
            statements.add.run(cursor, {"name": name, "value": self.after})


def _binding(digest: str) -> bytes:
    return b"kmipd ticket " + digest.encode()
