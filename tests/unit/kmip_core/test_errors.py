"""Refusals as values."""

from enum import Enum

import pytest

from kmip_core.enums import ItemType, ObjectType, Operation, ResultReason
from kmip_core.errors import DelayedRefusal, KmipError, anew
from kmip_core.standard_names import standard_name, with_article


def test_a_refusal_shows_its_reason_and_its_text() -> None:
    refusal = KmipError(ResultReason.INVALID_FIELD, "a length is 128, 192 or 256")

    assert repr(refusal) == "KmipError(INVALID_FIELD, 'a length is 128, 192 or 256')"
    assert str(refusal) == "a length is 128, 192 or 256"


def test_an_error_made_anew_says_the_same_and_leaves_the_one_that_is_kept_as_it_is() -> None:
    kept = DelayedRefusal(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "wrong", 500)

    for _ in range(2):
        with pytest.raises(DelayedRefusal, match="wrong") as refused:
            raise anew(kept)
        assert (refused.value.reason, refused.value.milliseconds) == (kept.reason, 500)

    assert kept.__traceback__ is None


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (ObjectType.SYMMETRIC_KEY, "a Symmetric Key"),
        (ObjectType.OPAQUE_OBJECT, "an Opaque Object"),
        (ObjectType.PGP_KEY, "a PGP Key"),
        (ItemType.INTEGER, "an Integer"),
        (ItemType.BYTE_STRING, "a Byte String"),
        (ItemType.DATE_TIME, "a Date-Time"),
        (ItemType.DATE_TIME_EXTENDED, "a Date-Time Extended"),
        (Operation.RE_KEY_KEY_PAIR, "a Re-key Key Pair"),
        (Operation.MAC_VERIFY, "a MAC Verify"),
        (Operation.RNG_SEED, "an RNG Seed"),
        (Operation.PKCS_11, "a PKCS#11"),
    ],
)
def test_values_are_spoken_of_as_the_standard_does(member: Enum, text: str) -> None:
    assert with_article(standard_name(member)) == text
