"""What was begun in the token and is not settled in the store: one line before the token call, one after the commit.

Token and store cannot commit together (DESIGN 5.10). A line `begin ID` is on disk before the token makes a key, `doom
ID` before a commit destroys one; `keep ID` and `gone ID` settle them. What a crash leaves unsettled is compared with
the store at the next start: a key that no object names is destroyed in the token.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

BEGIN: Final = "begin"
DOOM: Final = "doom"
KEEP: Final = "keep"
GONE: Final = "gone"

_REWRITE_AT: Final = 4_096
"""Lines after which the file is written anew with what is open."""


class Journal:
    """The unsettled keys of one process.  Re-entrant.  path: None keeps it in memory, for servers that forget.

    left_by: journals of processes that run no more, which this one takes over.
    """

    def __init__(self, path: Path | None, left_by: Iterable[Path] = ()) -> None:
        """Read what earlier processes left open."""
        others = [] if path is None else [other for other in left_by if other != path and other.exists()]
        self._path = path
        self._lock = threading.Lock()
        self._open: dict[bytes, str] = {}
        self._left: set[bytes] = set()
        self._lines = 0
        for one in [] if path is None else [path, *others]:  # each by itself: what one has settled, another may not
            self._open |= _open_in(one)
        self._left = set(self._open)
        self._rewrite()
        for other in others:  # what is in them is in this one now
            other.unlink()

    def begin(self, key_id: bytes) -> None:
        """Note that the token is about to make a key."""
        self._write(BEGIN, key_id)

    def doom(self, key_id: bytes) -> None:
        """Note that a unit of work is about to destroy a key."""
        self._write(DOOM, key_id)

    def keep(self, key_id: bytes) -> None:
        """Note that the key is in the store, for good or still."""
        self._write(KEEP, key_id)

    def gone(self, key_id: bytes) -> None:
        """Note that the token has the key no more."""
        self._write(GONE, key_id)

    def leave(self, key_id: bytes) -> None:
        """Note that nothing in progress will settle the key: its call failed."""
        with self._lock:
            self._left.add(key_id)

    def unsettled(self) -> frozenset[bytes]:
        """Return the ids of the keys that are not settled, without those of work in progress."""
        with self._lock:
            return frozenset(self._left)

    def _write(self, word: str, key_id: bytes) -> None:
        with self._lock:
            _apply(self._open, word, key_id)
            if key_id not in self._open:
                self._left.discard(key_id)
            self._lines += 1
            if self._path is None:
                return
            if self._lines > _REWRITE_AT:
                self._rewrite()
                return
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.write(descriptor, f"{word} {key_id.hex()}\n".encode())
                if word in (BEGIN, DOOM):  # the others may be lost: the next start finds the same again
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _rewrite(self) -> None:
        if self._path is None:
            return
        new = self._path.with_name(self._path.name + ".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, "".join(f"{word} {key_id.hex()}\n" for key_id, word in self._open.items()).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(new, self._path)
        self._lines = len(self._open)


def _open_in(path: Path) -> dict[bytes, str]:
    """Return what a journal leaves open."""
    found: dict[bytes, str] = {}
    if path.exists():
        for line in path.read_text("ascii", "replace").splitlines():
            word, _, name = line.partition(" ")
            try:
                _apply(found, word, bytes.fromhex(name))
            except ValueError:  # a line that a crash cut short: its call had not begun
                continue
    return found


def _apply(found: dict[bytes, str], word: str, key_id: bytes) -> None:
    if word in (BEGIN, DOOM):
        found[key_id] = word
    elif word in (KEEP, GONE):
        found.pop(key_id, None)
