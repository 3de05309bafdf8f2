"""Quantum Safe is judged: an object that says so must be of an algorithm and a size that is. KMIP 2.0, 2.1 §4.45."""

from typing import Final

from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import ObjectType, ResultReason
from kmip_core.errors import KmipError

SYMMETRIC_BITS: Final = 256
"""A search by a quantum computer (Grover) halves the bits of a key."""

_SYMMETRIC: Final = frozenset(
    {
        *(Algorithm.AES, Algorithm.ARIA, Algorithm.BLOWFISH, Algorithm.CAMELLIA, Algorithm.CAST5, Algorithm.MARS),
        *(Algorithm.RC2, Algorithm.RC4, Algorithm.RC5, Algorithm.TWOFISH, Algorithm.ONE_TIME_PAD),
        *(Algorithm.CHACHA20, Algorithm.CHACHA20_POLY1305, Algorithm.POLY1305),
        *(Algorithm.GOST_28147_89, Algorithm.GOST_R_34_13_2015),
        *(algorithm for algorithm in Algorithm if algorithm.name.startswith("HMAC_")),
    }
)
"""Algorithms of which keys of 256 bits exist."""

_ALWAYS: Final = frozenset(
    algorithm for algorithm in Algorithm if algorithm.name.startswith(("ML_KEM_", "ML_DSA_", "SLH_DSA_"))
)
"""FIPS 203, 204 and 205, whatever their size."""


def check(attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (General Failure) if Quantum Safe is True of what is not; False or absent, nothing is judged."""
    if not attributes.quantum_safe or object_type is ObjectType.TEMPLATE:
        return
    algorithm, length = attributes.cryptographic_algorithm, attributes.cryptographic_length
    if algorithm in _ALWAYS or (algorithm in _SYMMETRIC and (length or 0) >= SYMMETRIC_BITS):
        return
    raise KmipError(
        ResultReason.GENERAL_FAILURE,
        f"Quantum Safe are symmetric and HMAC keys of {SYMMETRIC_BITS} bits or more, ML-KEM, ML-DSA and SLH-DSA",
    )
