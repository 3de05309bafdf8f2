"""Export: a client fetches an object together with all its attributes. KMIP 2.1 §6.1.18, 1.4 §4.40."""

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType, Operation
from kmip_core.objects import Content
from kmip_core.operation import ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.procedures import delivery, wrapping
from kmip_core.rules import Purpose
from kmip_core.structures import KeyWrappingSpecification


@frozen(kw_only=True)
class Request:
    """As Get's; from KMIP 1.4 on."""

    unique_identifier: ObjectReference | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: KeyWrapType | None = None
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None
    prefers_transparent_keys: bool = False


@frozen(kw_only=True)
class Response:
    """managed_object: None for an object whose material is destroyed, or was never here."""

    object_type: ObjectType
    unique_identifier: str
    attributes: Attributes
    managed_object: Content | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Return the object and what is known of it.  Raises KmipError as `delivery.deliver` does."""
    target = scope.target
    managed_object = None
    if target.managed_object.has_content:
        admitted = scope.admit(target.unique_identifier, Purpose.READ_CONTENT)
        managed_object = delivery.deliver(scope, admitted, request)
    return Response(
        object_type=target.managed_object.object_type,
        unique_identifier=target.unique_identifier,
        attributes=target.attributes,
        managed_object=managed_object,
    )


SPEC = Spec(
    operation=Operation.EXPORT,
    request=Request,
    response=Response,
    perform=perform,
    cost=delivery.cost_of,
    targets=(Target(purpose=Purpose.READ_ATTRIBUTES), wrapping.ENCRYPTION_KEY),
    placeholder=names_new_object,
)
