"""What Locate finds: each kind of criterion, each filter, at the instant of the question."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core import enums
from kmip_core.attributes import DATES, FIELDS, MASKS, AttributeInstance, AttributeReference, Attributes
from kmip_core.criteria import (
    MAXIMUM_CRITERIA,
    NEVER,
    DateRange,
    LocateQuery,
    conditions,
    has_status,
    matches,
    satisfies,
)
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import LinkType, ObjectGroupMember, ObjectType, State, UsageLimitsUnit
from kmip_core.enums import StorageStatusMask as Status
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.policy import Visibility
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CertificateAttributes,
    CustomAttribute,
    Link,
    Name,
    TypedValue,
    UsageLimits,
)

NOW = 1_800_000_000
KEY = ObjectType.SYMMETRIC_KEY
ALICES = Visibility(
    owner="alice", owned=frozenset({("default", KEY)}), everyone=frozenset({("public", ObjectType.TEMPLATE)})
)


def wanted(attribute: str, value: Any, vendor: str | None = None, index: int | None = None) -> AttributeInstance:
    return AttributeInstance(
        reference=AttributeReference(attribute=attribute, vendor_identification=vendor, attribute_index=index),
        value=value,
    )


def a_key(owner: str = "alice", archived: bool = False, **fields: Any) -> ManagedObject:
    attributes = evolve(Attributes(object_type=KEY, state=State.PRE_ACTIVE), **fields)
    return ManagedObject(
        unique_identifier="1",
        object_type=attributes.object_type or KEY,
        owner=owner,
        attributes=attributes,
        archived=archived,
    )


def found(managed_object: ManagedObject, *criteria: AttributeInstance, **fields: Any) -> bool:
    return satisfies(managed_object, LocateQuery(criteria=criteria, visibility=ALICES, now=NOW, **fields))


def test_dates_and_masks_are_attributes() -> None:
    assert set(FIELDS) >= DATES
    assert set(FIELDS) >= MASKS
    assert {name for name in FIELDS if name.endswith("_date")} == DATES
    assert {name for name in FIELDS if name.endswith("_mask")} == MASKS


def test_one_date_is_a_range_of_one_second_and_two_are_a_range_in_any_order() -> None:
    asked = AttributeReference(attribute="initial_date")

    assert list(conditions((wanted("initial_date", 5),))) == [(asked, DateRange(5, 5))]
    for pair in ((3, 9), (9, 3)):
        assert list(conditions(tuple(wanted("initial_date", date) for date in pair))) == [(asked, DateRange(3, 9))]


def test_dates_of_two_kinds_are_not_a_range() -> None:
    assert [r for _, r in conditions((wanted("initial_date", 3), wanted("destroy_date", 9)))] == [
        DateRange(3, 3),
        DateRange(9, 9),
    ]


def test_three_dates_of_one_kind_are_refused() -> None:
    with pytest.raises(KmipError, match="Initial Date takes one value, or two for a range"):
        list(conditions(tuple(wanted("initial_date", date) for date in (1, 2, 3))))


def test_an_attribute_that_cannot_be_searched_for_is_refused_not_ignored() -> None:
    with pytest.raises(KmipError, match="frobnication"):
        list(conditions((wanted("frobnication", 1),)))


def test_a_clients_attribute_named_as_a_date_is_not_a_range() -> None:
    criteria = tuple(wanted("initial_date", number, vendor="x") for number in (1, 2))

    assert [value for _, value in conditions(criteria)] == [1, 2]


def test_the_index_of_a_criterion_does_not_matter() -> None:
    ((reference, _),) = conditions((wanted("names", Name(name_value="a"), index=3),))

    assert reference.attribute_index is None


NAME = Name(name_value="a")
LINK = Link(link_type=enums.LinkType.PUBLIC_KEY_LINK, linked_object_identifier="2")
APPLICATION = ApplicationSpecificInformation(application_namespace="ssl", application_data="www")
TYPED = TypedValue(enums.ItemType.TEXT_STRING, "7")
HELD = Attributes(
    names=(Name(name_value="z"), NAME),
    links=(LINK,),
    application_specific_information=(APPLICATION,),
    cryptographic_usage_mask=Mask.ENCRYPT | Mask.DECRYPT,
    cryptographic_algorithm=enums.CryptographicAlgorithm.AES,
    activation_date=NOW,
    comment="",
    fresh=False,
    custom_attributes=(CustomAttribute(vendor_identification="x", attribute_name="rack", attribute_value=TYPED),),
)


@pytest.mark.parametrize(
    ("attribute", "value", "holds"),
    [
        ("names", NAME, True),
        ("names", Name(name_value="b"), False),
        ("names", Name(name_value="a", name_type=enums.NameType.URI), False),
        ("links", LINK, True),
        ("links", evolve(LINK, linked_object_identifier="3"), False),
        ("application_specific_information", APPLICATION, True),
        ("application_specific_information", evolve(APPLICATION, application_data="mail"), False),
        ("application_specific_information", evolve(APPLICATION, application_data=None), True),
        (
            "application_specific_information",
            ApplicationSpecificInformation(application_namespace="ssh"),
            False,
        ),
        ("cryptographic_usage_mask", Mask.ENCRYPT, True),
        ("cryptographic_usage_mask", Mask.ENCRYPT | Mask.DECRYPT, True),
        ("cryptographic_usage_mask", Mask.ENCRYPT | Mask.SIGN, False),
        ("cryptographic_usage_mask", Mask(0), True),
        ("protection_storage_mask", enums.ProtectionStorageMask.SOFTWARE, False),
        ("cryptographic_algorithm", enums.CryptographicAlgorithm.AES, True),
        ("cryptographic_algorithm", enums.CryptographicAlgorithm.RSA, False),
        ("cryptographic_length", 256, False),
        ("comment", "", True),
        ("fresh", False, True),
        ("activation_date", DateRange(NOW, NOW), True),
        ("activation_date", DateRange(NOW - 1, NOW + 1), True),
        ("activation_date", DateRange(NOW + 1, NOW + 2), False),
        ("activation_date", DateRange(NOW - 2, NOW - 1), False),
        ("destroy_date", DateRange(0, NOW), False),
        ("destroy_date", DateRange(NOW, NEVER), True),
        ("destroy_date", DateRange(NEVER, NEVER), True),
        ("activation_date", DateRange(NOW, NEVER), True),
        ("activation_date", DateRange(NEVER, NEVER), False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_criterion_holds_for_any_instance(attribute: str, value: Any, holds: bool) -> None:
    assert matches(HELD, AttributeReference(attribute=attribute), value) is holds


@pytest.mark.parametrize(
    ("vendor", "value", "holds"),
    [("x", TYPED, True), ("y", TYPED, False), ("x", TypedValue(enums.ItemType.INTEGER, 7), False)],
)
def test_a_custom_attribute_matches_by_vendor_type_and_value(vendor: str, value: TypedValue, holds: bool) -> None:
    assert matches(HELD, AttributeReference(attribute="rack", vendor_identification=vendor), value) is holds


def test_all_criteria_must_hold() -> None:
    key = a_key(names=(NAME,), cryptographic_length=256)

    assert found(key)
    assert found(key, wanted("names", NAME), wanted("cryptographic_length", 256))
    assert not found(key, wanted("names", NAME), wanted("cryptographic_length", 128))


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({}, True),
        ({"owner": "bob"}, False),
        ({"operation_policy_name": "default"}, True),
        ({"operation_policy_name": "nowhere"}, False),
        ({"object_type": ObjectType.CERTIFICATE}, False),
        ({"owner": "bob", "object_type": ObjectType.TEMPLATE, "operation_policy_name": "public"}, True),
    ],
    ids=str,
)
def test_only_what_is_visible_is_found(fields: dict[str, Any], seen: bool) -> None:
    assert found(a_key(**fields)) is seen


def test_the_state_is_that_of_the_instant_of_the_question() -> None:
    key = a_key(activation_date=NOW - 10, deactivation_date=NOW - 5)

    assert found(key, wanted("state", State.DEACTIVATED))
    assert not found(key, wanted("state", State.PRE_ACTIVE))
    assert found(a_key(activation_date=NOW + 1), wanted("state", State.PRE_ACTIVE))


ON_LINE, ARCHIVAL, DESTROYED = Status.ON_LINE_STORAGE, Status.ARCHIVAL_STORAGE, Status.DESTROYED_STORAGE


@pytest.mark.parametrize(
    ("mask", "kinds"),
    [
        (None, {"on line"}),
        (ON_LINE, {"on line"}),
        (ARCHIVAL, {"archived"}),
        (DESTROYED, {"destroyed", "destroyed while archived"}),
        (ON_LINE | ARCHIVAL, {"on line", "archived"}),
        (ON_LINE | ARCHIVAL | DESTROYED, {"on line", "archived", "destroyed", "destroyed while archived"}),
        (Status(0), set()),
    ],
    ids=["no mask", "on line", "archival", "destroyed", "on line or archival", "all", "none"],
)
def test_the_storage_status_mask_chooses(mask: Status | None, kinds: set[str]) -> None:
    objects = {
        "on line": a_key(),
        "archived": a_key(archived=True),
        "destroyed": a_key(state=State.DESTROYED),
        "destroyed while archived": a_key(state=State.DESTROYED_COMPROMISED, archived=True),
    }

    assert {kind for kind, managed_object in objects.items() if has_status(managed_object, mask)} == kinds
    assert {kind for kind, each in objects.items() if found(each, storage_status_mask=mask)} == kinds


@pytest.mark.parametrize(
    ("member", "fresh", "expected"),
    [
        (None, None, True),
        (None, False, True),
        (ObjectGroupMember.GROUP_MEMBER_FRESH, True, True),
        (ObjectGroupMember.GROUP_MEMBER_FRESH, False, False),
        (ObjectGroupMember.GROUP_MEMBER_FRESH, None, False),
        (ObjectGroupMember.GROUP_MEMBER_DEFAULT, False, True),
    ],
)
def test_fresh_members_were_never_handed_out(
    member: ObjectGroupMember | None, fresh: bool | None, expected: bool
) -> None:
    assert found(a_key(fresh=fresh), object_group_member=member) is expected


LIMITS = UsageLimits(usage_limits_total=10, usage_limits_count=4, usage_limits_unit=UsageLimitsUnit.BYTE)
LINK = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="other")


@pytest.mark.parametrize(
    ("total", "count", "unit", "expected"),
    [
        (10, 4, UsageLimitsUnit.BYTE, True),
        (9, 3, None, True),
        (None, 4, None, True),
        (11, None, None, False),
        (10, 5, None, False),
        (1, 1, UsageLimitsUnit.OBJECT, False),
    ],
)
def test_usage_limits_match_those_that_allow_and_leave_as_much(
    total: int | None, count: int | None, unit: UsageLimitsUnit | None, expected: bool
) -> None:
    asked = UsageLimits(usage_limits_total=total, usage_limits_count=count, usage_limits_unit=unit)

    assert found(a_key(usage_limits=LIMITS), wanted("usage_limits", asked)) is expected
    assert not found(a_key(), wanted("usage_limits", asked))


def test_limits_that_say_nothing_are_not_enough() -> None:
    assert not found(a_key(usage_limits=UsageLimits()), wanted("usage_limits", LIMITS))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"link_type": None}, True),
        ({"linked_object_identifier": None}, True),
        ({"linked_object_identifier": "x"}, False),
    ],
    ids=["ok the target alone", "ok the type alone", "fail another target"],
)
def test_an_object_has_every_field_of_the_structure_that_is_searched_for(
    changes: dict[str, Any], expected: bool
) -> None:
    assert found(a_key(links=(LINK,)), wanted("links", evolve(LINK, **changes))) is expected


def test_all_fields_searched_for_are_found_in_one_instance() -> None:
    links = (LINK, Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier="third"))

    assert not found(a_key(links=links), wanted("links", evolve(LINK, linked_object_identifier="third")))


def test_parts_of_certificate_attributes_are_criteria_by_themselves() -> None:
    parts = CertificateAttributes(certificate_subject_cn="me", certificate_subject_ous=("one", "two"))

    key = a_key(certificate_attributes=parts)

    assert found(key, wanted("certificate_attributes", evolve(parts, certificate_subject_ous=("two",))))
    assert not found(key, wanted("certificate_attributes", evolve(parts, certificate_subject_ous=("three",))))
    assert found(key, wanted("certificate_subject_cn", CertificateAttributes(certificate_subject_cn="me")))
    assert not found(key, wanted("certificate_subject_cn", CertificateAttributes(certificate_subject_cn="you")))
    assert not found(key, wanted("certificate_issuer_cn", CertificateAttributes(certificate_issuer_cn="me")))


@pytest.mark.parametrize("number", [MAXIMUM_CRITERIA, MAXIMUM_CRITERIA + 1], ids=["ok as many", "fail one more"])
def test_the_number_of_criteria_is_bounded(number: int) -> None:
    criteria = tuple(wanted(f"a{each}", TypedValue(enums.ItemType.INTEGER, each), vendor="x") for each in range(number))

    if number <= MAXIMUM_CRITERIA:
        assert len(list(conditions(criteria))) == number
        return
    with pytest.raises(KmipError) as refused:
        list(conditions(criteria))

    assert refused.value.reason is enums.ResultReason.INVALID_FIELD
