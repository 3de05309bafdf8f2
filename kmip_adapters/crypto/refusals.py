"""Refusals that several modules of this room make, so that reason and text are the same everywhere."""

from typing import Final

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError

MAXIMUM_HELD_BYTES: Final = 16 * 1024 * 1024
"""How much one stream may gather, where a mode or algorithm needs all of its data at once."""


def cryptographic_failure(message: str) -> KmipError:
    """Return the refusal of a key or data that cryptography itself rejects."""
    return KmipError(ResultReason.CRYPTOGRAPHIC_FAILURE, message)


def decryption_failed() -> KmipError:
    """Return the one refusal for padding, tag and RSA, which must look the same (padding oracles)."""
    return cryptographic_failure("decryption failed")


def held_too_much() -> KmipError:
    """Return the refusal of a stream that would gather too much."""
    return KmipError(
        ResultReason.SERVER_LIMIT_EXCEEDED,
        f"data that is needed as a whole is limited to {MAXIMUM_HELD_BYTES} bytes",
    )
