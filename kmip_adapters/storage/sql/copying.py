"""Copying a store from one database to another, of any engine, sealed as it is: no key is needed, none is opened.

Tables are gone through in the order of their keys, a range at a time: what the target lacks in the range is written,
what it has besides is deleted. So a copy that was interrupted, or whose source has changed meanwhile, goes on by being
begun again, and what is there already is only compared. A last pass reads both and compares them whole.

Until it has succeeded, the target says of itself that it is not whole, and no server opens it.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Boolean, Column, LargeBinary, Table, Text

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backend import Backend
from kmip_adapters.storage.sql.database import Database
from kmip_adapters.storage.sql.driver import Connection, Row
from kmip_adapters.storage.sql.migration import HISTORY, SERVER_VERSION
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.schema import (
    attribute_values,
    data_keys,
    facts,
    managed_objects,
    notices,
    outbox,
    subscriptions,
)
from kmip_adapters.storage.sql.storage import COPY_UNDER_WAY
from kmip_core.classes import frozen

Progress = Callable[[int, int], None]
Read = Callable[..., list[Row]]

_PIECE: Final = 500

_OWN_FACTS: Final = frozenset({SERVER_VERSION, COPY_UNDER_WAY})
"""Facts that each database has for itself."""


@frozen
class CopiedTable:
    """One table, as it is copied.

    key: columns whose order it is read in, numbers; texts, which engines order differently, of a small table, which is
        read as a whole.
    columns: all that are copied; a number that the target gives is not.
    """

    table: Table
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, *key: str, without: Sequence[str] = ()) -> "CopiedTable":
        """Return a table with all of its columns but some."""
        return cls(table, key, tuple(column.name for column in table.columns if column.name not in without))

    @property
    def name(self) -> str:
        """Its name."""
        return self.table.name

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns that differ when a row does: an object's seal covers all of it."""
        return (*self.key, "record_seal") if "record_seal" in self.columns else self.columns

    def column(self, name: str) -> Column[Any]:
        """Return one column."""
        return self.table.columns[name]


TABLES: Final = (
    CopiedTable.of(data_keys, "data_key_id"),
    CopiedTable.of(facts, "name"),
    CopiedTable.of(managed_objects, "sequence"),
    CopiedTable.of(attribute_values, "attribute", "value", "sequence"),
    CopiedTable.of(outbox, "record_id", without=["sequence"]),
    CopiedTable.of(subscriptions, "name"),
    CopiedTable.of(notices, "sequence"),
)


@frozen
class Copied:
    """What a copy has come to.  written: rows that the target lacked.  differs: tables that do not agree at the end."""

    objects: int
    written: int
    differs: tuple[str, ...]


def copy_store(source: Backend, target: Backend, progress: Progress) -> Copied:
    """Make the target what the source is.

    Raises StorageUnusable for a target that holds another store, or a database that cannot be opened; KmipError
    (General Failure) for a source that cannot be read; one of the target's errors if it cannot be written.
    """
    revision = source.revision(HISTORY)
    if revision != HISTORY.revision:
        raise StorageUnusable(
            f"{source.name} has {'no store' if revision is None else f'schema {revision}'}; a store of schema"
            f" {HISTORY.revision} is copied: start the server of this release once to upgrade it"
        )
    target.open_schema(HISTORY, may_upgrade=False, make_sealer=None)
    with closing(Database(source)) as origin, closing(Database(target)) as to:
        _claim(to, target, source.name)
        written = _bring_all(origin, to, target, progress)
        with origin.snapshot() as read, to.snapshot() as read_target:
            differs = tuple(
                each.name for each in TABLES if _digest(read, origin, each) != _digest(read_target, to, each)
            )
            objects = _count(read_target, TABLES[2], to)
        if not differs:
            _write(target, lambda connection: _forget(connection, to))
    return Copied(objects, written, differs)


def _bring_all(origin: Database, to: Database, target: Backend, progress: Progress) -> int:
    """Make every table what the source has, and return how many rows were written."""
    done = written = 0
    with origin.snapshot() as read:
        in_all = sum(_count(read, each, origin) for each in TABLES)
        for each in TABLES:
            for piece, low, high in _pieces(read, origin, each):
                written += _bring(to, target, each, piece, low, high)
                done += len(piece)
                progress(done, max(done, in_all))
    return written


def _claim(to: Database, target: Backend, source: str) -> None:
    """Have the target say that a copy is under way, unless it holds a store already."""
    present = to.fact(COPY_UNDER_WAY)
    if present == source:
        return
    if present is not None:
        raise StorageUnusable(f"a copy of {present} into {target.name} was begun; finish that one, or empty the target")
    if any(
        to.read(Prepared(f"SELECT {each.key[0]} FROM {each.name} LIMIT 1", to.dialect))
        for each in (TABLES[0], TABLES[2])
    ):
        raise StorageUnusable(f"{target.name} holds a store already; name an empty database")

    def note(connection: Connection) -> None:
        to.statements.of_one_fact.add.run(connection.cursor(), {"name": COPY_UNDER_WAY, "value": source})

    _write(target, note)


def _forget(connection: Connection, to: Database) -> None:
    to.statements.of_one_fact.forget.run(connection.cursor(), {"of_name": COPY_UNDER_WAY})


