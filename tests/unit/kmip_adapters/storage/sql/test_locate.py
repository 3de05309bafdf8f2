"""Locate is answered by indexes: SQLite's own plan is read for every kind of criterion."""

import functools
import tracemalloc
from collections.abc import Iterator
from typing import Final

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.attribute_index import CODES, entries
from kmip_adapters.storage.sql.columns import TRAIT_COLUMNS
from kmip_adapters.storage.sql.locate import RANKS, _analyse, analyse
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import NOW, SAMPLES, a_name, criterion, query
from kmip_core.attributes import BY_TYPE, CUSTOM, DATES, FIELDS, TRAITS, Attributes
from kmip_core.criteria import AnyOf, LocateQuery
from kmip_core.enums import ItemType, LinkType, ObjectGroupMember, ObjectType, State, StorageStatusMask
from kmip_core.policy import Visibility
from kmip_core.structures import ApplicationSpecificInformation, Link, Name, TypedValue

SYMMETRIC = criterion("object_type", ObjectType.SYMMETRIC_KEY)

RARE: dict[str, LocateQuery] = {
    "name": query(criterion("names", a_name("a"))),
    "name and type and state": query(
        criterion("state", State.ACTIVE), SYMMETRIC, criterion("names", a_name("a")), maximum_items=2
    ),
    "group": query(criterion("object_groups", "g"), object_group_member=ObjectGroupMember.GROUP_MEMBER_FRESH),
    "link": query(criterion("links", Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="k2"))),
    "application specific information": query(
        criterion(
            "application_specific_information",
            ApplicationSpecificInformation(application_namespace="ssh", application_data="host"),
        )
    ),
    "namespace": query(
        criterion("application_specific_information", ApplicationSpecificInformation(application_namespace="ssh"))
    ),
    "custom attribute": query(criterion("colour", TypedValue(ItemType.TEXT_STRING, "blue"), "x")),
    "date range": query(criterion("initial_date", NOW), criterion("initial_date", NOW + 1)),
}
"""Criteria that few objects satisfy."""

COMMON: dict[str, LocateQuery] = {
    "nothing": query(maximum_items=10),
    "owner and state": query(criterion("state", State.PRE_ACTIVE), maximum_items=10),
    "owner and settled state": query(criterion("state", State.DEACTIVATED), maximum_items=10),
    "type": query(SYMMETRIC, maximum_items=10),
    "length": query(criterion("cryptographic_length", 256), maximum_items=10),
    "usage mask": query(criterion("cryptographic_usage_mask", 12), maximum_items=10),
}
"""Criteria that many objects satisfy; visibility drives."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStorage]:
    directory = tmp_path_factory.mktemp("plans")
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    opened = SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer)
    yield opened
    opened.close()


def plans(store: SqlStorage, wanted: LocateQuery) -> list[str]:
    """Return the plans' lines for the identifiers and for the count."""
    shape, values = analyse(wanted, b"")
    connection = store.database.take()
    try:
        return [
            row[3]
            for statement in (store.database.located(shape), store.database.counted(shape))
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values(values))
        ]
    finally:
        store.database.give_back(connection)


IDENTIFIED: dict[str, LocateQuery] = {
    "unique identifier": query(criterion("unique_identifier", "k1")),
    "unique identifier and name": query(criterion("names", a_name("a")), criterion("unique_identifier", "k1")),
}
"""One object at most."""


@pytest.mark.parametrize("name", [*RARE, *COMMON, *IDENTIFIED])
def test_no_criterion_needs_a_full_scan(store: SqlStorage, name: str) -> None:
    lines = plans(store, (RARE | COMMON | IDENTIFIED)[name])

    tables = [line for line in lines if line.startswith(("SCAN", "SEARCH"))]
    assert tables
    # The count scans the result of the search, which is a subquery and no table.
    assert [line for line in tables if line.startswith("SCAN") and line != "SCAN found"] == []
    assert [line for line in tables if "AUTOMATIC" in line] == []


@pytest.mark.parametrize("name", RARE)
def test_the_rarest_criterion_is_walked_first(store: SqlStorage, name: str) -> None:
    tables = [line for line in plans(store, RARE[name]) if line.startswith("SEARCH")]

    value = "value>? AND value<?" if name == "date range" else "value=?"
    assert f"SEARCH driver USING PRIMARY KEY (attribute=? AND {value})" == tables[0]


@pytest.mark.parametrize("name", [name for name in RARE | COMMON | IDENTIFIED if name != "date range"])
def test_the_order_of_the_answer_is_the_order_of_the_index(store: SqlStorage, name: str) -> None:
    shape, values = analyse((RARE | COMMON | IDENTIFIED)[name], b"")
    statement = store.database.located(shape)
    connection = store.database.take()
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values(values)).fetchall()
    store.database.give_back(connection)

    assert [row[3] for row in plan if "USE TEMP B-TREE FOR ORDER BY" in row[3]] == []


@pytest.mark.parametrize("name", IDENTIFIED)
def test_an_identifier_is_found_by_itself(store: SqlStorage, name: str) -> None:
    tables = [line for line in plans(store, IDENTIFIED[name]) if line.startswith("SEARCH")]

    assert tables[0].endswith("(unique_identifier=?)")


