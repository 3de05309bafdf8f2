"""Register: a client hands in an object that it has. KMIP 2.1 §6.1.43, 1.4 §4.3."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import evolve

from kmip_core.attribute_rules import check_creation
from kmip_core.attributes import Attributes, merge, title
from kmip_core.classes import frozen
from kmip_core.enums import (
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
)
from kmip_core.errors import KmipError, invalid_attribute_value, invalid_field
from kmip_core.objects import (
    WITHOUT_FIELDS,
    Content,
    KeyBlock,
    OpaqueObject,
    PasswordCredential,
    PrivateKey,
    SecretData,
    SymmetricKey,
    Template,
    key_block_of,
)
from kmip_core.operation import Cost, Group, Scope, Spec, names_new_object
from kmip_core.procedures import creation, key_material, pkcs12
from kmip_core.structures import Link, TransparentSymmetricKey


@frozen(kw_only=True)
class Request:
    """managed_object: the object of `object_type`; a key may come without its value if it says where that is.

    protection_storage_masks: ways of storing it that would do (2.x), best first.
    """

    object_type: ObjectType
    attributes: Attributes = Attributes()
    managed_object: Content | None = None
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the stored object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Keep the object as it came.

    A PKCS#12 container is taken apart: private key and certificates become objects of their own.
    Raises KmipError (Invalid Field) if the object is missing or of another type, if attributes contradict it, or if
    material and what is said of it disagree; and as `pkcs12.take_apart` does.
    """
    content = request.managed_object or WITHOUT_FIELDS.get(request.object_type)
    if content is None:
        raise invalid_field("the object to register must be given")
    if content.object_type is not request.object_type:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "the object is not of the Object Type that the request names")
    attributes = request.attributes
    if isinstance(content, PrivateKey) and content.key_block.key_format_type is KeyFormatType.PKCS_12:
        content, attributes = pkcs12.take_apart(scope, content, attributes)
    # PyKMIP's own suites register keys whose Cryptographic Length contradicts the material (RULINGS 30).
    contradictions: list[KmipError] = []
    judge = contradictions.append if scope.services.settings.pykmip_compatible else key_material.refuse
    attributes = describe(content, attributes, judge=judge)
    attributes = key_material.checked(scope, content, attributes, judge=judge)
    made = creation.begin(
        scope,
        content,
        attributes,
        made_here=False,
        protection_storage_masks=request.protection_storage_masks,
    )
    if contradictions:
        remark = f"Register kept {made.unique_identifier} though {contradictions[0].message}"
        scope.hooks.on_commit.append(partial(scope.services.remarks.note, scope.principal, remark))
    return Response(unique_identifier=made.unique_identifier)


def describe(
    content: Content, attributes: Attributes, *, judge: Callable[[KmipError], None] = key_material.refuse
) -> Attributes:
    """Return the client's attributes completed by what the object itself says.

    judge: takes the refusal of a Cryptographic Length that contradicts the material; the length is kept if it returns.
    Raises KmipError (Invalid Field) where the two disagree.
    """
    block = key_block_of(content)
    if block is not None:
        if block.inner_attributes is not None:
            attributes = merge(block.inner_attributes, attributes)
        if isinstance(content, SymmetricKey):
            _check_length(block, judge)
        attributes = _linked_to_wrapping_key(block, attributes)
    if isinstance(content, Template):
        check_creation(content.template_attributes, ObjectType.TEMPLATE)
        # The name may stand inside (TC-314) or beside the template (TC-312).
        names = attributes.names or content.template_attributes.names
        return evolve(attributes, names=names)
    for field in ("cryptographic_algorithm", "cryptographic_length", "key_format_type"):
        judge_field = judge if field == "cryptographic_length" else key_material.refuse
        attributes = _agreed(attributes, field, getattr(block, field, None), judge_field)
    for field in ("certificate_type", "opaque_data_type"):
        attributes = _agreed(attributes, field, getattr(content, field, None), key_material.refuse)
    return attributes


def _agreed(attributes: Attributes, field: str, value: Any, judge: Callable[[KmipError], None]) -> Attributes:
    given = getattr(attributes, field)
    if value is None or given == value:
        return attributes
    if given is not None:
        judge(invalid_attribute_value(f"{title(field)} in the attributes is not the object's"))
        return attributes
    return attributes.but(**{field: value})


def _linked_to_wrapping_key(block: KeyBlock, attributes: Attributes) -> Attributes:
    """Return the attributes with a link to the key that wraps this one. KMIP 2.1 §6.1.43."""
    wrapping = block.key_wrapping_data
    if wrapping is None or wrapping.encryption_key_information is None:
        return attributes
    link = Link(
        link_type=LinkType.WRAPPING_KEY_LINK,
        linked_object_identifier=wrapping.encryption_key_information.unique_identifier,
    )
    return attributes if link in attributes.links else evolve(attributes, links=(*attributes.links, link))


def _check_length(block: KeyBlock, judge: Callable[[KmipError], None]) -> None:
    """Judge raw material whose length is not the announced one; wrapped and structured material is not judged here."""
    value = block.clear_material
    if isinstance(value, TransparentSymmetricKey):
        value = value.key
    elif block.key_format_type is not KeyFormatType.RAW:
        return
    if block.cryptographic_length is None or not isinstance(value, bytes):
        return
    bits = len(value) * 8
    lengths = {bits, bits * 7 // 8} if block.cryptographic_algorithm in key_material.WITH_PARITY else {bits}
    if block.cryptographic_length not in lengths:
        judge(invalid_field(f"Cryptographic Length is {block.cryptographic_length} but the material has {bits} bits"))


def _cost(request: Request) -> Cost:
    """Pace: numbers of asymmetric keys are checked, and a container's password costs time by design."""
    block = None if request.managed_object is None else key_block_of(request.managed_object)
    if block is not None and block.key_format_type is KeyFormatType.PKCS_12:
        return Cost.COMPUTES
    if isinstance(request.managed_object, PasswordCredential):
        return Cost.COMPUTES
    return Cost.CHANGES if isinstance(request.managed_object, _TAKEN_AS_THEY_ARE) else Cost.WORKS


_TAKEN_AS_THEY_ARE: Final = (SymmetricKey, SecretData, OpaqueObject)
"""Objects of which nothing is computed but their digest."""


SPEC = Spec(
    operation=Operation.REGISTER,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=_cost,
    placeholder=names_new_object,
)
