"""Log, and what an audit record says of it."""

import pytest

from kmip_adapters.audit.memory import MemoryTrail
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import log
from tests.builders import an_engine, perform


def test_log_leaves_the_message_in_the_audit_trail() -> None:
    audit = MemoryTrail()
    perform(an_engine(audit=audit), Operation.LOG, log.Request(log_message="moved to rack 7"))

    assert audit.records[-1].message == "moved to rack 7"


def test_log_refuses_a_message_that_would_fill_the_trail() -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(), Operation.LOG, log.Request(log_message="x" * (log.MAXIMUM + 1)))

    assert refused.value.reason is ResultReason.INVALID_FIELD
