"""Create: the server makes a symmetric key or secret data. KMIP 2.1 §6.1.8, 1.4 §4.1."""

from typing import Final, TypeAlias

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    SecretDataType,
)
from kmip_core.errors import KmipError, invalid_attribute_value, need
from kmip_core.makers import maker_of
from kmip_core.objects import Content, KeyBlock, KeyValue, SecretData, SymmetricKey
from kmip_core.operation import Cost, Group, Scope, Spec, names_new_object
from kmip_core.procedures import creation, custody
from kmip_core.standard_names import standard_name, with_article


@frozen(kw_only=True)
class Request:
    """object_type: what to make.  attributes: Cryptographic Algorithm, Length and Usage Mask at least.

    protection_storage_masks: ways of storing it that would do (2.x), best first.
    """

    object_type: ObjectType
    attributes: Attributes = Attributes()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new object, Pre-Active unless an Activation Date has come."""

    object_type: ObjectType
    unique_identifier: str


_make_response: Final = maker_of(Response)
_make_key: Final = maker_of(SymmetricKey)
_make_block: Final = maker_of(KeyBlock)
_make_value: Final = maker_of(KeyValue)

Masks: TypeAlias = tuple[ProtectionStorageMask, ...]
_HALVES: Final = frozenset({ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY})


def perform(request: Request, scope: Scope) -> Response:
    """Make the object and keep it.

    Raises KmipError (Invalid Field) if algorithm, length or usage mask is missing, if the algorithm is not symmetric or
    does not have the length, and for attributes that a client may not set; Key Format Type Not Supported.
    """
    make = MAKERS.get(request.object_type)
    if make is None:
        other = with_article(standard_name(request.object_type))
        way = "is made by Create Key Pair" if request.object_type in _HALVES else "can be registered"
        text = f"Create makes a Symmetric Key or Secret Data; {other} {way}"
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, text)
    content, attributes = make(
        creation.with_defaults(scope, request.attributes, request.object_type), scope, request.protection_storage_masks
    )
    made = creation.begin(
        scope,
        content,
        attributes if attributes.key_format_type is None else attributes.but(key_format_type=None),  # it was made so
        made_here=True,
        protection_storage_masks=request.protection_storage_masks,
    )
    return _make_response(object_type=request.object_type, unique_identifier=made.unique_identifier)


def _symmetric_key(attributes: Attributes, scope: Scope, masks: Masks) -> tuple[Content, Attributes]:
    algorithm = need(attributes.cryptographic_algorithm, "Cryptographic Algorithm")
    length = need(attributes.cryptographic_length, "Cryptographic Length")
    if attributes.cryptographic_usage_mask is None and scope.services.settings.default_usage_masks:  # RULINGS 6
        mask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
        attributes = attributes.but(cryptographic_usage_mask=mask)
    need(attributes.cryptographic_usage_mask, "Cryptographic Usage Mask")
    where = custody.choose(scope, attributes, masks)
    key = _make_key(
        key_block=_make_block(
            key_format_type=KeyFormatType.RAW,
            key_value=_make_value(key_material=scope.services.crypto.make_symmetric_key(algorithm, length, where)),
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
        )
    )
    wanted = attributes.key_format_type
    if wanted not in (None, KeyFormatType.RAW):  # to be had, or refused: KMIP 2.1 §4.26
        key = evolve(key, key_block=scope.services.crypto.convert(key, wanted))
    return key, attributes


def _secret_data(attributes: Attributes, scope: Scope, masks: Masks) -> tuple[Content, Attributes]:
    """A random password; the official cases TC-CREATE-SD give it neither algorithm nor usage mask (RULINGS 6)."""
    length = need(attributes.cryptographic_length, "Cryptographic Length")
    if length <= 0 or length % 8:
        raise invalid_attribute_value("Cryptographic Length must be a positive multiple of 8")
    if attributes.key_format_type not in (None, KeyFormatType.OPAQUE, KeyFormatType.RAW):
        raise invalid_attribute_value("Secret Data is made as Opaque or Raw")
    secret = SecretData(
        secret_data_type=SecretDataType.PASSWORD,
        key_block=KeyBlock(
            key_format_type=attributes.key_format_type or KeyFormatType.OPAQUE,
            key_value=KeyValue(key_material=scope.services.crypto.random_bytes(length // 8)),
        ),
    )
    return secret, attributes


MAKERS = {ObjectType.SYMMETRIC_KEY: _symmetric_key, ObjectType.SECRET_DATA: _secret_data}
"""What can be made, and how."""


SPEC = Spec(
    operation=Operation.CREATE,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.CHANGES,
    placeholder=names_new_object,
)
