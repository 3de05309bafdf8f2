"""What `fail_next` takes, and what it is told as."""

from typing import Any

import pytest

from kmip_adapters.ttlv.failure_injection import GARBAGE, InjectedFailure, Lost
from kmip_app.testing.failing import injected_failure
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError


def told(reason: Any = None, drop: Any = False, delay: float = 0.0, garbage: bool | bytes = False) -> InjectedFailure:
    return injected_failure("Get", reason, "why", drop, delay, garbage)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        pytest.param({"drop": True}, {"lost": Lost.REQUEST}, id="ok drop"),
        pytest.param({"drop": "request"}, {"lost": Lost.REQUEST}, id="ok drop the request"),
        pytest.param({"drop": "answer"}, {"lost": Lost.ANSWER}, id="ok drop the answer"),
        pytest.param({"garbage": True}, {"garbage": GARBAGE}, id="ok garbage"),
        pytest.param({"garbage": b"?"}, {"garbage": b"?"}, id="ok garbage of one's own"),
        pytest.param({"delay": 1.5}, {"delay": 1.5}, id="ok delay"),
        pytest.param({"delay": 1, "drop": "answer"}, {"delay": 1, "lost": Lost.ANSWER}, id="ok delay, then drop"),
    ],
)
def test_it_becomes_an_injected_failure(said: dict[str, Any], fields: dict[str, Any]) -> None:
    assert told(**said) == InjectedFailure(operation=Operation.GET, **fields)


def test_a_reason_becomes_the_refusal() -> None:
    refusal = told("Permission Denied").refusal

    assert isinstance(refusal, KmipError)
    assert (refusal.reason, refusal.message) == (ResultReason.PERMISSION_DENIED, "why")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        pytest.param({}, "say what is to go wrong", id="fail nothing"),
        pytest.param({"drop": True, "garbage": True}, "exclude each other", id="fail two at once"),
        pytest.param({"reason": "Get", "drop": True}, "exclude each other", id="fail a reason and a drop"),
        pytest.param({"garbage": b""}, "drop", id="fail garbage of no bytes"),
        pytest.param({"delay": -1}, "not negative", id="fail into the past"),
        pytest.param({"drop": "both"}, "drop is True, 'request' or 'answer', not 'both'", id="fail unknown drop"),
        pytest.param({"reason": "Nothing"}, "no Result Reason", id="fail unknown reason"),
    ],
)
def test_it_complains_of_what_cannot_be_meant(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        told(**said)
