"""Leases as rows. The writer's transaction keeps other nodes out while one is looked at and taken.

Rows are not authenticated: work under a lease is right when two nodes do it. What no node can have written keeps none
away from it.
"""

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_core.ports.leases import CLOCKS_APART


class LeaseStatements:
    """The statements about leases, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        self._find = Prepared("SELECT holder, until FROM leases WHERE name = :of_name", dialect)
        self._add = Prepared("INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until)", dialect)
        self._change = Prepared("UPDATE leases SET holder = :holder, until = :until WHERE name = :of_name", dialect)
        self._forget = Prepared("DELETE FROM leases WHERE name = :of_name AND holder = :of_holder", dialect)

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
