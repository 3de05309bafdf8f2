"""Create Split Key: a key, new or at hand, is split into objects of their own. KMIP 2.1 §6.1.10, 1.4 §4.38.

The parts inherit what the key is for and what keeps it from leaving: of a Sensitive key every part is Sensitive.
"""

from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    SplitKeyMethod,
    SplitKeyPolynomial,
    State,
)
from kmip_core.errors import KmipError, invalid_field, need, permission_denied, wrong_state
from kmip_core.objects import KeyBlock, KeyValue, SplitKey
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target
from kmip_core.ports.crypto import IN_SOFTWARE
from kmip_core.ports.key_forms import SharingScheme
from kmip_core.procedures import creation, key_use
from kmip_core.rules import Admitted, Purpose
from kmip_core.structures import Link, TransparentSymmetricKey

SPLITTABLE: Final = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.SECRET_DATA})
MAKES: Final = frozenset({ObjectType.SPLIT_KEY, *SPLITTABLE})
"""What Object Type may say: the parts are split keys whatever is named."""


@frozen(kw_only=True)
class Request:
    """unique_identifier: the key to split; None for a new symmetric key, as the attributes describe it."""

    object_type: ObjectType
    unique_identifier: ObjectReference | None = None
    split_key_parts: int
    split_key_threshold: int
    split_key_method: SplitKeyMethod
    prime_field_size: int | None = None
    attributes: Attributes = Attributes()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifiers: of the parts, by their Key Part Identifier; the first becomes the ID placeholder."""

    unique_identifiers: tuple[str, ...]


def perform(request: Request, scope: Scope) -> Response:
    """Split, and keep each part as an object with the request's attributes.

    Raises KmipError: Invalid Object Type; Invalid Field for a scheme that cannot be; Not Extractable for a key that a
    token holds; Key Wrap Type Not Supported for one that is kept wrapped.
    """
    if request.object_type not in MAKES:
        raise KmipError(
            ResultReason.INVALID_OBJECT_TYPE, "split keys are made of symmetric keys, private keys or secrets"
        )
    scheme = SharingScheme(
        method=request.split_key_method,
        parts=request.split_key_parts,
        threshold=request.split_key_threshold,
        prime_field_size=request.prime_field_size,
        polynomial=request.attributes.split_key_polynomial or SplitKeyPolynomial.POLYNOMIAL_285,
    )
    targets = scope.targets.get("unique_identifier")
    if targets is None:
        block, attributes = _new_key(request, scope), request.attributes
    else:
        block, attributes = _present_key(scope, targets[0]), _inherited(targets[0], request.attributes)
    secret = _material(block)
    if targets is not None and targets[0].managed_object.object_type is ObjectType.SECRET_DATA:
        block = evolve(block, cryptographic_length=8 * len(secret))  # needed to join the parts
    shares = scope.services.key_forms.split_secret(secret, scheme)
    attributes = evolve(
        attributes,
        cryptographic_algorithm=block.cryptographic_algorithm,
        cryptographic_length=block.cryptographic_length,
        key_format_type=None,
    )
    identifiers = []
    for number, share in enumerate(shares, start=1):
        part = SplitKey(
            split_key_parts=scheme.parts,
            key_part_identifier=number,
            split_key_threshold=scheme.threshold,
            split_key_method=scheme.method,
            prime_field_size=scheme.prime_field_size,
            split_key_polynomial=scheme.polynomial,
            key_block=evolve(block, key_value=KeyValue(key_material=share)),
        )
        made = creation.begin(
            scope, part, attributes, made_here=True, protection_storage_masks=request.protection_storage_masks
        )
        identifiers.append(made.unique_identifier)
    return Response(unique_identifiers=tuple(identifiers))


def _new_key(request: Request, scope: Scope) -> KeyBlock:
    """Make a symmetric key that exists in its parts only."""
    if request.object_type not in (ObjectType.SPLIT_KEY, ObjectType.SYMMETRIC_KEY):
        raise invalid_field("only a symmetric key is made new; name the key to split")
    algorithm: CryptographicAlgorithm = need(request.attributes.cryptographic_algorithm, "Cryptographic Algorithm")
    length = need(request.attributes.cryptographic_length, "Cryptographic Length")
    return KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=scope.services.crypto.make_symmetric_key(algorithm, length, IN_SOFTWARE)),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )


def _present_key(scope: Scope, target: Admitted) -> KeyBlock:
    key: Any = key_use.key_of(scope, target)
    block: KeyBlock = key.key_block
    if block.is_wrapped:
        raise KmipError(ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED, "the key is kept wrapped and cannot be split")
    return block


def _material(block: KeyBlock) -> bytes:
    material = block.material
    if isinstance(material, TransparentSymmetricKey):
        return material.key
    if block.handle is not None:
        raise KmipError(ResultReason.NOT_EXTRACTABLE, "the key does not leave the module that holds it")
    if not isinstance(material, bytes):
        raise invalid_field("a key in a transparent format cannot be split; register it as PKCS#8")
    return material


def _inherited(target: Admitted, wanted: Attributes) -> Attributes:
    """Return the parts' attributes: a part is no freer than the key. Each is linked to it.

    "If the attributes supplied in the request do not match those of the key supplied, the attributes of the key take
    precedence" (KMIP 2.1 §6.1.10, 1.4 §4.38): that goes for what says how the key is used. Names, groups and dates are
    the parts' own.
    """
    own = target.attributes
    mask = wanted.cryptographic_usage_mask if own.cryptographic_usage_mask is None else own.cryptographic_usage_mask
    if own.sensitive or own.extractable is False:
        _check_is_no_way_out(own, mask)
    link = Link(link_type=LinkType.PARENT_LINK, linked_object_identifier=target.unique_identifier)
    return evolve(
        wanted,
        sensitive=True if own.sensitive else wanted.sensitive,
        extractable=False if own.extractable is False else wanted.extractable,
        cryptographic_usage_mask=mask,
        cryptographic_parameters=own.cryptographic_parameters or wanted.cryptographic_parameters,
        links=(*wanted.links, link),
    )


def _check_is_no_way_out(own: Attributes, mask: CryptographicUsageMask | None) -> None:
    """Refuse to make of a key that its owner cannot take out another one, by way of its parts, that may do more."""
    none = CryptographicUsageMask(0)
    if (mask or none) & ~(own.cryptographic_usage_mask or none):
        raise permission_denied("parts of a key that stays here have no use that the key has not")
    if own.usage_limits is not None:
        raise permission_denied("a key that stays here and has Usage Limits is not split: its parts would have none")
    if own.state in (State.DEACTIVATED, State.COMPROMISED):
        raise wrong_state("a key that stays here is split while Pre-Active or Active")


def _first_part(response: Response) -> str:
    return response.unique_identifiers[0]


SPEC = Spec(
    operation=Operation.CREATE_SPLIT_KEY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.COMPUTES,
    targets=(Target(purpose=Purpose.READ_CONTENT, optional=True, object_types=SPLITTABLE),),
    placeholder=_first_part,
)
