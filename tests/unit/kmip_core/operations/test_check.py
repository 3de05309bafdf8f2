"""Check."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core.engine import Engine
from kmip_core.enums import CryptographicUsageMask, ObjectType, Operation, ResultReason, State, UsageLimitsUnit
from kmip_core.errors import KmipError
from kmip_core.operations import check
from kmip_core.structures import UsageLimits
from tests.builders import a_symmetric_key, an_engine, perform

LIMITS = UsageLimits(usage_limits_total=8, usage_limits_count=5, usage_limits_unit=UsageLimitsUnit.BYTE)


def ask_for(engine: Engine, **what: Any) -> check.Response:
    response: check.Response = perform(engine, Operation.CHECK, check.Request(unique_identifier="key", **what))
    return response


@pytest.mark.parametrize(
    "what",
    [
        pytest.param({}, id="ok nothing"),
        pytest.param({"cryptographic_usage_mask": CryptographicUsageMask.ENCRYPT}, id="ok mask"),
        pytest.param({"usage_limits_count": 5}, id="ok count"),
        pytest.param({"lease_time": 3600}, id="ok lease"),
    ],
)
def test_check_agrees_to_what_would_be_granted(what: dict[str, Any]) -> None:
    engine = an_engine(a_symmetric_key(usage_limits=LIMITS))

    assert ask_for(engine, **what) == check.Response(unique_identifier="key")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (
            {"cryptographic_usage_mask": CryptographicUsageMask.SIGN},
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
        ),
        ({"usage_limits_count": 6}, ResultReason.USAGE_LIMIT_EXCEEDED),
        ({"usage_limits_count": -1}, ResultReason.INVALID_FIELD),
        ({"lease_time": 3601}, ResultReason.PERMISSION_DENIED),
    ],
)
def test_check_refuses_what_would_not_be_granted(what: dict[str, Any], reason: ResultReason) -> None:
    engine = an_engine(a_symmetric_key(usage_limits=LIMITS))

    with pytest.raises(KmipError) as refused:
        ask_for(engine, **what)

    assert refused.value.reason is reason


def test_check_counts_nothing_for_an_object_without_limits() -> None:
    assert ask_for(an_engine(a_symmetric_key()), usage_limits_count=10**9).unique_identifier == "key"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (a_symmetric_key(archived=True), ResultReason.OBJECT_ARCHIVED),
        (a_symmetric_key(state=State.DESTROYED), ResultReason.OBJECT_DESTROYED),
    ],
)
def test_check_refuses_objects_that_are_out_of_reach(key: Any, reason: ResultReason) -> None:
    with pytest.raises(KmipError) as refused:
        ask_for(an_engine(key))

    assert refused.value.reason is reason


def test_check_refuses_a_template() -> None:
    key, content = a_symmetric_key()
    template = evolve(key, object_type=ObjectType.TEMPLATE)

    with pytest.raises(KmipError) as refused:
        ask_for(an_engine((template, content)))

    assert refused.value.reason is ResultReason.ILLEGAL_OBJECT_TYPE
