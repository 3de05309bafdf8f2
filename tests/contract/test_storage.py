"""What every store promises (`kmip_core.ports.storage`), tried on all of them."""

import base64
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.backends import BACKENDS
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.container import Container
from kmip_core.attributes import BY_TYPE, DATES, FIELDS, Attributes
from kmip_core.creation_rules import Constraint, ObjectDefaults
from kmip_core.criteria import NEVER, Located, LocateQuery, satisfies
from kmip_core.enums import (
    CryptographicUsageMask,
    ItemType,
    LinkType,
    ObjectGroupMember,
    ObjectType,
    Operation,
    ResultReason,
    State,
    StorageStatusMask,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.policy import Visibility
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange, TakesLong
from kmip_core.rights import ObjectGroups, Objects, Operations, Right, Rights
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CertificateAttributes,
    CustomAttribute,
    Link,
    TypedValue,
    UsageLimits,
)
from kmip_core.tickets import Grant, StoredTicket, TicketCounts
from tests import postgresql
from tests.contract.storage_samples import (
    DATES as SOME_DATES,
)
from tests.contract.storage_samples import (
    KEY,
    NOW,
    SAMPLES,
    a_key,
    a_name,
    admitted,
    content,
    criterion,
    query,
    sees,
    with_attribute,
)

Store = Any
"""A Storage that is an Outbox as well."""


@frozen
class Opener:
    """Opens one kind of store, again and again on the same data if it is durable."""

    make: Callable[[Path], Store]
    directory: Path

    def __call__(self) -> Store:
        return self.make(self.directory)


def open_memory(_: Path) -> Store:
    return MemoryStorage()


def open_sqlite(directory: Path) -> Store:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer)


def open_postgresql(directory: Path) -> Store:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(postgresql.url_for(directory), make_sealer)


STORES: list[tuple[str, Callable[[Path], Store]]] = [
    ("memory", open_memory),
    ("sql", open_sqlite),
    ("sql on postgresql", open_postgresql),
]


def test_every_adapter_of_the_container_is_held_to_the_contract() -> None:
    assert {name.partition(" on ")[0] for name, _ in STORES} == set(Container.storage.providers)


def test_every_engine_of_the_sql_store_is_held_to_the_contract() -> None:
    assert {"sqlite", *(name.partition(" on ")[2] for name, _ in STORES)} - {""} == set(BACKENDS)


@pytest.fixture(params=[make for _, make in STORES], ids=[name for name, _ in STORES])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    return Opener(request.param, tmp_path)


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    opened = opener()
    yield opened
    opened.close()


def put(store: Store, *objects: ManagedObject, key: bytes = KEY) -> None:
    with store.unit_of_work() as work:
        for managed_object in objects:
            work.add(managed_object, content(key) if managed_object.has_content else None)
        work.commit()


def found(store: Store, unique_identifier: str) -> ManagedObject | None:
    with store.unit_of_work() as work:
        return work.find(unique_identifier)


def present(store: Store, unique_identifier: str) -> ManagedObject:
    managed_object = found(store, unique_identifier)
    assert managed_object is not None
    return managed_object


def located(store: Store, wanted: LocateQuery) -> tuple[str, ...]:
    with store.unit_of_work() as work:
        return work.locate(wanted).unique_identifiers


def an_audit_record(number: int) -> AuditRecord:
    return AuditRecord(record_id=f"record-{number}", time=NOW, principal="alice", event="Create")


# --- units of work --------------------------------------------------------------------------------------------------


def test_what_was_added_is_found(store: Store) -> None:
    put(store, a_key("k1"))

    with store.unit_of_work() as work:
        managed_object = work.find("k1")
        assert evolve(a_key("k1"), version=1) == managed_object
        assert content() == work.content(admitted(managed_object))


def test_what_is_not_there_is_none(store: Store) -> None:
    assert found(store, "nothing") is None


def test_leaving_without_commit_discards(store: Store) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        assert work.has_writes

    assert found(store, "k1") is None


def test_reading_is_no_write(store: Store) -> None:
    put(store, a_key("k1"))

    with store.unit_of_work() as work:
        work.find("k1")
        work.locate(query())

        assert not work.has_writes


def test_a_unit_of_work_sees_its_own_writes(store: Store) -> None:
    put(store, a_key("old"), a_key("gone"), a_key("changed", names=(a_name("a"),)))

    with store.unit_of_work() as work:
        work.add(a_key("new", names=(a_name("a"),)), content(b"n" * 16))
        changed = work.find("changed")
        work.save(evolve(changed, attributes=evolve(changed.attributes, names=(a_name("b"),))))
        work.remove("gone")

        assert content(b"n" * 16) == work.content(admitted(work.find("new")))
        assert content() == work.content(admitted(work.find("changed")))
        assert work.find("gone") is None
        assert work.locate(query()).unique_identifiers == ("new", "changed", "old")
        assert work.locate(query(criterion("names", a_name("a")))).unique_identifiers == ("new",)
        assert work.locate(query(criterion("names", a_name("b")))).unique_identifiers == ("changed",)
        page = work.locate(query(offset_items=1, maximum_items=1))
        assert (page.unique_identifiers, page.located_items) == (("changed",), 3)


def test_others_see_writes_only_after_commit(store: Store) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        assert found(store, "k1") is None
        work.commit()
        assert present(store, "k1")


def test_a_unit_of_work_reads_one_instant(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))

    with store.unit_of_work() as work:
        work.find("k1")
        with store.unit_of_work() as other:
            other.remove("k2")
            other.add(a_key("k3"), content())
            other.commit()

        assert work.find("k2") is not None
        assert work.locate(query()).unique_identifiers == ("k2", "k1")
    assert located(store, query()) == ("k3", "k1")


