"""Room on the disks that the server writes to. Without it every change is refused, and without room for the audit trail
every request: so the log has a warning, and a metric the number of bytes, before it ends.
"""

import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

LOG: Final = logging.getLogger("kmip_app")

LITTLE: Final = 1 << 30  # bytes below which the operator is warned; some two million requests of the audit trail
LOOK_EVERY: Final = 60.0  # seconds


def free_bytes(folder: Path) -> int | None:
    """Return what the server may still write in `folder`; None if that cannot be found out."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


class RoomWatch:
    """Looks at folders until `close`, in a thread of its own once started; warns once when room gets little.

    It warns again only after there was twice as much meanwhile.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self._warned: set[Path] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kmip-room", daemon=True)

    def start(self) -> None:
        """Look now, and every minute."""
        if self._folders:
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def free(self) -> dict[Path, int]:
        """Return the bytes that are left in each folder where that can be found out."""
        found = {folder: free_bytes(folder) for folder in self._folders}
        return {folder: count for folder, count in found.items() if count is not None}

    def look(self) -> None:
        """Look once, and warn of disks with little room, once for the folders of each."""
        disks: set[int] = set()
        for folder, count in self.free().items():
            disk = folder.stat().st_dev
            if disk in disks:
                continue
            disks.add(disk)
            if count >= 2 * LITTLE:
                self._warned.discard(folder)
            elif count < LITTLE and folder not in self._warned:
                self._warned.add(folder)
                LOG.warning(
                    "%s has room for %d MiB more; make room: without it changes, and requests that the audit trail"
                    " cannot record, are refused",
                    folder,
                    count >> 20,
                )

    def _watch(self) -> None:
        self.look()
        while not self._stop.wait(LOOK_EVERY):
            self.look()
