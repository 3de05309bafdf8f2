"""What stops a start is told to the operator in one line."""

import socket
from pathlib import Path

import pytest

from kmip_app.config import Configuration, StartError
from kmip_app.server import Server, _told_to_operators
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


def test_a_start_that_fails_leaves_no_evidence_of_a_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(Configuration(data_directory=tmp_path, port=port))

        with pytest.raises(StartError, match="address already in use"):
            server.start()

    assert "Stop" not in (tmp_path / "audit" / "main.jsonl").read_text()


def test_a_trail_without_room_stops_the_start_with_a_text() -> None:
    with pytest.raises(StartError, match="the audit trail cannot be written"), _told_to_operators():
        raise KmipError(ResultReason.GENERAL_FAILURE, "the audit trail cannot be written")
