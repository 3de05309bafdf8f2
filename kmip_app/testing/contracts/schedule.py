"""What every store promises of what is due (`kmip_core.ports.schedule`); wanted: a fixture `opener`, an `Opener`."""

from typing import Any

from attrs import evolve

from kmip_app.testing.contracts.samples import NOW, a_key
from kmip_app.testing.contracts.storage.support import put, store  # noqa: F401
from kmip_core.enums import ObjectType, State
from kmip_core.lifecycle import changes_state
from kmip_core.objects import ManagedObject
from kmip_core.rotation_rules import is_due


def a_described_key(name: str, state: State = State.PRE_ACTIVE, **attributes: Any) -> ManagedObject:
    """Return the record of a key that began long ago; a destroyed one has no content."""
    has_content = state not in (State.DESTROYED, State.DESTROYED_COMPROMISED)
    given: dict[str, Any] = {"initial_date": NOW - 1_000, **attributes}
    return evolve(a_key(name, state=state, **given), has_content=has_content)


def rotating(name: str, state: State = State.ACTIVE, **attributes: Any) -> ManagedObject:
    given = {"rotate_automatic": True, "rotate_interval": 500, "initial_date": NOW - 500}
    return a_described_key(name, state, **given | attributes)


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


def test_objects_due_for_rotation_are_those_of_the_rule(store: Any) -> None:
    put(store, *SAMPLES)

    found = store.due_for_rotation(NOW, 0, 100)

    assert [one.unique_identifier for one in found] == [
        managed_object.unique_identifier for managed_object in SAMPLES if is_due(managed_object.attributes, NOW)
    ]
    assert {"due", "due and new", "exactly", "from before all time"} == {one.unique_identifier for one in found}
    assert {one.owner for one in found} == {"alice"}


def test_objects_due_for_rotation_are_read_a_piece_at_a_time(store: Any) -> None:
    put(store, *(rotating(f"k{number}") for number in range(5)))

    first = store.due_for_rotation(NOW, 0, 2)
    second = store.due_for_rotation(NOW, first[-1].place, 2)
    third = store.due_for_rotation(NOW, second[-1].place, 2)

    assert [one.unique_identifier for one in (*first, *second, *third)] == ["k0", "k1", "k2", "k3", "k4"]
    assert store.due_for_rotation(NOW, third[-1].place, 2) == ()


def test_the_objects_whose_state_dates_change_are_those_of_the_rule(store: Any) -> None:
    samples = [
        a_described_key("none"),
        a_described_key("begins", activation_date=NOW - 5),
        a_described_key("began long ago", activation_date=NOW - 50),
        a_described_key("has begun", State.ACTIVE, activation_date=NOW - 5),
        a_described_key("begins later", activation_date=NOW + 1),
        a_described_key("at the first instant", activation_date=NOW - 10),
        a_described_key("at the last", activation_date=NOW),
        a_described_key("ends", State.ACTIVE, activation_date=NOW - 50, deactivation_date=NOW - 1),
        a_described_key("begins and ends", activation_date=NOW - 6, deactivation_date=NOW - 1),
        a_described_key("over", State.DEACTIVATED, deactivation_date=NOW - 1),
        a_described_key("opaque", activation_date=NOW - 1, object_type=ObjectType.OPAQUE_OBJECT),
    ]
    put(store, *samples[:-1])

    found = store.state_changes(NOW - 10, NOW, 0, 100)

    assert [one.unique_identifier for one in found] == [
        managed_object.unique_identifier
        for managed_object in samples
        if changes_state(managed_object.attributes, NOW - 10, NOW)
    ]
    assert [one.unique_identifier for one in found] == ["begins", "at the last", "ends", "begins and ends"]
    assert store.state_changes(NOW - 10, NOW, found[1].place, 1) == found[2:3]
