"""What key material says of itself, held against what the client says of it. RULINGS 22.

Only what can be read is judged: material beyond this server's cryptography is kept and returned as it came. Formats are
not judged either, for clients label them wrongly (clients.md, Barbican) and the adapter that reads the key looks at its
bytes.
"""

from collections.abc import Callable
from typing import Final, NoReturn

from attrs import astuple, evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm, ObjectType
from kmip_core.errors import KmipError, invalid_attribute_value
from kmip_core.objects import Content, KeyBlock, PrivateKey, PublicKey
from kmip_core.operation import Scope
from kmip_core.standard_names import standard_name
from kmip_core.structures import (
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)

WITH_PARITY: Final = frozenset({CryptographicAlgorithm.DES, CryptographicAlgorithm.TRIPLE_DES})
"""One bit in eight is parity; clients announce the length with it or without: 192 or 168 for three keys."""


def refuse(error: KmipError) -> NoReturn:
    """Raise what a Cryptographic Length that contradicts the material is answered with."""
    raise error


def checked(
    scope: Scope, content: Content, attributes: Attributes, *, judge: Callable[[KmipError], None] = refuse
) -> Attributes:
    """Return the attributes with algorithm and length of a public or private key, read from it where not given.

    judge: takes the refusal of a Cryptographic Length that contradicts the material; the length is kept if it returns.
    Raises KmipError (Invalid Field), saying what is wrong, where they contradict the material.
    """
    if not isinstance(content, PrivateKey | PublicKey) or content.key_block.clear_material is None:
        return attributes
    description = scope.services.crypto.describe(content)
    if description is None:
        _check_signs(content.key_block)
        return attributes
    algorithm, length = attributes.cryptographic_algorithm, attributes.cryptographic_length
    domain = attributes.cryptographic_domain_parameters
    half = "private" if content.object_type is ObjectType.PRIVATE_KEY else "public"
    found = description.algorithm
    if algorithm is not None and found is not None and not _are_alike(algorithm, found):
        raise invalid_attribute_value(
            f"Cryptographic Algorithm is {standard_name(algorithm)} but the {half} key is one of {standard_name(found)}"
        )
    if length is not None and _octets(length) != _octets(description.length):
        measured = f"the {half} key has {description.length} bits"
        judge(invalid_attribute_value(f"Cryptographic Length is {length} but {measured}"))
    curve = None if domain is None else domain.recommended_curve
    if curve is not None and description.curve not in (None, curve):
        raise invalid_attribute_value(
            f"Recommended Curve is not that of the {half} key, which is {standard_name(description.curve)}"
        )
    return evolve(
        attributes,
        cryptographic_algorithm=algorithm or description.algorithm,
        cryptographic_length=length or description.length,
    )


_SAID_ALIKE: Final = frozenset(
    {
        CryptographicAlgorithm.EC,
        CryptographicAlgorithm.ECDSA,
        CryptographicAlgorithm.ECDH,
        CryptographicAlgorithm.ECMQV,
        CryptographicAlgorithm.ED25519,
        CryptographicAlgorithm.ED448,
    }
)
"""Names that clients give to keys on curves as they see fit: before 3.0 the standard had none for Edwards' curves."""


def _are_alike(stated: CryptographicAlgorithm, found: CryptographicAlgorithm) -> bool:
    return stated is found or {stated, found} <= _SAID_ALIKE


def _check_signs(block: KeyBlock) -> None:
    """Refuse numbers that came without their sign byte if the numbers that they stand for make no key (RULINGS 27)."""
    material = block.material
    if isinstance(material, _OF_NUMBERS) and any(
        isinstance(number, int) and number < 0 for number in astuple(material, recurse=False)
    ):
        raise invalid_attribute_value("a number of the Key Material is negative, and read as unsigned it makes no key")


_OF_NUMBERS: Final = (
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
)
"""Structures that are read here; Diffie-Hellman keys are kept as they come."""


def _octets(bits: int) -> int:
    """Return whole bytes: a modulus may have a few bits less than its name says."""
    return (bits + 7) // 8
