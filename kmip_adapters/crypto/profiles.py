"""The profile `modern`: what of an adapter's powers is left when legacy cryptography is off (R-CRY-3, R-CRY-4).

Refused for new protection: block ciphers of 64 bits and RC4, ECB, MD5 and SHA-1 in signatures, HMAC-MD5, DSA, RSA below
2048 bits and curves below 224 bits. Decrypt and verify keep them (SP 800-131A, "legacy use"), so that old data is not
lost; RSA encryption with PKCS#1 v1.5 padding and cut tags of ChaCha20-Poly1305 go both ways, because decrypting is the
danger.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from attrs import evolve

from kmip_adapters.crypto.restricted import RestrictedCrypto
from kmip_core.enums import BlockCipherMode, HashingAlgorithm, PaddingMethod, RecommendedCurve
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.ports.crypto import Crypto, CryptoCapabilities

K = TypeVar("K")
V = TypeVar("V")

_OLD_ALGORITHMS: Final = frozenset(
    {
        Algorithm.DES,
        Algorithm.TRIPLE_DES,
        Algorithm.BLOWFISH,
        Algorithm.CAST5,
        Algorithm.IDEA,
        Algorithm.RC2,
        Algorithm.RC4,
        Algorithm.SKIPJACK,
        Algorithm.DSA,
        Algorithm.HMAC_MD5,
    }
)
_OLD_MODES: Final = frozenset({BlockCipherMode.ECB})
_OLD_SIGNATURE_HASHES: Final = frozenset({HashingAlgorithm.MD5, HashingAlgorithm.SHA_1})
_OLD_CURVES: Final = frozenset({RecommendedCurve.P_192})
_NEVER_CUT: Final = frozenset(
    {(Algorithm.CHACHA20_POLY1305, None), (Algorithm.CHACHA20_POLY1305, BlockCipherMode.AEAD)}
)
"""RFC 8439 knows whole tags only."""

_SHORTEST: Final = {
    Algorithm.RSA: 2048,
    Algorithm.EC: 224,
    Algorithm.ECDSA: 224,
    Algorithm.ECDH: 224,
}
"""Bits, for pairs."""


def modern(crypto: Crypto) -> Crypto:
    """Return the adapter without its legacy cryptography."""
    all_of_it = crypto.capabilities
    return RestrictedCrypto(crypto, protecting(all_of_it), processing(all_of_it))


def protecting(all_of_it: CryptoCapabilities) -> CryptoCapabilities:
    """Return what may make keys, encrypt, sign and authenticate."""
    safe = processing(all_of_it)
    return evolve(
        safe,
        symmetric_lengths=_only(safe.symmetric_lengths, lambda algorithm: algorithm not in _OLD_ALGORITHMS),
        key_pair_lengths={
            algorithm: tuple(length for length in lengths if length >= _SHORTEST.get(algorithm, 0))
            for algorithm, lengths in safe.key_pair_lengths.items()
            if algorithm not in _OLD_ALGORITHMS
        },
        curves=safe.curves - _OLD_CURVES,
        ciphers=_only(safe.ciphers, lambda row: row[0] not in _OLD_ALGORITHMS and row[1] not in _OLD_MODES),
        signatures={
            row: hashes - _OLD_SIGNATURE_HASHES
            for row, hashes in safe.signatures.items()
            if row[0] not in _OLD_ALGORITHMS
        },
        macs=safe.macs - _OLD_ALGORITHMS,
    )


def processing(all_of_it: CryptoCapabilities) -> CryptoCapabilities:
    """Return what may decrypt and verify."""
    ciphers = {
        row: paddings - {PaddingMethod.PKCS1_V1_5} if row[0] is Algorithm.RSA else paddings
        for row, paddings in all_of_it.ciphers.items()
    }
    return evolve(all_of_it, ciphers=ciphers, whole_tags_only=_NEVER_CUT & ciphers.keys())


def _only(table: Mapping[K, V], keep: Callable[[K], bool]) -> dict[K, V]:
    return {key: value for key, value in table.items() if keep(key)}
