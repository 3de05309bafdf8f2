"""Who sets, changes and deletes each attribute, and which objects have it: the standard's rules as one table.

KMIP 2.1 §4, 1.4 §3: the "Attribute Rules" table of every attribute. Handlers ask the functions at the end; the
page docs/attributes.md is generated from `RULES`.
"""

import enum
from typing import Final

from attrs import frozen

from kmip_core.attributes import (
    CUSTOM,
    MULTIPLE,
    AttributeReference,
    Attributes,
    title,
)
from kmip_core.enums import ObjectType, ResultReason, State
from kmip_core.errors import KmipError, invalid_field
from kmip_core.lifecycle import name_of, need_state
from kmip_core.structures import SERVER_VENDOR


class Change(enum.Enum):
    """When a client may change a value that is there."""

    NEVER = "never"
    ALWAYS = "always"
    PRE_ACTIVE = "while Pre-Active"
    PRE_ACTIVE_OR_ACTIVE = "while Pre-Active or Active"
    ONLY_TO_TRUE = "only from False to True"
    ONLY_TO_FALSE = "only from True to False"


@frozen
class Rule:
    """The rules of one attribute.

    on_creation: a client may give a value in Create, Register, ...  change: when a client may modify it.
    addable: a client may add it to an object that has none.  deletable: a client may delete it.
    object_types: the types that have it.
    """

    on_creation: bool
    addable: bool
    change: Change
    deletable: bool
    object_types: frozenset[ObjectType]


_T = ObjectType
_ALL: Final = frozenset(ObjectType)
_CRYPTOGRAPHIC: Final = _ALL - {_T.OPAQUE_OBJECT, _T.TEMPLATE}
_KEYS: Final = frozenset({_T.SYMMETRIC_KEY, _T.PUBLIC_KEY, _T.PRIVATE_KEY, _T.SPLIT_KEY, _T.PGP_KEY})
_CERTIFICATES: Final = frozenset({_T.CERTIFICATE})
_WITH_ALGORITHM: Final = _ALL - {_T.OPAQUE_OBJECT}
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


def _dated(change: Change, types: frozenset[ObjectType] = _ALL) -> Rule:
    """A date that a client may set and move until the life cycle has passed it."""
    return Rule(True, True, change, False, types)


RULES: Final[dict[str, Rule]] = {
    "unique_identifier": _server(),
    "short_unique_identifier": _server(),
    "names": _free(),
    "object_type": _server(),
    "cryptographic_algorithm": _fixed(_WITH_ALGORITHM),
    "cryptographic_length": _fixed(_WITH_ALGORITHM),
    "cryptographic_parameters": _free(_WITH_ALGORITHM),
    "cryptographic_domain_parameters": _fixed(frozenset({_T.PUBLIC_KEY, _T.PRIVATE_KEY, _T.TEMPLATE})),
    "certificate_type": Rule(True, False, _N, False, _CERTIFICATES),
    "certificate_length": _server(_CERTIFICATES),
    "x_509_certificate_identifier": _server(_CERTIFICATES),
    "x_509_certificate_subject": _server(_CERTIFICATES),
    "x_509_certificate_issuer": _server(_CERTIFICATES),
    "certificate_identifier": _server(_CERTIFICATES),
    "certificate_subject": _server(_CERTIFICATES),
    "certificate_issuer": _server(_CERTIFICATES),
    "certificate_attributes": _server(_CERTIFICATES),
    "digital_signature_algorithms": _server(_CERTIFICATES | {_T.PGP_KEY}),
    "digests": _server(),
    "operation_policy_name": Rule(True, True, _A, False, _ALL),  # RULINGS, clients.md 15: accepted when already set
    "cryptographic_usage_mask": Rule(True, True, _N, False, _WITH_ALGORITHM),
    "lease_time": _server(),
    "usage_limits": _free(_WITH_ALGORITHM),
    "state": _server(),
    "initial_date": _server(),
    "activation_date": _dated(Change.PRE_ACTIVE),
    "process_start_date": _dated(Change.PRE_ACTIVE_OR_ACTIVE),
    "protect_stop_date": _dated(Change.PRE_ACTIVE_OR_ACTIVE),
    "deactivation_date": _dated(Change.PRE_ACTIVE_OR_ACTIVE),
    "destroy_date": _server(),
    "compromise_occurrence_date": _server(),
    "compromise_date": _server(),
    "revocation_reason": _server(),
    "archive_date": _server(),
    "object_groups": _free(),
    "fresh": Rule(True, False, _N, False, _ALL),
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
    "sensitive": Rule(True, True, Change.ONLY_TO_TRUE, False, _ALL),
    "always_sensitive": _server(),
    "extractable": Rule(True, True, Change.ONLY_TO_FALSE, False, _ALL),
    "never_extractable": _server(),
    "key_format_type": _fixed(),
    "opaque_data_type": _fixed(_OPAQUE),
    "nist_key_types": _once(),
    "protection_level": _free(),
    "protection_period": _free(),
    "protection_storage_mask": _server(),
    "quantum_safe": _free(),
    "rotate_automatic": Rule(True, True, _A, False, _ALL),
    "rotate_date": _server(),
    "rotate_generation": _server(),
    "rotate_interval": Rule(True, True, _A, False, _ALL),
    "rotate_latest": _server(),
    "rotate_name": _free(),
    "rotate_offset": Rule(True, True, _A, False, _ALL),
    CUSTOM: _free(),
}
"""Every attribute to its rules; custom and vendor attributes share one row."""


