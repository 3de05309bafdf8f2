"""What of an object's attributes is indexed: pairs of numbers (attribute, value).

Numbers, dates, enumerations and booleans stand for themselves; everything else is represented by 64 bits of a digest
of its canonical form. Two values with one digest would be found together: an accident of 1 in 2**64, and a client that
makes it happen on purpose finds only objects that the query could show anyway.
"""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from attrs import evolve

from kmip_adapters.storage.records import canonical_value
from kmip_core.attributes import CUSTOM, MULTIPLE, AttributeInstance, AttributeReference, Attributes, title
from kmip_core.criteria import is_partial
from kmip_core.errors import invalid_field
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.structures import ApplicationSpecificInformation, CustomAttribute, RNGParameters

CODES: Final[dict[str, int]] = {
    "short_unique_identifier": 2,
    "names": 3,
    "cryptographic_parameters": 7,
    "cryptographic_domain_parameters": 8,
    "x_509_certificate_identifier": 11,
    "x_509_certificate_subject": 12,
    "x_509_certificate_issuer": 13,
    "certificate_identifier": 14,
    "certificate_subject": 15,
    "certificate_issuer": 16,
    "certificate_attributes": 17,
    "digital_signature_algorithms": 18,
    "digests": 19,
    "operation_policy_name": 20,
    "usage_limits": 23,
    "initial_date": 25,
    "activation_date": 26,
    "process_start_date": 27,
    "protect_stop_date": 28,
    "deactivation_date": 29,
    "destroy_date": 30,
    "compromise_occurrence_date": 31,
    "compromise_date": 32,
    "revocation_reason": 33,
    "archive_date": 34,
    "object_groups": 35,
    "links": 37,
    "application_specific_information": 38,
    "contact_information": 39,
    "last_change_date": 40,
    "alternative_names": 41,
    "key_value_locations": 43,
    "original_creation_date": 44,
    "random_number_generator": 45,
    "pkcs_12_friendly_name": 46,
    "description": 47,
    "comment": 48,
    "nist_key_types": 55,
    "rotate_date": 61,
    "rotate_name": 65,
    "deactivation_reason": 67,
    "credential_type": 68,
    "otp_counter": 69,
    "nist_security_category": 70,
    "split_key_parts": 71,
    "key_part_identifier": 72,
    "split_key_threshold": 73,
    "split_key_method": 74,
    "split_key_polynomial": 75,
    "certify_counter": 76,
    "decrypt_counter": 77,
    "encrypt_counter": 78,
    "sign_counter": 79,
    "signature_verify_counter": 80,
    CUSTOM: 1000,
}
"""Attribute to the number that stands for it in the database. Entries are added, never changed.

Those that are missing have columns (`schema.TRAIT_COLUMNS`, identifier, type, state); their numbers stay unused."""

_KEYED: Final = "digests"
"""The attribute whose entries say nothing without the index key: a weak secret can be found by its digest."""

_KEYED_CODE: Final = CODES[_KEYED]


class HidingIndexKey(bytes):
    """The index key of a store that seals all attributes: every digest in the index is keyed, not of secrets alone."""


Entry: TypeAlias = tuple[int, int]
"""One row of the index: attribute code, value."""

_PlanRow: TypeAlias = tuple[str, int, Callable[[int, Any, bytes], list[Entry]] | None]
"""An attribute, its code, and what makes the entries of several values."""


def entries(attributes: Attributes, index_key: bytes) -> set[Entry]:
    """Return all index entries of one object.  index_key: what the digests of its secrets are keyed with."""
    return _entries(vars(attributes), _PLAN, index_key) | _keyed_entries(attributes, index_key)


def changed_entries(before: Attributes, after: Attributes, index_key: bytes) -> tuple[set[Entry], set[Entry]]:
    """Return the entries that a change of an object adds, and those that it takes away.

    Only what the change has replaced is looked at: most changes leave nearly all values as they are.
    """
    old, new = vars(before), vars(after)
    plan = [row for row in _PLAN if old[row[0]] is not new[row[0]]]
    gone, found = _entries(old, plan, index_key), _entries(new, plan, index_key)
    if before.digests is not after.digests:
        gone |= _keyed_entries(before, index_key)
        found |= _keyed_entries(after, index_key)
    return found - gone, gone - found


