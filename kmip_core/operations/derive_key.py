"""Derive Key: a key or secret is computed from others that stay here. KMIP 2.1 §6.1.14, 1.4 §4.6."""

from functools import partial
from typing import Final

from attrs import evolve

from kmip_core.attributes import LINKS, Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CryptographicAlgorithm,
    DerivationMethod,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    SecretDataType,
)
from kmip_core.errors import KmipError, invalid_attribute_value, need, permission_denied
from kmip_core.objects import Content, KeyBlock, KeyValue, SecretData, SymmetricKey
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.ports.crypto import Custody, Key
from kmip_core.procedures import attribute_values, changing, creation, custody, key_use
from kmip_core.rules import Admitted, Purpose
from kmip_core.structures import DerivationParameters, KeyMaterial, Link


@frozen(kw_only=True)
class Request:
    """object_type: Symmetric Key or Secret Data.  unique_identifiers: the base objects, the derivation key first."""

    object_type: ObjectType
    unique_identifiers: tuple[ObjectReference, ...] = ()
    derivation_method: DerivationMethod
    derivation_parameters: DerivationParameters
    attributes: Attributes = Attributes()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the derived object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Derive, and keep the result linked to what it came from; longer material is cut to the length asked for.

    A base is linked to the result where the client may change the base: a key that it may only read stays as it is.
    What keeps a base from leaving, Sensitive and Extractable, keeps the result.

    Raises KmipError: Invalid Field without length or algorithm; Permission Denied for Sensitive or not Extractable data
    and a method that can be undone; Cryptographic Failure if the method's output is shorter
    than the length; else as `ports.crypto.Deriver`.
    """
    attributes = request.attributes
    if request.object_type not in (ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "Derive Key makes a Symmetric Key or Secret Data")
    length = need(attributes.cryptographic_length, "Cryptographic Length")
    if length <= 0 or length % 8:
        raise invalid_attribute_value("Cryptographic Length must be a positive multiple of 8")
    if request.object_type is ObjectType.SYMMETRIC_KEY:
        need(attributes.cryptographic_algorithm, "Cryptographic Algorithm")
    bases = scope.targets["unique_identifiers"]
    attributes = _inherited(attributes, bases, request.derivation_method)
    how = request.derivation_parameters.cryptographic_parameters
    if request.derivation_method is DerivationMethod.ENCRYPT and how is not None and bases:
        key_use.parameters_of(how, bases[0].attributes)  # the base key encrypts, within its own parameters
    keys = [key_use.key_of(scope, base) for base in bases]
    where = custody.choose(scope, attributes)
    if any(custody.is_held(key) for key in keys):  # what comes out of a key in a token stays in the token as well
        where = evolve(where, in_token=True)
    material = _derived(request, scope, keys, length, attributes.cryptographic_algorithm, where)
    content = _content(request.object_type, attributes, length, material)
    links = tuple(
        Link(link_type=LinkType.DERIVATION_BASE_OBJECT_LINK, linked_object_identifier=base.unique_identifier)
        for base in bases
    )
    derived = creation.begin(
        scope,
        custody.import_into(scope, content, lambda: where),
        evolve(attributes, links=(*attributes.links, *links)),
        made_here=True,
    )
    to_derived = Link(link_type=LinkType.DERIVED_KEY_LINK, linked_object_identifier=derived.unique_identifier)
    for base in {b.unique_identifier: b for b in bases}.values():
        if changing.may_change(scope, base):
            attribute_values.check_number(base.attributes, 1)
            changing.save_attributes(scope, base, base.attributes.with_one_more(LINKS, to_derived))
    return Response(unique_identifier=derived.unique_identifier)


def _derived(
    request: Request,
    scope: Scope,
    keys: list[Key],
    length: int,
    algorithm: CryptographicAlgorithm | None,
    where: Custody,
) -> KeyMaterial:
    """Return the derived material.

    PyKMIP's HMAC is HKDF, which gives more than one hash; one HMAC gives no more. In PyKMIP mode a length beyond the
    hash is given as PyKMIP gives it (RULINGS 30).
    """
    derive = partial(scope.services.crypto.derive, algorithm=algorithm, custody=where)
    parameters = request.derivation_parameters
    try:
        return derive(request.derivation_method, keys, parameters, length)
    except KmipError as error:
        is_too_long = error.reason is ResultReason.CRYPTOGRAPHIC_FAILURE
        is_hmac = request.derivation_method is DerivationMethod.HMAC
        if not (scope.services.settings.pykmip_compatible and is_hmac and is_too_long):
            raise
    return derive(DerivationMethod.HKDF, keys, parameters, length)


def _inherited(wanted: Attributes, bases: tuple[Admitted, ...], method: DerivationMethod) -> Attributes:
    """Return the attributes with what keeps any of the bases from leaving: it keeps what is derived from it as well.

    Raises KmipError (Permission Denied) where the derivation could be undone: data that stays here, encrypted under a
    key that the client may know, would leave as a derived key.
    """
    sensitive = any(base.attributes.sensitive for base in bases)
    stays = any(base.attributes.extractable is False for base in bases)
    data = bases[1:] if method in INVERTIBLE else ()
    if any(base.attributes.sensitive or base.attributes.extractable is False for base in data):
        raise permission_denied(
            "the derivation data is Sensitive or not Extractable, and this Derivation Method can be undone; "
            "take one that cannot, such as HMAC or HKDF"
        )
    return evolve(
        wanted,
        sensitive=True if sensitive else wanted.sensitive,
        extractable=False if stays else wanted.extractable,
    )


INVERTIBLE: Final = frozenset({DerivationMethod.ENCRYPT})
"""Methods whose output gives the derivation data back to a client that knows the derivation key."""


def _content(object_type: ObjectType, attributes: Attributes, length: int, material: KeyMaterial) -> Content:
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=attributes.cryptographic_algorithm,
        cryptographic_length=length,
    )
    if object_type is ObjectType.SYMMETRIC_KEY:
        return SymmetricKey(key_block=block)
    opaque = evolve(block, key_format_type=KeyFormatType.OPAQUE)
    return SecretData(secret_data_type=SecretDataType.SEED, key_block=opaque)


_BASES: Final = frozenset(
    {ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA, ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY}
)

SPEC = Spec(
    operation=Operation.DERIVE_KEY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.COMPUTES,
    targets=(Target(field="unique_identifiers", purpose=Purpose.DERIVE, object_types=_BASES),),
    placeholder=names_new_object,
    can_be_done=lambda can: bool(can.derivation_methods),
)
