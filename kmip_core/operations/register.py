"""Register: a client hands in an object that it has. KMIP 2.1 §6.1.43, 1.4 §4.3."""

from typing import Any, Final

from attrs import evolve, frozen

from kmip_core import creation
from kmip_core.attributes import Attributes, merge, title
from kmip_core.enums import KeyFormatType, ObjectType, Operation
from kmip_core.errors import invalid_field
from kmip_core.objects import Certificate, Content, KeyBlock, KeyValue, OpaqueObject
from kmip_core.operation import Effect, Scope, Spec, names_new_object
from kmip_core.structures import TransparentSymmetricKey


@frozen(kw_only=True)
class Request:
    """managed_object: the object of `object_type`; a key may come without its value if it says where that is."""

    object_type: ObjectType
    attributes: Attributes = Attributes()
    managed_object: Content | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the stored object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Keep the object as it came.

    Raises KmipError (Invalid Field) if the object is missing or of another type, if attributes contradict it, or if
    material and length disagree.
    """
    content = request.managed_object
    if content is None:
        raise invalid_field("the object to register must be given")
    if content.object_type is not request.object_type:
        raise invalid_field("the object is not of the Object Type that the request names")
    attributes = describe(content, request.attributes)
    made = creation.begin(scope, content, attributes, made_here=False)
    return Response(unique_identifier=made.unique_identifier)


def describe(content: Content, attributes: Attributes) -> Attributes:
    """Return the client's attributes completed by what the object itself says.

    Raises KmipError (Invalid Field) where the two disagree.
    """
    block: KeyBlock | None = getattr(content, "key_block", None)
    told: dict[str, Any] = {}
    if block is not None:
        if isinstance(block.key_value, KeyValue) and block.key_value.attributes is not None:
            attributes = merge(block.key_value.attributes, attributes)
        told["cryptographic_algorithm"] = block.cryptographic_algorithm
        told["cryptographic_length"] = block.cryptographic_length
        _check_length(block)
    if isinstance(content, Certificate):
        told["certificate_type"] = content.certificate_type
    if isinstance(content, OpaqueObject):
        told["opaque_data_type"] = content.opaque_data_type
    for name, value in told.items():
        given = getattr(attributes, name)
        if value is not None and given is not None and given != value:
            raise invalid_field(f"{title(name)} is {given} in the attributes but {value} in the object")
    return evolve(attributes, **{name: value for name, value in told.items() if value is not None})


_RAW: Final = frozenset({KeyFormatType.RAW})


def _check_length(block: KeyBlock) -> None:
    """Refuse raw material whose length is not the announced one; wrapped and structured material is not judged here."""
    if (
        block.key_wrapping_data is not None
        or block.cryptographic_length is None
        or not isinstance(block.key_value, KeyValue)
    ):
        return
    material = block.key_value.key_material
    if isinstance(material, TransparentSymmetricKey):
        material = material.key
    elif block.key_format_type not in _RAW:
        return
    if isinstance(material, bytes) and len(material) * 8 != block.cryptographic_length:
        raise invalid_field(
            f"Cryptographic Length is {block.cryptographic_length} but the material has {len(material) * 8} bits"
        )


SPEC = Spec(
    operation=Operation.REGISTER,
    request=Request,
    response=Response,
    perform=perform,
    effect=Effect.CHANGES,
    placeholder=names_new_object,
)
