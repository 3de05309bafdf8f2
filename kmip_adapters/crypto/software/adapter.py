"""The software adapter: every role of the port, each a line that leads to the module that does it."""

import os
from typing import Final

from kmip_adapters.crypto.software import hashing, symmetric_keys
from kmip_core.enums import CryptographicAlgorithm, HashingAlgorithm
from kmip_core.errors import invalid_field
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.structures import KeyMaterial

MAXIMUM_RANDOM_BYTES: Final = 64 * 1024

CAPABILITIES: Final = CryptoCapabilities(
    symmetric_lengths=symmetric_keys.SYMMETRIC_LENGTHS,
    hashing_algorithms=frozenset(hashing.HASHES),
)


class SoftwareCrypto:
    """Keys and operations in this process, by pyca/cryptography."""

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What pyca can do."""
        return CAPABILITIES

    def make_symmetric_key(self, algorithm: CryptographicAlgorithm, length: int) -> KeyMaterial:
        """Make a key from the operating system's random source."""
        return symmetric_keys.make_symmetric_key(algorithm, length)

    def hash(self, algorithm: HashingAlgorithm, data: bytes) -> bytes:
        """Compute a digest."""
        return hashing.digest(algorithm, data)

    def random_bytes(self, length: int) -> bytes:
        """Return bytes of the operating system's random source."""
        if not 0 < length <= MAXIMUM_RANDOM_BYTES:
            raise invalid_field(f"1 to {MAXIMUM_RANDOM_BYTES} random bytes can be had at once, not {length}")
        return os.urandom(length)