def test_state_is_searched_with_its_owner(store: SqlStorage) -> None:
    lines = plans(store, COMMON["owner and state"])

    assert any("by_owner_and_state (owner=? AND state=?)" in line for line in lines)


def test_statements_are_compiled_once_for_each_shape(store: SqlStorage) -> None:
    one, other = (analyse(query(criterion("names", a_name(text))), b"")[0] for text in "ab")

    assert store.database.located(one) is store.database.located(other)


THEIRS: Final = "x' OR 1=1 --"
"""A text of a client's own choice."""

THEIR_NUMBER: Final = 987_654_321

OF_CLIENTS: dict[str, LocateQuery] = {
    "identifier": query(criterion("unique_identifier", THEIRS)),
    "name": query(criterion("names", a_name(THEIRS)), criterion("object_groups", THEIRS)),
    "custom attribute": query(criterion(THEIRS, TypedValue(ItemType.TEXT_STRING, THEIRS), THEIRS)),
    "several names": query(
        evolve(
            criterion("names", a_name(THEIRS)),
            value=AnyOf(instances=(criterion("names", a_name(THEIRS)), criterion("names", a_name("b")))),
        )
    ),
    "numbers": query(
        criterion("cryptographic_length", THEIR_NUMBER),
        criterion("cryptographic_usage_mask", THEIR_NUMBER),
        criterion("initial_date", THEIR_NUMBER),
        criterion("initial_date", THEIR_NUMBER + 1),
        criterion("state", State.ACTIVE),
        maximum_items=THEIR_NUMBER,
        offset_items=THEIR_NUMBER,
    ),
}


@pytest.mark.parametrize("name", OF_CLIENTS)
def test_nothing_that_a_client_chooses_is_in_the_text_of_a_statement(store: SqlStorage, name: str) -> None:
    seen = Visibility(
        owner=THEIRS,
        owned=frozenset({(THEIRS, ObjectType.SYMMETRIC_KEY)}),
        everyone=frozenset({(f"{THEIRS} again", ObjectType.CERTIFICATE)}),
    )
    shape, values = analyse(evolve(OF_CLIENTS[name], visibility=seen), b"")

    for statement in (store.database.located(shape), store.database.counted(shape)):
        assert statement.values(values)
        assert [one for one in ("'", "--", ";", str(THEIR_NUMBER)) if one in statement.sql] == []


# --- tables ---------------------------------------------------------------------------------------------------------


def test_every_attribute_is_in_the_index_or_in_a_column() -> None:
    in_columns = {"unique_identifier", "object_type", "state", *TRAIT_COLUMNS}

    assert {*FIELDS, CUSTOM} - BY_TYPE == set(CODES) | in_columns
    assert set() == set(CODES) & in_columns
    assert TRAIT_COLUMNS == TRAITS  # a new trait needs a migration
    assert len(CODES) == len(set(CODES.values()))


def test_numbers_that_had_a_meaning_once_get_no_other() -> None:
    assert set(CODES.values()).isdisjoint(range(49, 55))
    assert set(CODES.values()).isdisjoint([1, 4, 5, 6, 9, 10, 21, 22, 36, 42, 56, 57, 58, 59, 60, 62, 63, 64, 66])


def test_codes_never_change() -> None:
    """They are in every database; entries are only added."""
    some = {"names": 3, "state": None, "initial_date": 25, "rotate_name": 65, CUSTOM: 1000}

    assert some == {name: CODES.get(name) for name in some}


def test_drivers_are_attributes_with_values_that_may_be_rare() -> None:
    assert set(CODES) >= set(RANKS)
    assert set() == set(RANKS) & DATES
    assert [name for name in RANKS if isinstance(SAMPLES[name], int)] == []


def test_the_index_keeps_no_values_of_clients_in_memory() -> None:
    """An attribute may have a megabyte; what is remembered of them must not be the clients' to choose."""
    tracemalloc.start()
    for number in range(30):
        entries(Attributes(names=(Name(name_value=f"{number}" * 500_000),)), b"")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 1_000_000


@pytest.mark.parametrize("name", sorted(RANKS))
@pytest.mark.parametrize("mask", [None, StorageStatusMask.ARCHIVAL_STORAGE])
def test_a_query_for_one_rare_value_is_analysed_as_any_other(name: str, mask: StorageStatusMask | None) -> None:
    for wanted in (
        query(criterion(name, "a value"), maximum_items=5, offset_items=2, storage_status_mask=mask),
        query(criterion(name, "a value"), object_group_member=ObjectGroupMember.GROUP_MEMBER_FRESH),
    ):
        (shape, values), (same_shape, same_values) = analyse(wanted, b"key"), _analyse(wanted, b"key")

        assert shape is same_shape
        assert values == same_values


def test_a_custom_attribute_called_as_a_rare_one_is_analysed_as_custom() -> None:
    wanted = query(criterion("names", TypedValue(ItemType.TEXT_STRING, "blue"), "x"))

    assert analyse(wanted, b"key") == _analyse(wanted, b"key")
    assert analyse(wanted, b"key")[1]["attribute_0"] == CODES[CUSTOM]
