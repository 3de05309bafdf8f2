"""Upgrading a SQLite database of an older release, by the steps of the schema's history."""

from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.migration import SERVER_VERSION, BeforeUpgrade, History, MakeSealer, upgrade
from kmip_adapters.storage.sql.sqlite_schema import BEGIN_WRITING, Connect, revision


def run(connect: Connect, before_upgrade: BeforeUpgrade, history: History, make_sealer: MakeSealer | None) -> None:
    """Bring a database to the newest schema, in one transaction that another start has to wait for.

    before_upgrade: called with the old revision before an existing database is changed, while no other process can
    change it; what it raises stops the upgrade.
    make_sealer: as for `Backend.open_schema`; not needed for a new database.
    """
    try:
        _run(connect, before_upgrade, history, make_sealer)
    except DBAPIError as error:
        raise error.orig or error from error  # that of the driver, as everywhere else


def _run(connect: Connect, before_upgrade: BeforeUpgrade, history: History, make_sealer: MakeSealer | None) -> None:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(BEGIN_WRITING))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        # Steps may rebuild tables; with foreign keys on, SQLite would silently delete their children.
        driver.execute("PRAGMA foreign_keys=OFF")
        with connection.begin():
            before = revision(driver, history)  # again, now that no other process can change it
            if before == history.revision:
                return
            if before is not None:
                before_upgrade(before)
            upgrade(connection, history, make_sealer)
            driver.execute("DELETE FROM facts WHERE name = ?", (SERVER_VERSION,))
            driver.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (SERVER_VERSION, history.release))
            if driver.execute("PRAGMA foreign_key_check").fetchall():
                raise StorageUnusable("the upgrade would break references; nothing was changed")
