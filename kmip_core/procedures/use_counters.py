"""Counters: how often an object was used, kept with it where the setting `usage_counters` is on. KMIP 3.0 §4.13.

A count is one of the collected writes, so it is compared and set with the commit: a use that is answered is counted,
and one that fails is not. That makes every use a change, so it is off unless an operator wants it (RULINGS 52).
"""

from collections.abc import Mapping
from typing import Any, Final

from kmip_core.attributes import COUNTED
from kmip_core.enums import ObjectType, Operation
from kmip_core.operation import Scope

COUNTERS: Final[Mapping[Operation, str]] = {
    Operation.CERTIFY: "certify_counter",
    Operation.RE_CERTIFY: "certify_counter",
    Operation.DECRYPT: "decrypt_counter",
    Operation.ENCRYPT: "encrypt_counter",
    Operation.SIGN: "sign_counter",
    Operation.SIGNATURE_VERIFY: "signature_verify_counter",
}
"""Operation -> the counter of its object."""


def beginning(object_type: ObjectType) -> dict[str, int]:
    """Return the counters of a new object."""
    return dict.fromkeys(COUNTERS.values(), 0) if object_type in COUNTED else {}


def count(scope: Scope, operation: Operation, response: Any) -> None:
    """Collect one more use of the object that an operation was about; data in parts counts with its last part."""
    name = COUNTERS.get(operation)
    if name is None or getattr(response, "correlation_value", None) is not None:
        return
    for target in next(iter(scope.targets.values()), ()):
        record = scope.work.find(target.unique_identifier) or target.managed_object  # as this request has left it
        if record.object_type in COUNTED:
            number = getattr(record.attributes, name) or 0
            scope.work.save(record.changed(record.attributes.but(**{name: number + 1})))
