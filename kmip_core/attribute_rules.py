"""Who sets, changes and deletes each attribute, and which objects have it: the standard's rules as one table.

KMIP 2.1 §4, 1.4 §3: the "Attribute Rules" table of every attribute. Where versions differ the widest is taken: 2.x lets
every object have almost every attribute. Handlers ask the functions at the end; docs/attributes.md is generated from
`RULES`.
"""

import enum
from typing import Final

from attrs import frozen

from kmip_core.attributes import (
    CERTIFICATE_PARTS,
    CUSTOM,
    MULTIPLE,
    AttributeReference,
    Attributes,
    custom_reference,
    title,
)
from kmip_core.enums import ObjectType, ResultReason, State
from kmip_core.errors import KmipError, a, invalid_attribute_value, spoken
from kmip_core.lifecycle import name_of, need_state
from kmip_core.structures import SERVER_VENDOR


class Change(enum.Enum):
    """When a client may change a value; the value completes "can be changed ..."."""

    NEVER = "never"
    ALWAYS = "always"
    PRE_ACTIVE = "while Pre-Active"
    PRE_ACTIVE_OR_ACTIVE = "while Pre-Active or Active"
    UNTIL_REACHED = "while Pre-Active or Active, until the date has come"
    UNTIL_ALLOCATED = "until usage has been allocated"
    ONLY_TO_TRUE = "only from False to True"
    ONLY_TO_FALSE = "only from True to False"


STATES: Final[dict[Change, frozenset[State]]] = {
    Change.PRE_ACTIVE: frozenset({State.PRE_ACTIVE}),
    Change.PRE_ACTIVE_OR_ACTIVE: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
    Change.UNTIL_REACHED: frozenset({State.PRE_ACTIVE, State.ACTIVE}),
}
"""States in which a client may add or change such an attribute; every state where there is no row."""


@frozen
class Rule:
    """The rules of one attribute, for clients.

    on_creation: may be given in Create, Register, ...  addable: may be added to an object that has none.
    change: when it may be modified; the states of `STATES` hold for adding too.  deletable: may be deleted.
    object_types: the types that have it.
    """

    on_creation: bool
    addable: bool
    change: Change
    deletable: bool
    object_types: frozenset[ObjectType]


_T = ObjectType
_ALL: Final = frozenset(ObjectType)
_CERTIFICATES: Final = frozenset({_T.CERTIFICATE})
_PAIRS: Final = frozenset({_T.PUBLIC_KEY, _T.PRIVATE_KEY, _T.TEMPLATE})
_OPAQUE: Final = frozenset({_T.OPAQUE_OBJECT})
_N, _A = Change.NEVER, Change.ALWAYS


def _server(types: frozenset[ObjectType] = _ALL) -> Rule:
    """The server alone sets and changes it."""
    return Rule(False, False, _N, False, types)


def _fixed(types: frozenset[ObjectType] = _ALL) -> Rule:
    """A client may give it at creation; nobody changes it."""
    return Rule(True, False, _N, False, types)


def _once(types: frozenset[ObjectType] = _ALL) -> Rule:
    """A client may give it at creation or later, once."""
    return Rule(True, True, _N, False, types)


def _free(types: frozenset[ObjectType] = _ALL) -> Rule:
    """A client gives, changes and deletes it at will."""
    return Rule(True, True, _A, True, types)


def _kept(change: Change) -> Rule:
    """A client may give it and, on a condition, change it, but not take it away."""
    return Rule(True, True, change, False, _ALL)


