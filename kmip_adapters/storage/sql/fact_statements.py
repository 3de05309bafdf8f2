"""The statements about one fact, by its name: what the database keeps beside objects is written by them."""

from sqlalchemy import Dialect, bindparam, delete, insert, select, update

from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.prepared import ITEMS_OF_AN_IN, VALUES_OF_AN_INSERT, Prepared, PreparedRows
from kmip_adapters.storage.sql.schema import facts


class FactStatements:
    """Compiled once for a dialect (`prepared.statements_for`).

    find: the value of the fact `name`.  add: `value` under a `name` that is free.  change: another `value` for the fact
    `of_name`.  forget: no fact `of_name` any longer.  find_all: names and values of
    several.  keep_all: several, each changed or added.
    """

    def __init__(self, dialect: Dialect) -> None:
        name, value = facts.c.name, facts.c.value
        is_named = name == bindparam("of_name")
        self.find = Prepared(select(value).where(name == bindparam("name")), dialect)
        self.add = Prepared(insert(facts), dialect)
        self.change = Prepared(update(facts).where(is_named).values(value=bindparam("value")), dialect)
        self.forget = Prepared(delete(facts).where(is_named), dialect)
        self.find_all = PreparedRows(
            select(name, value).where(name.in_([bindparam("name")])), dialect, row=ITEMS_OF_AN_IN, width=1
        )
        self.keep_all = PreparedRows(
            insert(facts).values(name=bindparam("name"), value=bindparam("value")),
            dialect,
            row=VALUES_OF_AN_INSERT,
            width=2,
            end=" ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            fills_up=False,  # no row may be changed twice by one statement
        )

    def keep(self, cursor: Cursor, name: str, value: str) -> None:
        """Change the fact, or add it, inside a transaction that keeps other writers out."""
        if not self.change.run(cursor, {"of_name": name, "value": value}).rowcount:
            self.add.run(cursor, {"name": name, "value": value})
