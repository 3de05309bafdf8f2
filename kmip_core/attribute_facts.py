"""What is said of each attribute in its row of `attributes.Attributes`: the standard's rules, its kind, its title.

The rules are those of KMIP 2.1 §4, 1.4 §3: the "Attribute Rules" table of every attribute. Where versions differ the
widest is taken: 2.x lets every object have almost every attribute.
"""

import enum
from typing import Any, Final

from attrs import field

from kmip_core.classes import frozen
from kmip_core.enums import ItemType, ObjectType


class Change(enum.Enum):
    """When a client may change a value; the value completes "can be changed ..."."""

    NEVER = "never"
    ALWAYS = "always"
    PRE_ACTIVE = "while Pre-Active"
    PRE_ACTIVE_OR_ACTIVE = "while Pre-Active or Active"
    UNTIL_REACHED = "while Pre-Active or Active, until the date has come"
    UNTIL_ALLOCATED = "until usage has been allocated"
    ONLY_TO_TRUE = "only from False to True"
    ONLY_TO_FALSE = "only from True to False"


class Search(enum.Enum):
    """How Locate compares a value with a criterion."""

    RANGE = "range"  # two criteria are the ends of a range
    BITS = "bits"  # all bits of the criterion must be set
    PARTS = "parts"  # the fields that the criterion has must be there
    NUMBER = "number"  # equality, of numbers that many objects share
    VALUE = "value"  # equality
    TYPE = "type"  # the object's type says it, and nothing is kept to be searched


class Kind(enum.Enum):
    """What a value is.  The item type is None where there is not one for all.

    RARE_...: of attributes that few objects have, so that an index finds them and no column is kept for all others.
    """

    DATE = (ItemType.DATE_TIME, Search.RANGE)
    INTERVAL = (ItemType.INTERVAL, Search.NUMBER)
    INTEGER = (ItemType.INTEGER, Search.NUMBER)
    BOOLEAN = (ItemType.BOOLEAN, Search.NUMBER)
    ENUMERATION = (ItemType.ENUMERATION, Search.NUMBER)
    CLASS = (ItemType.ENUMERATION, Search.TYPE)
    RARE_INTEGER = (ItemType.INTEGER, Search.VALUE)
    RARE_LONG_INTEGER = (ItemType.LONG_INTEGER, Search.VALUE)
    RARE_ENUMERATION = (ItemType.ENUMERATION, Search.VALUE)
    MASK = (ItemType.INTEGER, Search.BITS)
    TEXT = (ItemType.TEXT_STRING, Search.VALUE)
    BYTES = (ItemType.BYTE_STRING, Search.VALUE)
    STRUCTURE = (ItemType.STRUCTURE, Search.PARTS)
    ANY = (None, Search.VALUE)

    def __init__(self, item_type: ItemType | None, search: Search) -> None:
        self.item_type = item_type
        self.search = search


@frozen
class Rule:
    """The rules of one attribute, for clients.

    on_creation: may be given in Create, Register, ...  addable: may be added to an object that has none.
    change: when it may be modified; the states of `attribute_rules.STATES` hold for adding too.
    deletable: may be deleted.  object_types: the types that have it.
    """

    on_creation: bool
    addable: bool
    change: Change
    deletable: bool
    object_types: frozenset[ObjectType]


@frozen
class Row:
    """One attribute.  title: as people write it; None where it follows from the field's name."""

    rule: Rule
    kind: Kind
    title: str | None = None


ROW: Final = "row"
"""Where the metadata of a field has its row."""

EVERY_TYPE: Final = frozenset(ObjectType)


def single(rule: Rule, kind: Kind, title: str | None = None) -> Any:
    """Return the field of an attribute with one value, or none."""
    return field(default=None, metadata={ROW: Row(rule, kind, title)})


def several(rule: Rule, kind: Kind, title: str | None = None) -> Any:
    """Return the field of an attribute with any number of values.  kind: of each of them."""
    return field(default=(), metadata={ROW: Row(rule, kind, title)})


def server(types: frozenset[ObjectType] = EVERY_TYPE) -> Rule:
    """Return the rules of one that the server alone sets and changes."""
    return Rule(False, False, Change.NEVER, False, types)


def fixed(types: frozenset[ObjectType] = EVERY_TYPE) -> Rule:
    """Return the rules of one that a client may give at creation and that is never changed.

    Register may carry Certificate Length and Digital Signature Algorithm: KMIP 2.1 table 293.
    """
    return Rule(True, False, Change.NEVER, False, types)


def once(types: frozenset[ObjectType] = EVERY_TYPE) -> Rule:
    """Return the rules of one that a client may give at creation or later, once."""
    return Rule(True, True, Change.NEVER, False, types)


def free(types: frozenset[ObjectType] = EVERY_TYPE) -> Rule:
    """Return the rules of one that a client gives, changes and deletes at will."""
    return Rule(True, True, Change.ALWAYS, True, types)


def limited() -> Rule:
    """Return the rules of Usage Limits: as `free`, until usage has been allocated."""
    return Rule(True, True, Change.UNTIL_ALLOCATED, True, EVERY_TYPE)


def kept(change: Change) -> Rule:
    """Return the rules of one that a client may give and, on a condition, change, but not delete."""
    return Rule(True, True, change, False, EVERY_TYPE)
