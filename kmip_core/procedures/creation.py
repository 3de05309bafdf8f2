"""How a managed object begins: what every operation that makes one has in common.

Create, Create Key Pair, Register, Derive Key, Import and the Re- operations end here: the client's attributes are
checked against the attribute rules, and the server's own are set beside them. KMIP 2.1 §4, 1.4 §3 ("When implicitly
set").
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from attrs import evolve

from kmip_core import attribute_rules, creation_rules, rotation_rules
from kmip_core.attributes import AttributeReference, Attributes, merge, title
from kmip_core.creation_rules import Constraint, ObjectDefaults
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    ProtectionStorageMask,
    ResultReason,
    SplitKeyPolynomial,
)
from kmip_core.errors import KmipError, invalid_attribute_value
from kmip_core.initial_attributes import complete, digests_of, sha_256, short_identifier, structure_of
from kmip_core.makers import maker_of
from kmip_core.objects import (
    NO_ATTRIBUTES,
    SYSTEM_TYPES,
    Certificate,
    Content,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SplitKey,
    SymmetricKey,
    SystemContent,
    Template,
    key_block_of,
)
from kmip_core.operation import Scope
from kmip_core.procedures import (
    attribute_values,
    custody,
    proven_attributes,
    quantum_safety,
    system_objects,
    use_counters,
)
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
    more_digests: tuple[Digest, ...] = (),
    replaces: Attributes | None = None,
    credential_type: CredentialType | None = None,
) -> ManagedObject:
    """Collect a new object, owned by the principal, and return its record.

    attributes: the client's, templates merged in; they must not contain what only the server sets.
    made_here: True if the server generated the material: it then says when, and by which random number generator.
    unique_identifier: one that was announced already; None for a fresh one.
    protection_storage_masks: the ways of storing it that are acceptable, best first; empty for any.
    more_digests: those beside the digests of the content as it is.
    credential_type: of a certificate that is a credential.
    unavailable: the reason if none of them is possible; each half of a pair has a reason of its own.
    replaces: attributes of the object whose place it takes; None for one that stands for itself.
    Raises KmipError for attributes that a client may not set, or values that they cannot have; Constraint Violation.
    """
    object_type = content.object_type
    attributes = with_defaults(scope, attributes, object_type, _DESCRIBING)
    asked = proven_attributes.question(scope, attributes, object_type, made_here=made_here)
    if proven_attributes.is_proven(asked):
        accepted = attributes
    else:
        attributes, accepted = _accepted(scope, content, attributes, made_here=made_here)
        if asked is not None and accepted is attributes and not isinstance(content, Certificate):
            proven_attributes.prove(asked)
    more: dict[str, Any] = {} if replaces is None else rotation_rules.succession(replaces)
    if credential_type is not None:
        more["credential_type"] = credential_type
        system_objects.count_change(scope)
    if object_type in SYSTEM_TYPES and isinstance(content, SystemContent):  # the second for the type checker
        content, accepted, described = system_objects.accepted(scope, content, accepted)
        more |= described
    identifier = scope.services.identifiers.new() if unique_identifier is None else unique_identifier
    if isinstance(content, SplitKey):
        content, described = split_key_described(content, attributes)
        more |= described
    if accepted.nist_security_category is None:
        more["nist_security_category"] = quantum_safety.category_of(accepted.cryptographic_algorithm)
    if scope.services.settings.usage_counters:
        more |= use_counters.beginning(object_type)
    if made_here:
        kept: Content = content
    else:
        chosen = partial(custody.choose, scope, attributes, protection_storage_masks, unavailable)
        kept = custody.import_into(scope, content, chosen)
    held = custody.is_held(kept)
    if held:
        custody.forget_on_rollback(scope, kept)
    protection = _protection(scope, protection_storage_masks, unavailable, held=held)
    if not isinstance(content, Template):
        more["fresh"] = attributes.fresh is not False
        more["protection_storage_mask"] = protection
    if made_here:
        more["original_creation_date"] = scope.now
        more["random_number_generator"] = scope.services.capabilities.random_number_generators[0]
    completed = complete(
        kept,
        accepted,
        unique_identifier=identifier,
        now=scope.now,
        digests=digests(scope, content) + more_digests,
        extractable=custody.may_leave(accepted.extractable, held=held),
        short_unique_identifier=short_identifier(identifier),
        lease_time=scope.services.settings.lease_time,
        **more,
    )
    quantum_safety.check(completed, object_type)
    managed_object = _make_object(
        unique_identifier=identifier, object_type=object_type, owner=scope.principal.name, attributes=completed
    )
    constraints = scope.work.rules_for_new(Constraint)
    if constraints:
        creation_rules.check(constraints, completed, object_type)
    scope.work.add(managed_object, _bare(kept))
    return managed_object


_make_object: Final = maker_of(ManagedObject)


def _accepted(
    scope: Scope, content: Content, attributes: Attributes, *, made_here: bool
) -> tuple[Attributes, Attributes]:
    """Return the attributes with what the content says of itself, and as they are to be stored.  Raises KmipError."""
    attribute_rules.check_creation(attributes, content.object_type)
    if isinstance(content, Certificate):
        attributes = _described(scope, content, attributes)
    if made_here:
        _check_origin_is_left_out(attributes)
    return attributes, attribute_values.all_accepted(scope, attributes)


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
"""Attributes that describe the content: defaults do not apply to them, because the content is there already."""


TRANSPARENT_DEFAULTS: Final[Mapping[tuple[ObjectType, CryptographicAlgorithm | None], KeyFormatType]] = {
    (ObjectType.PRIVATE_KEY, CryptographicAlgorithm.EC): KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY,
    (ObjectType.PUBLIC_KEY, CryptographicAlgorithm.EC): KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
    (ObjectType.PRIVATE_KEY, CryptographicAlgorithm.ECDSA): KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY,
    (ObjectType.PUBLIC_KEY, CryptographicAlgorithm.ECDSA): KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
    (ObjectType.PRIVATE_KEY, CryptographicAlgorithm.ECDH): KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY,
    (ObjectType.PUBLIC_KEY, CryptographicAlgorithm.ECDH): KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
    (ObjectType.PRIVATE_KEY, CryptographicAlgorithm.DSA): KeyFormatType.TRANSPARENT_DSA_PRIVATE_KEY,
    (ObjectType.PUBLIC_KEY, CryptographicAlgorithm.DSA): KeyFormatType.TRANSPARENT_DSA_PUBLIC_KEY,
}
"""Default formats from KMIP 2.0 on, where they are not those in which keys are made. KMIP 2.1 §4.26, Table 81."""


def transparent_digests(scope: Scope, content: PrivateKey | PublicKey) -> tuple[Digest, ...]:
    """Return the digest of a key made here in its default format from 2.0 on; none where it is made in that format.

    It says as well that no format was named when the key was made (RULINGS 34).
    """
    wanted = TRANSPARENT_DEFAULTS.get((content.object_type, content.key_block.cryptographic_algorithm))
    if wanted is None or custody.is_held(content):
        return ()
    try:
        block = scope.services.crypto.convert(content, wanted)
    except KmipError:  # a curve that has no such format
        return ()
    return digests(scope, evolve(content, key_block=block))


def digests(scope: Scope, content: Content) -> tuple[Digest, ...]:
    """Return the digests of new content, as `initial_attributes.digests_of`."""
    block = key_block_of(content)
    value = None if block is None else block.key_value
    if block is not None and type(value) is KeyValue and type(value.key_material) is bytes:  # as nearly always
        return (sha_256(block.key_format_type, value.key_material),)
    structure = structure_of(content)
    if structure is None:
        return digests_of(content)
    return digests_of(content, scope.services.key_values.encode_key_material(structure, scope.protocol_version))


def _protection(
    scope: Scope, wanted: tuple[ProtectionStorageMask, ...], unavailable: ResultReason, *, held: bool
) -> ProtectionStorageMask:
    """Return how a new object is stored, in the words of the request if it has any.

    held: whether a token has its key.  Raises KmipError (`unavailable`).
    """
    offered = scope.services.capabilities.protection_storage_masks
    if held:
        possible: tuple[ProtectionStorageMask, ...] = (custody.HARDWARE,)
    elif custody.HARDWARE in offered:
        possible = tuple(offer for offer in offered if not offer & custody.HARDWARE)
    else:
        possible = offered
    if possible and not wanted:
        return possible[0]
    return custody.first_possible(wanted or possible, possible, unavailable)[0]


def split_key_described(content: Content, attributes: Attributes) -> tuple[Content, dict[str, Any]]:
    """Return a split key's part with the polynomial that makes its field, and the attributes that describe the part.

    Every part that begins says its polynomial, so that none is taken for one that 0.1.0 made (RULINGS 28).
    Raises KmipError (Invalid Attribute Value) where the client's attributes say otherwise. KMIP 3.0 §4.61 - §4.64.
    """
    if not isinstance(content, SplitKey):
        return content, {}
    polynomial = attributes.split_key_polynomial or content.split_key_polynomial or SplitKeyPolynomial.POLYNOMIAL_285
    content = evolve(content, split_key_polynomial=polynomial)
    described = {name: getattr(content, name) for name in _OF_A_PART}
    for name, value in described.items():
        if getattr(attributes, name) not in (None, value):
            raise invalid_attribute_value(f"{title(name)} in the attributes is not that of the part")
    return content, described


_OF_A_PART: Final = (
    "split_key_parts",
    "key_part_identifier",
    "split_key_threshold",
    "split_key_method",
    "split_key_polynomial",
)
"""What a part says of itself, as attributes as well."""


def _described(scope: Scope, certificate: Certificate, attributes: Attributes) -> Attributes:
    """Return the attributes with what the certificate says of itself, which is not a client's to say otherwise."""
    description = scope.services.certificates.describe_certificate(certificate)
    if description is None:
        return attributes
    return merge(attributes.but(digital_signature_algorithms=()), description.attributes)


def _check_origin_is_left_out(attributes: Attributes) -> None:
    for name in ("original_creation_date", "random_number_generator"):
        if getattr(attributes, name) is not None:
            raise attribute_rules.read_only(AttributeReference(attribute=name))


def _bare(content: Content) -> Content:
    """Return the content without the attributes of the document's constructors: the record has them."""
    if type(content) is SymmetricKey or isinstance(content, _WITH_ATTRIBUTES):
        return content if content.attributes is NO_ATTRIBUTES else evolve(content, attributes=NO_ATTRIBUTES)
    return content


_WITH_ATTRIBUTES: Final = (SymmetricKey, PublicKey, PrivateKey, SecretData, Certificate, OpaqueObject)
