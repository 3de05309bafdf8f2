"""What was read that cannot have changed since: objects, and what searches have found.

It is known for one state of the database: as long as it says that nothing was committed since (`Backend.state`), it
need not be read again. Of objects nothing is kept here beyond what the store keeps anyway: rows that are opened are
remembered by `rows.row_opener`, and what is known only refers to them. Of searches the identifiers are kept.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import ref

from attrs import field

from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.rows import REMEMBERED, REMEMBERED_BYTES, StoredObject
from kmip_core.classes import define

SEARCHES: Final = 8_192
ROWS_OF_A_SEARCH: Final = 4
VALUES_OF_A_SEARCH: Final = 32
TEXT_OF_A_SEARCH: Final = 256
"""Searches that are kept; the rows, values and characters of all values that each may have. It is names that are
searched for again and again, which are digests here: such a search keeps less than half a KiB, the largest 4."""

Search = tuple[str, tuple[Any, ...]]
"""A statement and its values, which tell whose search it is, too."""


class HasState(Protocol):
    """A database that can tell its state."""

    def state(self) -> bytes | None:
        """See `Backend.state`."""
        ...


@define(eq=False)
class Known:
    """What was read at one state."""

    state: bytes | None
    objects: dict[str, Callable[[], StoredObject | None]] = field(factory=dict)
    located: dict[Search, list[Row]] = field(factory=dict)


class KnownReads:
    """Those of one database.  Re-entrant.

    now: of the newest state at which something was read; replaced whole, so that all in it is of that state.
    """

    def __init__(self, database: HasState) -> None:
        self._database = database
        self.now = Known(None)

    def know(self, stored: StoredObject, state: bytes | None) -> None:
        """Take note of an object as it is at a state, if that is the present one and the object is small."""
        known = self._at(state)
        if known is not None and stored.size <= REMEMBERED_BYTES:
            if len(known.objects) >= REMEMBERED:
                known.objects.clear()
            known.objects[stored.managed_object.unique_identifier] = ref(stored)

    def know_located(self, search: Search, rows: list[Row], state: bytes | None) -> None:
        """Take note of what a search has found at a state, if that is the present one, and the search is small."""
        known = self._at(state)
        if known is not None and len(rows) <= ROWS_OF_A_SEARCH and _is_small(search):
            if len(known.located) >= SEARCHES:
                known.located.clear()
            known.located[search] = rows

    def _at(self, state: bytes | None) -> Known | None:
        """Return what is known at a state; None for one that is not the present one, as of an old snapshot."""
        known = self.now
        if state == known.state:
            return known if state is not None else None
        if state is None or state != self._database.state():
            return None
        known = self.now = Known(state)
        return known


def _is_small(search: Search) -> bool:
    """Whether the values, some of which are clients' texts, take little room."""
    _, values = search
    if len(values) > VALUES_OF_A_SEARCH:
        return False
    return sum(len(value) for value in values if isinstance(value, str)) <= TEXT_OF_A_SEARCH
