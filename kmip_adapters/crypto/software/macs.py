"""MAC and MAC Verify: HMAC by its hash, CMAC by its block cipher."""

import hmac as comparison
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives import cmac, hmac

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software.cipher_tables import BLOCK_CIPHERS
from kmip_adapters.crypto.software.hashing import known_hash
from kmip_adapters.crypto.software.keys import symmetric_bytes
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.enums import ValidityIndicator
from kmip_core.errors import need, unsupported_parameters
from kmip_core.objects import Certificate
from kmip_core.ports.crypto import Key
from kmip_core.standard_names import standard_name
from kmip_core.structures import CryptographicParameters

HMAC_HASHES: Final[Mapping[Algorithm, Hashing]] = {
    Algorithm.HMAC_MD5: Hashing.MD5,
    Algorithm.HMAC_SHA1: Hashing.SHA_1,
    Algorithm.HMAC_SHA224: Hashing.SHA_224,
    Algorithm.HMAC_SHA256: Hashing.SHA_256,
    Algorithm.HMAC_SHA384: Hashing.SHA_384,
    Algorithm.HMAC_SHA512: Hashing.SHA_512,
    Algorithm.HMAC_SHA3_224: Hashing.SHA3_224,
    Algorithm.HMAC_SHA3_256: Hashing.SHA3_256,
    Algorithm.HMAC_SHA3_384: Hashing.SHA3_384,
    Algorithm.HMAC_SHA3_512: Hashing.SHA3_512,
}

MACS: Final = frozenset(HMAC_HASHES) | frozenset(BLOCK_CIPHERS)

_STREAM_CIPHERS: Final = frozenset({Algorithm.RC4, Algorithm.CHACHA20, Algorithm.CHACHA20_POLY1305})


class MACStream:
    """A code in parts."""

    def __init__(self, key: Key, parameters: CryptographicParameters) -> None:
        own = None if isinstance(key, Certificate) else key.key_block.cryptographic_algorithm
        algorithm = need(parameters.cryptographic_algorithm or own, "Cryptographic Algorithm")
        self._context = mac_context(algorithm, symmetric_bytes(key))

    def update(self, data: bytes) -> None:
        """Take a part."""
        self._context.update(data)

    def finish(self) -> bytes:
        """Return the code."""
        return self._context.finalize()


class VerifyMACStream:
    """A check in parts."""

    def __init__(self, key: Key, parameters: CryptographicParameters) -> None:
        self._mac = MACStream(key, parameters)

    def update(self, data: bytes) -> None:
        """Take a part."""
        self._mac.update(data)

    def finish(self, expected: bytes) -> ValidityIndicator:
        """Return whether `expected` is the whole code; a shortened one is not."""
        right = comparison.compare_digest(self._mac.finish(), expected)
        return ValidityIndicator.VALID if right else ValidityIndicator.INVALID


def mac_context(algorithm: Algorithm, key: bytes) -> hmac.HMAC | cmac.CMAC:
    """Return pyca's context for an algorithm that makes codes."""
    hashing = HMAC_HASHES.get(algorithm)
    if hashing is not None:
        return hmac.HMAC(key, known_hash(hashing))
    cipher = BLOCK_CIPHERS.get(algorithm)
    if cipher is None:
        why = "a stream cipher; CMAC needs a block cipher" if algorithm in _STREAM_CIPHERS else "no MAC algorithm"
        known = ", ".join(standard_name(known) for known in sorted(MACS))
        raise unsupported_parameters(f"{standard_name(algorithm)} is {why}; known: {known}")
    if len(key) not in cipher.key_bytes:
        raise cryptographic_failure(f"the key has {8 * len(key)} bits, which {standard_name(algorithm)} does not take")
    return cmac.CMAC(cipher.make(key))
