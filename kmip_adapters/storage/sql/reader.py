"""A connection for reading, and which objects it has read that cannot have changed since.

What a reader knows holds for one state of the database: as long as the database says that nothing was committed since
(`Backend.state_of`), an object that was read need not be read again. Nothing is kept here beyond what the store keeps
anyway: rows that are opened are remembered by `rows.row_opener`, and a reader only refers to them.
"""

from collections.abc import Callable
from weakref import ref

from attrs import field

from kmip_adapters.storage.sql.driver import Connection
from kmip_adapters.storage.sql.rows import REMEMBERED, REMEMBERED_BYTES, StoredObject
from kmip_core.classes import define


def _read_once() -> None:
    """Stand for an object that was read once. It becomes known when it is read again: to learn the state costs time."""


@define(eq=False)
class Reader:
    """A connection, used by one thread at a time.

    known: objects by identifier, at `state`, as long as the store remembers them.
    """

    connection: Connection
    state: int | None = None
    known: dict[str, Callable[[], StoredObject | None]] = field(factory=dict)

    def find(self, unique_identifier: str) -> StoredObject | None:
        """Return an object as it was at `state`, if it is known."""
        return self.known.get(unique_identifier, _read_once)()

    def note_read(self, stored: StoredObject) -> bool:
        """Take note that an object was read, and return whether it shall be known: it was read before, and is small."""
        known, identifier = self.known, stored.managed_object.unique_identifier
        if identifier in known:
            return stored.size <= REMEMBERED_BYTES
        if len(known) >= REMEMBERED:
            known.clear()
        known[identifier] = _read_once
        return False

    def move_to(self, state: int) -> bool:
        """Go on at a state; what was known of another one is forgotten.  Returns whether it is the same."""
        if state == self.state:
            return True
        self.known.clear()
        self.state = state
        return False

    def know(self, stored: StoredObject) -> None:
        """Take note of an object, as it is at `state`."""
        self.known[stored.managed_object.unique_identifier] = ref(stored)
