"""Modify Attribute."""

from typing import Any

import pytest

from kmip_core.attributes import AttributeInstance
from kmip_core.engine import Engine
from kmip_core.enums import Operation, ResultReason, State, UsageLimitsUnit
from kmip_core.errors import KmipError
from kmip_core.operations import modify_attribute
from kmip_core.structures import UsageLimits
from tests.builders import NOW, a_name, a_symmetric_key, an_engine, an_instance, attributes_of, perform


def modify(
    engine: Engine, attribute: str, value: Any, index: int | None = None, current: AttributeInstance | None = None
) -> AttributeInstance:
    request = modify_attribute.Request(
        unique_identifier="key", current_attribute=current, new_attribute=an_instance(attribute, value, index)
    )
    response = perform(engine, Operation.MODIFY_ATTRIBUTE, request)
    modified: AttributeInstance = response.new_attribute
    return modified


def refusal(engine: Engine, attribute: str, value: Any, index: int | None = None, **more: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        modify(engine, attribute, value, index, **more)
    return refused.value.reason


def test_modify_changes_the_only_value() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("old"),)))

    assert modify(engine, "names", a_name("new")) == an_instance("names", a_name("new"), 0)
    assert attributes_of(engine).names == (a_name("new"),)
    assert attributes_of(engine).last_change_date == NOW


def test_modify_changes_the_instance_that_the_index_says() -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b")))

    assert modify(engine, "object_groups", "c", 1).reference.attribute_index == 1
    assert attributes_of(engine).object_groups == ("a", "c")


def test_modify_changes_the_instance_that_has_the_current_value() -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b")))

    modify(engine, "object_groups", "c", current=an_instance("object_groups", "a"))

    assert attributes_of(engine).object_groups == ("c", "b")


@pytest.mark.parametrize(
    "which",
    [
        pytest.param({"index": 2}, id="fail no such index"),
        pytest.param({"current": an_instance("object_groups", "z")}, id="fail no such value"),
        pytest.param({}, id="fail nobody said which"),
    ],
)
def test_modify_refuses_an_ambiguous_instance(which: dict[str, Any]) -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b")))

    assert refusal(engine, "object_groups", "c", **which) is ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND


def test_modify_refuses_an_attribute_that_the_object_does_not_have() -> None:
    assert refusal(an_engine(a_symmetric_key()), "comment", "?") is ResultReason.ATTRIBUTE_NOT_FOUND


def test_modify_refuses_a_current_value_of_another_attribute() -> None:
    engine = an_engine(a_symmetric_key(comment="a", description="b"))
    current = an_instance("description", "b")

    assert refusal(engine, "comment", "c", current=current) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(("attribute", "value"), [("state", State.COMPROMISED), ("certificate_length", 123)])
def test_modify_refuses_what_the_server_sets(attribute: str, value: Any) -> None:
    assert refusal(an_engine(a_symmetric_key()), attribute, value) is ResultReason.READ_ONLY_ATTRIBUTE


def test_modify_moves_an_activation_date_that_has_not_come() -> None:
    engine = an_engine(a_symmetric_key(activation_date=NOW + 100))

    modify(engine, "activation_date", NOW + 200)

    assert attributes_of(engine).activation_date == NOW + 200


def test_modify_refuses_to_move_an_activation_date_that_has_come() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE, activation_date=NOW - 100))

    assert refusal(engine, "activation_date", NOW) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


@pytest.mark.parametrize("attribute", ["process_start_date", "protect_stop_date"])
def test_modify_refuses_a_date_that_has_been_reached(attribute: str) -> None:
    dates: dict[str, Any] = {attribute: NOW}
    engine = an_engine(a_symmetric_key(state=State.ACTIVE, **dates))

    assert refusal(engine, attribute, NOW + 100) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_modify_refuses_to_move_a_deactivation_date_after_deactivation() -> None:
    engine = an_engine(a_symmetric_key(state=State.DEACTIVATED, deactivation_date=NOW - 1))

    assert refusal(engine, "deactivation_date", NOW + 1) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_modify_makes_an_object_sensitive_but_not_always_so() -> None:
    engine = an_engine(a_symmetric_key())

    modify(engine, "sensitive", True)

    assert attributes_of(engine).sensitive is True
    assert attributes_of(engine).always_sensitive is False


@pytest.mark.parametrize(("attribute", "present", "new"), [("sensitive", True, False), ("extractable", False, True)])
def test_modify_never_opens_what_was_closed(attribute: str, present: bool, new: bool) -> None:
    fields: dict[str, Any] = {attribute: present}
    engine = an_engine(a_symmetric_key(**fields))

    assert refusal(engine, attribute, new) is ResultReason.INVALID_ATTRIBUTE_VALUE


def test_modify_closes_extraction() -> None:
    engine = an_engine(a_symmetric_key())

    modify(engine, "extractable", False)

    assert attributes_of(engine).extractable is False
    assert attributes_of(engine).never_extractable is False


def test_modify_corrects_the_total_of_unused_limits() -> None:
    limits = UsageLimits(usage_limits_total=5, usage_limits_count=5, usage_limits_unit=UsageLimitsUnit.BYTE)
    engine = an_engine(a_symmetric_key(usage_limits=limits))

    modify(engine, "usage_limits", UsageLimits(usage_limits_total=8))

    assert attributes_of(engine).usage_limits == UsageLimits(
        usage_limits_total=8, usage_limits_count=8, usage_limits_unit=UsageLimitsUnit.BYTE
    )


def test_modify_refuses_limits_of_which_some_were_allocated() -> None:
    limits = UsageLimits(usage_limits_total=5, usage_limits_count=4, usage_limits_unit=UsageLimitsUnit.BYTE)
    engine = an_engine(a_symmetric_key(usage_limits=limits))

    changed = UsageLimits(usage_limits_total=8)
    assert refusal(engine, "usage_limits", changed) is ResultReason.PERMISSION_DENIED


def test_modify_refuses_a_name_that_another_instance_has() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"), a_name("two"))))

    assert refusal(engine, "names", a_name("two"), 0) is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE


def test_modify_takes_the_name_that_is_there() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"),)))

    assert modify(engine, "names", a_name("one"), 0).value == a_name("one")
