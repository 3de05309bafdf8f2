"""Locate, over every attribute."""

import functools
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_app.testing.contracts.samples import (
    DATES as SOME_DATES,
)
from kmip_app.testing.contracts.samples import (
    NOW,
    SAMPLES,
    a_key,
    a_name,
    content,
    criterion,
    query,
    sees,
    with_attribute,
)
from kmip_app.testing.contracts.storage.support import (
    Store,
    located,
    put,
)
from kmip_core.attributes import BY_TYPE, DATES, FIELDS
from kmip_core.criteria import NEVER, AnyOf, Located, LocateQuery, satisfies
from kmip_core.enums import (
    CryptographicUsageMask,
    ItemType,
    LinkType,
    ObjectGroupMember,
    ObjectType,
    ResultReason,
    State,
    StorageStatusMask,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.policy import Visibility
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import TakesLong
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CertificateAttributes,
    CustomAttribute,
    Link,
    NameReference,
    TypedValue,
    UsageLimits,
)

# --- locate ---------------------------------------------------------------------------------------------------------


def test_every_attribute_is_a_criterion(store: Store) -> None:
    attributes = sorted(set(FIELDS) - BY_TYPE - {"unique_identifier", "object_type"})
    without = a_key("without", cryptographic_algorithm=None, cryptographic_length=None, initial_date=None)
    without = evolve(without, attributes=evolve(without.attributes, cryptographic_usage_mask=None))
    marked = (with_attribute(evolve(without, unique_identifier=name), name, SAMPLES[name]) for name in attributes)
    put(store, without, *marked)
    everyone = Visibility(
        owner="alice",
        owned=frozenset((p, t) for p in ("default", "a text") for t in ObjectType),
        everyone=frozenset(),
    )
    found = {
        name: located(
            store,
            query(criterion(name, SAMPLES[name]), visibility=everyone, storage_status_mask=StorageStatusMask(7)),
        )
        for name in attributes
    }

    assert found == {name: (name,) for name in attributes}


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


def test_two_dates_are_a_range_and_one_is_exact(store: Store) -> None:
    for date in sorted(DATES):
        put(store, *(evolve_date(a_key(f"{date}{n}", initial_date=None), date, NOW - 100 + n) for n in range(4)))
    put(store, a_key("none", initial_date=None))

    def finds(date: str, *dates: int) -> list[str]:
        found = located(store, query(*(criterion(date, NOW - 100 + n) for n in dates)))
        assert all(name.startswith(date) for name in found)
        return [name.removeprefix(date) for name in found]

    for date in sorted(DATES):
        assert finds(date, 2) == ["2"], date
        assert finds(date, 1, 2) == ["2", "1"], date
        assert finds(date, 2, 1) == ["2", "1"], date
        assert finds(date, -50, 50) == ["3", "2", "1", "0"], date
        assert finds(date, 7) == [], date
        with pytest.raises(KmipError) as refused:
            finds(date, 1, 2, 3)
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


def test_nothing_is_counted_that_no_request_wants(store: Store) -> None:
    put(store, a_key("k1"), a_key("k2"))

    with store.unit_of_work() as work:
        answer = work.locate(query(maximum_items=1, is_counted=False))
        work.add(a_key("k3"), content())
        beside_a_write = work.locate(query(maximum_items=1, is_counted=False))

    assert (answer.unique_identifiers, answer.located_items) == (("k2",), None)
    assert (beside_a_write.unique_identifiers, beside_a_write.located_items) == (("k3",), None)


@pytest.mark.parametrize("pace", [Pace.QUICK, Pace.COMMITS, Pace.BRIEF])
def test_a_short_search_is_done_at_any_pace(store: Store, pace: Pace) -> None:
    put(store, *(a_key(f"k{number}", names=(a_name("one"),)) for number in range(3)))

    try:
        found = _find_and_locate(store, pace)
    except TakesLong:
        if not store.blocking:
            raise
        # The budget of a store on another machine is in milliseconds, and a busy machine may take them; the engine
        # then begins the work again at a slower pace, and so does this test.
        found = _find_and_locate(store, Pace.SLOW)

    assert found == ("k1", 3)


def _find_and_locate(store: Store, pace: Pace) -> tuple[str | None, int | None]:
    with store.unit_of_work(pace) as work:
        return work.find("k1").unique_identifier, work.locate(query(criterion("names", a_name("one")))).located_items


def test_a_long_search_is_left_to_a_slower_pace(store: Store) -> None:
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
        a_key("strange policy", operation_policy_name="no client knows"),
    )

    assert located(store, query()) == ("own published", "published", "mine")
    assert located(store, query(visibility=sees("bob"))) == ("own published", "published", "theirs")
    nothing = Visibility(owner="alice", owned=frozenset(), everyone=frozenset())
    assert located(store, query(visibility=nothing)) == ()


def test_many_policies_shown_to_all_are_searched_as_one(store: Store) -> None:
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


def test_links_by_name_are_kept_and_are_other_criteria_than_those_by_identifier(store: Store) -> None:
    by_name = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=NameReference("k2"))
    by_identifier = evolve(by_name, linked_object_identifier="k2")
    put(store, a_key("named", links=(by_name,)), a_key("identified", links=(by_identifier,)))

    assert located(store, query(criterion("links", by_name))) == ("named",)
    assert located(store, query(criterion("links", by_identifier))) == ("identified",)
    with store.unit_of_work() as work:
        found = work.find("named")
    assert found is not None
    assert found.attributes.links == (by_name,)


def test_one_of_several_ways_will_do(store: Store) -> None:
    """Each object is found once, newest first, however many of them it takes."""
    link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="k2")
    by_name = evolve(link, linked_object_identifier=NameReference("k2"))
    put(
        store,
        a_key("both", links=(link, by_name)),
        a_key("none", links=(evolve(link, linked_object_identifier="k3"),)),
        a_key("identifier", links=(link,), state=State.ACTIVE),
        a_key("name", links=(by_name,)),
        a_key("group", object_groups=("g",)),
        a_key("foreign", owner="bob", links=(link,)),
    )
    ways = (criterion("links", link), criterion("links", by_name), criterion("object_groups", "g"))
    any_of = criterion("links", AnyOf(ways))

    assert located(store, query(any_of)) == ("group", "name", "identifier", "both")
    assert located(store, query(any_of, maximum_items=2, offset_items=1)) == ("name", "identifier")
    assert located(store, query(any_of, criterion("state", State.ACTIVE))) == ("identifier",)
    assert located(store, query(any_of, criterion("links", AnyOf(ways[:2])), criterion("links", by_name))) == (
        "name",
        "both",
    )
    with store.unit_of_work() as work:
        work.add(a_key("new", links=(by_name,)), content())
        counted = work.locate(query(any_of, maximum_items=1, is_counted=True))
    assert counted == Located(unique_identifiers=("new",), located_items=5)


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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        owner="no client",
        owned=frozenset(),
        everyone=frozenset((p, t) for p in ("default", "public", "unknown") for t in ObjectType),
    ),
    storage_status_mask=StorageStatusMask(7),
)
