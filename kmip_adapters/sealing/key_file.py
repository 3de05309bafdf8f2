"""The root key in a file: 0600, made at the first start, to be kept apart from the backups of the database.

The file is text, so that a person who finds it knows what it is: a comment and 64 hexadecimal digits.
"""

import hashlib
import hmac
import logging
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmip_core.ports.sealing import RootKey, RootKeyUnavailable, SealBroken

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12

_log = logging.getLogger(__name__)


class KeyFile:
    """A root key source: the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def successor(self) -> "KeyFile":
        """The file beside this one in which the next root key waits while a rotation goes on."""
        return KeyFile(self.path.with_name(f"{self.path.name}.next"))

    def succeed(self) -> None:
        """Put the successor in the place of this file; the old root key is gone."""
        self.successor.path.replace(self.path)
        self._sync_directory()

    def open(self, wanted: str | None) -> "RawRootKey":
        """Return the key in the file; make the file if nothing is sealed yet.  Raises RootKeyUnavailable.

        A rotation that was interrupted after the store had changed over is finished here.
        """
        if wanted is not None and self._holds(self.successor.path, wanted) and not self._holds(self.path, wanted):
            self.succeed()
        try:
            key = RawRootKey(self.read())
        except FileNotFoundError:
            if wanted is not None:
                raise RootKeyUnavailable(
                    f"the database is sealed under root key {wanted}, and the key file {self.path} is missing; "
                    "put it back from where you keep its copy, or name its root_key_passphrase if it has one"
                ) from None
            key = RawRootKey(self._make())
        if wanted is not None and key.root_key_id != wanted:
            raise RootKeyUnavailable(
                f"the database is sealed under root key {wanted}, but {self.path} holds {key.root_key_id}; "
                "put the right key file there"
            )
        return key

    def read(self) -> bytes:
        """Return the key in the file.  Raises FileNotFoundError; RootKeyUnavailable if it holds something else."""
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            _log.warning("the key file %s can be read by others (mode %o); run chmod 600", self.path, mode)
        try:
            lines = self.path.read_text("ascii").splitlines()
            key = bytes.fromhex("".join(line for line in lines if not line.startswith("#")))
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise RootKeyUnavailable(f"{self.path} is not a key file: it must hold {KEY_BYTES * 2} hexadecimal digits")
        return key

    def _make(self) -> bytes:
        """Write a fresh key, or return the one of another process that was first."""
        key = secrets.token_bytes(KEY_BYTES)
        try:
            self.write(key)
        except FileExistsError:
            return self.read()
        return key

    def write(self, key: bytes) -> None:
        """Write a key so that the file is whole or not there.  Raises FileExistsError: none is ever replaced."""
        text = (
            f"# kmipd root key {RawRootKey(key).root_key_id}. With it and the database all keys can be read;\n"
            f"# without it the database is lost. Keep a copy, apart from the backups of the database.\n{key.hex()}\n"
        )
        temporary = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, self.path)  # unlike rename, fails where a file is there
        finally:
            temporary.unlink()
        self._sync_directory()

    @staticmethod
    def _holds(path: Path, wanted: str) -> bool:
        return path.exists() and RawRootKey(KeyFile(path).read()).root_key_id == wanted

    def _sync_directory(self) -> None:
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class RawRootKey(RootKey):
    """A root key held as bytes: wraps with AES-256-GCM.

    root_key_id: what the store calls it; by default the first 64 bits of a MAC under the key, in hexadecimal.
    """

    def __init__(self, key: bytes, root_key_id: str | None = None) -> None:
        digest = hmac.digest(key, b"kmipd root key identifier", hashlib.sha256)
        self._root_key_id = root_key_id or digest[:8].hex()
        self._aead = AESGCM(key)

    def __repr__(self) -> str:
        return f"RawRootKey({self._root_key_id})"

    @property
    def root_key_id(self) -> str:
        """What the store calls this key."""
        return self._root_key_id

    def wrap(self, data_key: bytes, associated_data: bytes) -> bytes:
        """Return nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, data_key, associated_data)

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        """Return the data key.  Raises SealBroken."""
        try:
            return self._aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError):
            raise SealBroken(f"a data key does not open under root key {self._root_key_id}") from None
