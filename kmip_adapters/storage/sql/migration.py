"""Opening databases of any age: new ones are made, older ones upgraded, newer and foreign ones refused."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, delete, insert, inspect, select, text
from sqlalchemy.schema import PrimaryKeyConstraint

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.schema import facts, metadata
from kmip_core.classes import frozen
from kmip_core.ports.sealing import DataKeys, StoreSealer

SERVER_VERSION: Final = "server_version"


@frozen(kw_only=True)
class History:
    """The steps that lead to a schema.

    revision: the last one.  release: the first release that works with it, for which an older one asks when it
    refuses the database.  folders: where the steps are, as Alembic writes it.
    """

    revision: str
    release: str
    folders: tuple[str, ...]


HISTORY: Final = History(revision="0006", release="0.2.0", folders=("kmip_adapters.storage:migrations/versions",))
"""The schema that this release works with."""

_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it."""

BeforeUpgrade = Callable[[str], None]
MakeSealer = Callable[[DataKeys], StoreSealer]


def open_schema(
    engine: Engine,
    before_upgrade: BeforeUpgrade,
    history: History = HISTORY,
    make_sealer: MakeSealer | None = None,
) -> None:
    """Bring the database to the newest schema, in one transaction that another start has to wait for.

    before_upgrade: called with the old revision before an existing database is changed, while no other process can
    change it; what it raises stops the upgrade.
    make_sealer: as for `Backend.open_schema`; not needed for a new database.
    Raises StorageUnusable for a database of a newer release or of another program.
    """
    with engine.connect() as connection:
        if revision_of(connection, history) == history.revision:
            return
        # Steps may rebuild tables; with foreign keys on, SQLite would silently delete their children.
        if engine.dialect.name == "sqlite":
            connection.rollback()
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with connection.begin():
            revision = revision_of(connection, history)  # again, now that no other process can change it
            if revision == history.revision:
                return
            if revision is not None:
                before_upgrade(revision)
            if revision is None and history == HISTORY and engine.dialect.name == "sqlite":
                create(connection)
            else:
                upgrade(connection, history, make_sealer)
            connection.execute(delete(facts).where(facts.c.name == SERVER_VERSION))
            connection.execute(insert(facts).values(name=SERVER_VERSION, value=history.release))
            if engine.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).all():
                raise StorageUnusable("the upgrade would break references; nothing was changed")


def revision_of(connection: Connection, history: History = HISTORY) -> str | None:
    """Return the schema's revision, None for an empty database.  Raises StorageUnusable for one that is not ours."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if "alembic_version" not in tables or "attribute_values" not in tables:
        if {"managed_objects", "managed_object_names"} <= tables:
            raise StorageUnusable("this is a PyKMIP database; import it with `kmipd import-pykmip FILE`")
        raise StorageUnusable("this database belongs to another program; name a new file")
    revision = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if revision > history.revision:
        made_by = connection.execute(select(facts.c.value).where(facts.c.name == SERVER_VERSION)).scalar()
        raise StorageUnusable(
            f"the database has schema {revision}, this release knows up to {history.revision}; "
            f"it needs kmipd {made_by or 'of a newer version'} or newer"
        )
    return revision


def create(connection: Connection) -> None:
    """Make the tables of `HISTORY` in an empty SQLite database, the same to the letter as its steps make.

    The steps would do it, too, but first Alembic would have to be imported. In PostgreSQL the names of constraints
    depend on the steps, and a later step may need them.
    """
    metadata.create_all(connection, checkfirst=False)
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=HISTORY.revision))


def upgrade(connection: Connection, history: History, make_sealer: MakeSealer | None) -> None:
    """Run the steps that lead to a history's revision, on a connection inside a transaction or in autocommit mode."""
    # Alembic takes longer to import than the server to start, and is only needed here.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "kmip_adapters.storage:migrations")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(history.folders))
    config.attributes["connection"] = connection
    config.attributes["make_sealer"] = make_sealer
    command.upgrade(config, history.revision)


def refuse_upgrade(revision: str) -> None:
    """For commands beside a running server, whose database must stay as it is: a `BeforeUpgrade` that refuses."""
    raise StorageUnusable(
        f"the database has schema {revision} of an older release; start the server of this release once to upgrade it"
    )
