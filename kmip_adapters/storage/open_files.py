"""Which database files this process has open, so that nothing else in it opens and closes them.

SQLite keeps other processes from a file by POSIX locks, and the operating system takes all of a process's locks on a
file away when the process closes any descriptor of it. Another process that closes the database then removes the
write-ahead log under this one, and what is written from then on is lost.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import field

from kmip_core.classes import define


@define(eq=False)
class OpenFile:
    """A database file that this process has open.

    users: how often it was noted as open, of which each connection is one.
    closers: what closes other descriptors, of it or of the files beside it.
    """

    key: tuple[int, int]
    users: int = 0
    closers: list[Callable[[], None]] = field(factory=list)

    def close_later(self, close: Callable[[], None]) -> None:
        """Have something closed when this process has closed the database: sooner would take SQLite's locks away."""
        with _lock:
            self.closers.append(close)


_open: Final[dict[tuple[int, int], OpenFile]] = {}
_lock: Final = threading.Lock()


def note_open(path: Path) -> OpenFile:
    """Note that a database file is open; return what `note_closed` takes.  Raises OSError."""
    status = path.stat()
    key = status.st_dev, status.st_ino
    with _lock:
        open_file = _open.setdefault(key, OpenFile(key))
        open_file.users += 1
    return open_file


def note_connection(open_file: OpenFile) -> None:
    """Note that there is one more connection to it; `note_closed` is called for that as well."""
    with _lock:
        open_file.users += 1


def note_closed(open_file: OpenFile) -> None:
    """Note that it is closed, or that a connection is."""
    with _lock:
        open_file.users -= 1
        if open_file.users:
            return
        if _open.get(open_file.key) is open_file:
            del _open[open_file.key]
        while open_file.closers:
            open_file.closers.pop()()


def is_open_here(path: Path) -> bool:
    """Whether this process has the database open: then nothing but SQLite may open it."""
    try:
        status = path.stat()
    except OSError:
        return False
    with _lock:
        return (status.st_dev, status.st_ino) in _open
