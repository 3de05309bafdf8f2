"""Add Attribute."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core.attributes import AttributeInstance
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateType,
    KeyRoleType,
    LinkType,
    Operation,
    ResultReason,
    State,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.operations import add_attribute, get_attributes
from kmip_core.procedures.attribute_values import MAXIMUM_INSTANCES
from kmip_core.settings import Settings
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CryptographicParameters,
    Link,
    UsageLimits,
)
from tests.builders import (
    BOB,
    NOW,
    a_custom,
    a_name,
    a_symmetric_key,
    an_engine,
    an_instance,
    attributes_of,
    perform,
)


def add(engine: Engine, attribute: str, value: Any, index: int | None = None) -> AttributeInstance:
    request = add_attribute.Request(unique_identifier="key", new_attribute=an_instance(attribute, value, index))
    response = perform(engine, Operation.ADD_ATTRIBUTE, request)
    added: AttributeInstance = response.new_attribute
    return added


def refusal(engine: Engine, attribute: str, value: Any, index: int | None = None) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        add(engine, attribute, value, index)
    return refused.value.reason


def test_add_gives_a_single_attribute_its_value() -> None:
    engine = an_engine(a_symmetric_key())

    added = add(engine, "contact_information", "Joe")

    assert added == an_instance("contact_information", "Joe", 0)
    assert attributes_of(engine).contact_information == "Joe"


def test_add_gives_the_next_index_to_a_further_instance() -> None:
    first, second = (Link(link_type=t, linked_object_identifier="other") for t in list(LinkType)[:2])
    engine = an_engine(a_symmetric_key(links=(first,)))

    added = add(engine, "links", second)

    assert added.reference.attribute_index == 1
    assert attributes_of(engine).links == (first, second)


def test_add_never_fills_the_gap_that_a_deletion_left() -> None:
    key, content = a_symmetric_key(object_groups=("a", "c"))
    reference = an_instance("object_groups", "a").reference
    attributes = key.attributes.with_values(reference, ("a", "c"), (0, 2))
    engine = an_engine((evolve(key, attributes=attributes), content))

    assert add(engine, "object_groups", "d").reference.attribute_index == 3
    assert attributes_of(engine).indices_of(reference) == (0, 2, 3)


def test_add_takes_a_custom_attribute_several_times() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_custom("ID", "1"),)))

    assert add(engine, "x-ID", "2").reference.attribute_index == 1
    assert attributes_of(engine).custom_attributes == (a_custom("ID", "1"), a_custom("ID", "2"))


def test_add_sets_the_last_change_date() -> None:
    engine = an_engine(a_symmetric_key())

    add(engine, "comment", "seen")

    assert attributes_of(engine).last_change_date == NOW


def test_add_takes_index_zero_as_none() -> None:
    engine = an_engine(a_symmetric_key(object_groups=("a",)))

    assert add(engine, "object_groups", "b", 0).reference.attribute_index == 1


def test_add_refuses_an_index_that_the_server_would_have_to_follow() -> None:
    assert refusal(an_engine(a_symmetric_key()), "object_groups", "b", 3) is ResultReason.INVALID_FIELD


def test_add_refuses_a_second_value_of_a_single_attribute() -> None:
    engine = an_engine(a_symmetric_key(description="one"))

    assert refusal(engine, "description", "two") is ResultReason.ATTRIBUTE_SINGLE_VALUED
    assert attributes_of(engine).description == "one"


def test_add_takes_an_operation_policy_name_although_it_is_set() -> None:
    engine = an_engine(a_symmetric_key())

    add(engine, "operation_policy_name", "public")

    assert attributes_of(engine).operation_policy_name == "public"


def test_add_refuses_an_unknown_operation_policy() -> None:
    assert (
        refusal(an_engine(a_symmetric_key()), "operation_policy_name", "none") is ResultReason.INVALID_ATTRIBUTE_VALUE
    )


@pytest.mark.parametrize("attribute", ["state", "initial_date", "cryptographic_length", "lease_time"])
def test_add_refuses_what_the_server_sets(attribute: str) -> None:
    assert refusal(an_engine(a_symmetric_key()), attribute, 1) is ResultReason.READ_ONLY_ATTRIBUTE


def test_add_refuses_an_attribute_of_the_server_s_own_kind() -> None:
    instance = an_instance("x-ID", "1")
    theirs = evolve(instance, reference=evolve(instance.reference, vendor_identification="y"))
    request = add_attribute.Request(unique_identifier="key", new_attribute=theirs)

    with pytest.raises(KmipError) as refused:
        perform(an_engine(a_symmetric_key()), Operation.ADD_ATTRIBUTE, request)

    assert refused.value.reason is ResultReason.READ_ONLY_ATTRIBUTE


def test_add_refuses_an_attribute_that_the_standard_does_not_have() -> None:
    assert refusal(an_engine(a_symmetric_key()), "Shoe Size", 45) is ResultReason.INVALID_ATTRIBUTE


def test_add_refuses_an_attribute_that_such_objects_do_not_have() -> None:
    engine = an_engine(a_symmetric_key())

    assert refusal(engine, "certificate_type", CertificateType.X_509) is ResultReason.READ_ONLY_ATTRIBUTE
    assert refusal(engine, "cryptographic_domain_parameters", None) is ResultReason.INVALID_ATTRIBUTE


def test_add_refuses_a_name_that_the_object_already_has() -> None:
    engine = an_engine(a_symmetric_key(names=(a_name("one"),)))

    assert refusal(engine, "names", a_name("one")) is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE


def test_add_takes_a_name_of_another_object() -> None:
    engine = an_engine(a_symmetric_key(), a_symmetric_key("other", names=(a_name("one"),)))

    add(engine, "names", a_name("one"))

    assert attributes_of(engine).names == (a_name("one"),)


def test_add_refuses_a_name_of_another_object_where_names_are_unique() -> None:
    engine = an_engine(
        a_symmetric_key(),
        a_symmetric_key("other", names=(a_name("one"),)),
        settings=Settings(unique_names=True),
    )

    assert refusal(engine, "names", a_name("one")) is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE


def test_add_accepts_a_name_of_another_client_s_object_where_names_are_unique() -> None:
    engine = an_engine(
        a_symmetric_key(),
        a_symmetric_key("other", owner="bob", names=(a_name("one"),)),
        settings=Settings(unique_names=True),
    )

    assert add(engine, "names", a_name("one")).value == a_name("one")


def test_add_begins_the_count_of_usage_limits_at_their_total() -> None:
    engine = an_engine(a_symmetric_key())

    limits = UsageLimits(usage_limits_total=9, usage_limits_count=3, usage_limits_unit=UsageLimitsUnit.OBJECT)
    add(engine, "usage_limits", limits)

    kept = attributes_of(engine).usage_limits
    assert kept == UsageLimits(usage_limits_total=9, usage_limits_count=9, usage_limits_unit=UsageLimitsUnit.OBJECT)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        pytest.param(
            UsageLimits(usage_limits_unit=UsageLimitsUnit.BYTE), ResultReason.INVALID_FIELD, id="fail without total"
        ),
        pytest.param(UsageLimits(usage_limits_total=1), ResultReason.INVALID_FIELD, id="fail without unit"),
        pytest.param(
            UsageLimits(usage_limits_total=-1, usage_limits_unit=UsageLimitsUnit.BYTE),
            ResultReason.INVALID_ATTRIBUTE_VALUE,
            id="fail negative",
        ),
    ],
)
def test_add_refuses_usage_limits_that_limit_nothing(limits: UsageLimits, reason: ResultReason) -> None:
    assert refusal(an_engine(a_symmetric_key()), "usage_limits", limits) is reason


def test_add_refuses_application_data_that_the_server_would_have_to_make() -> None:
    information = ApplicationSpecificInformation(application_namespace="ssl")

    reason = refusal(an_engine(a_symmetric_key()), "application_specific_information", information)

    assert reason is ResultReason.APPLICATION_NAMESPACE_NOT_SUPPORTED


def test_an_activation_date_in_the_past_activates() -> None:
    engine = an_engine(a_symmetric_key())

    add(engine, "activation_date", NOW - 1)

    request = get_attributes.Request(unique_identifier="key")
    assert perform(engine, Operation.GET_ATTRIBUTES, request).attributes.state is State.ACTIVE


def test_add_refuses_an_activation_date_after_activation() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))

    assert refusal(engine, "activation_date", NOW) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


@pytest.mark.parametrize(
    ("present", "added", "date"),
    [
        ("activation_date", "process_start_date", NOW + 9),
        ("deactivation_date", "protect_stop_date", NOW + 11),
    ],
)
def test_add_refuses_dates_in_the_wrong_order(present: str, added: str, date: int) -> None:
    dates: dict[str, Any] = {present: NOW + 10}
    engine = an_engine(a_symmetric_key(**dates))

    assert refusal(engine, added, date) is ResultReason.INVALID_ATTRIBUTE_VALUE


def test_add_takes_dates_in_the_right_order() -> None:
    engine = an_engine(a_symmetric_key(activation_date=NOW + 10))

    add(engine, "process_start_date", NOW + 10)

    assert attributes_of(engine).process_start_date == NOW + 10


def test_add_of_another_attribute_does_not_judge_dates_that_revocation_crossed() -> None:
    key = a_symmetric_key(state=State.DEACTIVATED, protect_stop_date=NOW + 100, deactivation_date=NOW - 1)
    engine = an_engine(key)

    add(engine, "comment", "late")

    assert attributes_of(engine).comment == "late"


def test_add_refuses_more_instances_than_an_object_may_have() -> None:
    engine = an_engine(a_symmetric_key(object_groups=tuple(map(str, range(MAXIMUM_INSTANCES)))))

    assert refusal(engine, "object_groups", "more") is ResultReason.SERVER_LIMIT_EXCEEDED


def test_add_refuses_an_archived_object() -> None:
    engine = an_engine(a_symmetric_key(archived=True))

    assert refusal(engine, "comment", "?") is ResultReason.OBJECT_ARCHIVED


def test_add_takes_attributes_for_a_destroyed_object() -> None:
    engine = an_engine(a_symmetric_key(state=State.DESTROYED))

    assert add(engine, "comment", "gone").value == "gone"


def test_add_takes_cryptographic_parameters_one_after_the_other() -> None:
    first = CryptographicParameters(key_role_type=KeyRoleType.BDK)
    engine = an_engine(a_symmetric_key(cryptographic_parameters=(first,)))

    assert add(engine, "cryptographic_parameters", CryptographicParameters()).reference.attribute_index == 1


def test_an_object_of_another_client_looks_missing() -> None:
    engine = an_engine(a_symmetric_key())
    request = add_attribute.Request(unique_identifier="key", new_attribute=an_instance("comment", "?"))

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.ADD_ATTRIBUTE, request, BOB)

    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND
