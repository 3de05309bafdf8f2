"""What of an object's attributes Locate looks for in the columns of its row."""

from operator import itemgetter
from typing import Any, Final

from kmip_adapters.storage.sql.columns import DATE_COLUMNS, TRAIT_COLUMNS
from kmip_core.attributes import Attributes
from kmip_core.policy import DEFAULT_POLICY


def searched_columns(attributes: Attributes) -> dict[str, Any]:
    """Return what Locate looks for in the columns of an object, without the rare columns that are NULL."""
    fields = vars(attributes)
    columns: dict[str, Any] = {
        # `+ 0`: a plain int of a Boolean or a member of an enumeration, without a call
        name: value if (value := fields[name]) is None or type(value) is int else value + 0
        for name in _USUAL
    }
    rare = _rare_values(fields)
    if rare != _NO_RARE_VALUES:
        columns |= {name: value + 0 for name, value in zip(_RARE, rare, strict=True) if value is not None}
    columns["policy"] = fields["operation_policy_name"] or DEFAULT_POLICY
    state = fields["state"]
    columns["state"] = 0 if state is None else state + 0
    return columns


def are_rare_equal(before: Attributes, after: Attributes) -> bool:
    """Return whether a change leaves the rare columns of an object as they are."""
    return bool(_rare_values(vars(before)) == _rare_values(vars(after)))


_NUMBERS: Final = (*DATE_COLUMNS, *TRAIT_COLUMNS)
_USUAL: Final = (
    "activation_date",
    "initial_date",
    "last_change_date",
    "original_creation_date",
    "cryptographic_algorithm",
    "cryptographic_length",
    "cryptographic_usage_mask",
    "lease_time",
    "fresh",
    "sensitive",
    "always_sensitive",
    "extractable",
    "never_extractable",
    "key_format_type",
    "protection_storage_mask",
)
"""Of the numbers those that nearly every new key has."""

_RARE: Final = tuple(name for name in _NUMBERS if name not in _USUAL)
"""All others: where none of the new objects of a group has one, they are not in the statement that inserts them. The
driver of SQLite takes three times as long for NULL as for a number."""

_rare_values: Final = itemgetter(*_RARE)
NO_RARE_COLUMNS: Final[dict[str, Any]] = dict.fromkeys(_RARE)
_NO_RARE_VALUES: Final = tuple(NO_RARE_COLUMNS.values())

NAMES_OF_SEARCHED: Final = (*_NUMBERS, "policy", "state")
"""The names of all of them, in their order."""
