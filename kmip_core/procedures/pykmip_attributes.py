"""The attributes that PyKMIP's client can read; one that it does not know fails the whole answer (RULINGS 30)."""

from typing import Final

from attrs import evolve

from kmip_core.attributes import FIELDS, Attributes
from kmip_core.structures import CLIENT_VENDOR

READABLE: Final = frozenset(
    {
        "unique_identifier",
        "names",
        "object_type",
        "cryptographic_algorithm",
        "cryptographic_length",
        "cryptographic_parameters",
        "certificate_length",
        "digests",
        "operation_policy_name",
        "cryptographic_usage_mask",
        "lease_time",
        "state",
        "initial_date",
        "activation_date",
        "process_start_date",
        "protect_stop_date",
        "deactivation_date",
        "destroy_date",
        "compromise_occurrence_date",
        "compromise_date",
        "archive_date",
        "object_groups",
        "fresh",
        "application_specific_information",
        "contact_information",
        "last_change_date",
        "sensitive",
    }
)
"""Those that its attribute factory (0.10, 0.11) makes in every version; for all others it raises."""


def readable(attributes: Attributes) -> Attributes:
    """Return the attributes without those that PyKMIP's client cannot read, for an answer that names none."""
    left_out = {name: getattr(_NONE, name) for name in FIELDS if name not in READABLE}
    customs = tuple(each for each in attributes.custom_attributes if each.vendor_identification == CLIENT_VENDOR)
    return evolve(attributes, **left_out, custom_attributes=customs)


_NONE: Final = Attributes()
