"""Counts that keep the protection of a key from wearing out: encryptions by GCM, and decryptions that fail.

A key encrypts 2^32 times by GCM at most, whatever the nonces (NIST SP 800-38D §8.3). The number is kept with the key,
in an attribute of the server's, and goes up in steps: a store that was stopped loses what it had left of one.
Failed decryptions are answered later and later, up to a quarter of a second: so an attacker who can have cipher texts
of CBC judged, and learns from each whether its padding is right, needs days instead of minutes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from kmip_core.attributes import AttributeReference
from kmip_core.enums import BlockCipherMode, ItemType, ObjectType, ResultReason
from kmip_core.errors import DelayedRefusal, KmipError
from kmip_core.operation import Scope
from kmip_core.rules import Admitted
from kmip_core.structures import SERVER_VENDOR, CryptographicParameters, TypedValue

T = TypeVar("T")

MARK: Final = AttributeReference(attribute="GCM Encryptions", vendor_identification=SERVER_VENDOR)
MAXIMUM: Final = 1 << 32
STEP: Final = 1 << 16


def count_encryption(scope: Scope, key: Admitted, parameters: CryptographicParameters) -> None:
    """Count one encryption, or one that begins.

    Raises KmipError (Usage Limit Exceeded) for a key that has encrypted as often by GCM as it may.
    """
    if parameters.block_cipher_mode is not BlockCipherMode.GCM:
        return
    counts, identifier = scope.services.encryption_counts, key.unique_identifier
    if counts.take(identifier):
        return
    managed_object = scope.work.find(identifier) or key.managed_object  # with what this request has changed already
    values: tuple[Any, ...] = managed_object.attributes.values_of(MARK)
    used = int(values[0].value) if values else 0
    step = min(STEP, MAXIMUM - used)
    if step <= 0:
        raise KmipError(
            ResultReason.USAGE_LIMIT_EXCEEDED, f"the key has encrypted {MAXIMUM} times by GCM; take another"
        )
    counted = TypedValue(ItemType.LONG_INTEGER, used + step)
    attributes = managed_object.attributes.with_values(MARK, (counted,))
    scope.work.save(managed_object.changed(attributes))
    scope.hooks.on_commit.append(partial(counts.add, identifier, step - 1))


def slow_failures(scope: Scope, key: Admitted, decrypt: Callable[[], T]) -> T:
    """Return what `decrypt` does; if it fails, the refusal is the same as ever, and answered later each time."""
    try:
        return decrypt()
    except KmipError as refusal:
        is_symmetric = key.managed_object.object_type is ObjectType.SYMMETRIC_KEY
        if refusal.reason is not ResultReason.CRYPTOGRAPHIC_FAILURE or not is_symmetric:
            raise
        delay = scope.services.decryption_failures.note(key.unique_identifier, scope.now)
        if not delay:
            raise
        raise DelayedRefusal(refusal.reason, refusal.message, delay) from refusal
