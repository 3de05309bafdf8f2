"""Leases as rows. The writer's transaction keeps other nodes out while one is looked at and taken.

Rows are not authenticated: work under a lease is right when two nodes do it. What no node can have written keeps none
away from it.
"""

from sqlalchemy import Dialect, bindparam, delete, insert, select, update

from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.schema import leases
from kmip_core.ports.leases import CLOCKS_APART


class LeaseStatements:
    """The statements about leases, compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        c = leases.c
        self._find = Prepared(select(c.holder, c.until).where(c.name == bindparam("of_name")), dialect)
        self._add = Prepared(insert(leases), dialect)
        self._change = Prepared(
            update(leases)
            .where(c.name == bindparam("of_name"))
            .values(holder=bindparam("holder"), until=bindparam("until")),
            dialect,
        )
        self._forget = Prepared(
            delete(leases).where(c.name == bindparam("of_name"), c.holder == bindparam("of_holder")), dialect
        )

    def take(self, cursor: Cursor, *, name: str, holder: str, now: int, seconds: int) -> bool:
        """Take or renew a lease inside a transaction; returns False while another holder has it."""
        found = self._find.run(cursor, {"of_name": name}).fetchone()
        if found is None:
            self._add.run(cursor, {"name": name, "holder": holder, "until": now + seconds})
            return True
        if found[0] != holder and now < found[1] <= now + seconds + CLOCKS_APART:
            return False
        self._change.run(cursor, {"of_name": name, "holder": holder, "until": now + seconds})
        return True

    def give_up(self, cursor: Cursor, *, name: str, holder: str) -> None:
        """End a lease inside a transaction, if the holder has it."""
        self._forget.run(cursor, {"of_name": name, "of_holder": holder})
