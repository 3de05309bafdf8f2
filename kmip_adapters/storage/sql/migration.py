"""Opening databases of any age: new ones are made, older ones upgraded, newer and foreign ones refused.

Steps are Alembic's, and use SQLAlchemy; both are loaded by an upgrade alone.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from kmip_adapters.storage.errors import StorageUnusable
from kmip_core.classes import frozen
from kmip_core.ports.sealing import DataKeys, StoreSealer

if TYPE_CHECKING:
    from sqlalchemy import Connection

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

BeforeUpgrade = Callable[[str], None]
MakeSealer = Callable[[DataKeys], StoreSealer]


def revision_of(tables: Collection[str], first_value: Callable[[str], Any], history: History = HISTORY) -> str | None:
    """Return the schema's revision, None for an empty database.  Raises StorageUnusable for one that is not ours.

    tables: the names of all that there are.  first_value: gives the first value of a query's rows, None if it has none.
    """
    if not tables:
        return None
    if "alembic_version" not in tables or "attribute_values" not in tables:
        if {"managed_objects", "managed_object_names"} <= set(tables):
            raise StorageUnusable("this is a PyKMIP database; import it with `kmipd import-pykmip FILE`")
        raise StorageUnusable("this database belongs to another program; name a new file")
    revision = str(first_value("SELECT version_num FROM alembic_version"))
    if revision > history.revision:
        made_by = first_value("SELECT value FROM facts WHERE name = 'server_version'")
        raise StorageUnusable(
            f"the database has schema {revision}, this release knows up to {history.revision}; "
            f"it needs kmipd {made_by or 'of a newer version'} or newer"
        )
    return revision


def upgrade(connection: "Connection", history: History, make_sealer: MakeSealer | None) -> None:
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
