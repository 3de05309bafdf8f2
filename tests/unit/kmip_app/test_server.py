"""What stops a start is told to the operator in one line."""

import pytest

from kmip_app.config import StartError
from kmip_app.server import _told_to_operators
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


def test_a_trail_without_room_stops_the_start_with_a_text() -> None:
    with pytest.raises(StartError, match="the audit trail cannot be written"), _told_to_operators():
        raise KmipError(ResultReason.GENERAL_FAILURE, "the audit trail cannot be written")