def test_a_saved_change_raises_the_version(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        work.save(evolve(work.find("k1"), archived=True))
        work.commit()

    assert evolve(a_key("k1"), version=2, archived=True) == present(store, "k1")


def test_two_saves_in_one_unit_of_work_are_one_change(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        for comment in ("first", "second"):
            read = work.find("k1")
            work.save(evolve(read, attributes=evolve(read.attributes, comment=comment)))
        work.commit()

    assert (present(store, "k1").version, present(store, "k1").attributes.comment) == (2, "second")


def test_a_save_after_somebody_else_is_refused_and_changes_nothing(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))
    with store.unit_of_work() as late:
        stale, other = late.find("k1"), late.find("k2")
        with store.unit_of_work() as work:
            work.save(evolve(work.find("k1"), archived=True))
            work.commit()
        late.save(evolve(other, archived=True))
        late.save(evolve(stale, has_content=False))
        late.add(a_key("k3"), content())
        late.record(an_audit_record(1))

        with pytest.raises(ConcurrentChange):
            late.commit()
    assert not present(store, "k2").archived
    assert present(store, "k1").has_content
    assert found(store, "k3") is None
    assert store.pending_records() == ()


def test_what_is_handed_over_is_there_once_its_result_is(store: Store) -> None:
    told = threading.Event()
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.record(an_audit_record(1))
        commitment = work.hand_over()
    commitment.add_done_callback(told.set)
    commitment.wait()

    assert told.wait(30)
    assert commitment.is_done
    commitment.result()
    assert present(store, "k1")
    assert store.pending_records() == (an_audit_record(1),)


def test_nothing_handed_over_is_known_at_once(store: Store) -> None:
    with store.unit_of_work() as work:
        work.find("k1")
        commitment = work.hand_over()

        assert commitment.is_done
        commitment.result()


def test_of_many_handed_over_at_once_only_the_first_of_a_name_is_kept(store: Store) -> None:
    commitments = []
    for number in range(40):
        with store.unit_of_work() as work:
            work.add(a_key(f"k{number % 30}", owner=f"owner {number}"), content())
            work.add(a_key(f"beside {number}"), content())
            commitments.append(work.hand_over())
    outcomes = []
    for commitment in commitments:
        try:
            commitment.result()
        except ConcurrentChange:
            outcomes.append(False)
        else:
            outcomes.append(True)

    assert outcomes == [True] * 30 + [False] * 10
    assert [present(store, f"k{number}").owner for number in range(30)] == [f"owner {n}" for n in range(30)]
    assert [found(store, f"beside {number}") is not None for number in range(40)] == outcomes
    assert located(store, query(maximum_items=2)) == ("beside 29", "beside 28")


def test_a_removal_after_somebody_else_is_refused(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as late:
        late.remove("k1")
        with store.unit_of_work() as work:
            work.save(evolve(work.find("k1"), archived=True))
            work.commit()

        with pytest.raises(ConcurrentChange):
            late.commit()


def test_a_save_of_what_was_removed_is_refused(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as late:
        stale = late.find("k1")
        with store.unit_of_work() as work:
            work.remove("k1")
            work.commit()
        late.save(evolve(stale, archived=True))

        with pytest.raises(ConcurrentChange):
            late.commit()
    assert found(store, "k1") is None


def test_an_identifier_is_given_once(store: Store) -> None:
    put(store, a_key("k1"))

    with pytest.raises(ConcurrentChange):
        put(store, a_key("k1", owner="bob"))
    assert present(store, "k1").owner == "alice"


def test_what_is_removed_leaves_no_trace(store: Store) -> None:
    put(store, a_key("k1", names=(a_name("a"),)))
    with store.unit_of_work() as work:
        work.remove("k1")
        work.commit()

    assert found(store, "k1") is None
    assert located(store, query(criterion("names", a_name("a")))) == ()
    put(store, a_key("k1"))
    assert located(store, query(criterion("names", a_name("a")))) == ()


def test_what_was_added_and_removed_at_once_never_was(store: Store) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.remove("k1")
        assert work.find("k1") is None
        work.commit()

    assert found(store, "k1") is None


# --- content --------------------------------------------------------------------------------------------------------


def test_content_is_kept_when_attributes_change(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        work.save(evolve(work.find("k1"), archived=True))
        work.commit()

    with store.unit_of_work() as work:
        assert content() == work.content(admitted(evolve(work.find("k1"), archived=False)))


def test_content_is_replaced_by_a_save_that_brings_some(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        work.save(work.find("k1"), content(b"n" * 32))
        assert content(b"n" * 32) == work.content(admitted(work.find("k1")))
        work.commit()

    with store.unit_of_work() as work:
        assert content(b"n" * 32) == work.content(admitted(work.find("k1")))


def test_erased_content_is_gone(store: Store) -> None:
    put(store, a_key("k1"))
    with store.unit_of_work() as work:
        read = work.find("k1")
        destroyed = evolve(read.attributes, state=State.DESTROYED)
        work.save(evolve(read, has_content=False, attributes=destroyed))
        with pytest.raises(KmipError) as before:
            work.content(admitted(work.find("k1")))
        work.commit()

    with store.unit_of_work() as work, pytest.raises(KmipError) as after:
        work.content(admitted(work.find("k1")))
    assert ResultReason.OBJECT_DESTROYED == before.value.reason == after.value.reason


def test_an_object_registered_without_its_key_value_has_no_content(store: Store) -> None:
    put(store, evolve(a_key("k1"), has_content=False))

    with store.unit_of_work() as work, pytest.raises(KmipError) as refused:
        work.content(admitted(work.find("k1")))
    assert refused.value.reason == ResultReason.KEY_VALUE_NOT_PRESENT


# --- locate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", sorted(set(FIELDS) - BY_TYPE - {"unique_identifier", "object_type"}))
def test_every_attribute_is_a_criterion(store: Store, attribute: str) -> None:
    value = SAMPLES[attribute]
    without = a_key("without", cryptographic_algorithm=None, cryptographic_length=None, initial_date=None)
    without = evolve(without, attributes=evolve(without.attributes, cryptographic_usage_mask=None))
    marked = with_attribute(evolve(without, unique_identifier="with"), attribute, value)
    put(store, without, marked)
    everyone = Visibility(
        owner="alice",
        owned=frozenset((p, t) for p in ("default", "a text") for t in ObjectType),
        everyone=frozenset(),
    )
    wanted = query(criterion(attribute, value), visibility=everyone, storage_status_mask=StorageStatusMask(7))

    assert located(store, wanted) == ("with",)


def test_unique_identifier_and_type_are_criteria(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"), a_key("o1", object_type=ObjectType.OPAQUE_OBJECT))

    assert located(store, query(criterion("unique_identifier", "k2"))) == ("k2",)
    assert located(store, query(criterion("object_type", ObjectType.OPAQUE_OBJECT))) == ("o1",)
    both = query(criterion("unique_identifier", "k2"), criterion("object_type", ObjectType.OPAQUE_OBJECT))
    assert located(store, both) == ()


def test_custom_attributes_are_criteria_by_vendor_name_and_value(store: Store) -> None:
    blue = TypedValue(ItemType.TEXT_STRING, "blue")
    put(
        store,
        a_key("k1"),
        a_key(
            "k2",
            custom_attributes=(
                CustomAttribute(vendor_identification="x", attribute_name="colour", attribute_value=blue),
                CustomAttribute(
                    vendor_identification="x",
                    attribute_name="colour",
                    attribute_value=TypedValue(ItemType.INTEGER, 7),
                ),
            ),
        ),
    )

    assert located(store, query(criterion("colour", blue, "x"))) == ("k2",)
    assert located(store, query(criterion("colour", TypedValue(ItemType.INTEGER, 7), "x"))) == ("k2",)
    assert located(store, query(criterion("colour", TypedValue(ItemType.INTEGER, 8), "x"))) == ()
    assert located(store, query(criterion("colour", blue, "y"))) == ()
    assert located(store, query(criterion("state", blue, "x"))) == ()


def test_changed_and_deleted_values_are_no_longer_found(store: Store) -> None:
    put(store, a_key("k1", names=(a_name("a"), a_name("b")), object_groups=("g",)))
    with store.unit_of_work() as work:
        read = work.find("k1")
        changed = evolve(read.attributes, names=(a_name("b"), a_name("c")), object_groups=())
        work.save(evolve(read, attributes=changed))
        work.commit()

    hits = {text: located(store, query(criterion("names", a_name(text)))) for text in "abc"}
    assert hits == {"a": (), "b": ("k1",), "c": ("k1",)}
    assert located(store, query(criterion("object_groups", "g"))) == ()


def test_a_namespace_alone_finds_all_its_data(store: Store) -> None:
    information = ApplicationSpecificInformation(application_namespace="ssh", application_data="host")
    put(store, a_key("k1", application_specific_information=(information,)), a_key("k2"))

    for data, expected in (("host", ("k1",)), (None, ("k1",)), ("other", ())):
        wanted = evolve(information, application_data=data)
        assert expected == located(store, query(criterion("application_specific_information", wanted)))


def test_a_usage_mask_finds_objects_that_have_all_its_bits(store: Store) -> None:
    mask = CryptographicUsageMask
    put(
        store,
        a_key("e", cryptographic_usage_mask=mask.ENCRYPT),
        a_key("ed", cryptographic_usage_mask=mask.ENCRYPT | mask.DECRYPT),
        a_key("none", cryptographic_usage_mask=None),
    )

    def finds(wanted: CryptographicUsageMask) -> tuple[str, ...]:
        return located(store, query(criterion("cryptographic_usage_mask", wanted)))

    assert finds(mask.ENCRYPT) == ("ed", "e")
    assert finds(mask.ENCRYPT | mask.DECRYPT) == ("ed",)
    assert finds(mask.ENCRYPT | mask.SIGN) == ()
    assert finds(mask(0)) == ("ed", "e")


@pytest.mark.parametrize("date", sorted(DATES))
def test_two_dates_are_a_range_and_one_is_exact(store: Store, date: str) -> None:
    put(store, *(evolve_date(a_key(f"k{n}", initial_date=None), date, NOW - 100 + n) for n in range(4)))
    put(store, a_key("none", initial_date=None))

    def finds(*dates: int) -> tuple[str, ...]:
        return located(store, query(*(criterion(date, NOW - 100 + n) for n in dates)))

    assert finds(2) == ("k2",)
    assert finds(1, 2) == ("k2", "k1")
    assert finds(2, 1) == ("k2", "k1")
    assert finds(-50, 50) == ("k3", "k2", "k1", "k0")
    assert finds(7) == ()
    with pytest.raises(KmipError) as refused:
        finds(1, 2, 3)
    assert refused.value.reason == ResultReason.INVALID_FIELD


@pytest.mark.parametrize("date", sorted(DATES))
def test_the_largest_date_stands_for_none(store: Store, date: str) -> None:
    put(store, *(evolve_date(a_key(f"k{n}", initial_date=None), date, NOW + n) for n in range(3)))
    put(store, a_key("none", initial_date=None))
    other = next(name for name in sorted(DATES) if name != date)
    put(store, evolve_date(evolve_date(a_key("both", initial_date=None), date, NOW), other, NOW))

    def finds(*criteria: tuple[str, int]) -> tuple[str, ...]:
        return located(store, query(*(criterion(name, value) for name, value in criteria)))

    assert finds((date, NEVER)) == ("none",)
    assert finds((date, NOW + 1), (date, NEVER)) == ("none", "k2", "k1")
    assert finds((date, NEVER), (other, NEVER)) == ("none",)
    assert finds((date, NOW), (other, NEVER)) == ("k0",)
    assert finds((date, NOW), (date, NEVER), (other, NOW)) == ("both",)


def evolve_date(managed_object: ManagedObject, date: str, value: int) -> ManagedObject:
    return with_attribute(managed_object, date, value)


def test_two_ranges_and_a_name_must_all_hold(store: Store) -> None:
    for number in range(6):
        key = a_key(f"k{number}", initial_date=NOW + number, original_creation_date=NOW - number)
        put(store, with_attribute(key, "names", a_name("even" if number % 2 == 0 else "odd")))

    ranges = (
        criterion("initial_date", NOW + 1),
        criterion("initial_date", NOW + 4),
        criterion("original_creation_date", NOW - 9),
        criterion("original_creation_date", NOW - 2),
    )
    assert located(store, query(*ranges)) == ("k4", "k3", "k2")
    assert located(store, query(*ranges, criterion("names", a_name("even")))) == ("k4", "k2")


def test_an_unknown_attribute_is_refused_not_ignored(store: Store) -> None:
    with store.unit_of_work() as work, pytest.raises(KmipError) as refused:
        work.locate(query(criterion("shoe_size", 43)))
    assert refused.value.reason == ResultReason.INVALID_ATTRIBUTE


def test_as_many_criteria_as_allowed_are_answered_and_more_refused(store: Store) -> None:
    mask = CryptographicUsageMask(0xFFFFFF)
    put(store, a_key("k1", names=tuple(a_name(f"n{n}") for n in range(63)), cryptographic_usage_mask=mask))
    names = [criterion("names", a_name(f"n{n}")) for n in range(63)]

    assert located(store, query(*names, criterion("cryptographic_usage_mask", mask))) == ("k1",)
    with store.unit_of_work() as work, pytest.raises(KmipError) as refused:
        work.locate(query(*names, *names[:2]))
    assert refused.value.reason == ResultReason.INVALID_FIELD


def test_the_newest_come_first_page_by_page(store: Store) -> None:
    put(store, *(a_key(f"k{number}") for number in range(5)))
    with store.unit_of_work() as work:  # a change does not move an object
        work.save(evolve(work.find("k1"), attributes=evolve(work.find("k1").attributes, comment="c")))
        work.commit()

    pages = []
    for offset in (0, 2, 4, 6):
        with store.unit_of_work() as work:
            pages.append(work.locate(query(offset_items=offset, maximum_items=2)))
    assert [page.unique_identifiers for page in pages] == [("k4", "k3"), ("k2", "k1"), ("k0",), ()]
    assert [page.located_items for page in pages] == [5, 5, 5, 5]


def test_nothing_is_counted_that_nobody_asked_for(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))

    with store.unit_of_work() as work:
        answer = work.locate(query(maximum_items=1, is_counted=False))
        work.add(a_key("k3"), content())
        beside_a_write = work.locate(query(maximum_items=1, is_counted=False))

    assert (answer.unique_identifiers, answer.located_items) == (("k2",), None)
    assert (beside_a_write.unique_identifiers, beside_a_write.located_items) == (("k3",), None)


@pytest.mark.parametrize("pace", [Pace.QUICK, Pace.COMMITS, Pace.BRIEF])
def test_what_is_short_is_done_at_any_pace(store: Store, pace: Pace) -> None:
    put(store, *(a_key(f"k{number}", names=(a_name("one"),)) for number in range(3)))

    with store.unit_of_work(pace) as work:
        assert work.find("k1").unique_identifier == "k1"
        assert work.locate(query(criterion("names", a_name("one")))).located_items == 3


def test_what_takes_long_is_left_to_a_slower_pace(store: Store) -> None:
    if store.blocking:
        pytest.skip("a store that may wait for another machine never runs on the loop; its budget is in milliseconds")
    many = 3_000
    shared: dict[str, Any] = {"names": (a_name("one"),), "usage_limits": usage_limits(1)}
    put(store, *(a_key(f"k{number}", **shared) for number in range(many)))
    named = criterion("names", a_name("one"))
    wanted = {
        "all": query(is_counted=False),
        "a name that all have": query(named, is_counted=False),
        "one, and the number of all": query(named, maximum_items=1),
        "the last page": query(maximum_items=1, offset_items=many - 1, is_counted=False),
        "what none has": query(criterion("cryptographic_length", 1), maximum_items=1, is_counted=False),
        "a part of a structure": query(criterion("usage_limits", usage_limits(1)), is_counted=False),
    }

    for title, asked in wanted.items():
        with store.unit_of_work(Pace.QUICK) as work:
            with pytest.raises(TakesLong):
                pytest.fail(f"{title}: {work.locate(asked)}")
            assert work.find("k1") is not None  # nothing is left of it
        with store.unit_of_work(Pace.SLOW) as work:
            work.locate(asked)


def test_a_maximum_of_zero_counts_only(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))

    with store.unit_of_work() as work:
        answer = work.locate(query(maximum_items=0))
    assert (answer.unique_identifiers, answer.located_items) == ((), 2)


def test_objects_of_others_are_not_found_but_published_ones_are(store: Store) -> None:
    put(
        store,
        a_key("mine"),
        a_key("theirs", owner="bob"),
        a_key("published", owner="bob", object_type=ObjectType.PUBLIC_KEY),
        a_key("own published", object_type=ObjectType.PUBLIC_KEY),
        a_key("strange policy", operation_policy_name="nobody knows"),
    )

    assert located(store, query()) == ("own published", "published", "mine")
    assert located(store, query(visibility=sees("bob"))) == ("own published", "published", "theirs")
    nothing = Visibility(owner="alice", owned=frozenset(), everyone=frozenset())
    assert located(store, query(visibility=nothing)) == ()


def test_many_policies_shown_to_everybody_are_searched_as_one(store: Store) -> None:
    policies = [f"policy {number}" for number in range(30)]
    put(store, *(a_key(f"k{n}", owner="bob", operation_policy_name=p) for n, p in enumerate(policies)))
    everyone = frozenset((policy, ObjectType.SYMMETRIC_KEY) for policy in policies)
    visibility = Visibility(owner="alice", owned=frozenset(), everyone=everyone)

    page = query(visibility=visibility, maximum_items=3)
    assert located(store, page) == ("k29", "k28", "k27")


def test_archived_objects_are_found_when_asked_for(store: Store) -> None:
    put(store, a_key("on line"), a_key("destroyed", state=State.DESTROYED))
    put(store, evolve(a_key("archived"), archived=True))
    mask = StorageStatusMask

    def finds(wanted: StorageStatusMask | None) -> tuple[str, ...]:
        return located(store, query(storage_status_mask=wanted))

    assert finds(None) == ("on line",)
    assert finds(mask.ON_LINE_STORAGE) == ("on line",)
    assert finds(mask.ARCHIVAL_STORAGE) == ("archived",)
    assert finds(mask.DESTROYED_STORAGE) == ("destroyed",)
    assert finds(mask.ARCHIVAL_STORAGE | mask.DESTROYED_STORAGE) == ("archived", "destroyed")


def test_fresh_group_members_are_those_never_handed_out(store: Store) -> None:
    put(store, a_key("used", object_groups=("g",), fresh=False), a_key("fresh", object_groups=("g",), fresh=True))
    group = criterion("object_groups", "g")

    assert located(store, query(group, object_group_member=ObjectGroupMember.GROUP_MEMBER_FRESH)) == ("fresh",)
    default = query(group, object_group_member=ObjectGroupMember.GROUP_MEMBER_DEFAULT)
    assert located(store, default) == ("fresh", "used")


def usage_limits(number: int) -> UsageLimits:
    return UsageLimits(usage_limits_total=number, usage_limits_count=number, usage_limits_unit=UsageLimitsUnit.OBJECT)


def test_links_are_criteria_by_type_and_target(store: Store) -> None:
    link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="k2")
    put(store, a_key("k1", links=(link,)))

    assert located(store, query(criterion("links", link))) == ("k1",)
    other = evolve(link, link_type=LinkType.PRIVATE_KEY_LINK)
    assert located(store, query(criterion("links", other))) == ()


def test_parts_of_structures_are_criteria(store: Store) -> None:
    parts = CertificateAttributes(certificate_subject_cn="me", certificate_subject_ous=("one", "two"))
    put(store, a_key("a", certificate_attributes=parts), a_key("b", usage_limits=usage_limits(7)))
    subject = CertificateAttributes(certificate_subject_ous=("two",))

    assert located(store, query(criterion("certificate_subject_ous", subject))) == ("a",)
    assert located(store, query(criterion("usage_limits", usage_limits(7)))) == ("b",)
    assert located(store, query(criterion("usage_limits", usage_limits(6)))) == ("b",)
    assert located(store, query(criterion("usage_limits", usage_limits(8)))) == ()


def test_parts_of_structures_are_looked_for_page_by_page_and_beside_writes(store: Store) -> None:
    put(store, *(a_key(f"k{n}", usage_limits=usage_limits(n)) for n in range(6)))
    wanted = query(criterion("usage_limits", usage_limits(2)), maximum_items=2, offset_items=1)

    with store.unit_of_work() as work:
        assert work.locate(wanted) == Located(unique_identifiers=("k4", "k3"), located_items=4)
        work.add(a_key("k6", usage_limits=usage_limits(9)), content())
        assert work.locate(wanted) == Located(unique_identifiers=("k5", "k4"), located_items=5)


LINKS = (LinkType.PUBLIC_KEY_LINK, LinkType.PRIVATE_KEY_LINK)

KEYS = st.builds(
    a_key,
    st.just("placeholder"),
    owner=st.sampled_from(["alice", "bob"]),
    object_type=st.sampled_from([ObjectType.SYMMETRIC_KEY, ObjectType.PUBLIC_KEY, ObjectType.OPAQUE_OBJECT]),
    state=st.none() | st.sampled_from(State),
    names=st.lists(st.sampled_from("ab").map(a_name), unique=True).map(tuple),
    links=st.lists(
        st.builds(Link, link_type=st.sampled_from(LINKS), linked_object_identifier=st.sampled_from("ab")), max_size=2
    ).map(tuple),
    usage_limits=st.none() | st.integers(0, 3).map(usage_limits),
    cryptographic_usage_mask=st.none() | st.integers(0, 7).map(CryptographicUsageMask),
    operation_policy_name=st.sampled_from([None, "default", "public", "unknown"]),
    fresh=st.none() | st.booleans(),
    **dict.fromkeys(("initial_date", "activation_date", "deactivation_date", "rotate_date"), SOME_DATES),
).flatmap(lambda key: st.booleans().map(lambda archived: evolve(key, archived=archived)))

CRITERIA = st.one_of(
    st.sampled_from(State).map(lambda state: criterion("state", state)),
    st.sampled_from("abc").map(lambda text: criterion("names", a_name(text))),
    st.builds(
        Link, link_type=st.none() | st.sampled_from(LINKS), linked_object_identifier=st.none() | st.sampled_from("ab")
    ).map(functools.partial(criterion, "links")),
    st.integers(0, 3).map(usage_limits).map(functools.partial(criterion, "usage_limits")),
    st.integers(0, 7).map(lambda bits: criterion("cryptographic_usage_mask", CryptographicUsageMask(bits))),
    st.sampled_from(ObjectType).map(lambda object_type: criterion("object_type", object_type)),
    *(
        (st.integers(NOW - 3, NOW + 3) | st.just(NEVER)).map(functools.partial(criterion, date))
        for date in ("initial_date", "activation_date", "deactivation_date")
    ),
)
QUERIES = st.builds(
    query,
    visibility=st.sampled_from([sees("alice"), sees("bob")]),
    now=st.integers(NOW - 4, NOW + 4),
    storage_status_mask=st.none() | st.integers(0, 7).map(StorageStatusMask),
    object_group_member=st.none() | st.sampled_from(ObjectGroupMember),
).flatmap(
    lambda asked: (
        st.lists(CRITERIA, max_size=3)
        .filter(lambda criteria: all(sum(c.reference.attribute == date for c in criteria) < 3 for date in DATES))
        .map(lambda criteria: evolve(asked, criteria=tuple(criteria)))
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KEYS, max_size=8), st.lists(QUERIES, min_size=1, max_size=8))
def test_locate_agrees_with_the_reference_object_by_object(
    store: Store, keys: list[ManagedObject], queries: list[LocateQuery]
) -> None:
    with store.unit_of_work() as work:  # hypothesis reuses the store; empty it
        for unique_identifier in work.locate(ALL).unique_identifiers:
            work.remove(unique_identifier)
        work.commit()
    named = [
        evolve(k, unique_identifier=f"k{n}", attributes=evolve(k.attributes, unique_identifier=f"k{n}"))
        for n, k in enumerate(keys)
    ]
    put(store, *named)

    for asked in queries:
        expected = tuple(k.unique_identifier for k in reversed(named) if satisfies(k, asked))
        assert expected == located(store, asked)
        page = evolve(asked, offset_items=1, maximum_items=2)
        with store.unit_of_work() as work:
            answer = work.locate(page)
        assert (expected[1:3], len(expected)) == (answer.unique_identifiers, answer.located_items)


ALL = query(
    visibility=Visibility(
        owner="nobody",
        owned=frozenset(),
        everyone=frozenset((p, t) for p in ("default", "public", "unknown") for t in ObjectType),
    ),
    storage_status_mask=StorageStatusMask(7),
)


# --- outbox ---------------------------------------------------------------------------------------------------------


def test_records_are_pending_until_acknowledged(store: Store) -> None:
    with store.unit_of_work() as work:
        work.record(an_audit_record(1))
        assert work.has_writes
        work.record(an_audit_record(2))
        assert store.pending_records() == ()
        work.commit()

    assert (an_audit_record(1), an_audit_record(2)) == store.pending_records()
    store.acknowledge("record-1")
    assert (an_audit_record(2),) == store.pending_records()
    put(store, a_key("k1"))
    assert (an_audit_record(2),) == store.pending_records()


# --- many at once ---------------------------------------------------------------------------------------------------


def at_once(*tasks: Callable[[], None]) -> list[BaseException | None]:
    """Run the tasks in threads that start together; return what each raised."""
    barrier = threading.Barrier(len(tasks))
    raised: list[BaseException | None] = [None] * len(tasks)

    def run(number: int) -> None:
        barrier.wait(30)
        try:
            tasks[number]()
        except (ConcurrentChange, KmipError, AssertionError) as error:
            raised[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_of_two_changes_to_one_object_one_wins(store: Store) -> None:
    for number in range(50):
        put(store, a_key(f"k{number}"))

        together = threading.Barrier(2)

        def change(comment: str, unique_identifier: str = f"k{number}", together: threading.Barrier = together) -> None:
            with store.unit_of_work() as work:
                read = work.find(unique_identifier)
                work.save(evolve(read, attributes=evolve(read.attributes, comment=comment)))
                together.wait(30)
                work.commit()

        raised = at_once(lambda: change("a"), lambda: change("b"))

        assert sorted(map(type, raised), key=str) == [type(None), ConcurrentChange] or sorted(
            map(type, raised), key=str
        ) == [ConcurrentChange, type(None)]
        winner = "a" if raised[0] is None else "b"
        assert (2, winner) == (present(store, f"k{number}").version, present(store, f"k{number}").attributes.comment)


def test_a_counter_under_many_users_loses_no_step(store: Store) -> None:
    put(store, a_key("k1", lease_time=0))

    def step() -> None:
        while True:
            with store.unit_of_work() as work:
                read = work.find("k1")
                work.save(evolve(read, attributes=evolve(read.attributes, lease_time=read.attributes.lease_time + 1)))
                try:
                    work.commit()
                except ConcurrentChange:
                    continue
                return

    assert at_once(*[step] * 16) == [None] * 16
    assert present(store, "k1").attributes.lease_time == 16


def test_many_add_at_once_and_nothing_is_lost(store: Store) -> None:
    def add(thread: int) -> None:
        for number in range(5):
            put(store, a_key(f"k{thread}-{number}"))

    assert at_once(*(functools.partial(add, thread) for thread in range(64))) == [None] * 64
    assert len(located(store, query())) == 64 * 5


# --- durability -----------------------------------------------------------------------------------------------------


def durable(opener: Opener) -> Store:
    opened = opener()
    if not opened.is_durable:
        opened.close()
        pytest.skip("this store says that it forgets")
    return opened


def test_a_durable_store_keeps_everything_when_reopened(opener: Opener) -> None:
    opened = durable(opener)
    put(opened, a_key("k1", names=(a_name("a"),)), a_key("k2"))
    with opened.unit_of_work() as work:
        work.record(an_audit_record(1))
        work.record(an_audit_record(2))
        work.commit()
    opened.acknowledge("record-1")
    opened.close()

    again = opener()
    with again.unit_of_work() as work:
        assert content() == work.content(admitted(work.find("k1")))
    assert located(again, query(criterion("names", a_name("a")))) == ("k1",)
    assert (an_audit_record(2),) == again.pending_records()
    put(again, a_key("k3"))
    assert located(again, query()) == ("k3", "k2", "k1")
    again.close()


def test_a_closed_store_refuses_work(opener: Opener) -> None:
    opened = durable(opener)
    opened.close()

    with pytest.raises(KmipError) as refused:
        put(opened, a_key("k1"))
    assert refused.value.reason == ResultReason.GENERAL_FAILURE
    opened.close()


_ADD_UNTIL_KILLED = """
import sys, threading
from pathlib import Path
from tests.contract import test_storage as suite
from tests.contract.storage_samples import a_key, a_name
store = dict(suite.STORES)[sys.argv[1]](Path(sys.argv[2]))
lock = threading.Lock()
def add(thread):
    for number in range(100_000):
        name = f"k{thread}-{number}"
        suite.put(store, a_key(name, names=(a_name(name),)), a_key(name + "-pair"))
        with lock:
            print(name, flush=True)
for thread in range(8):
    threading.Thread(target=add, args=(thread,)).start()
"""


def test_kill_loses_nothing_acknowledged_and_leaves_no_half_pair(opener: Opener) -> None:
    durable(opener).close()
    name = next(name for name, make in STORES if make is opener.make)
    for enough in (3, 40, 120):
        script = _ADD_UNTIL_KILLED.replace("k{thread}", f"k{enough}-{{thread}}")
        process = subprocess.Popen(
            [sys.executable, "-c", script, name, str(opener.directory)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        acknowledged = [line.strip() for line, _ in zip(process.stdout, range(enough), strict=False)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait(30)
        assert enough <= len(acknowledged)

        store = opener()
        for unique_identifier in acknowledged:
            assert (unique_identifier,) == located(store, query(criterion("names", a_name(unique_identifier))))
            with store.unit_of_work() as work:
                assert content() == work.content(admitted(work.find(unique_identifier)))
        everything = set(located(store, query()))
        halves = {each.removesuffix("-pair") for each in everything}
        assert everything == halves | {f"{half}-pair" for half in halves}
        store.close()


def test_key_bytes_are_in_no_file(opener: Opener) -> None:
    opened = durable(opener)
    key = os.urandom(32)
    put(opened, a_key("k1"), key=key)
    with opened.unit_of_work() as work:
        work.save(work.find("k1"), content(key[::-1]))
        work.commit()

    def leaks() -> list[str]:
        forms = [form for k in (key, key[::-1]) for form in (k, k.hex().encode(), base64.b64encode(k)[:40])]
        return [
            f"{path.name}: {form!r}"
            for path in opener.directory.rglob("*")
            if path.is_file()
            for form in forms
            if form in path.read_bytes()
        ]

    assert leaks() == []
    opened.close()
    assert leaks() == []


# --- rules for new objects ------------------------------------------------------------------------------------------


A_CONSTRAINT = Constraint(
    object_types=(ObjectType.SYMMETRIC_KEY,),
    object_groups=("one", "two"),
    attributes=Attributes(cryptographic_length=256, names=(a_name("n"),), comment="wanted"),
)
SOME_DEFAULTS = ObjectDefaults(object_type=ObjectType.SECRET_DATA, attributes=Attributes(comment="new"))


def test_rules_are_kept_by_kind_and_replaced_as_a_whole(opener: Opener) -> None:
    store = opener()
    with store.unit_of_work() as work:
        assert work.rules_of(Constraint) == ()
        work.save_rules(Constraint, (A_CONSTRAINT, Constraint()))
        work.save_rules(ObjectDefaults, (SOME_DEFAULTS,))
        assert work.has_writes
        assert work.rules_of(Constraint) == (A_CONSTRAINT, Constraint())
        work.commit()
    if store.is_durable:
        store.close()
        store = opener()

    with store.unit_of_work() as work:
        assert work.rules_of(Constraint) == (A_CONSTRAINT, Constraint())
        work.save_rules(Constraint, ())
        work.commit()
    with store.unit_of_work() as work:
        assert (work.rules_of(Constraint), work.rules_of(ObjectDefaults)) == ((), (SOME_DEFAULTS,))
    store.close()


def test_rules_that_are_not_committed_are_discarded(store: Store) -> None:
    with store.unit_of_work() as work:
        work.save_rules(Constraint, (A_CONSTRAINT,))

    with store.unit_of_work() as work:
        assert work.rules_of(Constraint) == ()


def test_a_unit_of_work_keeps_to_the_rules_that_it_has_seen(store: Store) -> None:
    with store.unit_of_work() as earlier:
        assert earlier.rules_of(Constraint) == ()
        with store.unit_of_work() as work:
            work.save_rules(Constraint, (A_CONSTRAINT,))
            work.add(a_key("beside"), content(KEY))
            work.commit()

        assert earlier.rules_of(Constraint) == ()
        assert earlier.find("beside") is None


@pytest.mark.parametrize("many", [False, True], ids=["alone", "together"])
def test_a_new_object_that_was_judged_by_older_rules_is_refused(store: Store, many: bool) -> None:
    late = []
    for number in range(3 if many else 1):
        with store.unit_of_work() as work:
            assert work.rules_for_new(Constraint) == ()
            work.add(a_key(f"judged {number}"), content())
            late.append(work)
    with store.unit_of_work() as work:
        work.save_rules(Constraint, (A_CONSTRAINT,))
        work.commit()

    for commitment in [work.hand_over() for work in late]:
        with pytest.raises(ConcurrentChange):
            commitment.result()
    assert located(store, query()) == ()
    with store.unit_of_work() as work:
        assert work.rules_for_new(Constraint) == (A_CONSTRAINT,)
        work.add(a_key("judged anew"), content())
        work.commit()
    assert present(store, "judged anew")


# --- tickets --------------------------------------------------------------------------------------------------------


def a_stored_ticket(
    digest: str = "d1", name: str = "alice", expires: int = 100, left: int | None = None
) -> StoredTicket:
    rights = Rights(
        rights=(
            Right(operations=Operations(operations=(Operation.GET,)), objects=Objects(unique_identifiers=("k",))),
            Right(object_groups=ObjectGroups(object_groups=())),
        )
    )
    grant = Grant(name=name, certificate_name=f"{name}'s", expires=expires, rights=rights)
    return StoredTicket(digest=digest, grant=grant, left=left)


def keep_ticket(store: Store, ticket: StoredTicket, now: int = 0, *, forgets_spent: bool = False) -> None:
    with store.unit_of_work() as work:
        work.add_ticket(ticket, now, forgets_spent=forgets_spent)
        assert work.has_writes
        assert work.ticket(ticket.digest) == ticket
        work.commit()


def kept_ticket(store: Store, digest: str = "d1") -> StoredTicket | None:
    with store.unit_of_work() as work:
        found: StoredTicket | None = work.ticket(digest)
        return found


def test_a_ticket_is_found_as_it_was_kept_until_it_is_ended(opener: Opener) -> None:
    store = opener()
    assert kept_ticket(store) is None
    keep_ticket(store, a_stored_ticket())
    keep_ticket(store, bare := StoredTicket(digest="d2", grant=Grant(name="é", certificate_name="", expires=9), left=3))
    if store.is_durable:
        store.close()
        store = opener()

    assert kept_ticket(store) == a_stored_ticket()
    assert kept_ticket(store, "d2") == bare
    for _ in range(2):
        with store.unit_of_work() as work:
            work.end_ticket("d1")
            assert work.ticket("d1") is None
            work.commit()
    assert kept_ticket(store) is None
    assert kept_ticket(store, "d2") == bare
    store.close()


def test_what_is_not_committed_neither_makes_nor_ends_a_ticket(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket())
    with store.unit_of_work() as work:
        work.add_ticket(a_stored_ticket("d2"), 0, forgets_spent=False)
        work.end_ticket("d1")

    assert (kept_ticket(store), kept_ticket(store, "d2")) == (a_stored_ticket(), None)
    store.close()


def test_of_two_that_spend_one_request_of_a_ticket_one_has_it(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket(left=2))
    with store.unit_of_work() as one, store.unit_of_work() as other:
        for work in (one, other):
            found = work.ticket("d1")
            work.save_ticket(evolve(found, left=found.left - 1))
        one.commit()
        with pytest.raises(ConcurrentChange):
            other.commit()

    assert kept_ticket(store) == a_stored_ticket(left=1)
    store.close()


def test_a_ticket_that_was_ended_meanwhile_is_not_spent(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket(left=2))
    with store.unit_of_work() as spending:
        spending.save_ticket(evolve(spending.ticket("d1"), left=1))
        with store.unit_of_work() as ending:
            ending.end_ticket("d1")
            ending.commit()
        with pytest.raises(ConcurrentChange):
            spending.commit()

    assert kept_ticket(store) is None
    store.close()


def test_tickets_are_counted_by_principal_and_all_together(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket("d1"))
    keep_ticket(store, a_stored_ticket("d2", left=0))
    keep_ticket(store, a_stored_ticket("d3", "bob", left=5))
    keep_ticket(store, a_stored_ticket("d4", expires=50))

    with store.unit_of_work() as work:
        assert work.count_tickets("alice", 49) == TicketCounts(own=3, own_spent=1, in_all=4)
        assert work.count_tickets("alice", 50) == TicketCounts(own=2, own_spent=1, in_all=3)
        assert work.count_tickets("bob", 0) == TicketCounts(own=1, own_spent=0, in_all=4)
        assert work.count_tickets("al", 100) == TicketCounts(own=0, own_spent=0, in_all=0)
        work.add_ticket(a_stored_ticket("d5"), 0, forgets_spent=False)
        assert work.count_tickets("alice", 0) == TicketCounts(own=4, own_spent=1, in_all=5)
    store.close()


def test_a_new_ticket_has_expired_ones_forgotten_and_spent_ones_where_asked(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket("expired", "bob", expires=10))
    keep_ticket(store, a_stored_ticket("spent", left=0))
    keep_ticket(store, a_stored_ticket("another's", "bob", left=0))
    keep_ticket(store, a_stored_ticket("good", expires=11))

    keep_ticket(store, a_stored_ticket("new"), 10)
    assert [kept_ticket(store, d) is None for d in ("expired", "spent", "another's", "good")] == [True] + [False] * 3
    keep_ticket(store, a_stored_ticket("newer"), 10, forgets_spent=True)
    assert [kept_ticket(store, d) is None for d in ("spent", "another's", "good", "new")] == [True] + [False] * 3
    store.close()
