"""Get Usage Allocation."""

from typing import Any

import pytest

from kmip_core.engine import Engine
from kmip_core.enums import CryptographicUsageMask, Operation, ResultReason, State, UsageLimitsUnit
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.operations import get_usage_allocation
from kmip_core.structures import UsageLimits
from tests.builders import NOW, a_symmetric_key, an_engine, attributes_of, perform


def limits(left: int = 5) -> UsageLimits:
    return UsageLimits(usage_limits_total=8, usage_limits_count=left, usage_limits_unit=UsageLimitsUnit.OBJECT)


def a_limited_key(**fields: Any) -> tuple[ManagedObject, Any]:
    return a_symmetric_key(**{"state": State.ACTIVE, "usage_limits": limits(), **fields})


def allocate(engine: Engine, count: int) -> None:
    request = get_usage_allocation.Request(unique_identifier="key", usage_limits_count=count)
    response = perform(engine, Operation.GET_USAGE_ALLOCATION, request)
    assert response == get_usage_allocation.Response(unique_identifier="key")


def test_an_allocation_lowers_the_count() -> None:
    engine = an_engine(a_limited_key())

    allocate(engine, 3)

    assert attributes_of(engine).usage_limits == limits(2)
    assert attributes_of(engine).last_change_date == NOW


def test_an_allocation_may_take_all_that_is_left() -> None:
    engine = an_engine(a_limited_key())

    allocate(engine, 5)

    assert attributes_of(engine).usage_limits == limits(0)


@pytest.mark.parametrize(
    ("fields", "count", "reason"),
    [
        pytest.param({}, 6, ResultReason.USAGE_LIMIT_EXCEEDED, id="fail too much"),
        pytest.param({}, 0, ResultReason.INVALID_FIELD, id="fail nothing"),
        pytest.param({"usage_limits": None}, 1, ResultReason.ATTRIBUTE_NOT_FOUND, id="fail no limits"),
        pytest.param(
            {"cryptographic_usage_mask": CryptographicUsageMask.DECRYPT},
            1,
            ResultReason.INVALID_OBJECT_TYPE,
            id="fail only processes",
        ),
        pytest.param({"cryptographic_usage_mask": None}, 1, ResultReason.INVALID_OBJECT_TYPE, id="fail no usage"),
        pytest.param({"state": State.PRE_ACTIVE}, 1, ResultReason.WRONG_KEY_LIFECYCLE_STATE, id="fail not active"),
        pytest.param(
            {"protect_stop_date": NOW}, 1, ResultReason.WRONG_KEY_LIFECYCLE_STATE, id="fail protection is over"
        ),
    ],
)
def test_an_allocation_is_refused(fields: dict[str, Any], count: int, reason: ResultReason) -> None:
    with pytest.raises(KmipError) as refused:
        allocate(an_engine(a_limited_key(**fields)), count)

    assert refused.value.reason is reason
