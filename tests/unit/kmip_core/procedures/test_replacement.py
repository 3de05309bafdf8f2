"""Dates of a replacement: copied, moved by an offset, or refused."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.enums import Operation, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.operations import re_key
from tests.builders import NOW, a_symmetric_key, an_engine, attributes_of, perform


def re_keyed(offset: int | None, attributes: Attributes | None = None, **old: Any) -> Attributes:
    engine = an_engine(a_symmetric_key(state=State.PRE_ACTIVE, **old))
    request = re_key.Request(unique_identifier="key", offset=offset, attributes=attributes or Attributes())
    return attributes_of(engine, perform(engine, Operation.RE_KEY, request).unique_identifier)


def test_without_an_offset_dates_are_copied() -> None:
    made = re_keyed(None, activation_date=NOW + 5, deactivation_date=NOW + 50)

    assert (made.activation_date, made.deactivation_date) == (NOW + 5, NOW + 50)


def test_an_offset_moves_the_dates_with_the_activation() -> None:
    made = re_keyed(100, activation_date=NOW + 5, process_start_date=NOW + 6, deactivation_date=NOW + 50)

    assert (made.activation_date, made.process_start_date, made.deactivation_date) == (NOW + 100, NOW + 101, NOW + 145)
    assert made.protect_stop_date is None


def test_an_offset_alone_makes_an_activation_date() -> None:
    assert re_keyed(100).activation_date == NOW + 100


def test_an_offset_beside_dates_is_refused() -> None:
    with pytest.raises(KmipError) as refused:
        re_keyed(100, Attributes(deactivation_date=NOW + 500))

    assert refused.value.reason is ResultReason.INVALID_MESSAGE


def test_an_offset_cannot_move_dates_of_a_key_without_activation() -> None:
    with pytest.raises(KmipError) as refused:
        re_keyed(100, deactivation_date=NOW + 50)

    assert refused.value.reason is ResultReason.ILLEGAL_OPERATION


@pytest.mark.parametrize("offset", [1 << 62, (1 << 63) - 1])
def test_an_offset_that_moves_a_date_out_of_range_is_refused(offset: int) -> None:
    with pytest.raises(KmipError) as refused:
        re_keyed(offset, activation_date=NOW - 10, deactivation_date=(1 << 63) - 5)
    assert refused.value.reason is ResultReason.INVALID_FIELD
