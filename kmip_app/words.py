"""Members of the standard's enumerations by the names that people write and read."""

import enum
from difflib import get_close_matches
from typing import Final, TypeVar

E = TypeVar("E", bound=enum.Enum)


def member(kind: type[E], given: object) -> E:
    """Return the member that is meant: "Create Key Pair", "create-key-pair", or a member of a client's enumeration.

    Raises ValueError, which names the nearest member.
    """
    if isinstance(given, kind):
        return given
    name = str(getattr(given, "name", given))
    members = {_bare(one.name): one for one in kind}
    found = members.get(_bare(name)) or members.get(_ALIASES.get(_bare(name), ""))
    if found is None:
        near = [members[match].name for match in get_close_matches(_bare(name), members, n=1)]
        guess = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{name!r} is no {kind.__name__}{guess}")
    return found


_ALIASES: Final = {"3DES": "TRIPLEDES", "DES3": "TRIPLEDES"}


def _bare(name: str) -> str:
    return "".join(character for character in name if character.isalnum()).upper()


def title(one: enum.Enum) -> str:
    """Return a member's name as the standard writes it: "Symmetric Key", "SHA-256", "HMAC-SHA256"."""
    name = one.name
    if name in _TITLES:
        return _TITLES[name]
    if type(one).__name__ in _HYPHENATED:
        return name.replace("_", "-")
    return " ".join(word if word in _ACRONYMS else word.capitalize() for word in name.split("_"))


_HYPHENATED: Final = frozenset({"CryptographicAlgorithm", "HashingAlgorithm", "RecommendedCurve"})

_ACRONYMS: Final = frozenset(
    {"AEAD", "CA", "CBC", "CCM", "CFB", "CMAC", "CTR", "DSA", "EC", "ECB", "GCM", "HMAC", "IV", "KEK", "MAC", "NIST"}
    | {"OAEP", "OFB", "PGP", "PKCS", "PKCS1", "PKCS5", "PSS", "RNG", "RSA", "TR31", "X", "XTS", "AES", "PBKDF2", "HKDF"}
    | {"MD2", "MD4", "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "ECDSA", "ISO", "ANSI", "PEM", "TTLV"}
)

_TITLES: Final = {
    "TRIPLE_DES": "3DES",
    "RE_KEY": "Re-key",
    "RE_KEY_KEY_PAIR": "Re-key Key Pair",
    "RE_CERTIFY": "Re-certify",
    "RE_PROVISION": "Re-Provision",
    "PRE_ACTIVE": "Pre-Active",
    "PKCS_1": "PKCS#1",
    "PKCS_8": "PKCS#8",
    "PKCS_10": "PKCS#10",
    "PKCS_11": "PKCS#11",
    "PKCS_12": "PKCS#12",
    "X_509": "X.509",
}
