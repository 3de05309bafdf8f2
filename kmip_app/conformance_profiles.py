"""Which conformance profiles Query claims: those whose official cases pass, in the versions in which they do.

A profile is claimed only where the operations and the cryptography that its cases use are there: a server over a
token, or one that leaves legacy ciphers out, claims fewer. docs/conformance.md has the evidence by family; names that
a version does not have are left out by the codec.
"""

from collections.abc import Collection
from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm, Operation, ProfileName
from kmip_core.ports.crypto import CryptoCapabilities

_O = Operation
_LEGACY: Final = frozenset({CryptographicAlgorithm.AES, CryptographicAlgorithm.TRIPLE_DES})


@frozen(kw_only=True)
class Claim:
    """One family of profiles.

    family: of the official cases.  stem: how the names begin.  versions: suffixes of the names; 2.x has none.
    operations: what the cases need.  algorithms: of symmetric keys that they make.
    system_operations: what those of 3.0 need besides.  needs_administrators, needs_https: likewise.
    """

    family: str
    stem: str
    versions: tuple[str, ...]
    operations: frozenset[Operation]
    algorithms: frozenset[CryptographicAlgorithm] = frozenset()
    system_operations: frozenset[Operation] = frozenset()
    needs_administrators: bool = False
    needs_https: bool = False

    def is_met(self, operations: Collection[Operation], able: CryptoCapabilities) -> bool:
        """Return whether a server has these operations and this cryptography."""
        return (
            self.operations <= set(operations)
            and self.algorithms <= set(able.symmetric_lengths)
            and (able.exports_key_material or not self.algorithms)
        )

    @property
    def profiles(self) -> tuple[ProfileName, ...]:
        """The names, oldest first."""
        return tuple(ProfileName[f"{self.stem}{version}"] for version in self.versions)


_TO_1_4: Final = tuple(f"_KMIP_V1_{minor}" for minor in range(5))
_FROM_1_2: Final = _TO_1_4[2:]
_2_X: Final = ("",)

_SYSTEM: Final = frozenset({_O.CREATE_USER, _O.CREATE_GROUP, _O.CREATE_CREDENTIAL})

CLAIMS: Final = (
    Claim(
        family="BL",
        stem="BASELINE_SERVER",
        versions=_2_X,
        operations=frozenset({_O.CREATE, _O.REGISTER, _O.LOCATE, _O.GET, _O.CHECK, _O.REVOKE, _O.DESTROY, _O.QUERY}),
        algorithms=_LEGACY,
        system_operations=_SYSTEM | {_O.OBLITERATE},
        needs_administrators=True,
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

_LISTED: Final = _SYSTEM | {
    _O.CANCEL,
    _O.LOGIN,
    _O.LOGOUT,
    _O.NOTIFY,
    _O.POLL,
    _O.PROCESS,
    _O.PUT,
    _O.QUERY_ASYNCHRONOUS_REQUESTS,
}
"""Operations that the cases of MSGENC expect in the answer to Query, and that settings leave out."""

MORE_WITH_SYSTEM_OBJECTS: Final = (
    Claim(family="PKCS11", stem="PKCS_11_SERVER", versions=_2_X, operations=frozenset({_O.PKCS_11})),
    *(
        Claim(family=f"MSGENC-{name}", stem=f"{name}_SERVER", versions=_2_X, operations=_LISTED, needs_https=True)
        for name in ("HTTPS", "JSON", "XML")
    ),
)
"""Families that are claimed in 3.0 alone: what older versions are told does not change."""


def claimed(operations: Collection[Operation], able: CryptoCapabilities) -> tuple[ProfileName, ...]:
    """Return the profiles of a server that has these operations and this cryptography."""
    return tuple(profile for claim in CLAIMS if claim.is_met(operations, able) for profile in claim.profiles)


def claimed_with_system_objects(
    operations: Collection[Operation], able: CryptoCapabilities, *, has_administrators: bool, has_https: bool
) -> tuple[ProfileName, ...]:
    """Return the profiles of such a server in 3.0, whose names are those of 2.x and whose cases ask for more.

    has_administrators: whether anyone may make users, groups and credentials.
    has_https: whether messages may come by HTTPS, and so as XML or JSON.
    """
    return tuple(
        ProfileName[claim.stem]
        for claim in (*CLAIMS, *MORE_WITH_SYSTEM_OBJECTS)
        if claim.is_met(operations, able)
        and claim.system_operations <= set(operations)
        and (has_administrators or not claim.needs_administrators)
        and (has_https or not claim.needs_https)
    )


__all__ = ["CLAIMS", "MORE_WITH_SYSTEM_OBJECTS", "Claim", "claimed", "claimed_with_system_objects"]