def _entries(fields: dict[str, Any], plan: Sequence[_PlanRow], index_key: bytes) -> set[Entry]:
    found: list[Entry] = []
    key = index_key if isinstance(index_key, HidingIndexKey) else b""
    for name, code, entries_of in plan:
        value = fields[name]
        if value is None:
            continue
        if entries_of is not None:
            if value:
                found += entries_of(code, value, key)
        elif type(value) is int and -_INT64 <= value < _INT64:  # a date
            found.append((code, value))
        else:
            found.append((code, _number(value, key)))
    return set(found)


def _keyed_entries(attributes: Attributes, index_key: bytes) -> set[Entry]:
    return {(_KEYED_CODE, _digest(digest, index_key)) for digest in attributes.digests}


def wanted_entry(reference: AttributeReference, wanted: Any, index_key: bytes) -> Entry:
    """Return the entry that an object must have to satisfy one condition on a single value.

    Raises KmipError (Invalid Field) for an attribute that is not indexed.
    """
    name = reference.attribute
    if reference.vendor_identification is not None:
        custom = CustomAttribute(
            vendor_identification=reference.vendor_identification, attribute_name=name, attribute_value=wanted
        )
        return CODES[CUSTOM], _number(custom, _key_of_rest(index_key))
    if name == _KEYED:
        return CODES[name], _digest(wanted, index_key)
    if name not in CODES:
        raise invalid_field(f"{title(name)} cannot be searched for")
    return CODES[name], _number(wanted, _key_of_rest(index_key))


def is_indexed(criterion: AttributeInstance) -> bool:
    """Return whether the index answers a criterion: all but parts of structures, save a namespace by itself."""
    return is_indexed_by(criterion.reference, criterion.value)


def is_indexed_by(reference: AttributeReference, wanted: Any) -> bool:
    """Return `is_indexed` of a criterion in its two parts."""
    return isinstance(wanted, ApplicationSpecificInformation) or not is_partial(reference, wanted)


def _key_of_rest(index_key: bytes) -> bytes:
    """Return what digests are keyed with that are none of secrets."""
    return index_key if isinstance(index_key, HidingIndexKey) else b""


def _each(code: int, values: tuple[Any, ...], key: bytes) -> list[Entry]:
    return [(code, _number(value, key)) for value in values]


def _applications(code: int, values: tuple[ApplicationSpecificInformation, ...], key: bytes) -> list[Entry]:
    """A criterion may name the namespace alone."""
    bare = tuple(evolve(value, application_data=None) for value in values)
    return _each(code, values + bare, key)


def _number(value: Any, key: bytes) -> int:
    """Return what stands for a value in the index: itself, or 64 bits of its digest as a signed number."""
    kind = type(value)
    if kind is RNGParameters or (kind is str and value == DEFAULT_POLICY):
        return _remembered_digest(value, key)
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return int(value)
    return _digest(value, key)


def _digest(value: Any, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(canonical_value(value), digest_size=8, key=key).digest(), signed=True)


_remembered_digest: Final = functools.lru_cache(16)(_digest)
"""Every key that is made here has the same generator, and most have the same operation policy.

Nothing that a client chooses is kept: it may be long."""


_INT64: Final = 1 << 63


def _way_of(name: str) -> Callable[[int, Any, bytes], list[Entry]] | None:
    """Return what makes the entries of several values; None for an attribute with one."""
    if name == "application_specific_information":
        return _applications
    return _each if name in MULTIPLE or name == CUSTOM else None


_PLAN: Final[tuple[_PlanRow, ...]] = tuple(
    (name, code, _way_of(name)) for name, code in CODES.items() if name != _KEYED
)
"""How each attribute is indexed, looked up once: every change of an object goes through all of them."""
