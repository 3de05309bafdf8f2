"""The columns of managed objects, for statements that are put together from lists of them; a test compares `schema`."""

from typing import Final

from kmip_core.attributes import DATES

DATE_COLUMNS: Final = tuple(sorted(DATES))

TRAIT_COLUMNS: Final = (
    "cryptographic_algorithm",
    "cryptographic_length",
    "certificate_type",
    "certificate_length",
    "cryptographic_usage_mask",
    "lease_time",
    "fresh",
    "key_value_present",
    "sensitive",
    "always_sensitive",
    "extractable",
    "never_extractable",
    "key_format_type",
    "opaque_data_type",
    "protection_level",
    "protection_period",
    "protection_storage_mask",
    "quantum_safe",
    "rotate_automatic",
    "rotate_generation",
    "rotate_interval",
    "rotate_latest",
    "rotate_offset",
)
"""Attributes with one value, a number, that too many objects share for an index to help."""

MANAGED_OBJECTS: Final = (
    "sequence",
    "unique_identifier",
    "object_type",
    "owner",
    "policy",
    "state",
    *DATE_COLUMNS,
    *TRAIT_COLUMNS,
    "archived",
    "has_content",
    "version",
    "record_seal",
    "attributes",
    "sealed",
)

ROTATES: Final = "rotate_automatic = 1 AND state IN (1, 2)"
TO_BE_ACTIVATED: Final = "state = 1 AND activation_date IS NOT NULL"
TO_BE_DEACTIVATED: Final = "state IN (1, 2) AND deactivation_date IS NOT NULL"
"""Objects about which the server has something to do at a date, as the indexes and `schedule` say it: 1 is Pre-Active,
2 is Active."""
