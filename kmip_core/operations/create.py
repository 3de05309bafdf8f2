"""Create: the server makes a symmetric key. KMIP 2.1 §6.1.8, 1.4 §4.1."""

from attrs import evolve, frozen

from kmip_core import creation
from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicUsageMask, KeyFormatType, ObjectType, Operation
from kmip_core.errors import invalid_field, need
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey
from kmip_core.operation import Effect, Scope, Spec, names_new_object


@frozen(kw_only=True)
class Request:
    """object_type: what to make.  attributes: Cryptographic Algorithm, Length and Usage Mask at least."""

    object_type: ObjectType
    attributes: Attributes = Attributes()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new key, Pre-Active unless an Activation Date has come."""

    object_type: ObjectType
    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Make the key and keep it.

    Raises KmipError (Invalid Field) if algorithm, length or usage mask is missing, if the algorithm is not symmetric or
    does not have the length, and for attributes that a client may not set.
    """
    if request.object_type is not ObjectType.SYMMETRIC_KEY:
        kind = request.object_type.name.replace("_", " ").title()
        raise invalid_field(f"Create makes a Symmetric Key; a {kind} can be registered")
    attributes = request.attributes
    algorithm = need(attributes.cryptographic_algorithm, "Cryptographic Algorithm")
    length = need(attributes.cryptographic_length, "Cryptographic Length")
    if attributes.cryptographic_usage_mask is None and scope.settings.default_usage_masks:  # RULINGS 6
        mask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
        attributes = evolve(attributes, cryptographic_usage_mask=mask)
    need(attributes.cryptographic_usage_mask, "Cryptographic Usage Mask")
    material = scope.crypto.make_symmetric_key(algorithm, length)
    key = SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
        )
    )
    made = creation.begin(scope, key, attributes, made_here=True)
    return Response(object_type=request.object_type, unique_identifier=made.unique_identifier)


SPEC = Spec(
    operation=Operation.CREATE,
    request=Request,
    response=Response,
    perform=perform,
    effect=Effect.CHANGES,
    placeholder=names_new_object,
)
