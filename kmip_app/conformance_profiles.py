"""Which conformance profiles Query claims: those whose official cases pass, in the versions in which they do.

A profile is claimed only where the operations and the cryptography that its cases use are there: a server over a
token, or one that leaves legacy ciphers out, claims fewer. docs/conformance.md has the evidence by family; names that
a version does not have are left out by the codec.
"""

from collections.abc import Collection
from typing import Final

from attrs import frozen

from kmip_core.enums import CryptographicAlgorithm, Operation, ProfileName
from kmip_core.ports.crypto import CryptoCapabilities

_O = Operation
_LEGACY: Final = frozenset({CryptographicAlgorithm.AES, CryptographicAlgorithm.TRIPLE_DES})


@frozen(kw_only=True)
class Claim:
    """One family of profiles.

    family: of the official cases.  stem: how the names begin.  versions: suffixes of the names; 2.x has none.
    operations: what the cases need.  algorithms: of symmetric keys that they make.
    """

    family: str
    stem: str
    versions: tuple[str, ...]
    operations: frozenset[Operation]
    algorithms: frozenset[CryptographicAlgorithm] = frozenset()

    @property
    def profiles(self) -> tuple[ProfileName, ...]:
        """The names, oldest first."""
        return tuple(ProfileName[f"{self.stem}{version}"] for version in self.versions)


_TO_1_4: Final = tuple(f"_KMIP_V1_{minor}" for minor in range(5))
_FROM_1_2: Final = _TO_1_4[2:]
_2_X: Final = ("",)

CLAIMS: Final = (
    Claim(
        family="BL",
        stem="BASELINE_SERVER",
        versions=_2_X,
        operations=frozenset({_O.CREATE, _O.REGISTER, _O.LOCATE, _O.GET, _O.CHECK, _O.REVOKE, _O.DESTROY, _O.QUERY}),
        algorithms=_LEGACY,
    ),
    Claim(
        family="SKLC",
        stem="SYMMETRIC_KEY_LIFECYCLE_SERVER",
        versions=(*_TO_1_4, *_2_X),
        operations=frozenset({_O.CREATE, _O.GET, _O.ACTIVATE, _O.REVOKE, _O.DESTROY}),
        algorithms=_LEGACY,
    ),
    Claim(
        family="SKFF",
        stem="SYMMETRIC_KEY_FOUNDRY_SERVER",
        versions=(*_TO_1_4, *_2_X),
        operations=frozenset({_O.CREATE, _O.GET, _O.GET_ATTRIBUTES, _O.DESTROY}),
        algorithms=_LEGACY,
    ),
    Claim(
        family="OMOS",
        stem="OPAQUE_MANAGED_OBJECT_STORE_SERVER",
        versions=(*_TO_1_4, *_2_X),
        operations=frozenset({_O.REGISTER, _O.GET, _O.DESTROY}),
    ),
    Claim(
        family="SASED",
        stem="STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER",
        versions=(*_TO_1_4, *_2_X),
        operations=frozenset({_O.REGISTER, _O.LOCATE, _O.GET, _O.ADD_ATTRIBUTE}),
    ),
    Claim(
        family="CS-BC",
        stem="BASIC_CRYPTOGRAPHIC_SERVER",
        versions=(*_FROM_1_2, *_2_X),
        operations=frozenset({_O.ENCRYPT, _O.DECRYPT}),
        algorithms=_LEGACY,
    ),
    Claim(
        family="CS-AC",
        stem="ADVANCED_CRYPTOGRAPHIC_SERVER",
        versions=(*_FROM_1_2, *_2_X),
        operations=frozenset({_O.SIGN, _O.SIGNATURE_VERIFY, _O.MAC, _O.MAC_VERIFY, _O.HASH}),
        algorithms=_LEGACY,
    ),
    Claim(
        family="CS-RNG",
        stem="RNG_CRYPTOGRAPHIC_SERVER",
        versions=(*_FROM_1_2, *_2_X),
        operations=frozenset({_O.RNG_RETRIEVE, _O.RNG_SEED}),
    ),
)
"""Every family that passes whole."""


def claimed(operations: Collection[Operation], able: CryptoCapabilities) -> tuple[ProfileName, ...]:
    """Return the profiles of a server that has these operations and this cryptography."""
    return tuple(
        profile
        for claim in CLAIMS
        if claim.operations <= set(operations)
        and claim.algorithms <= set(able.symmetric_lengths)
        and (able.exports_key_material or not claim.algorithms)
        for profile in claim.profiles
    )


__all__ = ["CLAIMS", "Claim", "claimed"]
