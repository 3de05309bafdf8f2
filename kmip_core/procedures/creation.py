"""How a managed object begins: what every operation that makes one has in common.

Create, Create Key Pair, Register, Derive Key, Import and the Re- operations end here: the client's attributes are
checked against the attribute rules, and the server's own are set beside them. KMIP 2.1 §4, 1.4 §3 ("When implicitly
set").
"""

from typing import Any, Final

from attrs import evolve

from kmip_core import attribute_rules, creation_rules, lifecycle
from kmip_core.attributes import AttributeReference, Attributes, merge
from kmip_core.creation_rules import Constraint, ObjectDefaults
from kmip_core.enums import (
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    ProtectionStorageMask,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.objects import (
    NO_ATTRIBUTES,
    Certificate,
    Content,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
    format_of,
    has_material,
    key_block_of,
    material_bytes,
)
from kmip_core.operation import Scope
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.procedures import attribute_values, custody
from kmip_core.structures import Digest


def begin(
    scope: Scope,
    content: Content,
    attributes: Attributes,
    *,
    made_here: bool,
    unique_identifier: str | None = None,
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = (),
    unavailable: ResultReason = ResultReason.PROTECTION_STORAGE_UNAVAILABLE,
) -> ManagedObject:
    """Collect a new object of the asker's and return its record.

    attributes: the client's, templates merged in; they must not contain what only the server sets.
    made_here: True if the server generated the material: it then says when, and by which random number generator.
    unique_identifier: one that was announced already; None for a fresh one.
    protection_storage_masks: the ways of storing it that would do, best first; empty for any.
    unavailable: what it is called that none of them can be had; each half of a pair has a name of its own for it.
    Raises KmipError for attributes that a client may not set, or values that they cannot have; Constraint Violation.
    """
    attributes = with_defaults(scope, attributes, content.object_type, _DESCRIBING)
    attribute_rules.check_creation(attributes, content.object_type)
    if isinstance(content, Certificate):
        attributes = _described(scope, content, attributes)
    if made_here:
        _check_is_not_told(attributes)
    accepted = attribute_values.all_accepted(scope, attributes)
    protection = _protection(scope, protection_storage_masks, unavailable)
    identifier = scope.services.identifiers.new() if unique_identifier is None else unique_identifier
    kept = custody.watched(scope, content) if made_here else custody.taken_in(scope, content)
    described = {
        "protection_storage_mask": protection,
        "digests": digests(scope, content),
        "extractable": custody.may_leave(kept, attributes.extractable),
    }
    managed_object = ManagedObject(
        unique_identifier=identifier,
        object_type=content.object_type,
        owner=scope.principal.name,
        attributes=accepted.but(**described | _server_attributes(scope, kept, accepted, identifier, made_here)),
    )
    creation_rules.check(scope.work.rules_for_new(Constraint), managed_object.attributes, managed_object.object_type)
    scope.work.add(managed_object, _bare(kept))
    return managed_object


def with_defaults(
    scope: Scope, attributes: Attributes, object_type: ObjectType, without: frozenset[str] = frozenset()
) -> Attributes:
    """Return a request's attributes with the server's Object Defaults where it says nothing. KMIP 2.1 §7.22."""
    defaults = scope.work.rules_for_new(ObjectDefaults)
    return creation_rules.completed(attributes, defaults, object_type, without) if defaults else attributes


_DESCRIBING: Final = frozenset(
    {
        "cryptographic_algorithm",
        "cryptographic_length",
        "cryptographic_domain_parameters",
        "key_format_type",
        "certificate_type",
        "certificate_length",
        "digital_signature_algorithms",
        "opaque_data_type",
    }
)
"""Attributes that describe what is there already once an object begins: no default can say it better."""


def digests(scope: Scope, content: Content) -> tuple[Digest, ...]:
    """Return the SHA-256 digest of the material as it is stored, wrapped or not, if the server has it.

    Of a transparent key it is the digest of the encoded structure; a symmetric one has that of its bytes, its default
    format, before it. KMIP 2.1 §4.21.
    """
    formed: list[tuple[KeyFormatType | None, bytes]] = []
    bare = material_bytes(content)
    block = key_block_of(content)
    structure = None if block is None or block.handle is not None else block.material
    if isinstance(structure, bytes):
        structure = None
    if bare is not None:
        formed.append((format_of(content) if structure is None else KeyFormatType.RAW, bare))
    if structure is not None:
        encoded = scope.services.key_values.encode_key_material(structure, scope.protocol_version)
        formed.append((format_of(content), encoded))
    return tuple(
        Digest(
            hashing_algorithm=HashingAlgorithm.SHA_256,
            digest_value=scope.services.crypto.hash(HashingAlgorithm.SHA_256, octets),
            key_format_type=key_format_type,
        )
        for key_format_type, octets in formed
    )


def _protection(
    scope: Scope, wanted: tuple[ProtectionStorageMask, ...], unavailable: ResultReason
) -> ProtectionStorageMask:
    """Return how a new object is stored: the first wish that can be had.  Raises KmipError (`unavailable`)."""
    offered = scope.services.capabilities.protection_storage_masks
    for mask in wanted or offered:
        if any(mask & ~offer == 0 for offer in offered):
            return mask
    raise KmipError(unavailable, "objects are not stored here in any of the ways that would do")


def _described(scope: Scope, certificate: Certificate, attributes: Attributes) -> Attributes:
    """Return the attributes with what the certificate says of itself, which is not a client's to say otherwise."""
    description = scope.services.certificates.describe_certificate(certificate)
    if description is None:
        return attributes
    return merge(attributes.but(digital_signature_algorithms=()), description.attributes)


def _check_is_not_told(attributes: Attributes) -> None:
    for name in ("original_creation_date", "random_number_generator"):
        if getattr(attributes, name) is not None:
            raise attribute_rules.read_only(AttributeReference(attribute=name))


def _server_attributes(
    scope: Scope, content: Content, attributes: Attributes, identifier: str, made_here: bool
) -> dict[str, Any]:
    """Return what the server sets on every new object, by field."""
    told: dict[str, Any] = {
        "unique_identifier": identifier,
        # KMIP 2.1 §4.56
        "short_unique_identifier": scope.services.crypto.hash(HashingAlgorithm.SHA_256, identifier.encode()),
        "object_type": content.object_type,
        "template_names": (),
        "initial_date": scope.now,
        "last_change_date": scope.now,
        "operation_policy_name": attributes.operation_policy_name or DEFAULT_POLICY,
        "lease_time": scope.services.settings.lease_time,
    }
    if content.object_type is ObjectType.TEMPLATE:
        return told | {"protection_storage_mask": None, "extractable": None}
    if made_here:
        told["original_creation_date"] = scope.now
        told["random_number_generator"] = scope.services.capabilities.random_number_generators[0]
    sensitive = bool(attributes.sensitive)
    return told | {
        "state": lifecycle.initial_state(attributes, content.object_type, scope.now),
        "key_format_type": format_of(content),
        "fresh": attributes.fresh is not False,
        "sensitive": sensitive,
        "always_sensitive": sensitive,
        "never_extractable": not custody.may_leave(content, attributes.extractable),
        "key_value_present": None if has_material(content) else False,
    }


def _bare(content: Content) -> Content:
    """Return the content without the attributes of the document's constructors: the record has them."""
    if isinstance(content, SymmetricKey | PublicKey | PrivateKey | SecretData | Certificate | OpaqueObject):
        return content if content.attributes is NO_ATTRIBUTES else evolve(content, attributes=NO_ATTRIBUTES)
    return content
