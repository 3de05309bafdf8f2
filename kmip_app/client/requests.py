"""Requests from what a program has at hand: names as text, bit masks as lists, a Response instead of its identifier.

For most operations the fields of the Request are convenient enough (`operations`, generated); those whose attributes
matter have a function here, and the client's method takes its parameters from it.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from attrs import evolve

from kmip_app.words import member
from kmip_core.attributes import FIELDS, AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    NameType,
    ObjectClassMask,
    ObjectGroupMember,
    ObjectType,
    PaddingMethod,
    ProtectionStorageMask,
    RecommendedCurve,
    RevocationReasonCode,
    State,
    StorageStatusMask,
)
from kmip_core.objects import NO_ATTRIBUTES, Content
from kmip_core.operation import ObjectReference
from kmip_core.operations import create as create_
from kmip_core.operations import create_key_pair as create_key_pair_
from kmip_core.operations import decrypt as decrypt_
from kmip_core.operations import encrypt as encrypt_
from kmip_core.operations import get_attributes as get_attributes_
from kmip_core.operations import locate as locate_
from kmip_core.operations import register as register_
from kmip_core.operations import revoke as revoke_
from kmip_core.structures import (
    CryptographicDomainParameters,
    CryptographicParameters,
    Name,
    NameReference,
    RevocationReason,
)


class Identified(Protocol):
    """A Response that names one object."""

    @property
    def unique_identifier(self) -> str:
        """The object's identifier."""
        ...


Reference: TypeAlias = ObjectReference | Identified | None
"""An object: its identifier, or a Response that names it; None for the ID placeholder of a batch."""

Usage: TypeAlias = CryptographicUsageMask | Iterable[CryptographicUsageMask | str] | None
"""What a key is for: a mask, or its bits, for example `["Encrypt", "Decrypt"]`."""


def identifier(reference: Reference) -> ObjectReference | None:
    """Return how a Request names the object."""
    if reference is None or isinstance(reference, str | int | NameReference):
        return reference
    return reference.unique_identifier


def identifiers(references: Iterable[Reference]) -> tuple[ObjectReference, ...]:
    """Return how a Request names several objects.  Raises ValueError for None among them."""
    found = tuple(identifier(reference) for reference in references)
    if None in found:
        raise ValueError("name each object")
    return tuple(one for one in found if one is not None)


def usage_mask(usage: Usage) -> CryptographicUsageMask | None:
    """Return the mask of some bits.  Raises ValueError for a name that is none."""
    if usage is None or isinstance(usage, CryptographicUsageMask):
        return usage
    mask = CryptographicUsageMask(0)
    for bit in usage:
        mask |= member(CryptographicUsageMask, bit)
    return mask


def reference_of(attribute: str | AttributeReference) -> AttributeReference:
    """Return a reference to an attribute by its name: `State`, `cryptographic_length`, `x-Custom`."""
    if isinstance(attribute, AttributeReference):
        return attribute
    vendor, dash, rest = attribute.partition("-")
    if dash and vendor.lower() in ("x", "y"):
        return AttributeReference(attribute=rest, vendor_identification=vendor.lower())
    bare = "".join(character for character in attribute.lower() if character.isalnum())
    return AttributeReference(attribute=_FIELDS.get(bare, attribute))


_FIELDS: Final = {name.replace("_", ""): field for field in FIELDS for name in (field, field.removesuffix("s"))}


def create(
    algorithm: CryptographicAlgorithm | str | None = None,
    length: int | None = None,
    *,
    name: str | None = None,
    usage: Usage = (CryptographicUsageMask.ENCRYPT, CryptographicUsageMask.DECRYPT),
    object_type: ObjectType | str = ObjectType.SYMMETRIC_KEY,
    attributes: Attributes = NO_ATTRIBUTES,
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = (),
) -> create_.Request:
    """Make a key in the server.

    length: bits.  usage: what it is for; `attributes` may say so instead, as everything else about the new object.
    """
    return create_.Request(
        object_type=member(ObjectType, object_type),
        attributes=_described(attributes, algorithm, length, name, usage),
        protection_storage_masks=protection_storage_masks,
    )


