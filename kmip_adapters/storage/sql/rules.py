"""The rules for new objects, kept among the facts of the database: one row for each kind, read as a whole.

Each row is authenticated, and is there even where there are no rules: another program has deleted one that is missing.
"""

import functools
from collections.abc import Mapping
from typing import Any, Final

from attrs import field

from kmip_adapters.storage.records import decode_rules, encode_rules
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.fact_seals import proven_fact, sealed_fact
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.prepared import Prepared, statements_for
from kmip_core.classes import define, frozen
from kmip_core.creation_rules import Constraint, ObjectDefaults, Rule, SystemChanges
from kmip_core.ports.sealing import SealBroken
from kmip_core.ports.storage import ConcurrentChange

NAMES: Final[Mapping[type, str]] = {
    Constraint: "constraints",
    ObjectDefaults: "object_defaults",
    SystemChanges: "system_changes",
}
"""Kind of rule to the name of its fact. Entries are added, never changed."""


_KINDS: Final[Mapping[str, type[Any]]] = {name: kind for kind, name in NAMES.items()}

_OF_RULES: Final = ", ".join(f"'{name}'" for name in NAMES.values())


class OutdatedRules(ConcurrentChange):
    """A new object was checked against rules that no longer hold; nothing was written."""


class RuleStatements:
    """The statements about rules, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        self.all = Prepared(f"SELECT name, value FROM facts WHERE name IN ({_OF_RULES})", dialect)
        self.of_one = statements_for(dialect, FactStatements)


@define
class KnownRules:
    """The rules for new objects as they were read once.  opened: those that were proven and decoded, by kind."""

    facts: Mapping[str, str]
    opened: dict[type, tuple[Any, ...]] = field(factory=dict, init=False)


@frozen
class RulesWrite:
    """New rules of one kind: a `Change`, like `rows.RowWrite`.

    key: that of the index, under which facts are authenticated.
    """

    rule_statements: RuleStatements
    kind: type
    rules: tuple[Any, ...]
    key: bytes = field(repr=False)

    is_new = False
    erases = False
    seals = ()

    def apply(self, cursor: Cursor, _: object) -> None:
        """Write them on a cursor inside a transaction; they replace what is there."""
        name = NAMES[self.kind]
        self.rule_statements.of_one.keep(cursor, name, stored_form(self.kind, self.rules, self.key))


def stored_form(kind: type, rules: tuple[Any, ...], key: bytes) -> str:
    """Return the value of the fact that has the rules of a kind."""
    return sealed_fact(key, NAMES[kind], encode_rules(rules))


def stored_rules(kind: type[Rule], facts_by_name: Mapping[str, str], key: bytes) -> tuple[Rule, ...]:
    """Return the rules of one kind out of what `RuleStatements.all` has found.

    Raises SealBroken for a row that was changed or deleted in the database.
    """
    value = facts_by_name.get(NAMES[kind])
    if value is None:
        raise SealBroken(f"the fact {NAMES[kind]} is missing")
    rules: tuple[Rule, ...] = _opened(NAMES[kind], value, key)
    return rules


@functools.lru_cache(64)  # every new object is held against all of them
def _opened(name: str, value: str, key: bytes) -> tuple[Any, ...]:
    return decode_rules(proven_fact(key, name, value), _KINDS[name])
