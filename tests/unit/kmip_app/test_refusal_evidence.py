"""What the transport refuses, in the audit trail."""

import logging

import pytest

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.system.clock import SystemClock
from kmip_adapters.system.identifiers import RandomIdentifiers
from kmip_adapters.transport.refusals import Refusal
from kmip_app.refusal_evidence import MESSAGE, RefusalEvidence
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord


def test_a_refusal_is_a_record_of_bounded_length() -> None:
    trail = MemoryTrail()
    evidence = RefusalEvidence(lambda: trail, SystemClock(), RandomIdentifiers())

    evidence(Refusal(event="Handshake failed", address="192.0.2.1", message="x" * 10_000, count=7))

    (record,) = trail.records
    assert (record.event, record.address, record.principal) == ("Handshake failed", "192.0.2.1", "")
    assert record.result is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    assert record.message == "x" * MESSAGE + " (7 times, this is the latest)"


def test_a_trail_that_cannot_be_written_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def append(self, record: AuditRecord) -> None:
            raise KmipError(ResultReason.GENERAL_FAILURE, "the disk is full")

        def close(self) -> None:
            raise NotImplementedError

    evidence = RefusalEvidence(Broken, SystemClock(), RandomIdentifiers())
    with caplog.at_level(logging.ERROR, "kmip_app"):
        evidence(Refusal(event="Handshake failed", address="", message=""))

    assert "a refusal leaves no evidence: the disk is full" in caplog.text
