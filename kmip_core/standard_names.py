"""Members of the standard's enumerations as the standard writes them, for messages, logs and documents.

`RE_KEY` is `Re-key`, `TRIPLE_DES` is `3DES`, `P_256` is `P-256`: people never read the names of Python.
"""

from enum import Enum
from functools import cache
from typing import Final


def standard_name(member: Enum) -> str:
    """Return a member's name as the standard writes it.  KMIP 2.1 §11."""
    return _written(type(member).__name__, member.name)  # members of two enumerations may be equal, as they are numbers


@cache
def _written(kind: str, name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("BRAINPOOLP"):
        return f"Brainpool P{name.removeprefix('BRAINPOOLP').lower()}"
    if kind in _HYPHENATED:
        return name.replace("_", "-")
    return " ".join(word if word in _ACRONYMS else _WORDS.get(word) or word.title() for word in name.split("_"))


def with_article(noun: str) -> str:
    """Return a noun with its article: "an Opaque Object", "an RNG Seed"."""
    return f"{'an' if noun[0] in 'AEIO' or noun.startswith('RNG') else 'a'} {noun}"


_HYPHENATED: Final = frozenset({"CryptographicAlgorithm", "HashingAlgorithm", "RecommendedCurve"})
"""Enumerations whose members are hyphenated where they are not listed below."""

_ACRONYMS: Final = frozenset(
    {"AEAD", "AWS", "CA", "CBC", "CCM", "CFB", "CMAC", "CSR", "CTR", "DH", "DPI", "DRBG", "DSA", "EC", "ECB", "ECDH"}
    | {"ECDSA", "ECMQV", "GCM", "HKDF", "HMAC", "ID", "IV", "KEK", "MAC", "MD2", "MD5", "MGF1", "NIST", "NRBG", "OAEP"}
    | {"OFB", "OTP", "PBKDF2", "PCBC", "PEM", "PGP", "PKCS5", "PSS", "RNG", "RSA", "SHA224", "SHA256", "SHA384"}
    | {"DHKEM", "MLKEM", "RSASVE", "SHA512", "SSL3", "TTLV", "XOR", "XTS", "CRMF", "URI", "CRT", "AES", "C", "F"}
    | {"SAML", "TCG", "TPM"}
)

_WORDS: Final = {"WITH": "with"}

_NAMES: Final = {
    "AES_KEY_WRAP_PADDING": "AESKeyWrapPadding",
    "ANSI_X9_23": "ANSI X9.23",
    "ANSI_X9_31": "ANSI X9.31",
    "ANSI_X9_62": "ANSI X9.62",
    "BLOWFISH": "Blowfish",
    "CAMELLIA": "Camellia",
    "CBC_MAC": "CBC-MAC",
    "CHACHA20": "ChaCha20",
    "CHACHA20_POLY1305": "ChaCha20Poly1305",
    "CURVE25519": "Curve25519",
    "CURVE448": "Curve448",
    "DATE_TIME": "Date-Time",
    "DATE_TIME_EXTENDED": "Date-Time Extended",
    "EC_PRIVATE_KEY": "ECPrivateKey",
    "ED25519": "Ed25519",
    "ED448": "Ed448",
    "FIPS_186_2": "FIPS 186-2",
    "GOST_28147_89": "GOST 28147-89",
    "GOST_R_34_10_2012": "GOST R 34.10-2012",
    "GOST_R_34_11_2012": "GOST R 34.11-2012",
    "GOST_R_34_13_2015": "GOST R 34.13-2015",
    "ISO_10126": "ISO 10126",
    "MCELIECE": "McEliece",
    "MCELIECE_6960119": "McEliece-6960119",
    "MCELIECE_8192128": "McEliece-8192128",
    "NIST_KEY_WRAP": "NISTKeyWrap",
    "NIST800_108_C": "NIST800-108-C",
    "NIST800_108_F": "NIST800-108-F",
    "NIST800_108_DPI": "NIST800-108-DPI",
    "NON_UNIQUE_NAME_ATTRIBUTE": "Non Unique Name Attribute",
    "ONE_TIME_PAD": "One Time Pad",
    "PKCS1_V1_5": "PKCS1 v1.5",
    "PKCS_1": "PKCS#1",
    "PKCS_8": "PKCS#8",
    "PKCS_10": "PKCS#10",
    "PKCS_11": "PKCS#11",
    "PKCS_12": "PKCS#12",
    "PKCS_11_CODEC_ERROR": "PKCS#11 Codec Error",
    "PKCS_11_INVALID_FUNCTION": "PKCS#11 Invalid Function",
    "PKCS_11_INVALID_INTERFACE": "PKCS#11 Invalid Interface",
    "POLY1305": "Poly1305",
    "POLYNOMIAL_SHARING_GF_2_8": "Polynomial Sharing GF (2^8)",
    "POLYNOMIAL_SHARING_GF_2_16": "Polynomial Sharing GF (2^16)",
    "PRE_ACTIVE": "Pre-Active",
    "RE_CERTIFY": "Re-certify",
    "RE_KEY": "Re-key",
    "RE_KEY_KEY_PAIR": "Re-key Key Pair",
    "RE_KEY_KEY_PAIR_PRIVATE_KEY": "Re-key Key Pair Private Key",
    "RE_KEY_KEY_PAIR_PUBLIC_KEY": "Re-key Key Pair Public Key",
    "RE_PROVISION": "Re-Provision",
    "RSASSA_PSS": "RSASSA-PSS",
    "SHA_512_224": "SHA-512/224",
    "SHA_512_256": "SHA-512/256",
    "TIGER": "Tiger",
    "TRIPLE_DES": "3DES",
    "TWOFISH": "Twofish",
    "WHIRLPOOL": "Whirlpool",
    "X9_31": "X9.31",
    "X9_102_AESKW": "X9.102 AESKW",
    "X9_102_AKW1": "X9.102 AKW1",
    "X9_102_AKW2": "X9.102 AKW2",
    "X9_102_TDKW": "X9.102 TDKW",
    "X_509": "X.509",
    "SHA3_256_WITH_RSA_ENCRYPTION": "SHA3-256 with RSA Encryption",
    "SHA3_384_WITH_RSA_ENCRYPTION": "SHA3-384 with RSA Encryption",
    "SHA3_512_WITH_RSA_ENCRYPTION": "SHA3-512 with RSA Encryption",
    "SHA_1_WITH_RSA_ENCRYPTION": "SHA-1 with RSA Encryption",
    "SHA_224_WITH_RSA_ENCRYPTION": "SHA-224 with RSA Encryption",
    "SHA_256_WITH_RSA_ENCRYPTION": "SHA-256 with RSA Encryption",
    "SHA_384_WITH_RSA_ENCRYPTION": "SHA-384 with RSA Encryption",
    "SHA_512_WITH_RSA_ENCRYPTION": "SHA-512 with RSA Encryption",
    "DSA_WITH_SHA_1": "DSA with SHA-1",
    "ECDSA_WITH_SHA_1": "ECDSA with SHA-1",
}
"""Members that do not follow the rules above; the name of a member means the same in every enumeration."""
