"""Seals straight under a root key, for one small file that is written whole: no data keys, no counting of uses.

The nonces are random and 96 bits long, which is safe for 2**32 seals under one key (SP 800-38D §8.3).
"""

from kmip_core.ports.sealing import RootKeySource


class DirectSealer:
    """A sealer over the one key of a source, which is made if there is none yet."""

    def __init__(self, source: RootKeySource) -> None:
        self._key = source.open(None)

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return the sealed form."""
        return self._key.wrap(plaintext, associated_data)

    def unseal(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext.  Raises SealBroken."""
        return self._key.unwrap(sealed, associated_data)
