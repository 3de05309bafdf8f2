"""Create Key Pair: the server makes both halves of an asymmetric key. KMIP 2.1 §6.1.9, 1.4 §4.2."""

from attrs import evolve

from kmip_core.attributes import Attributes, merge
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicUsageMask, ObjectType, Operation, ProtectionStorageMask
from kmip_core.errors import invalid_field
from kmip_core.operation import Cost, Group, Scope, Spec
from kmip_core.procedures import creation, key_pairs


@frozen(kw_only=True)
class Request:
    """common_attributes: for both halves; those of one half are put over them.

    ..._protection_storage_masks: ways of storing that would do (2.x), best first; a half's own go before the common.
    """

    common_attributes: Attributes = Attributes()
    private_key_attributes: Attributes = Attributes()
    public_key_attributes: Attributes = Attributes()
    common_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    private_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    public_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """The identifiers of the two halves; the private one becomes the ID placeholder."""

    private_key_unique_identifier: str
    public_key_unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Make the pair and keep both halves, linked to each other, in one unit of work.

    Raises KmipError (Invalid Field) if algorithm, length (unless a curve says it) or a half's usage mask is missing, if
    the halves contradict each other, or if the algorithm has no such pairs.
    """
    private = merge(request.common_attributes, request.private_key_attributes)
    private = _masked(scope, creation.with_defaults(scope, private, ObjectType.PRIVATE_KEY), private=True)
    public = merge(request.common_attributes, request.public_key_attributes)
    public = _masked(scope, creation.with_defaults(scope, public, ObjectType.PUBLIC_KEY), private=False)
    pair = key_pairs.make_pair(scope, private, public, request)
    identifiers = scope.services.identifiers.new(), scope.services.identifiers.new()
    key_pairs.begin_pair(scope, pair, private, public, identifiers, request)
    return Response(private_key_unique_identifier=identifiers[0], public_key_unique_identifier=identifiers[1])


def _masked(scope: Scope, attributes: Attributes, *, private: bool) -> Attributes:
    """Return the attributes with a usage mask, which each half needs (RULINGS 6)."""
    if attributes.cryptographic_usage_mask is not None:
        return attributes
    if not scope.services.settings.default_usage_masks:
        half = "private" if private else "public"
        raise invalid_field(f"Cryptographic Usage Mask must be given for the {half} key")
    mask = CryptographicUsageMask.SIGN if private else CryptographicUsageMask.VERIFY
    return evolve(attributes, cryptographic_usage_mask=mask)


def _private_half(response: Response) -> str:
    return response.private_key_unique_identifier


SPEC = Spec(
    operation=Operation.CREATE_KEY_PAIR,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.COMPUTES,
    placeholder=_private_half,
    can_be_done=lambda can: bool(can.key_pair_lengths),
)
