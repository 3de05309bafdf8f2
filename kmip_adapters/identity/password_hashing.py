"""Hashes of passwords by Argon2id, in the PHC form that other tools write as well. RFC 9106."""

import os
import re
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LENGTH: Final = 32  # bytes
SALT: Final = 16  # bytes
PASSES: Final = 3
LANES: Final = 4
MEMORY: Final = 65_536  # KiB; with the three above "SECOND RECOMMENDED" of RFC 9106 §4

MAXIMUM_PASSES: Final = 10
MAXIMUM_LANES: Final = 16
MAXIMUM_MEMORY: Final = 262_144  # KiB: a hash that was made elsewhere decides what each attempt costs here

_FORM: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]{0,2}),p=([1-9][0-9]{0,2})"
    r"\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{22,88}"
)


class Argon2Hashing:
    """A `PasswordHashing`. Re-entrant."""

    def hash(self, password: str) -> str:
        """Return a new hash."""
        kdf = Argon2id(salt=os.urandom(SALT), length=LENGTH, iterations=PASSES, lanes=LANES, memory_cost=MEMORY)
        encoded: str = kdf.derive_phc_encoded(password.encode(errors="surrogatepass"))
        return encoded

    def is_hash(self, encoded: str) -> bool:
        """Return whether this is an Argon2id hash of a cost that the server bears."""
        form = _FORM.fullmatch(encoded)
        if form is None:
            return False
        memory, passes, lanes = map(int, form.groups())
        return 8 * lanes <= memory <= MAXIMUM_MEMORY and passes <= MAXIMUM_PASSES and lanes <= MAXIMUM_LANES

    def verify(self, encoded: str, password: str) -> bool:
        """Return whether the password is that of the hash."""
        if not self.is_hash(encoded):
            return False
        try:
            Argon2id.verify_phc_encoded(password.encode(errors="surrogatepass"), encoded)
        except (InvalidKey, ValueError):
            return False
        return True
