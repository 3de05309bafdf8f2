"""Set Constraints, Get Constraints, Set Defaults and Query of Defaults Information, and what they do to new objects."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.creation_rules import MAXIMUM_RULES, Constraint, DefaultsInformation, ObjectDefaults
from kmip_core.engine import Engine
from kmip_core.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.objects import OpaqueObject
from kmip_core.operations import (
    create,
    create_key_pair,
    get_constraints,
    query,
    register,
    set_constraints,
    set_defaults,
)
from kmip_core.settings import Settings
from tests.builders import ALICE, BOB, a_custom, a_name, a_secret, an_engine, ask, attributes_of, perform

MASK = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
AES_256 = Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=256)
AES_128 = Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128)
ALL_KEYS = Constraint(object_types=(ObjectType.SYMMETRIC_KEY,), attributes=AES_128)
GROUP_KEYS = Constraint(object_types=(ObjectType.SYMMETRIC_KEY,), object_groups=("Group1",), attributes=AES_256)


def an_administered_engine(**parts: Any) -> Engine:
    return an_engine(settings=Settings(administrators=frozenset({"alice"})), **parts)


def constrain(engine: Engine, *constraints: Constraint) -> None:
    perform(engine, Operation.SET_CONSTRAINTS, set_constraints.Request(constraints=constraints))


def default(engine: Engine, *defaults: ObjectDefaults) -> None:
    information = DefaultsInformation(object_defaults=defaults)
    perform(engine, Operation.SET_DEFAULTS, set_defaults.Request(defaults_information=information))


def make(engine: Engine, attributes: Attributes, **more: Any) -> Attributes:
    request = create.Request(
        object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes.but(cryptographic_usage_mask=MASK, **more)
    )
    made = perform(engine, Operation.CREATE, request, BOB)
    return attributes_of(engine, made.unique_identifier)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (Operation.SET_CONSTRAINTS, set_constraints.Request()),
        (Operation.SET_DEFAULTS, set_defaults.Request()),
    ],
    ids=["constraints", "defaults"],
)
def test_only_administrators_may_set_them(operation: Operation, request_: Any) -> None:
    for engine, principal in ((an_engine(), ALICE), (an_administered_engine(), BOB)):
        with pytest.raises(KmipError) as refused:
            perform(engine, operation, request_, principal)

        assert refused.value.reason is ResultReason.PERMISSION_DENIED


def test_every_client_may_read_the_constraints_in_the_order_in_which_they_were_set() -> None:
    engine = an_administered_engine()

    constrain(engine, GROUP_KEYS, ALL_KEYS)

    answer = perform(engine, Operation.GET_CONSTRAINTS, get_constraints.Request(), BOB)
    assert answer.constraints == (GROUP_KEYS, ALL_KEYS)


def test_set_constraints_without_any_takes_them_away() -> None:
    engine = an_administered_engine()
    constrain(engine, ALL_KEYS)

    constrain(engine)

    assert perform(engine, Operation.GET_CONSTRAINTS, get_constraints.Request()).constraints == ()
    assert make(engine, AES_256).cryptographic_length == 256


def test_a_new_object_must_satisfy_the_constraints_of_its_type() -> None:
    engine = an_administered_engine()
    constrain(engine, ALL_KEYS)

    with pytest.raises(KmipError) as refused:
        make(engine, AES_256)

    assert refused.value.reason is ResultReason.CONSTRAINT_VIOLATION
    assert make(engine, AES_128).cryptographic_length == 128


def test_a_constraint_of_a_type_leaves_other_types_alone() -> None:
    engine = an_administered_engine()
    constrain(engine, ALL_KEYS)

    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret())

    assert perform(engine, Operation.REGISTER, request).unique_identifier


def test_a_constraint_of_a_group_takes_the_place_of_those_of_all() -> None:
    engine = an_administered_engine()
    constrain(engine, ALL_KEYS, GROUP_KEYS)

    assert make(engine, AES_256, object_groups=("Group1",)).cryptographic_length == 256
    with pytest.raises(KmipError):
        make(engine, AES_128, object_groups=("Group1",))
    with pytest.raises(KmipError):
        make(engine, AES_256, object_groups=("Group2",))


def test_a_constraint_on_a_mask_is_the_most_that_a_key_may_be_used_for() -> None:
    engine = an_administered_engine()

    constrain(
        engine, Constraint(attributes=Attributes(cryptographic_usage_mask=MASK | CryptographicUsageMask.WRAP_KEY))
    )
    assert make(engine, AES_128).cryptographic_usage_mask == MASK

    constrain(engine, Constraint(attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT)))
    with pytest.raises(KmipError):
        make(engine, AES_128)


def test_a_constraint_on_a_repeated_or_custom_attribute_is_satisfied_by_one_of_the_values() -> None:
    engine = an_administered_engine()
    wanted = Attributes(names=(a_name("b"),), custom_attributes=(a_custom("team", "red"),))
    constrain(engine, Constraint(attributes=wanted), Constraint())

    made = make(engine, AES_128, names=(a_name("a"), a_name("b")), custom_attributes=(a_custom("team", "red"),))

    assert made.names == (a_name("a"), a_name("b"))
    with pytest.raises(KmipError):
        make(engine, AES_128, names=(a_name("b"),), custom_attributes=(a_custom("team", "blue"),))


def test_register_is_held_to_constraints_too() -> None:
    engine = an_administered_engine()
    constrain(engine, Constraint(attributes=Attributes(sensitive=True)))

    with pytest.raises(KmipError) as refused:
        perform(
            engine,
            Operation.REGISTER,
            register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret()),
        )

    assert refused.value.reason is ResultReason.CONSTRAINT_VIOLATION


def test_create_takes_from_the_defaults_what_the_client_leaves_out() -> None:
    engine = an_administered_engine()
    both = AES_256.but(cryptographic_usage_mask=MASK, custom_attributes=(a_custom("team", "red"),))
    default(engine, ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=both))

    request = create.Request(
        object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes(cryptographic_length=128, activation_date=5)
    )
    made = attributes_of(engine, perform(engine, Operation.CREATE, request).unique_identifier)

    assert made.cryptographic_algorithm is CryptographicAlgorithm.AES
    assert made.cryptographic_length == 128
    assert made.cryptographic_usage_mask == MASK
    assert made.custom_attributes == (a_custom("team", "red"),)
    assert made.state is State.ACTIVE


def test_defaults_of_a_group_come_before_those_of_all() -> None:
    engine = an_administered_engine()
    default(
        engine,
        ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=AES_128.but(comment="all", description="all")),
        ObjectDefaults(
            object_type=ObjectType.SYMMETRIC_KEY, object_groups=("Group1",), attributes=Attributes(comment="group")
        ),
    )

    of_group = make(engine, Attributes(), object_groups=("Group1",))
    of_none = make(engine, Attributes())

    assert (of_group.comment, of_group.description, of_none.comment) == ("group", "all", "all")


def test_create_key_pair_takes_the_defaults_of_each_half() -> None:
    engine = an_administered_engine()
    curve = Attributes(cryptographic_algorithm=CryptographicAlgorithm.ED25519)
    default(
        engine,
        ObjectDefaults(
            object_type=ObjectType.PRIVATE_KEY,
            attributes=curve.but(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
        ),
        ObjectDefaults(
            object_type=ObjectType.PUBLIC_KEY,
            attributes=curve.but(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
        ),
    )

    made = perform(engine, Operation.CREATE_KEY_PAIR, create_key_pair.Request())

    private = attributes_of(engine, made.private_key_unique_identifier)
    public = attributes_of(engine, made.public_key_unique_identifier)
    assert private.cryptographic_usage_mask == CryptographicUsageMask.SIGN
    assert public.cryptographic_usage_mask == CryptographicUsageMask.VERIFY


def test_a_default_says_nothing_of_material_that_a_client_brings() -> None:
    engine = an_administered_engine()
    default(
        engine, ObjectDefaults(object_type=ObjectType.SECRET_DATA, attributes=AES_256.but(description="registered"))
    )
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret())

    made = attributes_of(engine, perform(engine, Operation.REGISTER, request).unique_identifier)

    assert (made.cryptographic_length, made.description) == (None, "registered")


def test_set_defaults_without_any_takes_them_away() -> None:
    engine = an_administered_engine()
    default(engine, ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=AES_128))

    perform(engine, Operation.SET_DEFAULTS, set_defaults.Request())

    with pytest.raises(KmipError):
        make(engine, Attributes())


def test_set_defaults_takes_several_types_and_needs_one() -> None:
    engine = an_administered_engine()
    types = (ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA)

    default(engine, ObjectDefaults(object_types=types, attributes=Attributes(comment="new")))

    assert make(engine, AES_128).comment == "new"
    with pytest.raises(KmipError) as refused:
        default(engine, ObjectDefaults(attributes=Attributes(comment="new")))
    assert refused.value.reason is ResultReason.INVALID_FIELD


def test_set_defaults_refuses_what_a_client_could_not_give() -> None:
    engine = an_administered_engine()

    with pytest.raises(KmipError) as refused:
        default(engine, ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes(initial_date=1)))

    assert refused.value.reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("number", [MAXIMUM_RULES, MAXIMUM_RULES + 1], ids=["ok as many", "fail one more"])
def test_the_number_of_rules_is_bounded(number: int) -> None:
    engine = an_administered_engine()

    if number <= MAXIMUM_RULES:
        constrain(engine, *([Constraint()] * number))
        return
    with pytest.raises(KmipError) as refused:
        constrain(engine, *([Constraint()] * number))

    assert refused.value.reason is ResultReason.INVALID_FIELD


def test_query_returns_the_defaults_of_all_groups_or_of_those_asked_for() -> None:
    engine = an_administered_engine()
    general = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=AES_128)
    red = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, object_groups=("red",), attributes=AES_256)
    blue = ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, object_groups=("blue",), attributes=AES_256)
    default(engine, general, red, blue)

    def told(*groups: str) -> DefaultsInformation | None:
        request = query.Request(query_functions=(QueryFunction.QUERY_DEFAULTS_INFORMATION,), object_groups=groups)
        answer: query.Response = perform(engine, Operation.QUERY, request, BOB)
        return answer.defaults_information

    assert told() == DefaultsInformation(object_defaults=(general, red, blue))
    assert told("red") == DefaultsInformation(object_defaults=(red, general))

    perform(engine, Operation.SET_DEFAULTS, set_defaults.Request())
    assert told() is None


def test_undo_takes_rules_back() -> None:
    engine = an_administered_engine()
    opaque = OpaqueObject(b"x")

    ask(
        engine,
        (Operation.SET_CONSTRAINTS, set_constraints.Request(constraints=(ALL_KEYS,))),
        (Operation.REGISTER, register.Request(object_type=ObjectType.SECRET_DATA, managed_object=opaque)),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )

    assert perform(engine, Operation.GET_CONSTRAINTS, get_constraints.Request()).constraints == ()
