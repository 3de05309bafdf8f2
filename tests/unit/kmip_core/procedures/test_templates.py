"""Templates named by requests."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Template
from kmip_core.operations import archive, create, register
from kmip_core.principal import Principal
from kmip_core.settings import Settings
from tests.builders import ALICE, BOB, a_custom, a_name, a_symmetric_key, an_engine, attributes_of, perform

WITHIN = Attributes(
    names=(a_name("t"),),
    cryptographic_algorithm=CryptographicAlgorithm.AES,
    cryptographic_length=128,
    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    object_groups=("template",),
    custom_attributes=(a_custom("ID", "template"),),
)


def a_template(engine: Engine, within: Attributes = WITHIN, principal: Principal = ALICE, **more: Any) -> str:
    request = register.Request(
        object_type=ObjectType.TEMPLATE,
        managed_object=Template(template_attributes=within),
        attributes=Attributes(**more),
    )
    identifier: str = perform(engine, Operation.REGISTER, request, principal).unique_identifier
    return identifier


def make(engine: Engine, *names: str, principal: Any = ALICE, **own: Any) -> Attributes:
    wanted = Attributes(template_names=tuple(map(a_name, names)), **own)
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=wanted)
    return attributes_of(engine, perform(engine, Operation.CREATE, request, principal).unique_identifier)


def refusal(*args: Any, **more: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        make(*args, **more)
    return refused.value.reason


def test_a_template_completes_a_request() -> None:
    engine = an_engine()
    a_template(engine)

    assert make(engine, "t").cryptographic_length == 128


def test_the_name_of_a_template_is_its_own() -> None:
    engine = an_engine()
    a_template(engine)

    assert make(engine, "t", names=(a_name("key"),)).names == (a_name("key"),)


def test_the_request_s_own_single_values_win() -> None:
    engine = an_engine()
    a_template(engine)

    assert make(engine, "t", cryptographic_length=256).cryptographic_length == 256


def test_multiple_values_are_united() -> None:
    engine = an_engine()
    a_template(engine)

    made = make(engine, "t", object_groups=("own",), custom_attributes=(a_custom("ID", "own"),))

    assert made.object_groups == ("template", "own")
    assert made.custom_attributes == (a_custom("ID", "template"), a_custom("ID", "own"))


def test_the_last_template_wins() -> None:
    engine = an_engine()
    a_template(engine)
    a_template(engine, evolve(WITHIN, names=(a_name("u"),), cryptographic_length=192))

    assert make(engine, "t", "u").cryptographic_length == 192
    assert make(engine, "u", "t").cryptographic_length == 128


def test_a_template_that_is_not_there_is_missing() -> None:
    assert refusal(an_engine(), "t") is ResultReason.ITEM_NOT_FOUND


def test_another_object_of_that_name_is_no_template() -> None:
    assert refusal(an_engine(a_symmetric_key(names=(a_name("t"),))), "t") is ResultReason.ITEM_NOT_FOUND


def test_a_template_of_another_client_looks_missing() -> None:
    engine = an_engine()
    a_template(engine)

    assert refusal(engine, "t", principal=BOB) is ResultReason.ITEM_NOT_FOUND


def test_a_public_template_of_another_client_is_not_used() -> None:
    engine = an_engine()
    a_template(engine, operation_policy_name="public")

    assert refusal(engine, "t", principal=BOB) is ResultReason.ITEM_NOT_FOUND


def test_another_client_s_template_of_the_same_name_changes_no_key_of_the_owner() -> None:
    engine = an_engine()
    own = evolve(WITHIN, cryptographic_length=192)
    a_template(engine, own, principal=BOB)
    a_template(engine, evolve(WITHIN, operation_policy_name="public"), operation_policy_name="public")

    made = make(engine, "t", principal=BOB)

    assert (made.cryptographic_length, made.operation_policy_name) == (192, "default")


def test_an_administrator_s_public_template_is_for_every_client() -> None:
    engine = an_engine(settings=Settings(administrators=frozenset({ALICE.name})))
    a_template(engine, operation_policy_name="public")

    assert make(engine, "t", principal=BOB).cryptographic_length == 128


def test_one_s_own_template_comes_before_an_administrator_s() -> None:
    engine = an_engine(settings=Settings(administrators=frozenset({ALICE.name})))
    a_template(engine, evolve(WITHIN, cryptographic_length=192), principal=BOB)
    a_template(engine, operation_policy_name="public")

    assert make(engine, "t", principal=BOB).cryptographic_length == 192


def test_an_administrator_s_private_template_is_used_for_no_other_client() -> None:
    engine = an_engine(settings=Settings(administrators=frozenset({ALICE.name})))
    a_template(engine)

    assert refusal(engine, "t", principal=BOB) is ResultReason.ITEM_NOT_FOUND


def test_an_archived_template_says_so() -> None:
    engine = an_engine()
    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=a_template(engine)))

    assert refusal(engine, "t") is ResultReason.OBJECT_ARCHIVED
