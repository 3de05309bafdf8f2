"""How a managed object begins: what every operation that makes one has in common.

Create, Create Key Pair, Register, Derive Key, Import and the Re- operations end here: the client's attributes are
checked against the attribute rules, and the server's own are set beside them. KMIP 2.1 §4, 1.4 §3 ("When implicitly
set").
"""

from attrs import evolve

from kmip_core import attribute_rules, lifecycle
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.criteria import Query
from kmip_core.enums import (
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    ProtectionStorageMask,
    ResultReason,
)
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import (
    Certificate,
    CertificateRequest,
    Content,
    KeyBlock,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
    Template,
)
from kmip_core.operation import Scope
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.structures import Digest, TransparentSymmetricKey


def begin(
    scope: Scope,
    content: Content,
    attributes: Attributes,
    *,
    made_here: bool,
    unique_identifier: str | None = None,
) -> ManagedObject:
    """Collect a new object of the asker's and return its record.

    attributes: the client's, merged; they must not contain what only the server sets.
    made_here: True if the server generated the material, which sets Original Creation Date and Never Extractable.
    unique_identifier: one that was announced already; None for a fresh one.
    Raises KmipError for attributes that a client may not set, an unknown policy, or (if so configured) a taken name.
    """
    attribute_rules.check_creation(attributes, content.object_type)
    if attributes.operation_policy_name is not None and not scope.policy.is_known(attributes.operation_policy_name):
        raise invalid_field(f"no operation policy is named {attributes.operation_policy_name!r}")
    begun = _with_server_attributes(scope, content, attributes, made_here)
    if unique_identifier is not None:
        begun = evolve(begun, unique_identifier=unique_identifier)
    managed_object = ManagedObject(
        unique_identifier=begun.unique_identifier or "",
        object_type=content.object_type,
        owner=scope.principal.name,
        attributes=begun,
        has_content=has_material(content),
    )
    scope.work.add(managed_object, _bare(content) if managed_object.has_content else None)
    return managed_object


def has_material(content: Content) -> bool:
    """Return whether there is anything secret to keep: a Key Block may come without its value."""
    block: KeyBlock | None = getattr(content, "key_block", None)
    return block is None or block.key_value is not None


def material_bytes(content: Content) -> bytes | None:
    """Return the bytes that Digest speaks of; None for handles and structures that have no bytes of their own."""
    if isinstance(content, Certificate):
        return content.certificate_value
    if isinstance(content, CertificateRequest):
        return content.certificate_request_value
    if isinstance(content, OpaqueObject):
        return content.opaque_data_value
    if isinstance(content, Template):
        return None
    value = content.key_block.key_value
    if not isinstance(value, KeyValue):
        return value
    if isinstance(value.key_material, TransparentSymmetricKey):
        return value.key_material.key
    return value.key_material if isinstance(value.key_material, bytes) else None


def digests(scope: Scope, content: Content) -> tuple[Digest, ...]:
    """Return the SHA-256 digest of the material as it is stored, if the server has it. KMIP 2.1 §4.21."""
    material = material_bytes(content)
    if material is None:
        return ()
    return (
        Digest(
            hashing_algorithm=HashingAlgorithm.SHA_256,
            digest_value=scope.crypto.hash(HashingAlgorithm.SHA_256, material),
            key_format_type=format_of(content),
        ),
    )


def format_of(content: Content) -> KeyFormatType | None:
    """Return the Key Format Type that the standard gives to this content, if any. KMIP 2.1 §4.26."""
    block: KeyBlock | None = getattr(content, "key_block", None)
    if block is not None:
        return block.key_format_type
    return KeyFormatType.X_509 if isinstance(content, Certificate) else None


def check_names_are_free(scope: Scope, attributes: Attributes) -> None:
    """Raise KmipError (Non Unique Name Attribute) for a name that the asker's objects already carry (RULINGS 8)."""
    for name in attributes.names:
        found = scope.work.locate(
            Query(
                criteria=(AttributeInstance(reference=AttributeReference(attribute="names"), value=name),),
                visibility=evolve(scope.visibility, everyone=frozenset()),
                now=scope.now,
                maximum_items=1,
            )
        )
        if found.unique_identifiers:
            raise KmipError(
                ResultReason.NON_UNIQUE_NAME_ATTRIBUTE,
                f"another object of yours is named {name.name_value!r}",
            )


def _with_server_attributes(scope: Scope, content: Content, attributes: Attributes, made_here: bool) -> Attributes:
    now = scope.now
    if scope.settings.unique_names:
        check_names_are_free(scope, attributes)
    sensitive = bool(attributes.sensitive)
    extractable = attributes.extractable is not False
    typed = evolve(attributes, object_type=content.object_type)
    lives = content.object_type is not ObjectType.TEMPLATE
    return evolve(
        typed,
        unique_identifier=scope.identifiers.new(),
        template_names=(),
        state=lifecycle.initial_state(typed, now) if lives else None,
        initial_date=now,
        last_change_date=now,
        original_creation_date=now if made_here else attributes.original_creation_date,
        operation_policy_name=attributes.operation_policy_name or DEFAULT_POLICY,
        digests=digests(scope, content),
        key_format_type=format_of(content),
        fresh=True if attributes.fresh is None else attributes.fresh,
        sensitive=sensitive,
        always_sensitive=sensitive,
        extractable=extractable,
        never_extractable=not extractable,
        key_value_present=None if has_material(content) else False,
        protection_storage_mask=ProtectionStorageMask.SOFTWARE,
    )


def _bare(content: Content) -> Content:
    """Return the content without the attributes of the document's constructors: the record has them."""
    if isinstance(content, SymmetricKey | PublicKey | PrivateKey | SecretData | Certificate | OpaqueObject):
        return evolve(content, attributes=Attributes())
    return content
