"""The rules for new objects, kept among the facts of the database: one row for each kind, read as a whole."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Dialect, bindparam, delete, insert, or_, select

from kmip_adapters.storage.records import decode_rules, encode_rules
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.schema import facts
from kmip_core.creation_rules import Constraint, ObjectDefaults, Rule, SystemChanges
from kmip_core.ports.storage import ConcurrentChange

NAMES: Final[Mapping[type, str]] = {
    Constraint: "constraints",
    ObjectDefaults: "object_defaults",
    SystemChanges: "system_changes",
}
"""Kind of rule to the name of its fact. Entries are added, never changed."""


IS_RULE: Final = or_(*(facts.c.name == name for name in NAMES.values()))
"""Whether a fact is about rules."""


class OutdatedRules(ConcurrentChange):
    """A new object was checked against rules that no longer hold; nothing was written."""


class RuleStatements:
    """The statements about rules, compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        self.all = Prepared(select(facts.c.name, facts.c.value).where(IS_RULE), dialect)
        self.forget = Prepared(delete(facts).where(facts.c.name == bindparam("of_name")), dialect)
        self.keep = Prepared(insert(facts).values(name=bindparam("name"), value=bindparam("value")), dialect)


@frozen
class RulesWrite:
    """New rules of one kind: a `Change`, like `rows.RowWrite`."""

    rule_statements: RuleStatements
    kind: type
    rules: tuple[Any, ...]

    is_new = False
    erases = False
    seals = ()

    def apply(self, cursor: Cursor, _: object) -> None:
        """Write them on a cursor inside a transaction; they replace what is there."""
        name = NAMES[self.kind]
        self.rule_statements.forget.run(cursor, {"of_name": name})
        self.rule_statements.keep.run(cursor, {"name": name, "value": encode_rules(self.rules)})


def stored_rules(kind: type[Rule], facts_by_name: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules of one kind out of what `RuleStatements.all` has found."""
    value = facts_by_name.get(NAMES[kind])
    return () if value is None else decode_rules(value, kind)
