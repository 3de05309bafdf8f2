"""Quantum Safe and NIST Security Category are judged by the algorithm and the size of the object.

KMIP 2.0, 2.1 §4.45; 3.0 §4.39.
"""

from typing import Final

from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import ObjectType, ResultReason
from kmip_core.errors import KmipError, invalid_attribute_value

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

QUANTUM_SAFE: Final = frozenset(
    algorithm for algorithm in Algorithm if algorithm.name.startswith(("ML_KEM_", "ML_DSA_", "SLH_DSA_"))
)
"""FIPS 203, 204 and 205, whatever their size."""


_CATEGORIES: Final = {
    Algorithm.ML_KEM_512: 1,
    Algorithm.ML_KEM_768: 3,
    Algorithm.ML_KEM_1024: 5,
    Algorithm.ML_DSA_44: 2,
    Algorithm.ML_DSA_65: 3,
    Algorithm.ML_DSA_87: 5,
    **{a: 1 for a in Algorithm if a.name.startswith("SLH_DSA_") and "128" in a.name},
    **{a: 3 for a in Algorithm if a.name.startswith("SLH_DSA_") and "192" in a.name},
    **{a: 5 for a in Algorithm if a.name.startswith("SLH_DSA_") and "256" in a.name},
}
"""FIPS 203 §8, FIPS 204 §4, FIPS 205 §11."""

_BY_BITS: Final = {128: 1, 192: 3, 256: 5}
"""Of block ciphers: categories are defined by the search for a key of AES."""

HIGHEST_CATEGORY: Final = 5


def category_of(algorithm: Algorithm | None, length: int | None = None, said: int = 0) -> int | None:
    """Return the NIST Security Category of an algorithm, at a length in bits; None if it has none.

    said: what the client says, which stands from 1 to 5 for algorithms of which NIST says nothing.
    """
    if algorithm in _CATEGORIES:
        return _CATEGORIES[algorithm]
    if algorithm in _SYMMETRIC and length in _BY_BITS:
        return _BY_BITS[length]
    is_open = algorithm is None or algorithm in _SYMMETRIC
    return said if is_open and 1 <= said <= HIGHEST_CATEGORY else None


def check(attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (General Failure) if Quantum Safe is True of what is not; False or absent, nothing is judged.

    Raises KmipError (Invalid Attribute Value) for a NIST Security Category that the algorithm does not have.
    """
    category, algorithm = attributes.nist_security_category, attributes.cryptographic_algorithm
    if category is not None and category != category_of(algorithm, attributes.cryptographic_length, category):
        raise invalid_attribute_value("the NIST Security Category is not that of the algorithm and its length")
    if not attributes.quantum_safe or object_type is ObjectType.TEMPLATE:
        return
    length = attributes.cryptographic_length
    if algorithm in QUANTUM_SAFE or (algorithm in _SYMMETRIC and (length or 0) >= SYMMETRIC_BITS):
        return
    raise KmipError(
        ResultReason.GENERAL_FAILURE,
        f"Quantum Safe are symmetric and HMAC keys of {SYMMETRIC_BITS} bits or more, ML-KEM, ML-DSA and SLH-DSA",
    )
