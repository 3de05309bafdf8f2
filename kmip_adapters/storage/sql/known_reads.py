"""What is known to be in the database, without being read again: objects, and what searches have found.

It is known for one state of the database: as long as it says that nothing was committed since (`Backend.state`), it
need not be read again. A commit of this process's own writer that is the only one between two states leaves all objects
as they were but for its own, and of these is known what it has written.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, Protocol

from attrs import field

from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.rows import REMEMBERED, REMEMBERED_BYTES, RowWrite, StoredObject, Written, as_read
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
    """What is known at one state.

    written: rows of which no object was made, as no client has asked for it since; of many none ever does.
    earlier: the objects of the state before, until the writer says whether they hold on; None if it has.
    """

    state: bytes | None
    objects: OrderedDict[str, StoredObject] = field(factory=OrderedDict)
    written: OrderedDict[str, Written] = field(factory=OrderedDict)
    located: dict[Search, list[Row]] = field(factory=dict)
    earlier: "Known | None" = None


_NOTHING: Final = Known(None)


class KnownReads:
    """Those of one database.  Re-entrant.

    now: of the newest state at which something was read or written. Its tables of objects go on with the next state,
    and for that are only changed while `now` is another one: a reader that has found something in them looks whether
    `now` is still the same.
    """

    def __init__(self, database: HasState) -> None:
        self._database = database
        self._lock = threading.Lock()  # for whatever changes something
        self.now = _NOTHING

    def know(self, stored: StoredObject, state: bytes | None) -> None:
        """Take note of an object as it is at a state, if that is the present one and the object is small."""
        with self._lock:
            known = self._at(state)
            if known is not None:
                known.written.pop(stored.managed_object.unique_identifier, None)  # read before the writer's word
                _keep(known.objects, stored)

    def take_written(self, known: Known, unique_identifier: str) -> StoredObject | None:
        """Return an object that was written as it is read; None if others have committed since."""
        with self._lock:
            if self.now is not known:
                return None
            written = known.written.pop(unique_identifier, None)
            if written is None:  # another thread was faster
                return known.objects.get(unique_identifier)
            stored = as_read(written)
            _keep(known.objects, stored)
            return stored

    def carry_on(self, before: bytes, after: bytes, written: Sequence[RowWrite]) -> None:
        """Take note that nothing was committed between two states but the changes of these objects.

        What is known of an object that was changed is what was written if the row that was changed was known at the
        state before: the columns that a change leaves alone are known then, too. A new row is known whole.
        """
        with self._lock:
            now = self.now
            earlier, located = (now.earlier, now.located) if now.state == after else (now, {})
            if now.state != after and now.state != before and self._database.state() != after:
                return  # others have committed since
            if earlier is None or earlier.state != before:
                earlier = Known(before)
            elif earlier is now and not written:
                located = now.located
            objects, unread = earlier.objects, earlier.written
            self.now = _NOTHING
            for row in written:
                identifier = row.unique_identifier
                known = objects.pop(identifier, None)
                unread.pop(identifier, None)
                if (row.stored is None or row.stored is known) and row.size <= REMEMBERED_BYTES:
                    as_written = row.written()
                    if as_written is not None:
                        if len(unread) >= REMEMBERED:
                            unread.popitem(last=False)
                        unread[identifier] = as_written
            if now.state == after:  # another thread has read before this was called
                for identifier, read in now.objects.items():
                    unread.pop(identifier, None)
                    _keep(objects, read)
            self.now = Known(after, objects, unread, located)

    def know_located(self, search: Search, rows: list[Row], state: bytes | None) -> None:
        """Take note of what a search has found at a state, if that is the present one, and the search is small."""
        if len(rows) > ROWS_OF_A_SEARCH or not _is_small(search):
            return
        with self._lock:
            known = self._at(state)
            if known is not None:
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
        known = self.now = Known(state, earlier=Known(known.state, known.objects, known.written))
        return known


def _keep(objects: OrderedDict[str, StoredObject], stored: StoredObject) -> None:
    """Take an object, if it is small, into a table that forgets the oldest."""
    if stored.size > REMEMBERED_BYTES:
        return
    identifier = stored.managed_object.unique_identifier
    if len(objects) >= REMEMBERED and identifier not in objects:
        objects.popitem(last=False)
    objects[identifier] = stored


def _is_small(search: Search) -> bool:
    """Whether the values, some of which are clients' texts, take little room."""
    _, values = search
    if len(values) > VALUES_OF_A_SEARCH:
        return False
    return sum(len(value) for value in values if isinstance(value, str)) <= TEXT_OF_A_SEARCH
