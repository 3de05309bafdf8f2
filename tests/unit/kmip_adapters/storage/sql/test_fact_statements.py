"""What is kept beside objects is found, changed and forgotten by its name."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from kmip_adapters.storage.sql.dialects import SQLITE
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.prepared import statements_for
from kmip_adapters.storage.sql.sqlite_tables import TABLES

statements = statements_for(SQLITE, FactStatements)


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for table in TABLES:
            connection.execute(table)
        yield connection.cursor()


def value_of(cursor: sqlite3.Cursor, name: str) -> str | None:
    row = statements.find.run(cursor, {"name": name}).fetchone()
    return None if row is None else row[0]


def test_a_fact_is_added_then_changed_alone(cursor: sqlite3.Cursor) -> None:
    statements.keep(cursor, "one", "1")
    statements.keep(cursor, "other", "2")
    statements.keep(cursor, "one", "3")

    assert (value_of(cursor, "one"), value_of(cursor, "other")) == ("3", "2")


def test_a_fact_is_forgotten_alone(cursor: sqlite3.Cursor) -> None:
    statements.keep(cursor, "one", "1")
    statements.keep(cursor, "other", "2")
    statements.forget.run(cursor, {"of_name": "one"})

    assert (value_of(cursor, "one"), value_of(cursor, "other")) == (None, "2")


def test_a_name_is_taken_once(cursor: sqlite3.Cursor) -> None:
    statements.add.run(cursor, {"name": "one", "value": "1"})

    with pytest.raises(sqlite3.IntegrityError):
        statements.add.run(cursor, {"name": "one", "value": "2"})


@pytest.mark.parametrize("count", [0, 1, 2, 5, 7, 100])
def test_several_facts_are_added_and_changed_at_once(cursor: sqlite3.Cursor, count: int) -> None:
    statements.keep(cursor, "another", "0")
    for number in range(0, count, 2):
        statements.keep(cursor, f"{number}", "before")

    statements.keep_all.run(cursor, [(f"{number}", f"value {number}") for number in range(count)])

    found = dict(cursor.execute("SELECT name, value FROM facts").fetchall())
    assert found == {"another": "0"} | {f"{number}": f"value {number}" for number in range(count)}


@pytest.mark.parametrize("count", [1, 2, 5, 100])
def test_several_facts_are_found_at_once(cursor: sqlite3.Cursor, count: int) -> None:
    present = {f"{number}": f"value {number}" for number in range(0, count, 2)}
    statements.keep_all.run(cursor, list(present.items()))
    statements.keep(cursor, "another", "0")

    found = statements.find_all.fetch(cursor, [(f"{number}",) for number in range(count)])

    assert dict(found) == present
    assert len(found) == len(present)
