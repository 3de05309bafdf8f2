"""Set Attribute."""

from typing import Any

import pytest

from kmip_core.engine import Engine
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import set_attribute
from tests.builders import a_custom, a_symmetric_key, an_engine, an_instance, attributes_of, perform


def put(engine: Engine, attribute: str, value: Any) -> set_attribute.Response:
    request = set_attribute.Request(unique_identifier="key", new_attribute=an_instance(attribute, value))
    response: set_attribute.Response = perform(engine, Operation.SET_ATTRIBUTE, request)
    return response


def test_set_adds_a_value_that_is_not_there() -> None:
    engine = an_engine(a_symmetric_key())

    assert put(engine, "comment", "new") == set_attribute.Response(unique_identifier="key")
    assert attributes_of(engine).comment == "new"


def test_set_changes_the_value_that_is_there() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_custom("Set", "one"),)))

    put(engine, "x-Set", "two")

    assert attributes_of(engine).custom_attributes == (a_custom("Set", "two"),)


def test_set_refuses_an_attribute_with_several_values() -> None:
    engine = an_engine(a_symmetric_key(custom_attributes=(a_custom("Set", "one"), a_custom("Set", "two"))))

    with pytest.raises(KmipError) as refused:
        put(engine, "x-Set", "three")

    assert refused.value.reason is ResultReason.MULTI_VALUED_ATTRIBUTE


def test_set_refuses_what_the_server_sets() -> None:
    with pytest.raises(KmipError) as refused:
        put(an_engine(a_symmetric_key()), "fresh", True)

    assert refused.value.reason is ResultReason.READ_ONLY_ATTRIBUTE