def create_key_pair(
    algorithm: CryptographicAlgorithm | str | None = None,
    length: int | None = None,
    *,
    name: str | None = None,
    curve: RecommendedCurve | str | None = None,
    private_usage: Usage = (CryptographicUsageMask.SIGN,),
    public_usage: Usage = (CryptographicUsageMask.VERIFY,),
    common_attributes: Attributes = NO_ATTRIBUTES,
    private_key_attributes: Attributes = NO_ATTRIBUTES,
    public_key_attributes: Attributes = NO_ATTRIBUTES,
    common_protection_storage_masks: tuple[ProtectionStorageMask, ...] = (),
    private_protection_storage_masks: tuple[ProtectionStorageMask, ...] = (),
    public_protection_storage_masks: tuple[ProtectionStorageMask, ...] = (),
) -> create_key_pair_.Request:
    """Make a private and a public key in the server.

    length: bits; a curve says it by itself.  name: of the private key; the public one's ends in `-public`.
    """
    if curve is not None:
        domain = CryptographicDomainParameters(recommended_curve=member(RecommendedCurve, curve))
        common_attributes = evolve(common_attributes, cryptographic_domain_parameters=domain)
    public_name = None if name is None else f"{name}-public"
    return create_key_pair_.Request(
        common_attributes=_described(common_attributes, algorithm, length, None, None),
        private_key_attributes=_described(private_key_attributes, None, None, name, private_usage),
        public_key_attributes=_described(public_key_attributes, None, None, public_name, public_usage),
        common_protection_storage_masks=common_protection_storage_masks,
        private_protection_storage_masks=private_protection_storage_masks,
        public_protection_storage_masks=public_protection_storage_masks,
    )


def register(
    managed_object: Content,
    *,
    name: str | None = None,
    usage: Usage = None,
    attributes: Attributes = NO_ATTRIBUTES,
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = (),
) -> register_.Request:
    """Give an object to the server; a `kmip_core.objects` constructor's name and usage mask go with it.

    Other attributes of `managed_object` are ignored where `attributes` has any.
    """
    if not hasattr(managed_object, "object_type"):
        raise TypeError(f"register takes an object of kmip_core.objects, not {type(managed_object).__name__}")
    own = getattr(managed_object, "attributes", Attributes())
    described = (
        attributes
        if attributes != Attributes()
        else Attributes(
            names=own.names,
            cryptographic_algorithm=own.cryptographic_algorithm,
            cryptographic_length=own.cryptographic_length,
            cryptographic_usage_mask=own.cryptographic_usage_mask,
        )
    )
    return register_.Request(
        object_type=managed_object.object_type,
        attributes=_described(described, None, None, name, usage),
        managed_object=managed_object,
        protection_storage_masks=protection_storage_masks,
    )


def locate(
    name: str | None = None,
    *,
    object_type: ObjectType | str | None = None,
    state: State | str | None = None,
    algorithm: CryptographicAlgorithm | str | None = None,
    length: int | None = None,
    group: str | None = None,
    criteria: Sequence[AttributeInstance] = (),
    maximum_items: int | None = None,
    offset_items: int | None = None,
    storage_status_mask: StorageStatusMask | None = None,
    object_group_member: ObjectGroupMember | str | None = None,
    object_class_mask: ObjectClassMask | None = None,
) -> locate_.Request:
    """Find objects for which everything holds that is given; without any criterion all that the client may see."""
    simple = {
        "names": None if name is None else _name(name),
        "object_type": None if object_type is None else member(ObjectType, object_type),
        "state": None if state is None else member(State, state),
        "cryptographic_algorithm": None if algorithm is None else member(CryptographicAlgorithm, algorithm),
        "cryptographic_length": length,
        "object_groups": group,
    }
    given = tuple(
        AttributeInstance(reference=AttributeReference(attribute=field), value=value)
        for field, value in simple.items()
        if value is not None
    )
    group_member = None if object_group_member is None else member(ObjectGroupMember, object_group_member)
    return locate_.Request(
        maximum_items=maximum_items,
        offset_items=offset_items,
        storage_status_mask=storage_status_mask,
        object_group_member=group_member,
        criteria=(*given, *criteria),
        object_class_mask=object_class_mask,
    )


def get_attributes(
    unique_identifier: Reference = None, references: Iterable[str | AttributeReference] = ()
) -> get_attributes_.Request:
    """Read attributes; all of them if none is named.  references: names such as `State` or `x-Custom`."""
    return get_attributes_.Request(
        unique_identifier=identifier(unique_identifier),
        references=tuple(reference_of(attribute) for attribute in references),
    )


