"""What each owner has in the database, counted by the writer in the transaction that changes it.

The numbers are facts of the database, one for each owner. Where one is missing (an older release has written the
objects, or they were given to another owner) it is counted once, from the objects themselves; so is one that another
program has written: each is authenticated.
"""

import logging
from collections.abc import Sequence
from typing import Final

from kmip_adapters.storage.quotas import Holdings
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.fact_seals import proven_fact, sealed_fact
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.prepared import Prepared, statements_for
from kmip_core.ports.sealing import SealBroken

_log = logging.getLogger(__name__)

PREFIX: Final = "holdings of "
"""With the name of the owner it is the name of the fact; the value has the objects and the bytes."""


REMEMBERED: Final = 1_024
"""Owners whose numbers a process remembers."""


class LastHoldings:
    """What a process has written or proven last of each owner, with the fact as it was: the same fact says the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Holdings]] = {}

    def find(self, owner: str, stored: str) -> Holdings | None:
        """Return what the fact `stored` says; None if it is another one than was seen last."""
        known = self._known.get(owner)
        return known[1] if known is not None and known[0] == stored else None

    def note(self, owner: str, stored: str, holdings: Holdings) -> None:
        """Remember what a fact says."""
        if len(self._known) >= REMEMBERED and owner not in self._known:
            self._known.clear()
        self._known[owner] = stored, holdings


class HoldingStatements:
    """The statements about holdings, prepared once. All run inside a transaction that keeps other writers out."""

    def __init__(self, dialect: Dialect) -> None:
        self._count = Prepared(
            """
            SELECT count(*), coalesce(sum(length(attributes) + length(record_seal) + coalesce(length(sealed), 0)), 0)
            FROM managed_objects WHERE owner = :owner
            """,
            dialect,
        )
        self._facts = statements_for(dialect, FactStatements)

    def read(self, cursor: Cursor, owner: str, key: bytes) -> Holdings:
        """Return what an owner has.  key: that of the index, under which facts are authenticated."""
        row = self._facts.find.run(cursor, {"name": PREFIX + owner}).fetchone()
        return self.counted(cursor, owner) if row is None else self._opened(cursor, owner, row[0], key)

    def stored(self, cursor: Cursor, owners: Sequence[str]) -> dict[str, str]:
        """Return the facts about several owners, of those that have one."""
        facts = self._facts.find_all.fetch(cursor, [(PREFIX + owner,) for owner in owners])
        return {name[len(PREFIX) :]: value for name, value in facts}

    def known(self, cursor: Cursor, owner: str, stored: str | None, key: bytes, last: LastHoldings) -> Holdings:
        """Return what the fact about an owner says, proven only if it is not the one that was seen last."""
        if stored is None:
            return self.counted(cursor, owner)
        found = last.find(owner, stored)
        return self._opened(cursor, owner, stored, key) if found is None else found

    def _opened(self, cursor: Cursor, owner: str, stored: str, key: bytes) -> Holdings:
        """Return what the fact about an owner says; its objects are counted where it is broken."""
        try:
            objects, _, stored_bytes = proven_fact(key, PREFIX + owner, stored).partition(" ")
            return Holdings(int(objects), int(stored_bytes))
        except SealBroken:
            _log.error("what %s has is counted anew: the number in the database is not as it was written", owner)
            return self.counted(cursor, owner)

    def counted(self, cursor: Cursor, owner: str) -> Holdings:
        """Count what an owner has, object by object."""
        objects, stored_bytes = self._count.run(cursor, {"owner": owner}).fetchone()
        return Holdings(int(objects), int(stored_bytes))

    def write(self, cursor: Cursor, owner: str, holdings: Holdings, key: bytes) -> None:
        """Note what an owner has now."""
        self._facts.keep(cursor, *_fact(owner, holdings, key))

    @staticmethod
    def next_fact(last: LastHoldings, owner: str, holdings: Holdings, key: bytes) -> tuple[str, str]:
        """Return name and value of the fact that says what an owner has now, which is about to be written."""
        fact = _fact(owner, holdings, key)
        last.note(owner, fact[1], holdings)
        return fact

    def forget(self, cursor: Cursor, owner: str) -> None:
        """Have what an owner has counted anew when it is needed."""
        self._facts.forget.run(cursor, {"of_name": PREFIX + owner})


def _fact(owner: str, holdings: Holdings, key: bytes) -> tuple[str, str]:
    name = PREFIX + owner
    return name, sealed_fact(key, name, f"{holdings.objects} {holdings.stored_bytes}")
