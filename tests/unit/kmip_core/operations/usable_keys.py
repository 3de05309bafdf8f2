"""Active keys of every kind, for tests of the operations that use them."""

from functools import cache
from typing import Any

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import KeyFormatType, RecommendedCurve, SecretDataType, State
from kmip_core.objects import Content, KeyBlock, KeyValue, ManagedObject, SecretData, SymmetricKey
from kmip_core.ports.crypto import KeyPair
from tests.builders import NOW

ALL_USES = Mask(0)
for _bit in Mask:
    ALL_USES |= _bit

Stored = tuple[ManagedObject, Content]


def a_stored(content: Content, identifier: str = "key", *, owner: str = "alice", **attributes: Any) -> Stored:
    """Return content as the store keeps it, Active and fit for every use unless `attributes` say otherwise."""
    block = getattr(content, "key_block", None)
    described = Attributes(
        unique_identifier=identifier,
        object_type=content.object_type,
        **{
            "cryptographic_algorithm": getattr(block, "cryptographic_algorithm", None),
            "cryptographic_length": getattr(block, "cryptographic_length", None),
            "cryptographic_usage_mask": ALL_USES,
            "state": State.ACTIVE,
            "operation_policy_name": "default",
            "initial_date": NOW - 1_000,
            "activation_date": NOW - 1_000,
            "last_change_date": NOW - 1_000,
            "lease_time": 3600,
            "sensitive": False,
            "extractable": True,
            **attributes,
        },
    )
    record = ManagedObject(
        unique_identifier=identifier, object_type=content.object_type, owner=owner, attributes=described
    )
    return record, content


def a_key(
    algorithm: Algorithm = Algorithm.AES, material: bytes = bytes(range(16)), identifier: str = "key", **attributes: Any
) -> Stored:
    """Return a symmetric key."""
    return a_stored(SymmetricKey(algorithm, 8 * len(material), material), identifier, **attributes)


def a_secret_key(material: bytes = b"secret", identifier: str = "secret", **attributes: Any) -> Stored:
    """Return secret data."""
    block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=material))
    return a_stored(SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block), identifier, **attributes)


@cache
def pair_of(algorithm: Algorithm, length: int | None = None, curve: RecommendedCurve | None = None) -> KeyPair:
    """Return a pair, the same at every call: making one takes time."""
    return SoftwareCrypto().make_key_pair(algorithm, length, curve)


def a_private_key(algorithm: Algorithm = Algorithm.RSA, length: int | None = 1024, **attributes: Any) -> Stored:
    """Return the private half, as `private`."""
    return a_stored(pair_of(algorithm, length).private_key, attributes.pop("identifier", "private"), **attributes)


def a_public_key(algorithm: Algorithm = Algorithm.RSA, length: int | None = 1024, **attributes: Any) -> Stored:
    """Return the public half, as `public`."""
    return a_stored(pair_of(algorithm, length).public_key, attributes.pop("identifier", "public"), **attributes)
