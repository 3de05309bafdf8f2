"""What Encapsulate and Decapsulate leave: the shared secret, as Secret Data. KMIP 3.0 §6.1.15, §6.1.22."""

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import KeyFormatType, SecretDataType
from kmip_core.objects import KeyBlock, KeyValue, ManagedObject, SecretData
from kmip_core.operation import Scope
from kmip_core.procedures import creation


def keep(scope: Scope, secret: bytes, attributes: Attributes, *, made_here: bool) -> ManagedObject:
    """Collect the secret as a new object with the client's attributes, and return its record.

    made_here: whether this server chose it.

    Raises KmipError as `creation.begin` does.
    """
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=secret))
    content = SecretData(secret_data_type=SecretDataType.SEED, key_block=block)
    return creation.begin(scope, content, attributes, made_here=made_here)


def inherited(wanted: Attributes, private_key: Attributes) -> Attributes:
    """Return the attributes with what keeps the private key from leaving: it keeps its secrets as well."""
    return evolve(
        wanted,
        sensitive=True if private_key.sensitive else wanted.sensitive,
        extractable=False if private_key.extractable is False else wanted.extractable,
    )
