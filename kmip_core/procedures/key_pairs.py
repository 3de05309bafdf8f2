"""How a key pair begins: what Create Key Pair and Re-key Key Pair have in common."""

from typing import Protocol, TypeAlias

from attrs import evolve

from kmip_core.attributes import Attributes, title
from kmip_core.enums import LinkType, ProtectionStorageMask, ResultReason
from kmip_core.errors import invalid_attribute_value, need
from kmip_core.objects import ManagedObject, PrivateKey, PublicKey
from kmip_core.operation import Scope
from kmip_core.ports.crypto import KeyPair
from kmip_core.procedures import creation, custody
from kmip_core.structures import Link

Masks: TypeAlias = tuple[ProtectionStorageMask, ...]


class Protection(Protocol):
    """The fields of a request that say how the halves may be stored, best first. KMIP 2.1 §7.33."""

    @property
    def common_protection_storage_masks(self) -> Masks:
        """For a half that has none of its own."""
        ...

    @property
    def private_protection_storage_masks(self) -> Masks:
        """For the private key."""
        ...

    @property
    def public_protection_storage_masks(self) -> Masks:
        """For the public key."""
        ...


def make_pair(
    scope: Scope,
    private: Attributes,
    public: Attributes,
    protection: Protection,
    replaced: Attributes | None = None,
) -> KeyPair:
    """Return fresh key material as both halves' attributes ask for it.

    protection: where the private half may be kept.  replaced: the attributes of the private key that it replaces.

    Raises KmipError: Invalid Attribute Value if the halves contradict each other; Invalid Field without algorithm; else
    as `ports.crypto.KeyPairMaker`.
    """
    for name in ("cryptographic_algorithm", "cryptographic_length", "cryptographic_domain_parameters"):
        if getattr(private, name) != getattr(public, name):
            raise invalid_attribute_value(f"both halves must have the same {title(name)}")
    algorithm = need(private.cryptographic_algorithm, "Cryptographic Algorithm")
    domain = private.cryptographic_domain_parameters
    masks, unavailable = _masks(scope, protection)[0], ResultReason.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE
    where = custody.choose(scope, private, masks, unavailable, replaced)
    return scope.services.crypto.make_key_pair(
        algorithm,
        private.cryptographic_length,
        None if domain is None else domain.recommended_curve,
        private_format=private.key_format_type,
        public_format=public.key_format_type,
        custody=where,
    )


def begin_pair(
    scope: Scope,
    pair: KeyPair,
    private: Attributes,
    public: Attributes,
    identifiers: tuple[str, str],
    protection: Protection | None = None,
    replaces: tuple[Attributes, Attributes] | None = None,
) -> tuple[ManagedObject, ...]:
    """Collect both halves under these identifiers, each linked to the other, and return them. KMIP 2.1 §4.31.

    Of everything that comes in two the private half's is first.
    replaces: as for `creation.begin`.
    Raises KmipError: Private or Public Protection Storage Unavailable; and as `creation.begin`.
    """
    private_identifier, public_identifier = identifiers
    length = pair.private_key.key_block.cryptographic_length  # a named curve says it for both
    of_private, of_public = ((), ()) if protection is None else _masks(scope, protection)

    def begin(
        content: PrivateKey | PublicKey,
        attributes: Attributes,
        identifier: str,
        link: Link,
        masks: Masks,
        unavailable: ResultReason,
        replaced: Attributes | None,
    ) -> ManagedObject:
        described = evolve(
            attributes,
            cryptographic_length=length,
            key_format_type=None,  # the pair was made in it, and the content says so
            links=(link, *attributes.links),  # the other half first: TC-133
        )
        return creation.begin(
            scope,
            content,
            described,
            made_here=True,
            unique_identifier=identifier,
            protection_storage_masks=masks,
            unavailable=unavailable,
            more_digests=creation.transparent_digests(scope, content) if attributes.key_format_type is None else (),
            replaces=replaced,
        )

    to_public = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public_identifier)
    to_private = Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier=private_identifier)
    no_private, no_public = (
        ResultReason.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE,
        ResultReason.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE,
    )
    old_private, old_public = replaces or (None, None)
    return (
        begin(pair.private_key, private, private_identifier, to_public, of_private, no_private, old_private),
        begin(pair.public_key, public, public_identifier, to_private, of_public, no_public, old_public),
    )


def _masks(scope: Scope, protection: Protection) -> tuple[Masks, Masks]:
    """Return the masks of both halves; a common Hardware is for the private one (RULINGS 45)."""
    common = protection.common_protection_storage_masks
    has_token = custody.HARDWARE in scope.services.capabilities.protection_storage_masks
    for_public = tuple(mask for mask in common if not (has_token and mask == custody.HARDWARE))
    return (
        protection.private_protection_storage_masks or common,
        protection.public_protection_storage_masks or for_public,
    )
