"""Locate; what satisfies a criterion is `criteria`'s."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.criteria import LocateQuery
from kmip_core.engine import Engine
from kmip_core.enums import (
    ObjectGroupMember,
    Operation,
    ResultReason,
    State,
    StorageStatusMask,
)
from kmip_core.errors import KmipError
from kmip_core.operations import get, locate
from kmip_core.ports.steps import Pace
from kmip_core.settings import Settings
from tests.builders import BOB, a_name, a_symmetric_key, an_engine, an_instance, ask, perform

GET = (Operation.GET, get.Request())


def found(engine: Engine, *criteria: Any, **more: Any) -> tuple[str, ...]:
    request = locate.Request(criteria=criteria, **more)
    identifiers: tuple[str, ...] = perform(engine, Operation.LOCATE, request).unique_identifiers
    return identifiers


def three_keys() -> Engine:
    return an_engine(*(a_symmetric_key(name, names=(a_name("same"),)) for name in ("1", "2", "3")))


def test_locate_returns_the_newest_first() -> None:
    assert found(three_keys()) == ("3", "2", "1")


def test_locate_wants_all_criteria() -> None:
    engine = an_engine(a_symmetric_key("1", comment="a"), a_symmetric_key("2", comment="a", description="b"))

    assert found(engine, an_instance("comment", "a"), an_instance("description", "b")) == ("2",)


def test_locate_returns_a_page() -> None:
    assert found(three_keys(), maximum_items=1, offset_items=1) == ("2",)


def test_locate_counts_for_who_asks_for_a_page() -> None:
    request = locate.Request(maximum_items=1, offset_items=0)

    assert perform(three_keys(), Operation.LOCATE, request).located_items == 3


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, None),
        ({"maximum_items": 2}, 3),
        ({"maximum_items": 2, "counts_items": False}, None),
        ({"maximum_items": 1}, None),
    ],
    ids=["no page", "a page from 1.3 on", "a page before 1.3", "one item"],
)
def test_locate_counts_for_a_client_that_pages(fields: dict[str, Any], count: int | None) -> None:
    assert perform(three_keys(), Operation.LOCATE, locate.Request(**fields)).located_items == count


@pytest.mark.parametrize("field", ["maximum_items", "offset_items"])
def test_locate_refuses_a_negative(field: str) -> None:
    with pytest.raises(KmipError) as refused:
        found(three_keys(), **{field: -1})

    assert refused.value.reason is ResultReason.INVALID_FIELD


def test_locate_shows_no_client_the_objects_of_another() -> None:
    answer = perform(three_keys(), Operation.LOCATE, locate.Request(), BOB)

    assert answer.unique_identifiers == ()


def test_locate_finds_destroyed_objects_only_by_storage_status_mask() -> None:
    engine = an_engine(a_symmetric_key(state=State.DESTROYED))

    assert found(engine) == ()
    assert found(engine, storage_status_mask=StorageStatusMask.DESTROYED_STORAGE) == ("key",)


def test_locate_finds_fresh_members_of_a_group() -> None:
    engine = an_engine(
        a_symmetric_key("used", object_groups=("g",), fresh=False),
        a_symmetric_key("new", object_groups=("g",), fresh=True),
    )
    group = an_instance("object_groups", "g")

    assert found(engine, group, object_group_member=ObjectGroupMember.GROUP_MEMBER_FRESH) == ("new",)
    assert found(engine, group, object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT) == ("new",)


def test_one_result_becomes_the_id_placeholder() -> None:
    request = locate.Request(maximum_items=1)

    _, got = ask(three_keys(), (Operation.LOCATE, request), GET).batch_items

    assert got.payload.unique_identifier == "3"


@pytest.mark.parametrize("request_", [locate.Request(), locate.Request(criteria=(an_instance("comment", "?"),))])
def test_several_results_or_none_empty_the_id_placeholder(request_: locate.Request) -> None:
    one = locate.Request(maximum_items=1)

    _, _, got = ask(three_keys(), (Operation.LOCATE, one), (Operation.LOCATE, request_), GET).batch_items

    assert got.result_reason is ResultReason.ITEM_NOT_FOUND


@pytest.mark.parametrize("maximum", [None, 1_000])
def test_locate_refuses_to_find_more_than_an_answer_holds(maximum: int | None) -> None:
    two = Settings(maximum_response_size=2 * locate.IDENTIFIER)
    engine = an_engine(*(a_symmetric_key(name) for name in ("1", "2", "3")), settings=two)

    with pytest.raises(KmipError) as refused:
        found(engine, maximum_items=maximum)

    assert refused.value.reason is ResultReason.RESPONSE_TOO_LARGE
    assert found(engine, maximum_items=2) == ("3", "2")


def test_locate_does_not_have_the_store_look_for_more_than_an_answer_holds() -> None:
    asked: list[LocateQuery] = []

    class AskedStorage(MemoryStorage):
        @contextmanager
        def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
            with super().unit_of_work(pace) as work:
                locate_here = work.locate
                work.locate = lambda query: (asked.append(query), locate_here(query))[1]  # type: ignore[method-assign]
                yield work

    engine = an_engine(storage=AskedStorage())
    found(engine)
    found(engine, maximum_items=2**31 - 1, offset_items=0)

    most = engine.services.settings.maximum_response_size // locate.IDENTIFIER
    assert [(query.maximum_items, query.is_counted) for query in asked] == [(most + 1, False), (most + 1, True)]
