"""How KMIP's algorithms are spelled in PKCS#11, and which of them a token has. PKCS#11 3.0, Current Mechanisms."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kmip_core.classes import frozen
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DerivationMethod, PaddingMethod, RecommendedCurve
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.errors import unsupported_parameters
from kmip_core.ports.crypto import CryptoCapabilities

CODES: Final[Mapping[str, int]] = {
    "RSA_PKCS_KEY_PAIR_GEN": 0x0000,
    "RSA_PKCS": 0x0001,
    "RSA_PKCS_OAEP": 0x0009,
    "RSA_PKCS_PSS": 0x000D,
    "SHA_1_HMAC": 0x0221,
    "SHA224_HMAC": 0x0256,
    "SHA256_HMAC": 0x0251,
    "SHA384_HMAC": 0x0261,
    "SHA512_HMAC": 0x0271,
    "GENERIC_SECRET_KEY_GEN": 0x0350,
    "EC_KEY_PAIR_GEN": 0x1040,
    "ECDSA": 0x1041,
    "AES_KEY_GEN": 0x1080,
    "AES_ECB": 0x1081,
    "AES_CBC": 0x1082,
    "AES_GCM": 0x1087,
    "AES_CMAC": 0x108A,
    "AES_KEY_WRAP": 0x2109,
    "ECDH1_DERIVE": 0x1050,
    "AES_ECB_ENCRYPT_DATA": 0x1104,
    "AES_CBC_ENCRYPT_DATA": 0x1105,
}
"""Mechanisms that are used here, with their numbers."""

CIPHERS: Final[Mapping[tuple[Algorithm, Mode], tuple[str, frozenset[PaddingMethod]]]] = {
    # Padding is added here, so that every token pads alike.
    (Algorithm.AES, Mode.ECB): ("AES_ECB", frozenset({PaddingMethod.NONE, PaddingMethod.PKCS5})),
    (Algorithm.AES, Mode.CBC): ("AES_CBC", frozenset({PaddingMethod.NONE, PaddingMethod.PKCS5})),
    (Algorithm.AES, Mode.CTR): ("AES_ECB", frozenset({PaddingMethod.NONE})),
    (Algorithm.AES, Mode.GCM): ("AES_GCM", frozenset({PaddingMethod.NONE})),
    (Algorithm.AES, Mode.NIST_KEY_WRAP): ("AES_KEY_WRAP", frozenset({PaddingMethod.NONE})),
}

MACS: Final[Mapping[Algorithm, str]] = {
    Algorithm.AES: "AES_CMAC",
    Algorithm.HMAC_SHA1: "SHA_1_HMAC",
    Algorithm.HMAC_SHA224: "SHA224_HMAC",
    Algorithm.HMAC_SHA256: "SHA256_HMAC",
    Algorithm.HMAC_SHA384: "SHA384_HMAC",
    Algorithm.HMAC_SHA512: "SHA512_HMAC",
}

DERIVATIONS: Final[Mapping[DerivationMethod, tuple[str, ...]]] = {
    DerivationMethod.ENCRYPT: ("AES_ECB_ENCRYPT_DATA", "AES_CBC_ENCRYPT_DATA"),
    DerivationMethod.ASYMMETRIC_KEY: ("ECDH1_DERIVE",),
}
"""Derivation methods, and the mechanisms of which one is enough."""

HMAC_LENGTHS: Final[Mapping[Algorithm, Sequence[int]]] = {
    Algorithm.HMAC_SHA256: (256, 384, 512),
    Algorithm.HMAC_SHA384: (256, 384, 512),
    Algorithm.HMAC_SHA512: (256, 384, 512),
}
"""HMAC keys that are made in a token, in bits."""

HASHES: Final[Mapping[Hashing, tuple[str, str]]] = {
    Hashing.SHA_1: ("SHA_1", "SHA1"),
    Hashing.SHA_224: ("SHA224", "SHA224"),
    Hashing.SHA_256: ("SHA256", "SHA256"),
    Hashing.SHA_384: ("SHA384", "SHA384"),
    Hashing.SHA_512: ("SHA512", "SHA512"),
}
"""Hash -> the mechanism and the mask generator in parameters of OAEP and PSS."""

CURVES: Final[Mapping[RecommendedCurve, tuple[bytes, int]]] = {
    RecommendedCurve.P_256: (bytes.fromhex("06082a8648ce3d030107"), 256),
    RecommendedCurve.P_384: (bytes.fromhex("06052b81040022"), 384),
    RecommendedCurve.P_521: (bytes.fromhex("06052b81040023"), 521),
}
"""Curve -> DER of its object identifier (CKA_EC_PARAMS) and its length in bits."""

RSA_LENGTHS: Final = (2048, 3072, 4096)
AES_LENGTHS: Final = (128, 192, 256)
CURVE_PAIRS: Final = (Algorithm.EC, Algorithm.ECDSA, Algorithm.ECDH)
_IN_BYTES: Final = frozenset({"AES_KEY_GEN", *MACS.values()})
_FEWEST_BITS: Final = 64
"""Tokens count the keys of these in bytes, and some in bits: a smallest key of up to so many is one of bytes."""


@frozen
class Mechanisms:
    """What a token has: mechanism number -> the smallest and largest key that it takes."""

    sizes: Mapping[int, tuple[int, int]]

    def has(self, name: str) -> bool:
        """Return whether the token has a mechanism."""
        return CODES[name] in self.sizes

    def within(self, name: str, lengths: Sequence[int]) -> tuple[int, ...]:
        """Return those of some lengths in bits that a mechanism takes; none without it. A highest of 0 is no limit."""
        if not self.has(name):
            return ()
        low, high = self.sizes[CODES[name]]
        unit = 8 if name in _IN_BYTES and low <= _FEWEST_BITS else 1
        return tuple(length for length in lengths if low * unit <= length and (not high or length <= high * unit))


def read(description: Mapping[str, Any]) -> Mechanisms:
    """Return the mechanisms out of what a worker says of its token."""
    return Mechanisms({int(code): (low, high) for code, (low, high) in description["mechanisms"].items()})


def capabilities(token: Mechanisms, hashes: frozenset[Hashing]) -> CryptoCapabilities:
    """Return what a token can do, in the words of the port.

    hashes: digests are computed in software, whatever the token has; a signature sends the digest to the token.
    """
    aes = token.within("AES_KEY_GEN", AES_LENGTHS)
    hmacs = {
        algorithm: lengths
        for algorithm in HMAC_LENGTHS
        if token.has("GENERIC_SECRET_KEY_GEN") and (lengths := token.within(MACS[algorithm], HMAC_LENGTHS[algorithm]))
    }
    rsa = token.within("RSA_PKCS_KEY_PAIR_GEN", RSA_LENGTHS)
    curves = {curve for curve, (_, bits) in CURVES.items() if token.within("EC_KEY_PAIR_GEN", (bits,))}
    bits = tuple(sorted(CURVES[curve][1] for curve in curves))
    signatures = {
        (Algorithm.RSA, PaddingMethod.PKCS1_V1_5): "RSA_PKCS",
        (Algorithm.RSA, PaddingMethod.PSS): "RSA_PKCS_PSS",
        (Algorithm.ECDSA, None): "ECDSA",
    }
    ciphers: dict[tuple[Algorithm, Mode | None], frozenset[PaddingMethod]] = {
        (algorithm, mode): paddings for (algorithm, mode), (name, paddings) in CIPHERS.items() if token.has(name)
    }
    if token.has("RSA_PKCS_OAEP"):
        # Without PKCS#1 v1.5: a token refuses broken padding, which is an oracle (RULINGS 9).
        ciphers[Algorithm.RSA, None] = frozenset({PaddingMethod.OAEP})
    return CryptoCapabilities(
        symmetric_lengths=({Algorithm.AES: aes} if aes else {}) | hmacs,
        key_pair_lengths=({Algorithm.RSA: rsa} if rsa else {}) | (dict.fromkeys(CURVE_PAIRS, bits) if bits else {}),
        curves=frozenset(curves),
        ciphers=ciphers,
        signatures={kind: frozenset(HASHES) & hashes for kind, name in signatures.items() if token.has(name)},
        macs=frozenset(algorithm for algorithm, name in MACS.items() if token.has(name)),
        hashing_algorithms=hashes,
        derivation_methods=frozenset(
            method for method, names in DERIVATIONS.items() if any(token.has(name) for name in names)
        ),
        exports_key_material=False,
        holds_keys=True,
        extractable=True,
        blocking=True,
    )


def hash_names(hashing: Hashing) -> tuple[str, str]:
    """Return a hash as PKCS#11 names it.  Raises KmipError (Unsupported Cryptographic Parameters)."""
    if hashing not in HASHES:
        raise unsupported_parameters("the token takes the hashes SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512")
    return HASHES[hashing]
