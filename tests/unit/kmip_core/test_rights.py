"""Rights judged one by one; the matrix of all operations is a contract test."""

import pytest

from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.rights import (
    ObjectGroups,
    Objects,
    Operations,
    Right,
    Rights,
    check_identifier,
    check_object,
    check_operation,
)
from tests.builders import a_symmetric_key

KEY, _ = a_symmetric_key("key")
READ = Operations(operations=(Operation.GET,))
IT = Objects(unique_identifiers=("key",))
OTHERS = Objects(unique_identifiers=("KEY", "ke"))


def refused(rights: Rights | None, operation: Operation, *, names_objects: bool) -> ResultReason | None:
    try:
        check_operation(rights, operation, names_objects=names_objects)
        if names_objects:
            check_object(check_identifier(rights, operation, KEY.unique_identifier), operation, KEY)
    except KmipError as error:
        return error.reason
    return None


@pytest.mark.parametrize("names_objects", [True, False])
def test_without_rights_everything_is_left_to_the_policy(names_objects: bool) -> None:
    assert refused(None, Operation.GET, names_objects=names_objects) is None


@pytest.mark.parametrize(
    ("right", "operation", "reason"),
    [
        pytest.param(Right(), Operation.GET, None, id="ok no restriction"),
        pytest.param(Right(operations=READ, objects=IT), Operation.GET, None, id="ok both are named"),
        pytest.param(Right(operations=READ, objects=IT), Operation.DESTROY, ResultReason.NOT_AUTHORISED, id="fail op"),
        pytest.param(Right(operations=READ, objects=OTHERS), Operation.GET, ResultReason.NOT_AUTHORISED, id="fail it"),
    ],
)
def test_a_right_names_operations_and_objects(right: Right, operation: Operation, reason: ResultReason | None) -> None:
    assert refused(Rights(rights=(right,)), operation, names_objects=True) is reason


def test_rights_are_not_mixed() -> None:
    rights = Rights(
        rights=(Right(operations=READ, objects=OTHERS), Right(operations=Operations(operations=(Operation.DESTROY,))))
    )

    assert refused(rights, Operation.GET, names_objects=True) is ResultReason.NOT_AUTHORISED
    assert refused(rights, Operation.DESTROY, names_objects=True) is None


def test_an_operation_about_no_object_needs_a_right_without_objects() -> None:
    restricted, free = Right(objects=IT), Right(operations=Operations(operations=(Operation.CREATE,)))

    assert refused(Rights(rights=(restricted,)), Operation.CREATE, names_objects=False) is ResultReason.NOT_AUTHORISED
    assert refused(Rights(rights=(restricted, free)), Operation.CREATE, names_objects=False) is None


def test_rights_by_group_say_the_same_of_what_is_missing_and_of_what_is_in_no_group() -> None:
    held = check_identifier(
        Rights(rights=(Right(object_groups=ObjectGroups(object_groups=("g",))),)), Operation.GET, "x"
    )

    for managed_object in (None, KEY):
        with pytest.raises(KmipError) as refused_:
            check_object(held, Operation.GET, managed_object)
        assert refused_.value.reason is ResultReason.NOT_AUTHORISED
