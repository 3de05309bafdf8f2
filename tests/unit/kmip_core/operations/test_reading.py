"""Get Attributes and Get Attribute List."""

import sys
from collections import Counter

import pytest

from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.enums import Operation, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.operations import get_attribute_list, get_attributes
from tests.builders import a_custom, a_name, a_symmetric_key, an_engine, attributes_of, perform

STATE = AttributeReference(attribute="state")


def told(engine, *references: AttributeReference) -> Attributes:
    request = get_attributes.Request(unique_identifier="key", references=references)
    answer: get_attributes.Response = perform(engine, Operation.GET_ATTRIBUTES, request)
    assert answer.unique_identifier == "key"
    return answer.attributes


def test_get_attributes_returns_only_what_was_asked_for() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"),)))

    assert told(engine, STATE) == Attributes(state=State.PRE_ACTIVE)


def test_get_attributes_leaves_out_what_is_not_there() -> None:
    engine = an_engine(a_symmetric_key())
    unknown = AttributeReference(attribute="Shoe Size")
    custom = AttributeReference(attribute="Vendor", vendor_identification="x")

    assert told(engine, AttributeReference(attribute="comment"), unknown, custom) == Attributes()


def test_get_attributes_returns_all_instances_with_their_numbers() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_custom("ID", "1"), a_custom("ID", "2"))))
    reference = AttributeReference(attribute="ID", vendor_identification="x")

    answer = told(engine, reference)

    assert answer.custom_attributes == (a_custom("ID", "1"), a_custom("ID", "2"))
    assert answer.indices_of(reference) == (0, 1)


def test_get_attributes_returns_custom_attributes_in_the_order_of_the_request() -> None:
    one, two, other = a_custom("one", "1"), a_custom("two", "2"), a_custom("other", "3")
    engine = an_engine(a_symmetric_key(custom_attributes=(one, other, two)))
    names = (AttributeReference(attribute=name, vendor_identification="x") for name in ("two", "one"))

    assert told(engine, *names).custom_attributes == (two, one)


def test_the_cost_of_get_attributes_is_linear_in_the_names_asked_for() -> None:
    few, many = (calls_for_all_of(number) for number in (50, 200))

    assert many < 5 * few


def calls_for_all_of(number: int) -> int:
    """Return how many calls it takes to choose all of so many custom attributes."""
    attributes = Attributes(custom_attributes=tuple(a_custom(str(n), "value") for n in range(number)))
    references = attributes.references()
    calls = Counter[str]()
    sys.setprofile(lambda frame, event, argument: calls.update([event]))
    try:
        get_attributes.only(attributes, references)
    finally:
        sys.setprofile(None)
    return calls["call"]


def test_get_attributes_without_references_returns_everything() -> None:
    engine = an_engine(a_symmetric_key(operation_policy_name="public", comment="seen"))

    with pytest.raises(KmipError):
        told(engine)  # nobody may read a key under the policy for templates
    engine = an_engine(a_symmetric_key(comment="seen"))
    everything = told(engine)

    assert everything.comment == "seen"
    assert everything.lease_time == 3600


def test_a_policy_that_was_not_set_is_returned_only_when_asked_for_by_name() -> None:
    engine = an_engine(a_symmetric_key())

    assert told(engine).operation_policy_name is None
    assert told(engine, AttributeReference(attribute="operation_policy_name")).operation_policy_name == "default"


def test_a_policy_that_a_client_chose_is_returned() -> None:
    chosen = Attributes(operation_policy_name="mine")

    assert get_attributes.without_default_policy(chosen) == chosen


def test_get_attributes_refuses_an_attribute_named_twice() -> None:
    with pytest.raises(KmipError) as refused:
        told(an_engine(a_symmetric_key()), STATE, STATE)

    assert refused.value.reason is ResultReason.INVALID_MESSAGE


def test_get_attributes_shows_the_state_of_this_instant() -> None:
    engine = an_engine(a_symmetric_key(activation_date=1, deactivation_date=2))

    assert told(engine, STATE).state is State.DEACTIVATED
    assert attributes_of(engine).state is State.PRE_ACTIVE


def test_get_attributes_works_on_destroyed_objects() -> None:
    assert told(an_engine(a_symmetric_key(state=State.DESTROYED)), STATE).state is State.DESTROYED


def test_get_attribute_list_names_each_attribute_once() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"), a_name("two")), custom_attributes=(a_custom("ID", "1"),)))
    request = get_attribute_list.Request(unique_identifier="key")

    references = perform(engine, Operation.GET_ATTRIBUTE_LIST, request).references

    assert references.count(AttributeReference(attribute="names")) == 1
    assert AttributeReference(attribute="ID", vendor_identification="x") in references
    assert AttributeReference(attribute="comment") not in references
