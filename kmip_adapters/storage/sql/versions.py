"""The newest versions that this process has seen: an object whose row was put back as it was before is noticed.

The seal of a row that is put back whole is good, for it was good once. What no database can take back is what this
process remembers of it: the versions that it has read and written, of so many objects as fit. A restart forgets them.
"""

import threading
from typing import Final

MAXIMUM: Final = 16_384
"""Objects that are remembered, some 200 bytes each; the ones that came first give way."""


class NewestVersions:
    """Version by object. Re-entrant.

    An object is known by its identifier and the date of its beginning: one that was removed and made again, on any
    node, is another one.
    """

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int | None, int]] = {}
        self._lock = threading.Lock()

    def is_older(self, unique_identifier: str, begun: int | None, version: int) -> bool:
        """Whether a newer version of the object has been seen; else remember this one."""
        known = self._newest.get(unique_identifier)
        if known is not None and known[0] == begun:
            if version == known[1]:
                return False
            if version < known[1]:
                return True
        self.note(unique_identifier, begun, version)
        return False

    def newest(self, unique_identifier: str, begun: int | None) -> int:
        """Return the newest version of an object that has been seen, 0 if none has."""
        known = self._newest.get(unique_identifier)
        return known[1] if known is not None and known[0] == begun else 0

    def note(self, unique_identifier: str, begun: int | None, version: int) -> None:
        """Remember a version, unless a newer one of the same object is."""
        with self._lock:
            known = self._newest.pop(unique_identifier, None)
            if known is not None and known[0] == begun:
                version = max(version, known[1])
            self._newest[unique_identifier] = (begun, version)
            if len(self._newest) > MAXIMUM:
                del self._newest[next(iter(self._newest))]
