"""Submissions that a client names by their Asynchronous Correlation Value: missing and foreign ones look alike."""

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


def unknown() -> KmipError:
    """Return the refusal of a correlation value that is not the principal's own, or no longer kept."""
    return KmipError(
        ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE,
        "no outstanding operation has this Asynchronous Correlation Value",
    )
