"""Delete Attribute."""

from typing import Any

import pytest

from kmip_core.attributes import AttributeReference
from kmip_core.engine import Engine
from kmip_core.enums import Operation, ResultReason, UsageLimitsUnit
from kmip_core.errors import KmipError
from kmip_core.operations import delete_attribute
from kmip_core.structures import UsageLimits
from tests.builders import NOW, a_custom, a_name, a_symmetric_key, an_engine, an_instance, attributes_of, perform


def delete(engine: Engine, **what: Any) -> delete_attribute.Response:
    request = delete_attribute.Request(unique_identifier="key", **what)
    response: delete_attribute.Response = perform(engine, Operation.DELETE_ATTRIBUTE, request)
    return response


def refusal(engine: Engine, **what: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        delete(engine, **what)
    return refused.value.reason


def groups(index: int | None = None) -> AttributeReference:
    return AttributeReference(attribute="object_groups", attribute_index=index)


def test_delete_by_index_leaves_the_other_instances_their_numbers() -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b", "c")))

    assert delete(engine, reference=groups(1)).attribute == an_instance("object_groups", "b", 1)
    assert attributes_of(engine).object_groups == ("a", "c")
    assert attributes_of(engine).indices_of(groups()) == (0, 2)
    assert attributes_of(engine).last_change_date == NOW


def test_delete_by_value_deletes_that_instance() -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b")))

    delete(engine, current_attribute=an_instance("object_groups", "a"))

    assert attributes_of(engine).object_groups == ("b",)


def test_delete_by_reference_deletes_all_instances() -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b")))

    assert delete(engine, reference=groups()).attribute == an_instance("object_groups", "a", 0)
    assert attributes_of(engine).object_groups == ()


def test_delete_takes_away_a_custom_attribute() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_custom("ID", "1"), a_custom("Tape", "7"))))

    delete(engine, reference=an_instance("x-ID", "").reference)

    assert attributes_of(engine).custom_attributes == (a_custom("Tape", "7"),)


def test_delete_takes_away_the_last_name() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"),)))

    delete(engine, reference=AttributeReference(attribute="names", attribute_index=0))

    assert attributes_of(engine).names == ()


@pytest.mark.parametrize(
    "what",
    [
        pytest.param({"reference": groups(2)}, id="fail no such index"),
        pytest.param({"current_attribute": an_instance("object_groups", "z")}, id="fail no such value"),
    ],
)
def test_delete_refuses_an_instance_that_is_not_there(what: dict[str, Any]) -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a", "b")))

    assert refusal(engine, **what) is ResultReason.ATTRIBUTE_INSTANCE_NOT_FOUND


@pytest.mark.parametrize("attribute", ["comment", "Shoe Size"])
def test_delete_refuses_an_attribute_that_the_object_does_not_have(attribute: str) -> None:
    reference = AttributeReference(attribute=attribute)

    assert refusal(an_engine(a_symmetric_key()), reference=reference) is ResultReason.ATTRIBUTE_NOT_FOUND


@pytest.mark.parametrize("attribute", ["state", "cryptographic_usage_mask", "activation_date", "sensitive"])
def test_delete_refuses_what_an_object_cannot_be_without(attribute: str) -> None:
    reference = AttributeReference(attribute=attribute)

    assert refusal(an_engine(a_symmetric_key()), reference=reference) is ResultReason.READ_ONLY_ATTRIBUTE


@pytest.mark.parametrize("left", [pytest.param(5, id="ok unused"), pytest.param(4, id="fail used")])
def test_delete_lifts_usage_limits_only_while_they_are_unused(left: int) -> None:
    limits = UsageLimits(usage_limits_total=5, usage_limits_count=left, usage_limits_unit=UsageLimitsUnit.BYTE)
    engine = an_engine(a_symmetric_key(usage_limits=limits))
    reference = AttributeReference(attribute="usage_limits")

    if left == 5:
        delete(engine, reference=reference)
        assert attributes_of(engine).usage_limits is None
    else:
        assert refusal(engine, reference=reference) is ResultReason.PERMISSION_DENIED


def test_delete_of_limits_that_are_not_there_finds_nothing() -> None:
    reference = AttributeReference(attribute="usage_limits")

    assert refusal(an_engine(a_symmetric_key()), reference=reference) is ResultReason.ATTRIBUTE_NOT_FOUND


def test_delete_refuses_a_request_that_names_nothing() -> None:
    assert refusal(an_engine(a_symmetric_key())) is ResultReason.INVALID_MESSAGE
