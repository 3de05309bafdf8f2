"""The statements about one fact, by its name: what the database keeps beside objects is written by them."""

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.prepared import Prepared, PreparedRows


class FactStatements:
    """Prepared once for a dialect (`prepared.statements_for`).

    find: the value of the fact `name`.  add: `value` under a `name` that is free.  change: another `value` for the fact
    `of_name`.  forget: no fact `of_name` any longer.  find_all: names and values of
    several.  keep_all: several, each changed or added.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.find = Prepared("SELECT value FROM facts WHERE name = :name", dialect)
        self.add = Prepared("INSERT INTO facts (name, value) VALUES (:name, :value)", dialect)
        self.change = Prepared("UPDATE facts SET value = :value WHERE name = :of_name", dialect)
        self.forget = Prepared("DELETE FROM facts WHERE name = :of_name", dialect)
        self.find_all = PreparedRows("SELECT name, value FROM facts WHERE name IN (:rows)", dialect, width=1)
        self.keep_all = PreparedRows(
            """
            INSERT INTO facts (name, value) VALUES :rows
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """,
            dialect,
            width=2,
            fills_up=False,  # no row may be changed twice by one statement
        )

    def keep(self, cursor: Cursor, name: str, value: str) -> None:
        """Change the fact, or add it, inside a transaction that keeps other writers out."""
        if not self.change.run(cursor, {"of_name": name, "value": value}).rowcount:
            self.add.run(cursor, {"name": name, "value": value})
