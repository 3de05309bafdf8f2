"""Join Split Key: parts become the key again. KMIP 2.1 §6.1.27, 1.4 §4.39."""

from collections.abc import Mapping
from functools import reduce
from operator import and_
from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    SecretDataType,
    SplitKeyMethod,
    SplitKeyPolynomial,
)
from kmip_core.errors import KmipError, invalid_field, need, no_key_value, permission_denied
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, SecretData, SplitKey, SymmetricKey
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.ports.key_forms import SharingScheme
from kmip_core.procedures import creation
from kmip_core.procedures.key_material import WITH_PARITY
from kmip_core.rules import Admitted, Purpose

PARTS: Final = "unique_identifiers"
MAXIMUM_PARTS: Final = 255


@frozen(kw_only=True)
class Request:
    """object_type: what the parts are to become.  secret_data_type: for Secret Data; a password if left out."""

    object_type: ObjectType
    unique_identifiers: tuple[ObjectReference, ...] = ()
    secret_data_type: SecretDataType | None = None
    attributes: Attributes = Attributes()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the joined object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Join the parts; what keeps any of them from leaving keeps the key.

    Raises KmipError: Cryptographic Failure for too few parts or parts of different keys; Invalid Object Type.
    """
    admitted = scope.targets[PARTS]
    if not 0 < len(admitted) <= MAXIMUM_PARTS:
        raise invalid_field(f"1 to {MAXIMUM_PARTS} parts can be joined")
    parts = {each.unique_identifier: scope.content_of(each, SplitKey) for each in admitted}
    first = next(iter(parts.values()))
    schemes = [_scheme(scope.content_of(each, SplitKey), each.attributes) for each in admitted]
    scheme = schemes[0]
    if any(each != scheme for each in schemes) or len({_format(part) for part in parts.values()}) != 1:
        raise _do_not_match()
    algorithm, length = _described(admitted, list(parts.values()), request.attributes)
    first = evolve(
        first,
        key_block=evolve(first.key_block, cryptographic_algorithm=algorithm, cryptographic_length=length),
    )
    shares = {part.key_part_identifier: _share(part) for part in parts.values()}
    if len(shares) != len(parts):
        raise _do_not_match()
    secret = _secret(scope, first, scheme, shares)
    block = evolve(first.key_block, key_value=KeyValue(key_material=secret))
    content = _joined(request, block)
    made = creation.begin(
        scope,
        content,
        _inherited(admitted, content.key_block, request),
        made_here=False,
        protection_storage_masks=request.protection_storage_masks,
    )
    return Response(unique_identifier=made.unique_identifier)


def _scheme(part: SplitKey, attributes: Attributes) -> SharingScheme:
    return SharingScheme(
        method=part.split_key_method,
        parts=part.split_key_parts,
        threshold=part.split_key_threshold,
        prime_field_size=part.prime_field_size,
        polynomial=part.split_key_polynomial or _unsaid_polynomial(attributes),
    )


def _unsaid_polynomial(attributes: Attributes) -> SplitKeyPolynomial:
    """Return the polynomial of a part in a store of 0.1.0, which made its own parts by 283; others are as now."""
    made_here = attributes.random_number_generator is not None
    return SplitKeyPolynomial.POLYNOMIAL_283 if made_here else SplitKeyPolynomial.POLYNOMIAL_285


def _format(part: SplitKey) -> KeyFormatType:
    return part.key_block.key_format_type


def _described(
    admitted: tuple[Admitted, ...], parts: list[SplitKey], wanted: Attributes
) -> tuple[CryptographicAlgorithm | None, int | None]:
    """Return Cryptographic Algorithm and Length of the key, from the Key Blocks, the parts' attributes or the request.

    Raises KmipError (Invalid Field) where they contradict each other. KMIP 1.2 §4.39, 2.1 §6.1.27.
    """
    sources: list[Any] = [*(part.key_block for part in parts), *(each.attributes for each in admitted), wanted]
    return (
        _agreed({source.cryptographic_algorithm for source in sources}, "Cryptographic Algorithm"),
        _agreed({source.cryptographic_length for source in sources}, "Cryptographic Length"),
    )


def _agreed(values: set[Any], name: str) -> Any:
    said = values - {None}
    if len(said) > 1:
        raise invalid_field(f"{name} is not the same in all parts, their attributes and the request")
    return next(iter(said), None)


def _share(part: SplitKey) -> bytes:
    block = part.key_block
    if block.key_value is None:
        raise no_key_value()
    if block.is_wrapped or block.material is None:
        raise KmipError(ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED, "a part is kept wrapped")
    if not isinstance(block.material, bytes):
        raise invalid_field("the Key Material of a part must be a Byte String")
    return block.material


def _secret(scope: Scope, part: SplitKey, scheme: SharingScheme, shares: Mapping[int, bytes]) -> bytes:
    """Return what the shares make, without what its method has put before or behind it."""
    share = len(next(iter(shares.values())))
    length = _length(part, share)
    if length is not None:
        return scope.services.key_forms.join_secret(shares, scheme, length)
    return _without_filling(part, scope.services.key_forms.join_secret(shares, scheme, _room(part, share)))


_EXACT: Final = frozenset({SplitKeyMethod.XOR, SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8})
"""Methods whose shares are as long as the secret."""

_BYTES_OF_KEY: Final = frozenset({KeyFormatType.RAW, KeyFormatType.OPAQUE, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY})
"""Formats of which Cryptographic Length is the length of the material."""


def _length(part: SplitKey, share: int) -> int | None:
    """Return the secret's length in bytes, None where nothing says it.  share: the length of a part's.

    It is a share's own, but for GF(2^16), which fills the secret up to an even length, and the prime field, where every
    share is as long as the prime.
    """
    block = part.key_block
    if part.split_key_method in _EXACT:
        return share
    if block.key_format_type not in _BYTES_OF_KEY or block.cryptographic_length is None:
        return None
    bits = block.cryptographic_length
    if block.cryptographic_algorithm in WITH_PARITY and bits % 56 == 0:
        bits = bits // 7 * 8
    return min(share, (bits + 7) // 8)


def _room(part: SplitKey, share: int) -> int:
    """Return how many bytes the shares have room for."""
    if part.split_key_method is not SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD:
        return share
    prime: int = need(part.prime_field_size, "Prime Field Size")
    return (prime.bit_length() - 1) // 8


def _without_filling(part: SplitKey, filled: bytes) -> bytes:
    """Return a secret of unknown length, as its kind lets tell it from the zeros around it.

    A private key is DER, which says its own length, or text; the rest is the number that a prime field shares.
    """
    if part.key_block.key_format_type not in _BYTES_OF_KEY:
        secret = filled.lstrip(b"\0")
        return secret[: _der_length(secret)] if secret[:1] == b"\x30" else secret.rstrip(b"\0")
    is_number = part.split_key_method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
    return filled.lstrip(b"\0") if is_number else filled


def _der_length(der: bytes) -> int:
    """Return the length of the DER item at the beginning, header included."""
    length = int.from_bytes(der[1:2])
    octets = length & 0x7F if length & 0x80 else 0
    return 2 + octets + (int.from_bytes(der[2 : 2 + octets]) if octets else length)


def _joined(request: Request, block: KeyBlock) -> SymmetricKey | PrivateKey | SecretData:
    match request.object_type:
        case ObjectType.SYMMETRIC_KEY:
            need(block.cryptographic_algorithm, "Cryptographic Algorithm of the key")
            return SymmetricKey(key_block=_measured(evolve(block, key_format_type=KeyFormatType.RAW)))
        case ObjectType.PRIVATE_KEY:
            need(block.cryptographic_algorithm, "Cryptographic Algorithm of the key")
            return PrivateKey(key_block=block)
        case ObjectType.SECRET_DATA:
            if block.cryptographic_algorithm is None:  # the length was for the parts: KMIP 2.1 §3.1
                block = evolve(block, cryptographic_length=None)
            return SecretData(secret_data_type=request.secret_data_type or SecretDataType.PASSWORD, key_block=block)
        case _:
            raise KmipError(
                ResultReason.INVALID_OBJECT_TYPE, "split keys are joined to a symmetric key, private key or secret data"
            )


def _measured(block: KeyBlock) -> KeyBlock:
    """Return the block of a symmetric key with the length of its material.

    Raises KmipError (Invalid Field) if another one is said; the parity bits of DES keys may be counted or not.
    """
    material = block.material
    bits = 8 * len(material) if isinstance(material, bytes) else 0
    stated = block.cryptographic_length
    lengths = {bits, bits * 7 // 8} if block.cryptographic_algorithm in WITH_PARITY else {bits}
    if stated is not None and stated not in lengths:
        raise invalid_field(f"Cryptographic Length is {stated} but the parts join to {bits} bits")
    return evolve(block, cryptographic_length=stated or bits)


def _inherited(admitted: tuple[Admitted, ...], block: KeyBlock, request: Request) -> Attributes:
    wanted, first = request.attributes, admitted[0].attributes
    sensitive = any(each.attributes.sensitive for each in admitted)
    kept = any(each.attributes.extractable is False for each in admitted)
    if sensitive or kept:
        _check_is_no_way_out(admitted, wanted)
    return evolve(
        wanted,
        cryptographic_algorithm=block.cryptographic_algorithm,
        cryptographic_length=block.cryptographic_length,
        key_format_type=None,
        cryptographic_usage_mask=(
            first.cryptographic_usage_mask
            if wanted.cryptographic_usage_mask is None
            else wanted.cryptographic_usage_mask
        ),
        sensitive=True if sensitive else wanted.sensitive,
        extractable=False if kept else wanted.extractable,
    )


def _check_is_no_way_out(admitted: tuple[Admitted, ...], wanted: Attributes) -> None:
    """Refuse a key that may do more than all of its parts, where it could not have been taken out of them."""
    none = CryptographicUsageMask(0)
    masks = [each.attributes.cryptographic_usage_mask or none for each in admitted]
    if (wanted.cryptographic_usage_mask or none) & ~reduce(and_, masks):
        raise permission_denied("a key of parts that stay here has no use that the parts have not")


def _do_not_match() -> KmipError:
    return KmipError(ResultReason.CRYPTOGRAPHIC_FAILURE, "the parts are not of one key")


SPEC = Spec(
    operation=Operation.JOIN_SPLIT_KEY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.COMPUTES,
    targets=(Target(field=PARTS, purpose=Purpose.READ_CONTENT, object_types=frozenset({ObjectType.SPLIT_KEY})),),
    placeholder=names_new_object,
)
