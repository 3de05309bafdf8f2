"""Who sets, changes and deletes attributes: every row, every refusal, and the table against the standard's own."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from attrs import evolve

from kmip_core import enums
from kmip_core.attribute_facts import Change
from kmip_core.attribute_rules import (
    REPLACEABLE,
    RULES,
    STATES,
    check_addition,
    check_change,
    check_creation,
    check_deletion,
    is_multiple,
    rule_of,
)
from kmip_core.attributes import CUSTOM, FIELDS, MULTIPLE, AttributeReference, Attributes, title
from kmip_core.enums import ObjectClass, ObjectType, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.objects import SYSTEM_TYPES
from kmip_core.structures import CustomAttribute, Name, TypedValue, UsageLimits

NOW = 1_800_000_000
KEY, CERTIFICATE = ObjectType.SYMMETRIC_KEY, ObjectType.CERTIFICATE
BLOCK = enums.UsageLimitsUnit.BYTE


def a_custom(vendor: str = "x") -> CustomAttribute:
    return CustomAttribute(
        vendor_identification=vendor,
        attribute_name="rack",
        attribute_value=TypedValue(enums.ItemType.TEXT_STRING, "7"),
    )


def reference(attribute: str, vendor: str | None = None) -> AttributeReference:
    return AttributeReference(attribute=attribute, vendor_identification=vendor)


def with_value(attribute: str, state: State = State.PRE_ACTIVE, value: Any = None) -> Attributes:
    """Return attributes with some value of one attribute; rules look at values of four attributes only."""
    attributes = Attributes(state=state)
    if attribute == CUSTOM:
        return evolve(attributes, custom_attributes=(a_custom(),))
    if attribute == "state":
        return attributes
    if value is None:
        value = {
            "usage_limits": UsageLimits(usage_limits_total=9, usage_limits_count=9, usage_limits_unit=BLOCK),
            "sensitive": False,
            "extractable": True,
            "object_class": ObjectClass.USER,
        }.get(attribute, NOW + 1)
    changed: dict[str, Any] = {attribute: (value,) if attribute in MULTIPLE else value}
    return evolve(attributes, **changed)


def referred(attribute: str) -> AttributeReference:
    return reference("rack", "x") if attribute == CUSTOM else reference(attribute)


def reason_of(check: Any, *arguments: Any) -> ResultReason | None:
    """Return why a check refuses, None if it does not."""
    try:
        check(*arguments)
    except KmipError as refused:
        return refused.reason
    return None


def test_every_attribute_has_a_rule_and_no_rule_is_left_over() -> None:
    assert set(RULES) == {*FIELDS, CUSTOM}
    assert all(rule.object_types for rule in RULES.values())


def test_an_attribute_that_may_be_changed_or_deleted_may_be_added() -> None:
    for rule in RULES.values():
        assert rule.addable or not rule.deletable
        assert rule.addable or rule.change is Change.NEVER
        assert rule.on_creation or not rule.addable


def test_conditions_on_states_belong_to_changes_that_are_in_use() -> None:
    assert set(STATES) <= {rule.change for rule in RULES.values()} | {Change.PRE_ACTIVE_OR_ACTIVE}
    assert set(RULES) >= REPLACEABLE
    assert not REPLACEABLE & MULTIPLE


@pytest.mark.parametrize("attribute", RULES)
def test_creation_takes_what_the_rule_gives_to_clients(attribute: str) -> None:
    rule = RULES[attribute]
    attributes = evolve(with_value(attribute), state=State.PRE_ACTIVE if attribute == "state" else None)
    for object_type in ObjectType:
        expected = None
        if not rule.on_creation:
            expected = ResultReason.READ_ONLY_ATTRIBUTE
        elif object_type not in rule.object_types:
            expected = ResultReason.INVALID_ATTRIBUTE
        elif attribute == "object_class" and object_type in SYSTEM_TYPES:
            expected = ResultReason.INVALID_ATTRIBUTE_VALUE

        assert reason_of(check_creation, attributes, object_type) is expected


@pytest.mark.parametrize("attribute", RULES)
def test_addition_needs_the_right_the_type_the_room_and_the_state(attribute: str) -> None:
    rule = RULES[attribute]
    asked = referred(attribute)
    for object_type in ObjectType:
        for state in State:
            expected = None
            if not rule.addable:
                expected = ResultReason.READ_ONLY_ATTRIBUTE
            elif object_type not in rule.object_types:
                expected = ResultReason.INVALID_ATTRIBUTE
            elif state not in STATES.get(rule.change, set(State)):
                expected = ResultReason.WRONG_KEY_LIFECYCLE_STATE

            assert reason_of(check_addition, asked, Attributes(state=state), object_type) is expected
    if rule.addable:
        expected = None if is_multiple(asked) or attribute in REPLACEABLE else ResultReason.ATTRIBUTE_SINGLE_VALUED
        object_type = min(rule.object_types)

        assert reason_of(check_addition, asked, with_value(attribute), object_type) is expected


@pytest.mark.parametrize("attribute", RULES)
def test_a_change_needs_the_right_and_the_state(attribute: str) -> None:
    rule = RULES[attribute]
    new = {Change.ONLY_TO_TRUE: True, Change.ONLY_TO_FALSE: False}.get(rule.change, NOW + 2)
    for state in State:
        expected = None
        if rule.change is Change.NEVER:
            expected = ResultReason.READ_ONLY_ATTRIBUTE
        elif state not in STATES.get(rule.change, set(State)):
            expected = ResultReason.WRONG_KEY_LIFECYCLE_STATE

        assert reason_of(check_change, referred(attribute), with_value(attribute, state), new, NOW) is expected


@pytest.mark.parametrize("attribute", ["process_start_date", "protect_stop_date"])
@pytest.mark.parametrize(("date", "allowed"), [(NOW - 1, False), (NOW, False), (NOW + 1, True)])
def test_these_dates_stay_once_they_have_come(attribute: str, date: int, allowed: bool) -> None:
    attributes = with_value(attribute, State.ACTIVE, date)

    assert reason_of(check_change, reference(attribute), attributes, NOW + 9, NOW) is (
        None if allowed else ResultReason.WRONG_KEY_LIFECYCLE_STATE
    )


@pytest.mark.parametrize(
    ("attribute", "present", "new", "allowed"),
    [
        ("sensitive", False, True, True),
        ("sensitive", True, True, True),
        ("sensitive", False, False, True),
        ("sensitive", True, False, False),
        ("extractable", True, False, True),
        ("extractable", False, False, True),
        ("extractable", True, True, True),
        ("extractable", False, True, False),
    ],
)
def test_protection_is_not_taken_back(attribute: str, present: bool, new: bool, allowed: bool) -> None:
    attributes = with_value(attribute, State.ACTIVE, present)

    assert reason_of(check_change, reference(attribute), attributes, new, NOW) is (
        None if allowed else ResultReason.INVALID_ATTRIBUTE_VALUE
    )


def test_usage_limits_stay_once_usage_was_allocated() -> None:
    fresh = UsageLimits(usage_limits_total=9, usage_limits_count=9, usage_limits_unit=BLOCK)
    used = evolve(fresh, usage_limits_count=8)
    asked = reference("usage_limits")

    assert reason_of(check_change, asked, Attributes(usage_limits=fresh), used, NOW) is None
    assert reason_of(check_deletion, asked, Attributes(usage_limits=fresh)) is None
    assert reason_of(check_deletion, asked, Attributes()) is None
    assert reason_of(check_change, asked, Attributes(usage_limits=used), fresh, NOW) is ResultReason.PERMISSION_DENIED
    assert reason_of(check_deletion, asked, Attributes(usage_limits=used)) is ResultReason.PERMISSION_DENIED


@pytest.mark.parametrize("attribute", RULES)
def test_deletion_needs_the_right(attribute: str) -> None:
    refused = reason_of(check_deletion, referred(attribute), with_value(attribute))

    assert refused is (None if RULES[attribute].deletable else ResultReason.READ_ONLY_ATTRIBUTE)


def test_custom_and_vendor_attributes_share_one_rule() -> None:
    assert rule_of(reference("rack", "x")) is rule_of(reference("rack", "Acme")) is RULES[CUSTOM]
    assert is_multiple(reference("rack", "x"))


@pytest.mark.parametrize("vendor", ["", "two words", "acme/1", "Ümlaut"])
def test_a_vendor_is_identified_by_letters_digits_underscores_and_periods(vendor: str) -> None:
    given = Attributes(custom_attributes=(a_custom(vendor),))

    assert reason_of(check_creation, given, KEY) is ResultReason.INVALID_ATTRIBUTE
    assert reason_of(check_addition, reference("rack", vendor), Attributes(), KEY) is ResultReason.INVALID_ATTRIBUTE
    assert reason_of(check_addition, reference("rack", "Acme_2.com"), Attributes(), KEY) is None
    assert reason_of(check_deletion, reference("rack", vendor), given) is None


def test_the_servers_own_attributes_are_refused_from_clients() -> None:
    own = reference("rack", "y")
    for check, *rest in (
        (check_addition, Attributes(), KEY),
        (check_change, Attributes(), "8", NOW),
        (check_deletion, Attributes()),
    ):
        assert reason_of(check, own, *rest) is ResultReason.READ_ONLY_ATTRIBUTE
    given = Attributes(custom_attributes=(a_custom("y"),))
    assert reason_of(check_creation, given, KEY) is ResultReason.READ_ONLY_ATTRIBUTE


def test_an_attribute_unknown_to_the_standard_is_refused_by_its_name() -> None:
    with pytest.raises(KmipError, match="frobnication is not an attribute of the standard") as refused:
        rule_of(reference("frobnication"))

    assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE


def test_a_refusal_names_attribute_and_remedy() -> None:
    told = []
    cases: tuple[tuple[Any, ...], ...] = (
        (check_creation, Attributes(certificate_type=enums.CertificateType.X_509), KEY),
        (check_addition, reference("state"), Attributes(), KEY),
        (check_addition, reference("comment"), Attributes(comment="a"), KEY),
        (check_change, reference("activation_date"), with_value("activation_date", State.ACTIVE), NOW, NOW),
    )
    for check, *arguments in cases:
        with pytest.raises(KmipError) as refused:
            check(*arguments)
        told.append(refused.value.message)

    assert told == [
        "Certificate Type is not an attribute of a Symmetric Key",
        "State is set by the server, not by clients",
        "Comment already has its one value; modify it",
        "state is Active; Activation Date can be changed while Pre-Active",
    ]


def test_a_name_is_given_and_another_added() -> None:
    named = Attributes(names=(Name(name_value="a"),))
    check_creation(named, KEY)
    check_addition(reference("names"), named, KEY)


# --- the standard's tables ----------------------------------------------------------------------------------------

TABLES = Path(__file__).resolve().parents[3] / "tools" / "data" / "attributes.csv"
"""The "Attribute Rules" of every attribute and version, drawn from the OASIS texts."""


class Standard(NamedTuple):
    """What the standard says of one attribute, in the newest version up to 2.1 that has it."""

    on_creation: bool
    change: bool
    deletable: bool
    multiple: bool


DEVIATIONS = {
    # A client names these in Create and Register; the standard's "initially set by" speaks of the object's attribute.
    ("cryptographic_algorithm", "on_creation"): "Create's template says which",
    ("cryptographic_length", "on_creation"): "Create's template says which",
    ("certificate_type", "on_creation"): "Register may repeat what the certificate says",
    ("certificate_length", "on_creation"): "Register may repeat what the certificate says",
    ("digital_signature_algorithms", "on_creation"): "Register may repeat what the certificate says",
    ("key_format_type", "on_creation"): "Create may wish for one",
    ("opaque_data_type", "on_creation"): "Register may repeat what the object says",
    ("deactivation_reason", "on_creation"): "Deactivate says it, to the object that it ends",
    ("certificate_attributes", "multiple"): "one certificate, one subject and issuer",
}
"""Where RULES departs from the standard on purpose, and why."""


@pytest.fixture(scope="module")
def standard() -> dict[str, Standard]:
    newest: dict[str, dict[str, str]] = {}
    with TABLES.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["versions"][:3] <= "2.1":  # rows come in the order of versions
                newest[row["attribute"]] = row
            elif row["attribute"] in _OF_3_0:
                newest.setdefault(row["attribute"], row)
    newest |= dict.fromkeys(_COUNTERS, newest.pop("Counters"))  # one row for all of them
    return {name: _read(row) for name, row in newest.items()}


_COUNTERS = [f"{use} Counter" for use in ("Certify", "Decrypt", "Encrypt", "Sign", "Signature Verify")]
_OF_3_0 = {
    "Counters",
    "Object Class",
    "Deactivation Reason",
    "Credential Type",
    "OTP Counter",
    "NIST Security Category",
    "Split Key Parts",
    "Key Part Identifier",
    "Split Key Threshold",
    "Split Key Method",
    "Split Key Polynomial",
}
"""Attributes of the table that are younger than 2.1."""


def _read(row: dict[str, str]) -> Standard:
    return Standard(
        on_creation="Client" in row["initially_set_by"],
        change=row["modifiable_by_client"].startswith("Yes"),
        deletable=row["deletable_by_client"].startswith("Yes"),
        multiple=row["multiple_instances"].startswith("Yes"),
    )


def test_the_table_departs_from_the_standard_only_where_it_says_so(standard: dict[str, Standard]) -> None:
    departures = set()
    for attribute in FIELDS:
        said = standard[title(attribute)]
        rule = RULES[attribute]
        ours = Standard(rule.on_creation, rule.change is not Change.NEVER, rule.deletable, attribute in MULTIPLE)
        departures |= {
            (attribute, aspect) for aspect in Standard._fields if getattr(said, aspect) != getattr(ours, aspect)
        }

    assert departures == set(DEVIATIONS)


def test_the_standard_has_no_attribute_that_the_table_lacks(standard: dict[str, Standard]) -> None:
    names = {title(attribute) for attribute in FIELDS} | {"Custom Attribute", "Vendor Attribute"}

    assert set(standard) - names == set()


def test_conditions_of_change_are_those_of_the_standard(standard: dict[str, Standard]) -> None:
    """The conditions are prose: each is read here once by hand, and the texts are looked up."""
    texts: dict[str, str] = {}
    with TABLES.open(newline="") as file:
        for row in csv.DictReader(file):
            texts[row["attribute"]] = row["modifiable_by_client"]
    texts |= dict.fromkeys(_COUNTERS, texts["Counters"])
    by_text = {
        "Yes, only while in Pre-Active state": Change.PRE_ACTIVE,
        "Yes, only while in Pre-Active or Active state": Change.PRE_ACTIVE_OR_ACTIVE,
        "Yes, only while in Pre-Active or Active state and as long as the Process Start Date has not been reached": (
            Change.UNTIL_REACHED
        ),
        "Yes, only while in Pre-Active or Active state and as long as the Protect Stop Date has not been reached": (
            Change.UNTIL_REACHED
        ),
        "Yes (but only from False to True)": Change.ONLY_TO_TRUE,
        "Yes (but only from True to False)": Change.ONLY_TO_FALSE,
        "Yes (Usage Limits Total and/or Usage Limits Unit only, "
        "as long as Get Usage Allocation has not been performed)": Change.UNTIL_ALLOCATED,
    }
    conditional = {}
    for attribute in FIELDS:
        text = texts[title(attribute)].rstrip(".")
        if text.startswith("Yes") and text != "Yes":
            conditional[attribute] = by_text[text]

    assert conditional == {
        attribute: rule.change for attribute, rule in RULES.items() if rule.change not in (Change.NEVER, Change.ALWAYS)
    }


def test_a_part_of_certificate_attributes_follows_their_rule() -> None:
    assert rule_of(AttributeReference(attribute="certificate_subject_cn")) is RULES["certificate_attributes"]
