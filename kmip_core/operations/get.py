"""Get: a client fetches an object. KMIP 2.1 §6.1.19, 1.4 §4.11."""

from attrs import evolve, frozen

from kmip_core.enums import (
    KeyCompressionType,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError, not_supported
from kmip_core.objects import Content, KeyBlock
from kmip_core.operation import Effect, ObjectReference, Scope, Spec, Target
from kmip_core.rules import Purpose, check_content_may_leave
from kmip_core.structures import KeyHandle, KeyWrappingSpecification


@frozen(kw_only=True)
class Request:
    """key_format_type, key_compression_type, key_wrapping_specification: the form the key is wanted in."""

    unique_identifier: ObjectReference | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: KeyWrapType | None = None
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None


@frozen(kw_only=True)
class Response:
    """managed_object: the object in the form that was asked for."""

    object_type: ObjectType
    unique_identifier: str
    managed_object: Content


def perform(request: Request, scope: Scope) -> Response:
    """Return the object, and note that it is no longer fresh.

    Raises KmipError: Key Format Type Not Supported, Key Compression Type Not Supported, Sensitive, Not Extractable,
    Object Destroyed.
    """
    target = scope.target
    if request.key_compression_type is not None:
        raise KmipError(ResultReason.KEY_COMPRESSION_TYPE_NOT_SUPPORTED, "keys are returned uncompressed; ask for none")
    if request.key_wrapping_specification is not None:
        raise not_supported("keys cannot be wrapped by this server")
    check_content_may_leave(target.attributes, wrapped=False)
    content = scope.work.content(target)
    _check_format(content, request.key_format_type)
    if target.attributes.fresh:
        # KMIP 2.1 §4.24: no longer fresh "as soon as the object has been served".
        scope.work.save(evolve(target.managed_object, attributes=evolve(target.attributes, fresh=False)))
    return Response(
        object_type=target.managed_object.object_type,
        unique_identifier=target.unique_identifier,
        managed_object=content,
    )


def _check_format(content: Content, wanted: KeyFormatType | None) -> None:
    block: KeyBlock | None = getattr(content, "key_block", None)
    if block is not None and isinstance(getattr(block.key_value, "key_material", None), KeyHandle):
        raise KmipError(ResultReason.NOT_EXTRACTABLE, "the key does not leave the module that holds it")
    if wanted is None:
        return
    if block is None:
        raise KmipError(ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, "only keys and secrets have a key format")
    if wanted is not block.key_format_type:
        raise KmipError(
            ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED,
            f"the key is kept as {block.key_format_type.name}; it cannot be converted to {wanted.name}",
        )


SPEC = Spec(
    operation=Operation.GET,
    request=Request,
    response=Response,
    perform=perform,
    effect=Effect.READS,
    targets=(Target(purpose=Purpose.READ_CONTENT),),
)
