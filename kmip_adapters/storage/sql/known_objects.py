"""Which objects were read that cannot have changed since.

They are known for one state of the database: as long as it says that nothing was committed since (`Backend.state`), an
object that was read need not be read again. Nothing is kept here beyond what the store keeps anyway: rows that are
opened are remembered by `rows.row_opener`, and what is known only refers to them.
"""

from collections.abc import Callable
from typing import Protocol
from weakref import ref

from kmip_adapters.storage.sql.rows import REMEMBERED, REMEMBERED_BYTES, StoredObject


class HasState(Protocol):
    """A database that can tell its state."""

    def state(self) -> bytes | None:
        """See `Backend.state`."""
        ...


class KnownObjects:
    """Those of one database.  Re-entrant.

    now: a state, and the objects by identifier that were read at it; replaced whole, so that both belong together.
    """

    def __init__(self, database: HasState) -> None:
        self._database = database
        self.now: tuple[bytes | None, dict[str, Callable[[], StoredObject | None]]] = None, {}

    def know(self, stored: StoredObject, state: bytes | None) -> None:
        """Take note of an object as it is at a state, if that is the present one and the object is small."""
        if state is None or stored.size > REMEMBERED_BYTES:
            return
        at, objects = self.now
        if at != state:
            if state != self._database.state():  # read in an old snapshot
                return
            objects = {}
            self.now = state, objects
        elif len(objects) >= REMEMBERED:
            objects.clear()
        objects[stored.managed_object.unique_identifier] = ref(stored)
