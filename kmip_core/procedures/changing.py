"""What operations that change an object have in common: checks before, the change, and the Last Change Date after."""

from typing import Any, Final

from attrs import evolve

from kmip_core import attribute_rules, lifecycle
from kmip_core.attribute_facts import Change
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes, title
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field, permission_denied
from kmip_core.objects import Content, ManagedObject
from kmip_core.operation import Scope
from kmip_core.procedures import attribute_values, quantum_safety, system_objects
from kmip_core.rules import Admitted
from kmip_core.standard_names import standard_name


def save(scope: Scope, managed_object: ManagedObject, content: Content | None = None) -> None:
    """Collect the changed object with its Last Change Date. KMIP 2.1 §4.29."""
    attributes = managed_object.attributes.but(last_change_date=scope.now)
    if system_objects.is_watched(managed_object):
        system_objects.check(scope, managed_object.object_type, attributes, managed_object.unique_identifier)
    scope.work.save(managed_object.changed(attributes), content)


def save_attributes(scope: Scope, target: Admitted, attributes: Attributes) -> None:
    """Collect the object with changed attributes.

    Raises KmipError (General Failure) for one that begins to say that it is Quantum Safe, and is not.
    """
    if attributes.quantum_safe is not target.attributes.quantum_safe:
        quantum_safety.check(attributes, target.managed_object.object_type)
    save(scope, target.managed_object.changed(attributes))


def may_change(scope: Scope, target: Admitted) -> bool:
    """Return whether the client owns the object, or the policy lets it change attributes.

    An operation that is about another object leaves no trace, such as a Link, in one that the client may only read.
    """
    principal, managed_object = scope.principal, target.managed_object
    return principal.name == managed_object.owner or any(
        scope.services.decide(principal, operation, managed_object).is_allowed for operation in _CHANGES
    )


_CHANGES: Final = (Operation.MODIFY_ATTRIBUTE, Operation.ADD_ATTRIBUTE, Operation.SET_ATTRIBUTE)


def add(scope: Scope, target: Admitted, instance: AttributeInstance) -> AttributeInstance:
    """Give the object one more attribute value and return it with its new index.

    Raises KmipError: Read Only Attribute, Attribute Single Valued, Invalid Attribute, Wrong Key Lifecycle State, Server
    Limit Exceeded, or as the value deserves. KMIP 2.1 §6.1.2, 1.4 §4.14.
    """
    if instance.reference.attribute_index:  # clients that number everything send 0 (clients.md 22)
        raise invalid_field("the Attribute Index of a new attribute instance is given by the server")
    attributes = target.attributes
    reference = evolve(instance.reference, attribute_index=None)
    attribute_rules.check_addition(reference, attributes, target.managed_object.object_type)
    _check_is_theirs(scope, target, reference)
    attribute_values.check_number(attributes, 1)
    values, indices = attributes.values_of(reference), attributes.indices_of(reference)
    value = attribute_values.accepted(scope, reference, instance.value, values)
    if not attribute_rules.is_multiple(reference):
        values, indices = (), ()
    index = max(indices, default=-1) + 1
    changed = attributes.with_values(reference, (*values, value), (*indices, index))
    attribute_values.check_dates(changed, reference.attribute)
    save_attributes(scope, target, changed)
    return AttributeInstance(reference=evolve(reference, attribute_index=index), value=value)


