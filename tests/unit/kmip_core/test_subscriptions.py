"""What a change means for subscribers."""

from itertools import count
from typing import Any

import pytest
from attrs import evolve

from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.enums import LinkType, Operation, State
from kmip_core.objects import ManagedObject
from kmip_core.principal import Principal, Source
from kmip_core.structures import SERVER_VENDOR, Link, NameReference
from kmip_core.subscriptions import NAMED, Announcer, Notice, Subscription, difference
from tests.builders import ALICE, BOB, NOW, a_custom, a_name, a_symmetric_key

SERVER = Principal(name="alice", source=Source.SERVER)


def announcer(*subscriptions: Subscription) -> Announcer:
    made = Announcer()
    made.use(subscriptions)
    return made


def record(**attributes: Any) -> ManagedObject:
    return a_symmetric_key(**attributes)[0]


def announced(
    subscriptions: tuple[Subscription, ...] | Subscription,
    before: ManagedObject | None,
    after: ManagedObject | None,
    principal: Principal = BOB,
) -> list[Notice]:
    given = subscriptions if isinstance(subscriptions, tuple) else (subscriptions,)
    numbers = count()
    return announcer(*given).notices([(before, after)], principal, NOW, lambda: str(next(numbers)))


def names(references: tuple[AttributeReference, ...]) -> list[str]:
    return [one.attribute for one in references]


CHANGED = (record(), record(contact_information="c"))


@pytest.mark.parametrize(
    ("subscription", "is_concerned"),
    [
        (Subscription(name="alice"), True),
        (Subscription(name="bob"), False),
        (Subscription(name="carol", notify=("object:key",)), True),
        (Subscription(name="carol", notify=("object:other",)), False),
        (Subscription(name="carol", notify=("group:g",)), False),
        (Subscription(name="alice", notify=(), put=("own",)), False),
        (Subscription(name="carol", notify=("unknown",)), False),
    ],
    ids=str,
)
def test_a_change_is_announced_to_the_subscriptions_that_it_concerns(
    subscription: Subscription, is_concerned: bool
) -> None:
    assert bool(announced(subscription, *CHANGED)) is is_concerned


def test_members_of_a_group_also_when_they_leave_it() -> None:
    member, former = record(object_groups=("g",)), record(object_groups=())
    of_group = Subscription(name="carol", notify=("group:g",))

    assert announced(of_group, member, former)
    assert announced(of_group, former, member)
    assert not announced(of_group, former, evolve(former, attributes=former.attributes.but(comment="c")))


def test_ones_own_changes_are_no_news_unless_they_are_wanted() -> None:
    assert not announced(Subscription(name="alice"), *CHANGED, principal=ALICE)
    assert announced(Subscription(name="alice", own_changes=True), *CHANGED, principal=ALICE)


def test_a_client_is_notified_of_what_the_server_does_in_its_name() -> None:
    assert announced(Subscription(name="alice"), *CHANGED, principal=SERVER)


def test_a_notice_names_what_changed() -> None:
    before = record(names=(a_name("n"),), comment="a")
    after = record(names=(), comment="b", state=State.ACTIVE, custom_attributes=(a_custom("colour", "red"),))

    (notice,) = announced(Subscription(name="alice"), before, after)

    assert (notice.operation, notice.unique_identifier, notice.time) == (Operation.NOTIFY, "key", NOW)
    assert names(notice.changed) == ["state", "comment", "colour"]
    assert names(notice.deleted) == ["names"]


def test_the_end_of_an_object_is_notified_by_its_state() -> None:
    (notice,) = announced(
        Subscription(name="alice"), record(), record(state=State.DESTROYED, destroy_date=NOW, last_change_date=NOW)
    )

    assert names(notice.changed) == ["state"]


def test_a_date_that_changes_alone_is_named() -> None:
    assert difference(Attributes(), Attributes(destroy_date=5)) == ((AttributeReference(attribute="destroy_date"),), ())


@pytest.mark.parametrize(
    "attributes",
    [
        {"fresh": False},
        {"last_change_date": NOW + 1},
        {"custom_attributes": (evolve(a_custom("m", "1"), vendor_identification=SERVER_VENDOR),)},
    ],
    ids=str,
)
def test_attributes_that_every_use_changes_cause_no_notice(attributes: dict[str, Any]) -> None:
    assert not announced(Subscription(name="alice"), record(), record(**attributes))


def test_a_custom_attribute_that_goes_is_named() -> None:
    found = difference(
        Attributes(custom_attributes=(a_custom("a", "1"), a_custom("b", "1"))),
        Attributes(custom_attributes=(a_custom("b", "1"),)),
    )

    assert found is not None
    assert names(found[1]) == ["a"]


def test_too_many_attributes_are_not_named_one_by_one() -> None:
    many = tuple(a_custom(f"c{number}", "v") for number in range(NAMED + 1))
    long = (a_custom("c" * 5_000, "v"),)

    assert difference(Attributes(), Attributes(custom_attributes=many)) == ((), ())
    assert difference(Attributes(), Attributes(custom_attributes=long)) == ((), ())
    assert announced(Subscription(name="alice"), record(), record(custom_attributes=many))[0].changed == ()


# --- Put --------------------------------------------------------------------------------------------------------------


def test_a_new_object_is_pushed_whichever_client_made_it() -> None:
    pushed = Subscription(name="alice", notify=("own",), put=("own",))
    for principal in (ALICE, BOB):
        (notice,) = announced(pushed, None, record(), principal=principal)
        assert (notice.operation, notice.replaced) == (Operation.PUT, None)


def test_a_replacement_names_what_it_replaces() -> None:
    link = Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier="old")
    (notice,) = announced(Subscription(name="carol", put=("object:key",)), None, record(links=(link,)))

    assert notice.replaced == "old"
    by_name = evolve(link, linked_object_identifier=NameReference("old"))
    (notice,) = announced(Subscription(name="carol", put=("object:key",)), None, record(links=(by_name,)))
    assert notice.replaced is None


def test_an_object_that_joins_a_group_is_pushed_and_one_that_is_there_is_not() -> None:
    of_group = Subscription(name="carol", notify=(), put=("group:g",))

    assert len(announced(of_group, record(), record(object_groups=("g",)))) == 1
    assert not announced(of_group, record(object_groups=("g",)), record(object_groups=("g",), comment="c"))


def test_an_object_without_content_or_that_is_gone_is_not_pushed() -> None:
    all_of_it = Subscription(name="alice", put=("own",), own_changes=True)

    assert not announced(all_of_it, None, evolve(record(), has_content=False))
    assert not announced(all_of_it, record(), None)


def test_the_same_subscriptions_are_not_read_again() -> None:
    made = announcer(Subscription(name="alice"))
    scopes = made._notified

    made.use((Subscription(name="alice"),))
    assert made._notified is scopes
    made.use(())
    assert made._notified is not scopes