RULES: Final[dict[str, Rule]] = {
    "unique_identifier": _server(),
    "short_unique_identifier": _server(),
    "names": _free(),
    "object_type": _server(),
    "cryptographic_algorithm": _fixed(),
    "cryptographic_length": _fixed(),
    "cryptographic_parameters": _free(),
    "cryptographic_domain_parameters": _once(_PAIRS),
    "certificate_type": _fixed(_CERTIFICATES),
    "certificate_length": _fixed(_CERTIFICATES),  # Register may carry it: KMIP 2.1 table 293
    "x_509_certificate_identifier": _server(_CERTIFICATES),
    "x_509_certificate_subject": _server(_CERTIFICATES),
    "x_509_certificate_issuer": _server(_CERTIFICATES),
    "certificate_identifier": _server(_CERTIFICATES),
    "certificate_subject": _server(_CERTIFICATES),
    "certificate_issuer": _server(_CERTIFICATES),
    "certificate_attributes": _server(_CERTIFICATES),
    "digital_signature_algorithms": _fixed(_CERTIFICATES | {_T.PGP_KEY}),  # as Certificate Length
    "digests": _server(),
    "operation_policy_name": _once(),  # but see REPLACEABLE
    "cryptographic_usage_mask": _once(),
    "lease_time": _server(),
    "usage_limits": Rule(True, True, Change.UNTIL_ALLOCATED, True, _ALL),
    "state": _server(),
    "initial_date": _server(),
    "activation_date": _kept(Change.PRE_ACTIVE),
    "process_start_date": _kept(Change.UNTIL_REACHED),
    "protect_stop_date": _kept(Change.UNTIL_REACHED),
    "deactivation_date": _kept(Change.PRE_ACTIVE_OR_ACTIVE),
    "destroy_date": _server(),
    "compromise_occurrence_date": _server(),
    "compromise_date": _server(),
    "revocation_reason": _server(),
    "archive_date": _server(),
    "object_groups": _free(),
    "fresh": _fixed(),
    "links": _free(),
    "application_specific_information": _free(),
    "contact_information": _free(),
    "last_change_date": _server(),
    "alternative_names": _free(),
    "key_value_present": _server(),
    "key_value_locations": _free(),
    "original_creation_date": _once(),
    "random_number_generator": _once(),
    "pkcs_12_friendly_name": _free(),
    "description": _free(),
    "comment": _free(),
    "sensitive": _kept(Change.ONLY_TO_TRUE),
    "always_sensitive": _server(),
    "extractable": _kept(Change.ONLY_TO_FALSE),
    "never_extractable": _server(),
    "key_format_type": _fixed(),
    "opaque_data_type": _fixed(_OPAQUE),
    "nist_key_types": _once(),
    "protection_level": _free(),
    "protection_period": _free(),
    "protection_storage_mask": _server(),
    "quantum_safe": _free(),
    "rotate_automatic": _once(),
    "rotate_date": _server(),
    "rotate_generation": _server(),
    "rotate_interval": _once(),
    "rotate_latest": _server(),
    "rotate_name": _free(),
    "rotate_offset": _once(),
    CUSTOM: _free(),
}
"""Every attribute to its rules; custom and vendor attributes share one row."""


