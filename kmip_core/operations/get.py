"""Get: a client fetches an object. KMIP 2.1 §6.1.19, 1.4 §4.11."""

from typing import Final

from kmip_core.classes import define
from kmip_core.enums import KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType, Operation
from kmip_core.makers import maker_of
from kmip_core.objects import Content
from kmip_core.operation import ObjectReference, Scope, Spec, Target
from kmip_core.procedures import delivery, group_defaults, wrapping
from kmip_core.rules import Purpose
from kmip_core.structures import KeyWrappingSpecification


@define(kw_only=True)
class Request:
    """key_format_type, key_wrap_type, key_compression_type, key_wrapping_specification: the form it is wanted in."""

    unique_identifier: ObjectReference | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: KeyWrapType | None = None
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None
    prefers_transparent_keys: bool = False


@define(kw_only=True)
class Response:
    """managed_object: the object in the form that was asked for."""

    object_type: ObjectType
    unique_identifier: str
    managed_object: Content


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Return the object, which is no longer Fresh "as soon as the object has been served" (KMIP 2.1 §4.24).

    Raises KmipError as `delivery.deliver` does.
    """
    target = scope.target
    content = delivery.deliver(scope, target, request)
    served = target.managed_object
    if target.attributes.fresh:
        served = served.changed(target.attributes.but(fresh=False))
    if target.attributes.object_groups:
        served = group_defaults.take_turn(scope, target, served)
    if served is not target.managed_object:
        scope.work.save(served)
    return _make_response(
        object_type=target.managed_object.object_type,
        unique_identifier=target.unique_identifier,
        managed_object=content,
    )


SPEC = Spec(
    operation=Operation.GET,
    request=Request,
    response=Response,
    perform=perform,
    cost=delivery.cost_of,
    is_plain_read=True,
    targets=(Target(purpose=Purpose.READ_CONTENT), wrapping.ENCRYPTION_KEY),
)