def _bring(
    to: Database, target: Backend, each: CopiedTable, piece: list[Row], low: Row | None, high: Row | None
) -> int:
    """Make a range of a table what the source has there, and return how many rows were written.

    low: the key after which the range begins.  high: the one with which it ends; None for the end of the table.
    """
    place = [each.columns.index(name) for name in each.compared]
    wanted = {tuple(row[n] for n in place): row for row in piece}
    within = f"SELECT {', '.join(each.compared)} FROM {each.name} WHERE {_range(each, low, high)}"
    there = set(to.read(Prepared(within, to.dialect), **_range_values(each, low, high)))
    if each.table is facts:
        there = {row for row in there if row[0] not in _OWN_FACTS}
    missing = [row for fingerprint, row in wanted.items() if fingerprint not in there]
    surplus = [row for row in there if row not in wanted]
    if missing or surplus:
        keys = len(each.key)

        def change(connection: Connection) -> None:
            cursor = connection.cursor()
            if surplus:
                is_it = " AND ".join(f"{name} = :{name}" for name in each.key)
                prepared = Prepared(f"DELETE FROM {each.name} WHERE {is_it}", to.dialect)
                for row in surplus:
                    prepared.run(cursor, dict(zip(each.key, row[:keys], strict=True)))
            if missing:
                columns, values = ", ".join(each.columns), ", ".join(f":{name}" for name in each.columns)
                prepared = Prepared(f"INSERT INTO {each.name} ({columns}) VALUES ({values})", to.dialect)
                rows = [prepared.values(_typed(each, row)) for row in missing]
                cursor.executemany(prepared.sql, rows)

        _write(target, change)
    return len(missing)


def _typed(each: CopiedTable, row: Row) -> dict[str, Any]:
    """Return a row by column; SQLite gives booleans as numbers."""
    return {
        name: bool(value) if isinstance(each.column(name).type, Boolean) else value
        for name, value in zip(each.columns, row, strict=True)
    }


def _write(target: Backend, change: Callable[[Connection], object]) -> None:
    connection = target.open_writer()
    try:
        cursor = connection.cursor()
        target.begin_writing(cursor)
        change(connection)
        target.commit(cursor)
    finally:
        connection.close()


def _pieces(read: Read, database: Database, each: CopiedTable) -> Iterator[tuple[list[Row], Row | None, Row | None]]:
    """Yield rows with the range of keys that they fill; the last range has no end, and may have no rows."""
    place = [each.columns.index(name) for name in each.key]
    if any(isinstance(each.column(name).type, Text) for name in each.key):
        rows = read(Prepared(f"SELECT {', '.join(each.columns)} FROM {each.name}", database.dialect))
        yield (
            sorted((row for row in rows if row[place[0]] not in _OWN_FACTS), key=lambda row: row[place[0]]),
            None,
            None,
        )
        return
    low: Row | None = None
    while True:
        statement = _following(database, each, low)
        piece = read(statement, **_range_values(each, low, None))
        high = tuple(piece[-1][n] for n in place) if len(piece) == _PIECE else None
        yield piece, low, high
        if high is None:
            return
        low = high


def _following(database: Database, each: CopiedTable, low: Row | None) -> Prepared:
    return Prepared(
        f"""
        SELECT {", ".join(each.columns)} FROM {each.name}
        WHERE {_range(each, low, None)} ORDER BY {", ".join(each.key)} LIMIT {_PIECE}
        """,
        database.dialect,
    )


def _range(each: CopiedTable, low: Row | None, high: Row | None) -> str:
    """Return the condition for keys after `low` up to `high`, whose values have their names."""
    key = ", ".join(each.key)
    conditions = ["1 = 1"]
    if low is not None:
        conditions.append(f"({key}) > ({_bound(each, 'low')})")
    if high is not None:
        conditions.append(f"({key}) <= ({_bound(each, 'high')})")
    return " AND ".join(conditions)


def _bound(each: CopiedTable, prefix: str) -> str:
    return ", ".join(f":{prefix}_{name}" for name in each.key)


def _range_values(each: CopiedTable, low: Row | None, high: Row | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for prefix, key in (("low", low), ("high", high)):
        if key is not None:
            values |= {f"{prefix}_{name}": value for name, value in zip(each.key, key, strict=True)}
    return values


def _count(read: Read, each: CopiedTable, database: Database) -> int:
    return int(read(Prepared(f"SELECT count(*) FROM {each.name}", database.dialect))[0][0])


def _digest(read: Read, database: Database, each: CopiedTable) -> tuple[int, str]:
    """Return the number of a table's rows, and a digest of all of them."""
    count, digest = 0, hashlib.sha256()
    are_bytes = [isinstance(each.column(name).type, LargeBinary) for name in each.columns]
    for piece, _, _ in _pieces(read, database, each):
        for row in piece:
            count += 1
            typed = _typed(each, row).values()
            parts = [
                bytes(value) if is_bytes and value is not None else repr(value).encode()
                for value, is_bytes in zip(typed, are_bytes, strict=True)
            ]
            digest.update(b"".join(b"%d:" % len(part) + part for part in parts))
    return count, digest.hexdigest()
