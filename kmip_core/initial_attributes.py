"""The attributes that every object has from its beginning, whichever way it comes into the server.

Create, Register, Import and the import of a PyKMIP database all end here. What comes with an object (its state, dates
and history, in an import) stands; the rest is set here. KMIP 2.1 §4, 1.4 §3 ("When implicitly set").
"""

import hashlib
from typing import Any, Final

from kmip_core import lifecycle
from kmip_core.attributes import Attributes
from kmip_core.enums import HashingAlgorithm, KeyFormatType, ObjectType
from kmip_core.makers import maker_of
from kmip_core.objects import Content, class_of, format_of, key_block_of, material_bytes
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.structures import Digest, KeyHandle, TransparentKey


def complete(
    content: Content,
    given: Attributes,
    *,
    unique_identifier: str,
    now: int,
    digests: tuple[Digest, ...],
    extractable: bool,
    **more: Any,
) -> Attributes:
    """Return `given` with the attributes that no object is without, and `more` by field.

    now: seconds since 1970-01-01 UTC.  digests: used where none are given.
    extractable: what the store allows; a key in a token never leaves it.
    A Template has neither state nor secrets.
    """
    object_type = content.object_type
    every: dict[str, Any] = {
        "unique_identifier": unique_identifier,
        "object_type": object_type,
        "object_class": class_of(object_type),
        "template_names": (),
        "initial_date": now if given.initial_date is None else given.initial_date,
        "last_change_date": now if given.last_change_date is None else given.last_change_date,
        "operation_policy_name": given.operation_policy_name or DEFAULT_POLICY,
    }
    if object_type is ObjectType.TEMPLATE:
        return given.with_fields(every | more | {"extractable": None})
    state, sensitive = given.state, bool(given.sensitive)
    block = key_block_of(content)
    every |= {
        "state": lifecycle.initial_state(given, object_type, now) if state is None else state,
        "digests": given.digests or digests,
        "key_format_type": format_of(content) if block is None else block.key_format_type,
        "sensitive": sensitive,
        "always_sensitive": sensitive and given.always_sensitive is not False,
        "extractable": extractable,
        "never_extractable": not extractable and given.never_extractable is not False,
        "key_value_present": None if block is None or block.key_value is not None else False,  # KMIP 1.4 §2.1.3
        **more,
    }
    return given.with_fields(every)


def short_identifier(unique_identifier: str) -> bytes:
    """Return the Short Unique Identifier of an object. KMIP 2.1 §4.56."""
    return hashlib.sha256(unique_identifier.encode()).digest()


def structure_of(content: Content) -> TransparentKey | None:
    """Return the key structure of content in a transparent format, whose encoding has a digest of its own."""
    block = key_block_of(content)
    material = None if block is None else block.material
    return None if isinstance(material, bytes | KeyHandle) else material


def digests_of(content: Content, encoded: bytes | None = None) -> tuple[Digest, ...]:
    """Return the SHA-256 digests of the material as it is stored, wrapped or not, if the server has it.

    encoded: the encoding of its structure, if it has one; the digest is that of the encoding. A symmetric key has that
    of its bytes, its default format, before it. KMIP 2.1 §4.21.
    """
    octets = material_bytes(content)
    if encoded is None:
        return () if octets is None else (sha_256(format_of(content), octets),)
    of_structure = sha_256(format_of(content), encoded)
    return (of_structure,) if octets is None else (sha_256(KeyFormatType.RAW, octets), of_structure)


def sha_256(key_format_type: KeyFormatType | None, octets: bytes) -> Digest:
    """Return the digest of key material in a format."""
    return _make_digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=hashlib.sha256(octets).digest(),
        key_format_type=key_format_type,
    )


_make_digest: Final = maker_of(Digest)
