"""Remarks on requests are warnings that name the client, some for each client and minute."""

import pytest

from kmip_app.monitoring.remarks import LINES, LoggedRemarks
from kmip_core.principal import Principal


def test_a_remark_is_a_warning_that_names_the_client(caplog: pytest.LogCaptureFixture) -> None:
    LoggedRemarks().note(Principal(name="alice", address="192.0.2.1"), "Register kept x")

    (line,) = caplog.records
    assert (line.name, line.levelname) == ("kmipd.requests", "WARNING")
    assert line.getMessage() == "Register kept x; client alice at 192.0.2.1"


def test_one_client_does_not_roll_the_log_over(caplog: pytest.LogCaptureFixture) -> None:
    remarks = LoggedRemarks()
    for _ in range(LINES + 5):
        remarks.note(Principal(name="alice"), "again")
    remarks.note(Principal(name="bob"), "once")

    assert [line.getMessage() for line in caplog.records][LINES:] == ["once; client bob at no address"]
    assert len(caplog.records) == LINES + 1
