"""Delete Attribute: an object loses one attribute value, or all of one attribute. KMIP 2.1 §6.1.13, 1.4 §4.16."""

from attrs import evolve

from kmip_core import attribute_rules
from kmip_core.attributes import FIELDS, LINK_KINDS, LINKS, AttributeInstance, AttributeReference, title
from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError, invalid_message
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """current_attribute: the value to delete (2.x).

    reference: the attribute; with an index that instance of it (1.x), without one all its values (2.x).
    """

    unique_identifier: ObjectReference | None = None
    current_attribute: AttributeInstance | None = None
    reference: AttributeReference | None = None


@frozen(kw_only=True)
class Response:
    """attribute: what was deleted, the first if there were several."""

    unique_identifier: str
    attribute: AttributeInstance | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Delete the value, or values; those that stay keep their index.

    Link, as versions before 3.0 name it, means the links that they can say: a client deletes only what it sees.
    Raises KmipError: Read Only Attribute, Attribute Not Found, Attribute Instance Not Found; Invalid Message if neither
    value nor attribute is named.
    """
    target, attributes, current = scope.target, scope.target.attributes, request.current_attribute
    named = request.reference if current is None else current.reference
    if named is None:
        raise invalid_message("the attribute to delete must be named")
    if named.vendor_identification is None and named.attribute not in FIELDS and named.attribute not in LINK_KINDS:
        raise KmipError(ResultReason.ATTRIBUTE_NOT_FOUND, f"the object has no {named.attribute[:100]}")
    reference = evolve(named, attribute_index=None)
    attribute_rules.check_deletion(reference, attributes)
    values, indices = attributes.values_of(reference), attributes.indices_of(reference)
    if current is None and named.attribute_index is None:
        places = [place for place, value in enumerate(values) if reference != LINKS or not value.is_since_3_0]
    else:
        places = [changing.find(attributes, reference, named.attribute_index, current)]
    if not places:
        raise KmipError(ResultReason.ATTRIBUTE_NOT_FOUND, f"the object has no {title(reference.attribute)}")
    first = places[0]
    deleted = AttributeInstance(reference=evolve(reference, attribute_index=indices[first]), value=values[first])
    kept = sorted({*range(len(values))} - {*places})
    left = attributes.with_values(reference, tuple(values[n] for n in kept), tuple(indices[n] for n in kept))
    changing.save_attributes(scope, target, left)
    return Response(unique_identifier=target.unique_identifier, attribute=deleted)


SPEC = Spec(
    operation=Operation.DELETE_ATTRIBUTE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_ATTRIBUTES),),
)
