"""What every store promises of leases (`kmip_core.ports.leases`) and of what is due (`kmip_core.ports.schedule`)."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_core.enums import ObjectType, State
from kmip_core.lifecycle import changes_state
from kmip_core.rotation_rules import is_due
from tests.builders import NOW, a_symmetric_key
from tests.contract.test_storage import STORES


@pytest.fixture(params=[make for _, make in STORES], ids=[name for name, _ in STORES])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    opened = request.param(tmp_path)
    yield opened
    opened.close()


def put(storage: Any, *objects: Any) -> None:
    with storage.unit_of_work() as work:
        for managed_object, content in objects:
            work.add(managed_object, content if managed_object.has_content else None)
        work.commit()


# --- leases -----------------------------------------------------------------------------------------------------------


def test_one_holder_has_a_lease_until_its_time_is_over(storage: Any) -> None:
    assert storage.lease("work", "one", NOW, 60)
    assert not storage.lease("work", "two", NOW + 59, 60)
    assert storage.lease("other work", "two", NOW, 60)
    assert storage.lease("work", "two", NOW + 60, 60)
    assert not storage.lease("work", "one", NOW + 61, 60)


def test_a_holder_renews_its_lease(storage: Any) -> None:
    assert storage.lease("work", "one", NOW, 60)
    assert storage.lease("work", "one", NOW + 30, 60)
    assert not storage.lease("work", "two", NOW + 80, 60)


def test_a_lease_is_given_up_by_its_holder_alone(storage: Any) -> None:
    storage.lease("work", "one", NOW, 60)

    storage.give_up("work", "two")
    assert not storage.lease("work", "two", NOW, 60)
    storage.give_up("work", "one")
    assert storage.lease("work", "two", NOW, 60)


def test_of_many_that_ask_at_once_one_gets_the_lease(storage: Any) -> None:
    got: list[str] = []

    def ask(holder: str) -> None:
        if storage.lease("work", holder, NOW, 60):
            got.append(holder)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 1


# --- what is due ------------------------------------------------------------------------------------------------------


def rotating(name: str, state: State = State.ACTIVE, **attributes: Any) -> Any:
    given = {"rotate_automatic": True, "rotate_interval": 500, "initial_date": NOW - 500}
    return a_symmetric_key(name, state, **given | attributes)


SAMPLES = [
    rotating("due"),
    rotating("due and new", State.PRE_ACTIVE),
    rotating("exactly", initial_date=NOW - 500),
    rotating("too early", initial_date=NOW - 499),
    rotating("not automatic", rotate_automatic=False),
    rotating("nothing said", rotate_automatic=None),
    rotating("no interval", rotate_interval=None),
    rotating("no time", rotate_interval=0),
    rotating("longest", rotate_interval=2**32 - 1),
    rotating("no beginning", initial_date=None),
    rotating("from the end of time", initial_date=2**63 - 1),
    rotating("from before all time", initial_date=-(2**63)),
    rotating("deactivated", State.DEACTIVATED),
    rotating("compromised", State.COMPROMISED),
    rotating("destroyed", State.DESTROYED),
]


def test_what_is_due_for_rotation_is_what_the_rule_says(storage: Any) -> None:
    put(storage, *SAMPLES)

    found = storage.due_for_rotation(NOW, 0, 100)

    assert [one.unique_identifier for one in found] == [
        managed_object.unique_identifier for managed_object, _ in SAMPLES if is_due(managed_object.attributes, NOW)
    ]
    assert {"due", "due and new", "exactly", "from before all time"} == {one.unique_identifier for one in found}
    assert {one.owner for one in found} == {"alice"}


def test_what_is_due_is_read_a_piece_at_a_time(storage: Any) -> None:
    put(storage, *(rotating(f"k{number}") for number in range(5)))

    first = storage.due_for_rotation(NOW, 0, 2)
    second = storage.due_for_rotation(NOW, first[-1].place, 2)
    third = storage.due_for_rotation(NOW, second[-1].place, 2)

    assert [one.unique_identifier for one in (*first, *second, *third)] == ["k0", "k1", "k2", "k3", "k4"]
    assert storage.due_for_rotation(NOW, third[-1].place, 2) == ()


def test_the_objects_whose_state_dates_change_are_those_of_the_rule(storage: Any) -> None:
    samples = [
        a_symmetric_key("none"),
        a_symmetric_key("begins", activation_date=NOW - 5),
        a_symmetric_key("began long ago", activation_date=NOW - 50),
        a_symmetric_key("has begun", State.ACTIVE, activation_date=NOW - 5),
        a_symmetric_key("begins later", activation_date=NOW + 1),
        a_symmetric_key("at the first instant", activation_date=NOW - 10),
        a_symmetric_key("at the last", activation_date=NOW),
        a_symmetric_key("ends", State.ACTIVE, activation_date=NOW - 50, deactivation_date=NOW - 1),
        a_symmetric_key("begins and ends", activation_date=NOW - 6, deactivation_date=NOW - 1),
        a_symmetric_key("over", State.DEACTIVATED, deactivation_date=NOW - 1),
        a_symmetric_key("opaque", activation_date=NOW - 1, object_type=ObjectType.OPAQUE_OBJECT),
    ]
    put(storage, *samples[:-1])

    found = storage.state_changes(NOW - 10, NOW, 0, 100)

    assert [one.unique_identifier for one in found] == [
        managed_object.unique_identifier
        for managed_object, _ in samples
        if changes_state(managed_object.attributes, NOW - 10, NOW)
    ]
    assert [one.unique_identifier for one in found] == ["begins", "at the last", "ends", "begins and ends"]
    assert storage.state_changes(NOW - 10, NOW, found[1].place, 1) == found[2:3]
