"""The census of every store counts what counting objects one by one gives, at any instant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.storage.census import DAY, Census
from kmip_core.enums import ObjectType, State
from tests.builders import NOW, a_symmetric_key
from tests.contract.test_storage import STORES

KEY = ObjectType.SYMMETRIC_KEY


@pytest.fixture(params=[make for _, make in STORES], ids=[name for name, _ in STORES])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    opened = request.param(tmp_path)
    yield opened
    opened.close()


def put(storage: Any, *objects: Any) -> None:
    with storage.unit_of_work() as work:
        for managed_object, content in objects:
            work.add(managed_object, content)
        work.commit()


def test_an_empty_store_has_no_objects(storage: Any) -> None:
    assert storage.census(NOW) == Census(objects={}, expiring={1: 0, 7: 0, 30: 0})


def test_objects_are_counted_in_the_state_that_dates_have_brought(storage: Any) -> None:
    put(
        storage,
        a_symmetric_key("new"),
        a_symmetric_key("begun", activation_date=NOW - 10),
        a_symmetric_key("over", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW - 10),
        a_symmetric_key("tomorrow", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW + DAY),
        a_symmetric_key("next week", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW + 5 * DAY),
        a_symmetric_key("next month", deactivation_date=NOW + 20 * DAY),
        a_symmetric_key("next year", State.ACTIVE, activation_date=NOW - 20, deactivation_date=NOW + 300 * DAY),
    )

    assert storage.census(NOW) == Census(
        objects={(KEY, State.PRE_ACTIVE): 2, (KEY, State.ACTIVE): 4, (KEY, State.DEACTIVATED): 1},
        expiring={1: 1, 7: 2, 30: 3},
    )
    assert storage.census(NOW + 6 * DAY).objects[KEY, State.DEACTIVATED] == 3
