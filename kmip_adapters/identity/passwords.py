"""User names and passwords, checked against a file of Argon2 hashes.

A file has lines NAME:HASH, for example `alice:$argon2id$v=19$m=65536,t=3,p=4$...`; empty ones and those that begin with
# are passed over. `kmipd password NAME` makes such a line.
"""

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kmip_core.errors import Unusable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LOG: Final = logging.getLogger("kmipd.identity")

FILE_SIZE: Final = 16 * 1024 * 1024  # bytes
PASSWORD_SIZE: Final = 4_096  # bytes; a hash of more would let clients choose the cost
REMEMBERED: Final = 4_096


class UnusablePasswords(Unusable):
    """Passwords cannot be checked; the text says why and what to do."""


def hash_line(name: str, password: str) -> str:
    """Return the line of a file for one user.  Raises UnusablePasswords."""
    if not name or name != name.strip() or any(character < " " for character in name) or name.startswith("#"):
        raise UnusablePasswords("a user name has no control characters, no space at its ends and no # in front")
    return f"{name}:{_hasher().hash(password)}"


class PasswordFile:
    """The users of a file. Changes are taken up; a broken file changes nothing. Re-entrant.

    What a password was, right or wrong, is remembered as a digest under a key of this process: Argon2 is slow.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.  Raises UnusablePasswords."""
        self._path = path
        self._hasher = _hasher()
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}
        self._wrong: dict[bytes, None] = {}
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._hashes = read_hashes(path)
        self._hash_of_no_user = self._hashed_for_no_user()

    def _hashed_for_no_user(self) -> str:
        """Return what is checked for users who do not exist, so that the time of an answer does not tell who does.

        It costs as much as the costliest hash of the file, whatever the library's own cost is.
        """
        from argon2 import PasswordHasher, extract_parameters

        costs = [extract_parameters(encoded) for encoded in self._hashes.values()]
        costliest = max(costs, key=lambda cost: cost.time_cost * cost.memory_cost, default=None)
        hasher = self._hasher if costliest is None else PasswordHasher.from_parameters(costliest)
        return hasher.hash(secrets.token_hex(16))

    def has(self, name: str) -> bool:
        """Return whether there is a user of this name."""
        self._refresh()
        return name in self._hashes

    def is_remembered(self, name: str, password: str) -> bool:
        """Return True if the password is known to be right without hashing it again."""
        self._refresh()
        right = self._right.get(name)
        return right is not None and hmac.compare_digest(right, self._digest(name, password))

    def is_known_wrong(self, name: str, password: str) -> bool:
        """Return True if this was tried before: a client that goes on with an old password is none that guesses."""
        self._refresh()
        return self._digest(name, password) in self._wrong

    def is_right(self, name: str, password: str) -> bool:
        """Return whether the password is this user's; takes Argon2's time unless it is remembered."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        if len(password.encode()) > PASSWORD_SIZE:
            return False
        if self.is_remembered(name, password):
            return True
        hashes = self._hashes
        known = hashes.get(name)
        try:
            self._hasher.verify(known or self._hash_of_no_user, password)
        except (Argon2Error, InvalidHashError):
            known = None
        with self._lock:
            if hashes is self._hashes:  # else the file has changed while we were at it
                self._remember(name, self._digest(name, password), is_right=known is not None)
        return known is not None

    def _remember(self, name: str, digest: bytes, *, is_right: bool) -> None:
        if len(self._right if is_right else self._wrong) >= REMEMBERED:
            (self._right if is_right else self._wrong).clear()
        if is_right:
            self._right[name] = digest
        else:
            self._wrong[digest] = None

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{len(name)}:{name}{password}".encode(), hashlib.sha256)

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        with self._lock:
            self._stamp = stamp
            try:
                self._hashes = read_hashes(self._path)
            except UnusablePasswords as error:
                LOG.error("%s; what the file said before stays in force", error)
            else:
                self._hash_of_no_user = self._hashed_for_no_user()
                self._right.clear()
                self._wrong.clear()


def _hasher() -> "PasswordHasher":
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise UnusablePasswords("passwords need argon2-cffi; pip install 'kmipd[passwords]'") from error
    return PasswordHasher()


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def read_hashes(path: Path) -> Mapping[str, str]:
    """Return user names and their hashes.  Raises UnusablePasswords."""
    from argon2 import extract_parameters
    from argon2.exceptions import InvalidHashError

    try:
        with path.open("rb") as file:
            text = file.read(FILE_SIZE).decode("utf-8")
    except OSError as error:
        raise UnusablePasswords(f"passwords of {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnusablePasswords(f"{path} is not text in UTF-8; save it so") from error
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, encoded = line.strip().rpartition(":")
        try:
            extract_parameters(encoded)
        except InvalidHashError:
            raise UnusablePasswords(
                f"{path} line {number}: not NAME:ARGON2-HASH; `kmipd password NAME` makes such a line"
            ) from None
        if not name or name in hashes:
            raise UnusablePasswords(f"{path} line {number}: {'no name' if not name else f'{name} is there twice'}")
        hashes[name] = encoded
    return hashes