def revoke(
    unique_identifier: Reference = None,
    reason: RevocationReasonCode | str = RevocationReasonCode.UNSPECIFIED,
    message: str | None = None,
    *,
    compromise_occurrence_date: int | None = None,
) -> revoke_.Request:
    """End the use of an object: Deactivated, or Compromised by a reason that says so.

    compromise_occurrence_date: seconds since 1970; now, for a compromise without one.
    """
    code = member(RevocationReasonCode, reason)
    if code in _COMPROMISES and compromise_occurrence_date is None:
        compromise_occurrence_date = int(time.time())
    return revoke_.Request(
        unique_identifier=identifier(unique_identifier),
        revocation_reason=RevocationReason(revocation_reason_code=code, revocation_message=message),
        compromise_occurrence_date=compromise_occurrence_date,
    )


_COMPROMISES: Final = (RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE)


def encrypt(
    unique_identifier: Reference = None,
    data: bytes | None = None,
    *,
    mode: BlockCipherMode | str | None = None,
    padding: PaddingMethod | str | None = None,
    cryptographic_parameters: CryptographicParameters | None = None,
    iv_counter_nonce: bytes | None = None,
    authenticated_encryption_additional_data: bytes | None = None,
    correlation_value: bytes | None = None,
    init_indicator: bool | None = None,
    final_indicator: bool | None = None,
) -> encrypt_.Request:
    """Encrypt data with a key of the server.

    mode, padding: short for `cryptographic_parameters`; the server then makes an IV, unless one is given.
    correlation_value, init_indicator, final_indicator: for data that comes in parts.
    """
    parameters = cryptographic_parameters or parameters_of(mode, padding, makes_iv=iv_counter_nonce is None)
    return encrypt_.Request(
        unique_identifier=identifier(unique_identifier),
        cryptographic_parameters=parameters,
        data=data,
        iv_counter_nonce=iv_counter_nonce,
        correlation_value=correlation_value,
        init_indicator=init_indicator,
        final_indicator=final_indicator,
        authenticated_encryption_additional_data=authenticated_encryption_additional_data,
    )


def decrypt(
    unique_identifier: Reference = None,
    data: bytes | None = None,
    *,
    mode: BlockCipherMode | str | None = None,
    padding: PaddingMethod | str | None = None,
    cryptographic_parameters: CryptographicParameters | None = None,
    iv_counter_nonce: bytes | None = None,
    authenticated_encryption_additional_data: bytes | None = None,
    authenticated_encryption_tag: bytes | None = None,
    correlation_value: bytes | None = None,
    init_indicator: bool | None = None,
    final_indicator: bool | None = None,
) -> decrypt_.Request:
    """Decrypt data with a key of the server; parameters as those of `encrypt`."""
    return decrypt_.Request(
        unique_identifier=identifier(unique_identifier),
        cryptographic_parameters=cryptographic_parameters or parameters_of(mode, padding),
        data=data,
        iv_counter_nonce=iv_counter_nonce,
        correlation_value=correlation_value,
        init_indicator=init_indicator,
        final_indicator=final_indicator,
        authenticated_encryption_additional_data=authenticated_encryption_additional_data,
        authenticated_encryption_tag=authenticated_encryption_tag,
    )


def parameters_of(
    mode: BlockCipherMode | str | None, padding: PaddingMethod | str | None, *, makes_iv: bool = False
) -> CryptographicParameters | None:
    """Return the parameters of a cipher; None if nothing is said.  makes_iv: the server is to make an IV."""
    if mode is None and padding is None:
        return None
    chosen = None if mode is None else member(BlockCipherMode, mode)
    return CryptographicParameters(
        block_cipher_mode=chosen,
        padding_method=None if padding is None else member(PaddingMethod, padding),
        random_iv=True if makes_iv and chosen not in (None, BlockCipherMode.ECB) else None,
        tag_length=TAG_LENGTH if chosen in (BlockCipherMode.GCM, BlockCipherMode.CCM) else None,
    )


TAG_LENGTH: Final = 16  # bytes


def _described(
    attributes: Attributes,
    algorithm: CryptographicAlgorithm | str | None,
    length: int | None,
    name: str | None,
    usage: Usage,
) -> Attributes:
    """Return the attributes with what the shorter parameters say put over them; a usage mask of theirs stays."""
    changes: dict[str, Any] = {}
    if algorithm is not None:
        changes["cryptographic_algorithm"] = member(CryptographicAlgorithm, algorithm)
    if length is not None:
        changes["cryptographic_length"] = length
    if name is not None:
        changes["names"] = (*attributes.names, _name(name))
    mask = usage_mask(usage)
    if mask is not None and attributes.cryptographic_usage_mask is None:
        changes["cryptographic_usage_mask"] = mask
    return evolve(attributes, **changes)


def _name(text: str) -> Name:
    return Name(name_value=text, name_type=NameType.UNINTERPRETED_TEXT_STRING)
