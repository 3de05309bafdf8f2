"""One server per data directory: a lock that the operating system releases whatever happens to the process."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kmip_adapters.storage.errors import StorageUnusable


@contextmanager
def directory_lock(directory: Path) -> Iterator[int]:
    """Own `directory` as long as the context lasts; give the descriptor of the lock.

    A child process that inherits the descriptor keeps the lock as long as it lives.
    Raises StorageUnusable if another running server owns it."""
    path = directory / "kmipd.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        give_up = time.monotonic() + LEAVE_SECONDS
        while not _is_taken(descriptor):
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            if _is_there(owner) or time.monotonic() > give_up:
                raise StorageUnusable(
                    f"{directory} is owned by another running server (process {owner or 'unknown'}); "
                    "stop it, or choose another --data-dir"
                )
            time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        yield descriptor
    finally:
        os.close(descriptor)  # the file stays: removing it would let two servers lock two files of one name


LEAVE_SECONDS: Final = 20.0
"""How long the workers of a server that is gone are waited for: they finish their requests and end."""


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(owner: str) -> bool:
    """Whether the process that has written its number into the lock is there; one that has written none may be."""
    if not owner.isdigit():
        return True
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
