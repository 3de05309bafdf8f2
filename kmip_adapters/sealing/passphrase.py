"""The root key from a passphrase that the server reads at its start and never keeps.

scrypt makes the key. Its salt and costs are part of the root key's identifier, which the store keeps beside its data
keys: a backup of the database and the passphrase are enough, there is no third thing to lose.
"""

import re
import secrets
import threading
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kmip_adapters.sealing.key_file import KEY_BYTES, RawRootKey
from kmip_core.ports.sealing import RootKeyUnavailable

COST: Final = 17
"""Binary logarithm of scrypt's N: 128 MiB and some tenths of a second, once at the start."""

MINIMUM_BYTES: Final = 12
MAXIMUM_BYTES: Final = 4096

_BLOCK: Final = 8  # scrypt's r
_LANES: Final = 1  # scrypt's p
_SALT_BYTES: Final = 16
# The costs come from the database: a client of the database that can write must not make a start take all memory.
_IDENTIFIER: Final = re.compile(r"scrypt-(?P<cost>1[0-9]|20)-(?P<salt>[0-9a-f]{32})-[0-9a-f]{16}")


class Passphrase:
    """A root key source: a passphrase.  read: gives it, and is called once, when it is first needed. Re-entrant.

    cost: binary logarithm of scrypt's N for a key that is made anew.
    """

    def __init__(self, read: Callable[[], bytes], *, cost: int = COST) -> None:
        self._read = read
        self._cost = cost
        self._lock = threading.Lock()
        self._passphrase: bytes | None = None
        self._opened: dict[str | None, RawRootKey] = {}

    def open(self, wanted: str | None) -> RawRootKey:
        """Return the key that the passphrase and the wanted key's salt make.  Raises RootKeyUnavailable."""
        with self._lock:
            if wanted not in self._opened:
                key = self._make() if wanted is None else self._again(wanted)
                self._opened[wanted] = self._opened[key.root_key_id] = key
            return self._opened[wanted]

    def _make(self) -> RawRootKey:
        return self._derive(self._cost, secrets.token_bytes(_SALT_BYTES))

    def _again(self, wanted: str) -> RawRootKey:
        form = _IDENTIFIER.fullmatch(wanted)
        if form is None:
            raise RootKeyUnavailable(
                f"the database is sealed under root key {wanted}, which no passphrase makes; "
                "start without root_key_passphrase, or change over with `kmipd rotate-root-key --to-passphrase`"
            )
        key = self._derive(int(form["cost"]), bytes.fromhex(form["salt"]))
        if key.root_key_id != wanted:
            raise RootKeyUnavailable(
                f"the passphrase does not make root key {wanted} of this database; give the right one"
            )
        return key

    def _derive(self, cost: int, salt: bytes) -> RawRootKey:
        if self._passphrase is None:
            self._passphrase = _checked(self._read())
        scrypt = Scrypt(salt=salt, length=KEY_BYTES, n=1 << cost, r=_BLOCK, p=_LANES)
        key = scrypt.derive(self._passphrase)
        return RawRootKey(key, f"scrypt-{cost}-{salt.hex()}-{RawRootKey(key).root_key_id}")


def _checked(passphrase: bytes) -> bytes:
    """Return a passphrase without the line end that editors and echo add."""
    passphrase = passphrase.removesuffix(b"\n").removesuffix(b"\r")
    if not MINIMUM_BYTES <= len(passphrase) <= MAXIMUM_BYTES:
        raise RootKeyUnavailable(
            f"a passphrase of {MINIMUM_BYTES} to {MAXIMUM_BYTES} bytes is needed, and {len(passphrase)} were given"
        )
    return passphrase
