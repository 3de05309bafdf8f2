"""The files of a server beside its store: the data directory and its lock, and files that are written whole."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kmip_adapters.storage.lock import directory_lock


@contextlib.contextmanager
def owned(directory: Path) -> Iterator[int]:
    """Have the data directory, made if there is none, for this process; give the descriptor of its lock.

    Raises StorageUnusable, OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with directory_lock(directory) as descriptor:
        yield descriptor


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Make files that no other user can read while inside: database, log and audit (R-CFG-2)."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or nothing."""
    # A name that cannot be foretold, made anew: in a shared folder nobody else's file or link is written through.
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
