"""The header of SQLite's WAL index: bytes that every commit changes, and that can be read without a statement.

SQLite maps the index of a write-ahead log, the file NAME-shm, into the memory of all processes that have the database
open. Its header, in two copies, counts the commits (https://www.sqlite.org/walformat.html, section 2.1); a reader of
SQLite's own looks at it to learn whether what its cache holds is still true. The same look costs a statement 4
microseconds in a loop and 12 in a server, two system calls among them; through a mapping of our own it costs 0.2.
"""

import logging
import mmap
import os
import struct
from functools import partial
from pathlib import Path
from typing import Final

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.open_files import OpenFile

HEADER: Final = 48
"""Bytes of one copy of the header."""

VERSION: Final = struct.pack("=I", 3_007_000)
"""What a header of the format that is known here begins with, in the machine's order of bytes."""

_log: Final = logging.getLogger(__name__)


class WalIndex:
    """The index of a database that this process has open."""

    def __init__(self, mapping: mmap.mmap) -> None:
        self._mapping = mapping

    @classmethod
    def of(cls, database: Path, open_file: OpenFile) -> "WalIndex | None":
        """Map the index; None if there is none, or one of another format.

        A connection of this process has read from the database already, so that the file is there; it stays open for
        as long as the index is looked at, so that the file remains the index. Descriptors stay open until the process
        has closed the database (`open_files`).
        Raises StorageUnusable if there is no memory for the mapping.
        """
        try:
            descriptor = os.open(f"{database}-shm", os.O_RDONLY)
            open_file.close_later(partial(os.close, descriptor))
            mapping = mmap.mmap(descriptor, 2 * HEADER, access=mmap.ACCESS_READ)
        except (FileNotFoundError, PermissionError, ValueError) as error:  # ValueError: the file is shorter
            _log.info(
                "objects will be read each time, as the WAL index cannot be looked at: %s",
                getattr(error, "strerror", error),
            )
            return None
        except OSError as error:
            # Python has closed its copy of the descriptor, and with it all of SQLite's locks on the index are gone.
            raise StorageUnusable(f"the WAL index of {database} cannot be mapped: {error.strerror}") from error
        open_file.close_later(mapping.close)
        if mapping[: len(VERSION)] != VERSION:
            _log.info("objects will be read each time, as the WAL index is of another format")
            return None
        return cls(mapping)

    def state(self) -> bytes | None:
        """Return what is another value after every commit, of whatever process; None while one is being noted."""
        header = self._mapping[: 2 * HEADER]
        return header if header[:HEADER] == header[HEADER:] else None


def commits_between(before: bytes, after: bytes) -> int:
    """Return how many transactions that have written something were committed between two states.

    The header counts them; to bring the log into the database, or to begin it anew, counts as none.
    """
    return (_commits_in(after) - _commits_in(before)) % _MANY_COMMITS


def _commits_in(state: bytes) -> int:
    (commits,) = _COMMITS.unpack_from(state, _COMMITS_AT)
    return int(commits)


_COMMITS: Final = struct.Struct("=I")
_COMMITS_AT: Final = 8
"""Where the header counts the transactions (`iChange`)."""

_MANY_COMMITS: Final = 1 << 32
