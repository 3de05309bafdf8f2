"""Re-key: a fresh symmetric key takes the place of an old one. KMIP 2.1 §6.1.46, 1.4 §4.4."""

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import KeyFormatType, ObjectType, Operation, ProtectionStorageMask
from kmip_core.errors import need
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.procedures import creation, custody, replacement
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """offset: seconds from now to the new key's Activation Date; absent, dates are copied.

    protection_storage_masks: ways of storing it that would do (2.x), best first; empty for any.
    """

    unique_identifier: ObjectReference | None = None
    offset: int | None = None
    attributes: Attributes = Attributes()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the replacement."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Make the replacement; the old key loses its names to it and stays as it is otherwise."""
    target = scope.target
    attributes = replacement.inherited(target, request.attributes, request.offset, scope.now)
    algorithm = need(attributes.cryptographic_algorithm, "Cryptographic Algorithm")
    length = need(attributes.cryptographic_length, "Cryptographic Length")
    where = custody.choose(scope, attributes, request.protection_storage_masks, replaced=target.attributes)
    key = SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=scope.services.crypto.make_symmetric_key(algorithm, length, where)),
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
        )
    )
    # The old key lets go of its names first, so that they are free where names are unique.
    new_identifier = scope.services.identifiers.new()
    replacement.step_back(scope, target, new_identifier)
    creation.begin(
        scope,
        key,
        evolve(attributes, key_format_type=None),
        made_here=True,
        unique_identifier=new_identifier,
        protection_storage_masks=request.protection_storage_masks,
        replaces=target.attributes,
    )
    return Response(unique_identifier=new_identifier)


SPEC = Spec(
    operation=Operation.RE_KEY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.RENEWS,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.REPLACE, object_types=frozenset({ObjectType.SYMMETRIC_KEY})),),
    placeholder=names_new_object,
)
