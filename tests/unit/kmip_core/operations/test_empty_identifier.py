"""An empty Unique Identifier: left out for what reads or uses an object, refused for what changes one (RULINGS 25)."""

import pytest
from attrs import evolve

from kmip_core.enums import Operation, ResultReason, ResultStatus, State
from kmip_core.operations import CATALOGUE, get, locate
from kmip_core.rules import CHANGING
from tests.builders import a_symmetric_key, an_engine, an_instance, ask, stored
from tests.contract.test_access_matrix import EVERY_USE, MAIN, Place, wrapped_with

SINGLE = [place for place in MAIN if place.target.field.endswith("unique_identifier") and "." not in place.target.field]
CHANGED = [place for place in SINGLE if place.target.purpose in CHANGING]
USED = [place for place in SINGLE if place not in CHANGED]
FIND = (Operation.LOCATE, locate.Request(criteria=(an_instance("comment", "this"),)))


@pytest.mark.parametrize("place", CHANGED, ids=str)
def test_an_operation_that_changes_an_object_needs_its_identifier(place: Place) -> None:
    engine = an_engine(a_symmetric_key(comment="this", state=State.ACTIVE, cryptographic_usage_mask=EVERY_USE))
    before = stored(engine)

    _, item = ask(engine, FIND, (place.operation, place.request(""))).batch_items

    assert item.result_reason is ResultReason.INVALID_FIELD
    assert "empty" in (item.result_message or "")
    assert stored(engine) == before


@pytest.mark.parametrize("place", USED, ids=str)
def test_an_operation_that_uses_an_object_takes_the_id_placeholder(place: Place) -> None:
    engine = an_engine(a_symmetric_key(comment="this", state=State.ACTIVE, cryptographic_usage_mask=EVERY_USE))
    request = place.request("")
    field = place.target.field

    (_, empty), (_, absent) = (
        ask(engine, FIND, (place.operation, asked)).batch_items for asked in (request, evolve(request, **{field: None}))
    )

    assert (empty.result_status, empty.result_reason) == (absent.result_status, absent.result_reason)
    assert empty.result_message == absent.result_message


def test_the_changing_operations_are_those_that_change_or_destroy() -> None:
    names = {place.operation for place in CHANGED}

    assert names >= {
        Operation.DESTROY,
        Operation.REVOKE,
        Operation.ACTIVATE,
        Operation.ARCHIVE,
        Operation.RECOVER,
        Operation.RE_KEY,
        Operation.ADD_ATTRIBUTE,
        Operation.MODIFY_ATTRIBUTE,
        Operation.DELETE_ATTRIBUTE,
        Operation.SET_ATTRIBUTE,
        Operation.GET_USAGE_ALLOCATION,
    }
    assert names.isdisjoint({Operation.GET, Operation.GET_ATTRIBUTES, Operation.ENCRYPT, Operation.SIGN})
    assert names <= set(CATALOGUE)


def test_an_empty_wrapping_key_is_no_missing_wrapping_key() -> None:
    engine = an_engine(a_symmetric_key("mine", State.ACTIVE, cryptographic_usage_mask=EVERY_USE))

    (item,) = ask(engine, (Operation.GET, wrapped_with(""))).batch_items

    assert item.result_status is ResultStatus.OPERATION_FAILED


def test_without_a_placeholder_an_empty_identifier_names_nothing() -> None:
    (item,) = ask(an_engine(), (Operation.GET, get.Request(unique_identifier=""))).batch_items

    assert item.result_reason is ResultReason.ITEM_NOT_FOUND