def modify(
    scope: Scope, target: Admitted, instance: AttributeInstance, current: AttributeInstance | None = None
) -> AttributeInstance:
    """Change one attribute value and return it with its index.

    current: the value to change (2.x); left out, the instance's index says it (1.x), or there must be only one.
    Raises KmipError: Read Only Attribute, Attribute Not Found, Attribute Instance Not Found, Wrong Key Lifecycle State,
    Invalid Field, or as the value deserves. KMIP 2.1 §6.1.34, 1.4 §4.15.
    """
    attributes = target.attributes
    reference = evolve(instance.reference, attribute_index=None)
    if current is not None and evolve(current.reference, attribute_index=None) != reference:
        raise invalid_field("Current Attribute and New Attribute must be of the same attribute")
    if attribute_rules.rule_of(reference).change is Change.NEVER:
        raise attribute_rules.read_only(reference)
    values, indices = attributes.values_of(reference), attributes.indices_of(reference)
    place = find(attributes, reference, instance.reference.attribute_index, current)
    attribute_rules.check_change(reference, attributes, instance.value, scope.now)
    siblings = values[:place] + values[place + 1 :] if attribute_rules.is_multiple(reference) else values
    value = attribute_values.accepted(scope, reference, instance.value, siblings)
    changed = attributes.with_values(reference, (*values[:place], value, *values[place + 1 :]), indices)
    attribute_values.check_dates(changed, reference.attribute)
    save_attributes(scope, target, changed)
    return AttributeInstance(reference=evolve(reference, attribute_index=indices[place]), value=value)


def put(scope: Scope, target: Admitted, instance: AttributeInstance) -> AttributeInstance:
    """Give the object the one value of an attribute, new or changed.

    Raises KmipError (Multi Valued Attribute) if there are several, or as `add` and `modify`. KMIP 2.1 §6.1.51.
    """
    number = len(target.attributes.values_of(instance.reference))
    if number > 1:
        raise KmipError(
            ResultReason.MULTI_VALUED_ATTRIBUTE,
            f"{title(instance.reference.attribute)} has {number} values; modify or delete one of them",
        )
    return modify(scope, target, instance) if number else add(scope, target, instance)


def find(
    attributes: Attributes,
    reference: AttributeReference,
    attribute_index: int | None,
    current: AttributeInstance | None,
) -> int:
    """Return the place, among the attribute's values, of the one that a request names.

    Raises KmipError (Attribute Not Found, Attribute Instance Not Found), also if it could be any of several.
    """
    values: tuple[Any, ...] = attributes.values_of(reference)
    if not values:
        raise KmipError(ResultReason.ATTRIBUTE_NOT_FOUND, f"the object has no {title(reference.attribute)}")
    if current is not None:
        wanted, among = current.value, values
    elif attribute_index is not None:
        wanted, among = attribute_index, attributes.indices_of(reference)
    elif len(values) == 1:
        return 0
    else:
        raise KmipError(
            ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND,
            f"{title(reference.attribute)} has {len(values)} values; say which one",
        )
    if wanted not in among:
        raise KmipError(
            ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND, f"the object has no such {title(reference.attribute)}"
        )
    return among.index(wanted)


def check_policy_owner(scope: Scope, managed_object: ManagedObject) -> None:
    """Raise KmipError (Permission Denied) unless the principal owns the object.

    One that may change attributes, but is not the owner, could otherwise choose the policy that grants the rest.
    """
    if scope.principal.name != managed_object.owner:
        raise permission_denied("only the owner of an object changes its Operation Policy Name")


def _check_is_theirs(scope: Scope, target: Admitted, reference: AttributeReference) -> None:
    if reference.vendor_identification is None and reference.attribute == "operation_policy_name":
        check_policy_owner(scope, target.managed_object)


def check_has_life_cycle(target: Admitted, what: str) -> None:
    """Raise KmipError (Invalid Object Type) for objects that are only kept; `what` completes "cannot be ..."."""
    object_type = target.managed_object.object_type
    if object_type in lifecycle.WITHOUT_LIFE_CYCLE:
        raise KmipError(
            ResultReason.INVALID_OBJECT_TYPE,
            f"a managed {standard_name(object_type)} is only kept and cannot be {what}",
        )


def check_is_not_gone(target: Admitted) -> None:
    """Raise KmipError (Object Destroyed) for an object that is already destroyed."""
    if target.attributes.state in lifecycle.GONE:
        raise KmipError(ResultReason.OBJECT_DESTROYED, "the object has already been destroyed")
