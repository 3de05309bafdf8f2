"""What stops a start or a command is said in words of the operator."""

import errno

import pytest

from kmip_app.configuration.config import StartError
from kmip_app.maintenance.opening import reported_to_operators
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


def test_a_port_that_this_user_may_not_have_is_reported() -> None:
    refused = OSError(errno.EACCES, "cannot listen on 127.0.0.1, port 443: permission denied")

    told = r"port 443: permission denied; choose a port above 1023, or let this user have it"
    with pytest.raises(StartError, match=told), reported_to_operators():
        raise refused


def test_a_trail_without_room_stops_the_start_with_a_text() -> None:
    with pytest.raises(StartError, match="the audit trail cannot be written"), reported_to_operators():
        raise KmipError(ResultReason.GENERAL_FAILURE, "the audit trail cannot be written")
