"""Which symmetric keys can be made: algorithm -> lengths in bits, and the making."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import KmipError, invalid_attribute_value
from kmip_core.standard_names import standard_name

_MAC_KEY_LENGTHS: Final = range(8, 8192 + 1, 8)  # bits; RFC 2104 takes any, a client's wish must end somewhere

SYMMETRIC_LENGTHS: Final[Mapping[Algorithm, Sequence[int]]] = {
    # 112 and 168 are what SP 800-67 calls keys of 128 and 192 bits, without the parity bits.
    Algorithm.TRIPLE_DES: (64, 112, 128, 168, 192),
    Algorithm.DES: (56, 64),
    Algorithm.AES: (128, 192, 256, 512),  # 256 and 512 are also the two keys of XTS-AES-128 and XTS-AES-256
    Algorithm.BLOWFISH: range(32, 448 + 1, 8),
    Algorithm.CAMELLIA: (128, 192, 256),
    Algorithm.CAST5: range(40, 128 + 1, 8),
    Algorithm.IDEA: (128,),
    Algorithm.RC4: (40, 56, 64, 80, 128, 160, 192, 256),
    Algorithm.SKIPJACK: (80,),  # made and kept; no library can use it
    Algorithm.SEED: (128,),
    Algorithm.SM4: (128,),
    Algorithm.CHACHA20: (256,),
    Algorithm.CHACHA20_POLY1305: (256,),
    Algorithm.HMAC_MD5: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA1: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA224: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA256: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA384: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA512: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA3_224: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA3_256: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA3_384: _MAC_KEY_LENGTHS,
    Algorithm.HMAC_SHA3_512: _MAC_KEY_LENGTHS,
}

_MATERIAL_BITS: Final[Mapping[tuple[Algorithm, int], int]] = {
    (Algorithm.TRIPLE_DES, 112): 128,
    (Algorithm.TRIPLE_DES, 168): 192,
    (Algorithm.DES, 56): 64,
}
"""Lengths that leave the parity bits out; the material always has them."""

_WITH_PARITY: Final = frozenset({Algorithm.DES, Algorithm.TRIPLE_DES})


def make_symmetric_key(algorithm: Algorithm, length: int) -> bytes:
    """Return fresh material; see the port."""
    check_symmetric_length(algorithm, length)
    material = os.urandom(material_bits(algorithm, length) // 8)
    return _odd_parity(material) if algorithm in _WITH_PARITY else material


def material_bits(algorithm: Algorithm | None, length: int) -> int:
    """Return how many bits the material of a key of `length` has."""
    return length if algorithm is None else _MATERIAL_BITS.get((algorithm, length), length)


def check_symmetric_length(algorithm: Algorithm, length: int) -> None:
    """Refuse an algorithm that is not symmetric, or a length that it does not have."""
    lengths = SYMMETRIC_LENGTHS.get(algorithm)
    if lengths is None:
        raise _not_symmetric(algorithm)
    if length not in lengths:
        raise invalid_attribute_value(f"{standard_name(algorithm)} keys have {listed(lengths)} bits, not {length}")


def listed(lengths: Sequence[int]) -> str:
    """Return lengths for a person: "128, 192 or 256", "32 to 448 in steps of 8"."""
    if isinstance(lengths, range):
        return f"{lengths[0]} to {lengths[-1]} in steps of {lengths.step}"
    *most, last = map(str, lengths)
    return f"{', '.join(most)} or {last}" if most else last


def _not_symmetric(algorithm: Algorithm) -> KmipError:
    known = ", ".join(standard_name(known) for known in SYMMETRIC_LENGTHS)
    return invalid_attribute_value(
        f"{standard_name(algorithm)} is not an algorithm of symmetric keys here; known: {known}"
    )


def _odd_parity(material: bytes) -> bytes:
    # FIPS 46-3: the low bit of each byte makes the number of ones odd; strict importers check it.
    return bytes(byte & 0xFE | (~(byte >> 1).bit_count() & 1) for byte in material)
