"""Which database files this process has open, so that nothing else in it opens and closes them.

SQLite keeps other processes from a file by POSIX locks, and the operating system takes all of a process's locks on a
file away when the process closes any descriptor of it. Another process that closes the database then removes the
write-ahead log under this one, and what is written from then on is lost.
"""

import threading
from collections import Counter
from pathlib import Path
from typing import Final

_open: Final[Counter[tuple[int, int]]] = Counter()
_lock: Final = threading.Lock()


def note_open(path: Path) -> tuple[int, int]:
    """Note that a database file is open; return what `note_closed` takes.  Raises OSError."""
    status = path.stat()
    key = status.st_dev, status.st_ino
    with _lock:
        _open[key] += 1
    return key


def note_closed(key: tuple[int, int]) -> None:
    """Note that it is closed."""
    with _lock:
        _open[key] -= 1
        if not _open[key]:
            del _open[key]


def is_open_here(path: Path) -> bool:
    """Whether this process has the database open: then nothing but SQLite may open it."""
    try:
        status = path.stat()
    except OSError:
        return False
    with _lock:
        return (status.st_dev, status.st_ino) in _open