def check_creation(attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError (Invalid Field, or Read Only Attribute) for what a client may not give to a new object."""
    for instance in attributes.instances():
        reference = instance.reference
        rule = rule_of(reference)
        if not rule.on_creation:
            raise _read_only(reference)
        _check_applies(reference, rule, object_type)


def check_addition(reference: AttributeReference, attributes: Attributes, object_type: ObjectType) -> None:
    """Raise KmipError unless a client may add a value of this attribute to the object. KMIP 1.4 §4.14."""
    rule = rule_of(reference)
    if not rule.addable:
        raise _read_only(reference)
    _check_applies(reference, rule, object_type)
    if not is_multiple(reference) and attributes.values_of(reference) and reference.attribute not in _REPEATABLE:
        raise KmipError(
            ResultReason.ATTRIBUTE_SINGLE_VALUED,
            f"{title(reference.attribute)} already has its one value; modify it",
        )


_REPEATABLE: Final = frozenset({"operation_policy_name"})
"""Single attributes whose Add is taken as a change: storage systems send it when it is already set (clients.md 15)."""


def check_change(reference: AttributeReference, attributes: Attributes, new_value: object) -> None:
    """Raise KmipError unless a client may give this attribute, which has a value, a new one. KMIP 2.1 §4."""
    rule = rule_of(reference)
    state = need_state(attributes)
    match rule.change:
        case Change.NEVER:
            raise _read_only(reference)
        case Change.PRE_ACTIVE if state is not State.PRE_ACTIVE:
            raise _too_late(reference, state, rule.change)
        case Change.PRE_ACTIVE_OR_ACTIVE if state not in (State.PRE_ACTIVE, State.ACTIVE):
            raise _too_late(reference, state, rule.change)
        case Change.ONLY_TO_TRUE if new_value is not True:
            raise invalid_field(f"{title(reference.attribute)} changes only from False to True")
        case Change.ONLY_TO_FALSE if new_value is not False:
            raise invalid_field(f"{title(reference.attribute)} changes only from True to False")
        case _:
            return


def check_deletion(reference: AttributeReference) -> None:
    """Raise KmipError (Permission Denied) unless a client may delete this attribute."""
    rule = rule_of(reference)
    if not rule.deletable:
        raise KmipError(ResultReason.PERMISSION_DENIED, f"{title(reference.attribute)} cannot be deleted")


def rule_of(reference: AttributeReference) -> Rule:
    """Return the rule of an attribute.  Raises KmipError for one that is not the standard's, or is the server's own."""
    if reference.vendor_identification is not None:
        if reference.vendor_identification == SERVER_VENDOR:
            raise _read_only(reference)  # RULINGS 15
        return RULES[CUSTOM]
    rule = RULES.get(reference.attribute)
    if rule is None:
        raise invalid_field(f"{reference.attribute} is not an attribute of the standard")
    return rule


def is_multiple(reference: AttributeReference) -> bool:
    """Return whether an object may have several instances of this attribute."""
    return reference.vendor_identification is not None or reference.attribute in MULTIPLE


def _check_applies(reference: AttributeReference, rule: Rule, object_type: ObjectType) -> None:
    if object_type not in rule.object_types:
        kind = object_type.name.replace("_", " ").title()
        raise invalid_field(f"{title(reference.attribute)} does not apply to a {kind}")


def _read_only(reference: AttributeReference) -> KmipError:
    return KmipError(
        ResultReason.READ_ONLY_ATTRIBUTE, f"{title(reference.attribute)} is set by the server, not by clients"
    )


def _too_late(reference: AttributeReference, state: State, change: Change) -> KmipError:
    return KmipError(
        ResultReason.WRONG_KEY_LIFECYCLE_STATE,
        f"state is {name_of(state)}; {title(reference.attribute)} can be changed {change.value}",
    )
