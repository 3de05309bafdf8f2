"""Creating and upgrading the tables: one statement a transaction, by one node at a time.

CockroachDB takes no transaction with several changes of a schema. So each statement is its own, every one can be
repeated, and the revision is written last: a start that was interrupted is finished by the next one.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
from psycopg import errors
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    create_engine,
    delete,
    insert,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from kmip_adapters.storage.sql.migration import (
    SERVER_VERSION,
    History,
    MakeSealer,
    refuse_upgrade,
    upgrade,
)
from kmip_adapters.storage.sql.postgresql.revision import revision
from kmip_adapters.storage.sql.postgresql.watchdog import WatchedConnection
from kmip_adapters.storage.sql.schema import CONDITIONS, facts, managed_objects, metadata

locks: Final = MetaData()

kmipd_lock: Final = Table(
    "kmipd_lock",
    locks,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
)
"""Row 1: changed first by every transaction that writes.  Row 2: held by the node that changes the schema."""

kmipd_writers: Final = Table(
    "kmipd_writers",
    locks,
    Column("writer", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
)
"""One row for each writer that runs: the number of its last transaction."""

alembic_version: Final = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))

for _index in managed_objects.indexes:
    if (_condition := CONDITIONS.get(str(_index.name))) is not None:
        _index.dialect_options["postgresql"]["where"] = text(_condition)

_ADD_LOCKS: Final = "INSERT INTO kmipd_lock (id, epoch) VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING"
_HOLD_SCHEMA: Final = "SELECT epoch FROM kmipd_lock WHERE id = 2 FOR UPDATE"

_MADE_MEANWHILE: Final = (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject)

Connect = Callable[[], WatchedConnection]


def open_schema(connect: Connect, history: History, may_upgrade: bool, make_sealer: MakeSealer | None) -> None:
    """Bring a database that has not the newest schema to it.

    Raises StorageUnusable for a database of a newer release, of another program, or that must not be changed;
    psycopg.Error.
    """
    engine = _engine(connect)
    try:
        with engine.connect() as connection:
            _run(connection, CreateTable(kmipd_lock, if_not_exists=True))
            connection.exec_driver_sql(_ADD_LOCKS)
            with _holding_schema(connect):
                with closing(connect()) as looking:
                    found = revision(looking, history)  # now that no other node can change it
                if found is None:
                    _create(connection, history)
                elif found != history.revision:
                    if not may_upgrade:
                        refuse_upgrade(found)
                    upgrade(connection, history, make_sealer)
                    _note_release(connection, history)
    except DBAPIError as error:
        raise error.orig or error from error  # that of the driver, as everywhere else
    finally:
        engine.dispose()


def _create(connection: Connection, history: History) -> None:
    for table in (*metadata.sorted_tables, kmipd_writers, alembic_version):
        _run(connection, CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            _run(connection, CreateIndex(index, if_not_exists=True))
    _note_release(connection, history)
    connection.execute(insert(alembic_version).values(version_num=history.revision))


def _note_release(connection: Connection, history: History) -> None:
    connection.execute(delete(facts).where(facts.c.name == SERVER_VERSION))
    connection.execute(insert(facts).values(name=SERVER_VERSION, value=history.release))


def _run(connection: Connection, statement: Any) -> None:
    """Create something that another node may be creating: "if not exists" is no lock, and one of them gets an error."""
    for is_last in (False, False, True):
        try:
            connection.execute(statement)
            return
        except Exception as error:
            cause = getattr(error, "orig", None)
            if is_last or not isinstance(
                cause, errors.UniqueViolation | errors.DuplicateTable | errors.DuplicateObject
            ):
                raise


@contextlib.contextmanager
def _holding_schema(connect: Connect) -> Iterator[None]:
    """Keep other nodes from changing the schema while inside; the lock ends with the connection."""
    connection = connect()
    try:
        connection.execute("BEGIN")
        connection.execute(_HOLD_SCHEMA)
        yield
        connection.execute("COMMIT")
    finally:
        connection.close()


def _engine(connect: Connect) -> Engine:
    """Return SQLAlchemy's engine over our connections, for what it makes of tables and for Alembic."""

    def raw() -> psycopg.Connection[Any]:
        return connect().driver_connection

    engine = create_engine("postgresql+psycopg://", creator=raw, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    find = engine.dialect._get_server_version_info

    def version(connection: Any) -> tuple[int, ...]:
        try:
            found: tuple[int, ...] = find(connection)
        except AssertionError:  # another engine: it says itself to be compatible with this version
            found = (13, 0)
        return found

    engine.dialect._get_server_version_info = version  # type: ignore[method-assign]  # SQLAlchemy offers no hook
    return engine
