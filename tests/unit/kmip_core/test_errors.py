"""Refusals as values."""

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


def test_a_refusal_shows_its_reason_and_its_text() -> None:
    refusal = KmipError(ResultReason.INVALID_FIELD, "a length is 128, 192 or 256")

    assert repr(refusal) == "KmipError(INVALID_FIELD, 'a length is 128, 192 or 256')"
    assert str(refusal) == "a length is 128, 192 or 256"