def check_creation(attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (Read Only Attribute, or Invalid Attribute) for what a client may not give to a new object."""
    for name in attributes.present():
        rule = RULES[name]
        if not rule.on_creation:
            raise read_only(AttributeReference(attribute=name))
        if object_type not in rule.object_types:
            _check_applies(AttributeReference(attribute=name), rule, object_type)
    for reference in map(custom_reference, attributes.custom_attributes):
        rule = rule_of(reference)
        _check_vendor(reference)
        _check_applies(reference, rule, object_type)


def check_addition(reference: AttributeReference, attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError unless a client may add a value of this attribute to the object. KMIP 2.1 §6.1.2, 1.4 §4.14."""
    rule = rule_of(reference)
    if not rule.addable:
        raise read_only(reference)
    _check_vendor(reference)
    _check_applies(reference, rule, object_type)
    if not is_multiple(reference) and attributes.values_of(reference) and reference.attribute not in REPLACEABLE:
        raise KmipError(
            ResultReason.ATTRIBUTE_SINGLE_VALUED,
            f"{title(reference.attribute)} already has its one value; modify it",
        )
    _check_state(reference, rule, attributes)


REPLACEABLE: Final = frozenset({"operation_policy_name"})
"""Single attributes whose Add is taken as a change: storage systems send it when it is already set (clients.md 15)."""


def check_change(reference: AttributeReference, attributes: Attributes, new_value: object, now: int) -> None:
    """Raise KmipError unless a client may give this attribute, which has a value, a new one. KMIP 2.1 §4."""
    rule = rule_of(reference)
    if rule.change is Change.NEVER:
        raise read_only(reference)
    _check_state(reference, rule, attributes)
    (present, *_) = attributes.values_of(reference)
    match rule.change:
        case Change.UNTIL_REACHED if present <= now:
            raise _too_late(reference, attributes, rule.change)
        case Change.UNTIL_ALLOCATED if present.usage_limits_count != present.usage_limits_total:
            raise _allocated()
        case Change.ONLY_TO_TRUE if present and not new_value:
            raise invalid_attribute_value(f"{title(reference.attribute)} changes only from False to True")
        case Change.ONLY_TO_FALSE if new_value and not present:
            raise invalid_attribute_value(f"{title(reference.attribute)} changes only from True to False")
        case _:
            return


def check_deletion(reference: AttributeReference, attributes: Attributes) -> None:
    """Raise KmipError (Read Only Attribute, or Permission Denied) unless a client may delete this attribute."""
    rule = rule_of(reference)
    if not rule.deletable:
        raise read_only(reference)
    if rule.change is Change.UNTIL_ALLOCATED:
        limits = attributes.usage_limits
        if limits is not None and limits.usage_limits_count != limits.usage_limits_total:
            raise _allocated()


def rule_of(reference: AttributeReference) -> Rule:
    """Return the rule of an attribute.  Raises KmipError for one that is not the standard's, or is the server's own."""
    if reference.vendor_identification is not None:
        if reference.vendor_identification == SERVER_VENDOR:
            raise read_only(reference)  # RULINGS 15
        return RULES[CUSTOM]
    part = reference.attribute in CERTIFICATE_PARTS
    rule = RULES.get("certificate_attributes" if part else reference.attribute)
    if rule is None:
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE, f"{reference.attribute[:100]} is not an attribute of the standard"
        )
    return rule


def is_multiple(reference: AttributeReference) -> bool:
    """Return whether an object may have several instances of this attribute."""
    return reference.vendor_identification is not None or reference.attribute in MULTIPLE


def read_only(reference: AttributeReference) -> KmipError:
    """Return the refusal of a client's hand on what is the server's."""
    return KmipError(
        ResultReason.READ_ONLY_ATTRIBUTE, f"{title(reference.attribute)} is set by the server, not by clients"
    )


def _check_vendor(reference: AttributeReference) -> None:
    """Raise KmipError (Invalid Attribute) for a vendor that is not named as KMIP 2.1 §4.60 says."""
    vendor = reference.vendor_identification
    if vendor is not None and not (vendor.isascii() and vendor.replace("_", "a").replace(".", "a").isalnum()):
        raise KmipError(
            ResultReason.INVALID_ATTRIBUTE, "a Vendor Identification has letters, digits, underscores and periods only"
        )


def _check_applies(reference: AttributeReference, rule: Rule, object_type: ObjectType) -> None:
    if object_type not in rule.object_types:
        text = f"{title(reference.attribute)} is not an attribute of {a(spoken(object_type))}"
        raise KmipError(ResultReason.INVALID_ATTRIBUTE, text)


def _check_state(reference: AttributeReference, rule: Rule, attributes: Attributes) -> None:
    if need_state(attributes) not in STATES.get(rule.change, _EVERY_STATE):
        raise _too_late(reference, attributes, rule.change)


_EVERY_STATE: Final = frozenset(State)


def _too_late(reference: AttributeReference, attributes: Attributes, change: Change) -> KmipError:
    return KmipError(
        ResultReason.WRONG_KEY_LIFECYCLE_STATE,
        f"state is {name_of(need_state(attributes))}; {title(reference.attribute)} can be changed {change.value}",
    )


def _allocated() -> KmipError:
    return KmipError(ResultReason.PERMISSION_DENIED, "Usage Limits can be changed until usage has been allocated")
