"""Locate as SQL: one statement per shape of query, written once; values are always parameters.

The conditions of a query fall into two kinds. One drives: the identifier; else the rarest criterion, by the index of
attribute values; else visibility itself, as one arm per way in which an object can be visible (owner, or a policy that
shows the type to every client), by the indexes of the objects. All arms are disjoint and walk their index in the order
of the answer, so that LIMIT ends the work. All other conditions are tests on the rows that the driver reads, most of
them on their own columns.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from kmip_adapters.storage.sql.attribute_index import CODES, is_indexed_by, wanted_entry
from kmip_adapters.storage.sql.columns import TRAIT_COLUMNS
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.prepared import numbers
from kmip_adapters.storage.sql.settled_state import settled_state, stored_states
from kmip_core.attributes import MASKS
from kmip_core.classes import frozen
from kmip_core.criteria import AnyOf, DateRange, LocateQuery, conditions
from kmip_core.enums import ObjectGroupMember, ObjectType, State, StorageStatusMask
from kmip_core.lifecycle import GONE

UNLIMITED: Final = 1 << 62

RANKS: Final[dict[str, int]] = {
    "short_unique_identifier": 0,
    "names": 1,
    "digests": 1,
    "x_509_certificate_identifier": 1,
    "certificate_identifier": 1,
    "alternative_names": 2,
    "links": 2,
    "key_value_locations": 2,
    "application_specific_information": 3,
    "x_509_certificate_subject": 3,
    "certificate_subject": 3,
    "certificate_attributes": 3,
    "pkcs_12_friendly_name": 3,
    "rotate_name": 3,
    "object_groups": 5,
    "x_509_certificate_issuer": 5,
    "certificate_issuer": 5,
    "contact_information": 5,
    "description": 5,
    "comment": 5,
}
"""Criteria that may drive a query, the rarest values first; those with few values are only tested."""

_COLUMNS: Final = frozenset({"unique_identifier", "object_type", *TRAIT_COLUMNS})
"""Attributes whose criteria are tests of one column each."""

_RANK_OF_CUSTOM: Final = 4
_RANK_OF_DATES: Final = 6
_ARMS: Final = 12
"""Pairs of policy and type visible to every client that get an arm each; more share one, at the price of a sort."""

_Groups = tuple[tuple[int, ...], ...]


@frozen(eq=False)
class Shape:
    """All of a query that its SQL depends on; there is one of each (`_shape_of`), which is looked up by what it is.

    columns: attributes whose columns must hold, each with its own value.
    entries: how many index entries must be present.
    alternatives: of how many index entries one must be present, for each `AnyOf`.
    dates: columns that must be in a range, and whether having no date will do; those for which it will not come first.
    driver: the condition whose rows are read; all others are tests on them.
    states: settled states that must hold.  statuses: on-line, archived, destroyed: which are asked for.
    owned, everyone: the object types of each policy, in the order of the policies' names.
    """

    columns: tuple[str, ...]
    entries: int
    alternatives: tuple[int, ...]
    dates: tuple[tuple[str, bool], ...]
    driver: "Driver"
    states: tuple[State, ...]
    statuses: tuple[bool, bool, bool]
    owned: _Groups
    everyone: _Groups


SHAPES: Final = 512
"""Shapes that are remembered, and their statements; clients choose the shapes."""

_shape_of: Final = lru_cache(SHAPES)(Shape)


def analyse(query: LocateQuery, index_key: bytes) -> tuple[Shape, dict[str, Any]]:
    """Return the shape of a query, and the values for its statement; parts of structures are left out.

    index_key: as for `attribute_index.entries`.  Raises KmipError (Invalid Field).
    """
    if len(query.criteria) == 1 and query.object_group_member is None:
        (criterion,) = query.criteria
        reference, wanted = criterion.reference, criterion.value
        is_rare = reference.vendor_identification is None and reference.attribute in RANKS
        if is_rare and type(wanted) is not AnyOf and is_indexed_by(reference, wanted):
            return _by_one_entry(query, wanted_entry(reference, wanted, index_key))
    return _analyse(query, index_key)


def _by_one_entry(query: LocateQuery, entry: tuple[int, int]) -> tuple[Shape, dict[str, Any]]:
    """Return what `analyse` does of the query that clients have most: for a name, a link, or another rare value."""
    visible, maximum = query.visibility, query.maximum_items
    owned, everyone, policies = _grouped(visible.owned, visible.everyone)
    values: dict[str, Any] = {
        "now": query.now,
        "owner": visible.owner,
        "attribute_0": entry[0],
        "value_0": entry[1],
        **policies,
        "limit": UNLIMITED if maximum is None else maximum,
        "offset": query.offset_items,
    }
    statuses = _statuses(query.storage_status_mask)
    return _shape_of((), 1, (), (), _BY_ENTRY, (), statuses, owned, everyone), values


def _analyse(query: LocateQuery, index_key: bytes) -> tuple[Shape, dict[str, Any]]:
    columns: list[tuple[str, Any]] = []
    ranked: list[tuple[int, tuple[int, int]]] = []
    dates: list[tuple[str, DateRange]] = []
    states: list[State] = []
    alternatives: list[list[tuple[int, int]]] = []
    for reference, wanted in conditions(query.criteria):
        is_custom = reference.vendor_identification is not None
        if not is_indexed_by(reference, wanted):
            continue  # the unit of work compares what the statement finds
        if isinstance(wanted, AnyOf):
            alternatives.append(_entries(wanted, index_key))
        elif isinstance(wanted, DateRange):
            dates.append((reference.attribute, wanted))
        elif reference.attribute == "state" and not is_custom:
            states.append(State(wanted))
        elif reference.attribute in _COLUMNS and not is_custom:
            columns.append((reference.attribute, wanted if isinstance(wanted, str) else int(wanted)))
        else:
            rank = _RANK_OF_CUSTOM if is_custom else RANKS.get(reference.attribute, 9)
            ranked.append((rank, wanted_entry(reference, wanted, index_key)))
    if query.object_group_member is ObjectGroupMember.GROUP_MEMBER_FRESH:
        columns.append(("fresh", 1))
    columns = sorted(set(columns))
    ranked = sorted(set(ranked))
    dates.sort(key=lambda named: named[1].includes_none)
    driver: Driver
    if any(name == "unique_identifier" for name, _ in columns):
        driver = _BY_IDENTIFIER
    elif ranked and ranked[0][0] < _RANK_OF_DATES:
        driver = _BY_ENTRY
    elif alternatives:
        driver = _BY_ALTERNATIVES
    elif dates and not dates[0][1].includes_none:  # what has no date has no entry
        driver = _BY_DATE
    else:
        driver = _BY_VISIBILITY
    values: dict[str, Any] = {"now": query.now, "owner": query.visibility.owner}
    for number, (_, column_value) in enumerate(columns):
        values[f"column_{number}"] = column_value
    for number, (_, (code, value)) in enumerate(ranked):
        values[f"attribute_{number}"], values[f"value_{number}"] = code, value
    for number, entries in enumerate(alternatives):
        for place, (code, value) in enumerate(entries):
            values[f"attribute_{number}_{place}"], values[f"value_{number}_{place}"] = code, value
    for number, (name, dates_wanted) in enumerate(dates):
        values[f"date_{number}"] = CODES[name]
        values[f"first_{number}"], values[f"last_{number}"] = dates_wanted.first, dates_wanted.last
    owned, everyone, policies = _grouped(query.visibility.owned, query.visibility.everyone)
    values |= policies
    shape = _shape_of(
        tuple(name for name, _ in columns),
        len(ranked),
        tuple(map(len, alternatives)),
        tuple((name, dates_wanted.includes_none) for name, dates_wanted in dates),
        driver,
        tuple(states),
        _statuses(query.storage_status_mask),
        owned,
        everyone,
    )
    values["limit"] = UNLIMITED if query.maximum_items is None else query.maximum_items
    values["offset"] = query.offset_items
    return shape, values


def identifiers(shape: Shape, dialect: Dialect) -> str:
    """Return the statement for sequence and identifier of what is found, newest first, from `offset`, `limit` rows."""
    arms = _arms(shape, dialect)
    # One arm by the driver's own column: it is the order of its index, and needs no sort.
    order = f"{shape.driver.table}.sequence" if len(arms) == 1 else "sequence"
    return f"{' UNION ALL '.join(arms)} ORDER BY {order} DESC LIMIT :limit OFFSET :offset"


def count(shape: Shape, dialect: Dialect) -> str:
    """Return the statement that counts what is found, without offset and limit."""
    return f"SELECT count(*) FROM ({' UNION ALL '.join(_arms(shape, dialect))}) AS found"


def _arms(shape: Shape, dialect: Dialect) -> list[str]:
    """Return disjoint selections of sequence and identifier."""
    driver, tests = shape.driver, _tests(shape)
    found = f"SELECT {driver.table}.sequence, unique_identifier FROM {driver.source(dialect)}"
    return [f"{found} WHERE {_all(way, *tests)}" for way in driver.ways(shape)]


class Driver(ABC):
    """The condition whose rows are read.

    table: the one that is walked first, by its name in the statement.
    entries, alternatives, dates: how many of the shape's first conditions of each kind it answers itself.
    """

    table = "o"
    entries = 0
    alternatives = 0
    dates = 0

    def source(self, dialect: Dialect) -> str:
        """Return the tables that are read; managed objects are `o`."""
        return "managed_objects AS o"

    @abstractmethod
    def ways(self, shape: Shape) -> list[str]:
        """Return disjoint conditions, one of which an object must meet: that of the driver, and visibility."""


@frozen(eq=False)
class ByIdentifier(Driver):
    """One object at most."""

    def ways(self, shape: Shape) -> list[str]:
        """Return visibility: the identifier is among the tests of columns."""
        return [_visible(shape)]


@frozen(eq=False)
class ByVisibility(Driver):
    """Every object that the client may see, newest first."""

    def ways(self, shape: Shape) -> list[str]:
        """Return one condition for each way in which an object can be visible."""
        return _visible_ways(shape)


@frozen(eq=False)
class _ByIndex(Driver):
    """What the index of attribute values has for one condition."""

    table = "driver"

    def source(self, dialect: Dialect) -> str:
        """Return the index, and the objects to which its entries belong."""
        return (
            f"attribute_values AS driver {dialect.join_in_order} managed_objects AS o ON driver.sequence = o.sequence"
        )

    def ways(self, shape: Shape) -> list[str]:
        """Return the condition on the index."""
        return [_all(self.condition, _visible(shape))]

    @property
    @abstractmethod
    def condition(self) -> str:
        """The condition on the index."""


@frozen(eq=False)
class ByEntry(_ByIndex):
    """The first, rarest, index entry."""

    entries = 1
    condition = "driver.attribute = :attribute_0 AND driver.value = :value_0"


@frozen(eq=False)
class ByDate(_ByIndex):
    """The first range of dates."""

    dates = 1
    condition = "driver.attribute = :date_0 AND driver.value BETWEEN :first_0 AND :last_0"


@frozen(eq=False)
class ByAlternatives(Driver):
    """What the index has for the first of the conditions that can be met in several ways; each object once."""

    alternatives = 1

    def ways(self, shape: Shape) -> list[str]:
        """Return the condition that an object has any of the entries."""
        of_entries = f"SELECT sequence FROM attribute_values WHERE {_any_entry(shape, 0)}"
        return [_all(f"o.sequence IN ({of_entries})", _visible(shape))]


_BY_IDENTIFIER: Final = ByIdentifier()
_BY_VISIBILITY: Final = ByVisibility()
_BY_ENTRY: Final = ByEntry()
_BY_ALTERNATIVES: Final = ByAlternatives()
_BY_DATE: Final = ByDate()

# --- conditions -----------------------------------------------------------------------------------------------------

_NONE: Final = "1 = 0"
"""What no object meets."""


def _all(*conditions: str) -> str:
    return " AND ".join(conditions)


def _any(*conditions: str) -> str:
    return conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"


def _tests(shape: Shape) -> list[str]:
    """Return the conditions that are tests of the rows which the driver reads."""
    tests = []
    for number, name in enumerate(shape.columns):
        column = f"{name} & :column_{number}" if name in MASKS else name
        tests.append(f"{column} = :column_{number}")
    for number in range(shape.driver.entries, shape.entries):
        tests.append(_has_entry(f"attribute = :attribute_{number} AND value = :value_{number}"))
    for number in range(shape.driver.alternatives, len(shape.alternatives)):
        tests.append(_has_entry(_any_entry(shape, number)))
    for number, (name, includes_none) in enumerate(shape.dates):
        if number >= shape.driver.dates:
            within = f"{name} BETWEEN :first_{number} AND :last_{number}"
            tests.append(_any(f"{name} IS NULL", within) if includes_none else within)
    tests.extend(f"{settled_state()} = {state:d}" for state in shape.states)
    if not all(shape.statuses):
        tests.append(_has_status(shape.statuses))
    return tests


def _has_entry(condition: str) -> str:
    return f"EXISTS (SELECT 1 FROM attribute_values AS v WHERE v.sequence = o.sequence AND {condition})"


def _any_entry(shape: Shape, number: int) -> str:
    """Return the condition that a row of the index is one of the entries of an `AnyOf`."""
    return _any(
        *(
            f"attribute = :attribute_{number}_{place} AND value = :value_{number}_{place}"
            for place in range(shape.alternatives[number])
        )
    )


def _entries(wanted: AnyOf, index_key: bytes) -> list[tuple[int, int]]:
    """Return the index entries of an `AnyOf`, the last one repeated: few numbers of them, and few statements."""
    entries = sorted({wanted_entry(one.reference, one.value, index_key) for one in wanted.instances})
    return entries + entries[-1:] * ((1 << (len(entries) - 1).bit_length()) - len(entries))


def _visible(shape: Shape) -> str:
    """Return the condition that an object is visible, as one test of a row."""
    ways = []
    if shape.owned:
        ways.append(_is_owned(shape))
    if shape.everyone:
        ways.append(_any(*_policy_tests(shape.everyone, "everyone")))
    return _any(*ways) if ways else _NONE


def _visible_ways(shape: Shape) -> list[str]:
    """Return disjoint conditions, each by one index, one of which an object must meet to be visible."""
    ways: list[str] = []
    if shape.owned:
        owned = _is_owned(shape)
        if shape.states:
            ways.extend(f"state = {stored:d} AND {owned}" for stored in stored_states(shape.states[0]))
        else:
            ways.append(owned)
    if sum(map(len, shape.everyone)) <= _ARMS:
        ways.extend(
            f"policy = :everyone_{number} AND object_type = {object_type:d}"
            for number, types in enumerate(shape.everyone)
            for object_type in types
        )
    else:
        ways.append(_any(*_policy_tests(shape.everyone, "everyone")))
    return ways or [_NONE]


def _is_owned(shape: Shape) -> str:
    return _all("owner = :owner", _any(*_policy_tests(shape.owned, "owned")))


def _policy_tests(groups: _Groups, prefix: str) -> Iterator[str]:
    for number, types in enumerate(groups):
        yield f"policy = :{prefix}_{number} AND object_type IN ({numbers(types)})"


def _has_status(statuses: tuple[bool, bool, bool]) -> str:
    on_line, archived, destroyed = statuses
    is_gone = f"state IN ({numbers(GONE)})"
    wanted = []
    if destroyed:
        wanted.append(is_gone)
    if archived:
        wanted.append(f"NOT {is_gone} AND archived")
    if on_line:
        wanted.append(f"NOT {is_gone} AND NOT archived")
    return _any(*wanted) if wanted else _NONE


def _statuses(mask: StorageStatusMask | None) -> tuple[bool, bool, bool]:
    """Return which kinds a mask asks for; without one, on-line objects only (`criteria.has_status`)."""
    if mask is None:
        return True, False, False
    return (
        bool(mask & StorageStatusMask.ON_LINE_STORAGE),
        bool(mask & StorageStatusMask.ARCHIVAL_STORAGE),
        bool(mask & StorageStatusMask.DESTROYED_STORAGE),
    )


@lru_cache(256)
def _grouped(
    owned: frozenset[tuple[str, ObjectType]], everyone: frozenset[tuple[str, ObjectType]]
) -> tuple[_Groups, _Groups, dict[str, str]]:
    """Return the types by policy of what an owner may find and of what everyone may, and the policies' names.

    What a client may find is one value for all its requests (`PolicyDecider.visibility`), and remembered here by it.
    """
    names: dict[str, str] = {}
    return _group(owned - everyone, "owned", names), _group(everyone, "everyone", names), names


def _group(pairs: Iterable[tuple[str, ObjectType]], prefix: str, values: dict[str, str]) -> _Groups:
    """Return the types by policy, and put the policies' names into `values`."""
    by_policy: dict[str, list[int]] = {}
    for policy, object_type in pairs:
        by_policy.setdefault(policy, []).append(int(object_type))
    names = sorted(by_policy)
    for number, name in enumerate(names):
        values[f"{prefix}_{number}"] = name
    return tuple(tuple(sorted(by_policy[name])) for name in names)
