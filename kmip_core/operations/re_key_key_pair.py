"""Re-key Key Pair: a fresh key pair takes the place of an old one. KMIP 2.1 §6.1.47, 1.4 §4.5."""

from kmip_core.attributes import Attributes, merge
from kmip_core.classes import frozen
from kmip_core.enums import LinkType, ObjectType, Operation, ProtectionStorageMask
from kmip_core.errors import invalid_field
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import replacement
from kmip_core.procedures.key_pairs import begin_pair, make_pair
from kmip_core.rules import Admitted, Purpose


@frozen(kw_only=True)
class Request:
    """offset: seconds from now to the new pair's Activation Date; absent, dates are copied.

    ..._protection_storage_masks: as in Create Key Pair.
    """

    private_key_unique_identifier: ObjectReference | None = None
    offset: int | None = None
    common_attributes: Attributes = Attributes()
    private_key_attributes: Attributes = Attributes()
    public_key_attributes: Attributes = Attributes()
    common_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    private_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    public_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """The identifiers of the new halves; the private one becomes the ID placeholder."""

    private_key_unique_identifier: str
    public_key_unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Make the replacements; the old halves lose their names to them.

    Raises KmipError (Invalid Field) if the old private key has no link to its public half.
    """
    old_private = scope.target
    private = replacement.inherited(
        old_private, merge(request.common_attributes, request.private_key_attributes), request.offset, scope.now
    )
    old_public = _public_half(scope, old_private)
    public = replacement.inherited(
        old_public, merge(request.common_attributes, request.public_key_attributes), request.offset, scope.now
    )
    pair = make_pair(scope, private, public, request, old_private.attributes)
    private_identifier, public_identifier = scope.services.identifiers.new(), scope.services.identifiers.new()
    replacement.step_back(scope, old_private, private_identifier)
    replacement.step_back(scope, old_public, public_identifier)
    replaces = (old_private.attributes, old_public.attributes)
    begin_pair(scope, pair, private, public, (private_identifier, public_identifier), request, replaces)
    return Response(private_key_unique_identifier=private_identifier, public_key_unique_identifier=public_identifier)


def _public_half(scope: Scope, private: Admitted) -> Admitted:
    links = private.attributes.links_of(LinkType.PUBLIC_KEY_LINK)
    if not links:
        raise invalid_field("the private key has no link to its public key, so the pair cannot be replaced")
    keys = frozenset({ObjectType.PUBLIC_KEY})
    return scope.admit(scope.admit.linked(links[0]), Purpose.REPLACE, object_types=keys)


def _private_half(response: Response) -> str:
    return response.private_key_unique_identifier


SPEC = Spec(
    operation=Operation.RE_KEY_KEY_PAIR,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.RENEWS,
    cost=Cost.COMPUTES,
    targets=(
        Target(
            field="private_key_unique_identifier",
            purpose=Purpose.REPLACE,
            object_types=frozenset({ObjectType.PRIVATE_KEY}),
        ),
    ),
    placeholder=_private_half,
    can_be_done=lambda can: bool(can.key_pair_lengths),
)
