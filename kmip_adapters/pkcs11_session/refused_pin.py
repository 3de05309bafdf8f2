"""What the processes of one server know of a PIN that the token has refused, so that one of them alone has tried it.

Each process tries a wrong PIN once; several together would lock the token. The file holds no PIN, but a code of it
under a key that the processes share in memory and that no other start of the server has: it cannot be guessed from the
file, and an operator who has mended the token starts the server anew.
"""

import fcntl
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import field

from kmip_core.classes import frozen

_LONGEST: Final = 200  # bytes of the file


@frozen
class RefusedPin:
    """A note in a file that several processes share.  key: random, the same in all of them."""

    path: Path
    key: bytes = field(repr=False)

    @contextmanager
    def login(self, pin: bytes) -> Iterator["Login"]:
        """Log in inside of this, as one process at a time does.  Raises OSError."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            code = hmac.digest(self.key, pin, "sha256").hex()
            noted, _, kind = os.pread(descriptor, _LONGEST, 0).decode("ascii", "replace").partition(" ")
            yield Login(descriptor, code, kind if noted == code else None)
        finally:
            os.close(descriptor)


@frozen
class Login:
    """One login.  refused: the error with which the token has refused this PIN already, None if it has not."""

    _descriptor: int
    _code: str
    refused: str | None

    def note(self, kind: str) -> None:
        """Note that the token has refused the PIN."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{self._code} {kind}".encode("ascii"), 0)

    def forget(self) -> None:
        """Note that a PIN was taken."""
        os.ftruncate(self._descriptor, 0)
