"""Encryption at rest: the store hands content through a sealer before it writes a byte of it."""

from typing import Protocol


class Sealer(Protocol):
    """Authenticated encryption under keys that the store never sees. Re-entrant."""

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return the sealed form, different at every call.

        associated_data: what the content is bound to (identifier, type, owner); not stored in the result.
        """
        ...

    def unseal(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext.

        Raises SealBroken if a byte was changed, if it belongs to other associated data, or if its key is not here.
        """
        ...


class SealBroken(Exception):
    """A sealed value does not open: damage, tampering or the wrong root key. A fault, never a client's error."""
