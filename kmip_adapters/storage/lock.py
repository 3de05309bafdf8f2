"""One server per data directory: a lock that the operating system releases whatever happens to the process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmip_adapters.storage.errors import StorageUnusable


@contextmanager
def directory_lock(directory: Path) -> Iterator[int]:
    """Own `directory` as long as the context lasts; give the descriptor of the lock.

    A child process that inherits the descriptor keeps the lock as long as it lives.
    Raises StorageUnusable if another running server owns it."""
    path = directory / "kmipd.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            raise StorageUnusable(
                f"{directory} is owned by another running server (process {owner or 'unknown'}); "
                "stop it, or choose another --data-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        yield descriptor
    finally:
        os.close(descriptor)  # the file stays: removing it would let two servers lock two files of one name
