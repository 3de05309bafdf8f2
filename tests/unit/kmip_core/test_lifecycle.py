"""The life cycle: the whole table, the dates that drive it, and what each operation leaves behind."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from kmip_core.attributes import Attributes
from kmip_core.enums import DeactivationReasonCode, ObjectType, ResultReason, RevocationReasonCode, State
from kmip_core.errors import KmipError
from kmip_core.lifecycle import (
    COMPROMISES,
    GONE,
    TRANSITIONS,
    UNSPECIFIED,
    WITHOUT_LIFE_CYCLE,
    Event,
    activate,
    changes_state,
    destroy,
    initial_state,
    need_state,
    next_state,
    revoke,
    settle,
)
from kmip_core.standard_names import standard_name
from kmip_core.structures import DeactivationReason, RevocationReason

BY_DATE = DeactivationReason(deactivation_reason_code=DeactivationReasonCode.DEACTIVATION_DATE)

PRE, ACT, DEA, COM = State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED, State.COMPROMISED
DES, DESC = State.DESTROYED, State.DESTROYED_COMPROMISED
NOW = 1_800_000_000

# KMIP 2.1 §4.57, the numbered transitions; written again by hand so that an edited table does not confirm itself.
STANDARD = {
    (PRE, Event.DESTROY): DES,  # 2
    (PRE, Event.COMPROMISE): COM,  # 3
    (PRE, Event.ACTIVATE): ACT,  # 4
    (ACT, Event.COMPROMISE): COM,  # 5
    (ACT, Event.DEACTIVATE): DEA,  # 6
    (DEA, Event.DESTROY): DES,  # 7
    (DEA, Event.COMPROMISE): COM,  # 8
    (COM, Event.DESTROY): DESC,  # 9
    (DES, Event.COMPROMISE): DESC,  # 10
}
OURS = {(COM, Event.COMPROMISE): COM}  # a second report is taken, and changes no state


def a_key(state: State | None = PRE, **fields: Any) -> Attributes:
    return evolve(Attributes(object_type=ObjectType.SYMMETRIC_KEY, state=state, initial_date=NOW - 1_000), **fields)


def reason(code: RevocationReasonCode) -> RevocationReason:
    return RevocationReason(revocation_reason_code=code)


def test_the_table_has_a_row_for_every_state_and_a_name_for_every_row() -> None:
    assert set(TRANSITIONS) == set(State)
    assert [standard_name(state) for state in State] == [
        "Pre-Active",
        "Active",
        "Deactivated",
        "Compromised",
        "Destroyed",
        "Destroyed Compromised",
    ]


@pytest.mark.parametrize("event", Event, ids=lambda value: value.name)
@pytest.mark.parametrize("state", State, ids=lambda value: value.name)
def test_every_state_and_event_does_what_the_standard_says(state: State, event: Event) -> None:
    expected = (STANDARD | OURS).get((state, event))
    if expected is not None:
        assert next_state(state, event) is expected
        return
    with pytest.raises(KmipError) as refused:
        next_state(state, event)

    assert refused.value.reason is ResultReason.WRONG_KEY_LIFECYCLE_STATE


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param(Attributes(object_type=ObjectType.TEMPLATE, activation_date=5), False, id="no life cycle"),
        pytest.param(
            Attributes(object_type=ObjectType.SYMMETRIC_KEY, state=State.DESTROYED, deactivation_date=5),
            False,
            id="destroyed",
        ),
        pytest.param(
            Attributes(object_type=ObjectType.SYMMETRIC_KEY, state=State.ACTIVE, deactivation_date=5), True, id="active"
        ),
    ],
)
def test_dates_move_the_state_of_what_lives(attributes: Attributes, expected: bool) -> None:
    assert changes_state(attributes, 0, 10) is expected


def test_a_refusal_says_what_would_be_accepted() -> None:
    with pytest.raises(KmipError) as refused:
        next_state(ACT, Event.DESTROY)

    assert refused.value.message == "state is Active; Destroy needs Pre-Active or Deactivated or Compromised"


@pytest.mark.parametrize("state", ["Active", "ACTIVE", 7, None], ids=repr)
def test_what_is_no_state_is_an_error_that_says_so(state: Any) -> None:
    with pytest.raises(TypeError, match=rf"^state is {state!r}; write a State, for example State\.ACTIVE$"):
        next_state(state, Event.DESTROY)


@pytest.mark.parametrize("event", ["destroy", "Destroy", None], ids=repr)
def test_what_is_no_event_is_an_error_that_says_so(event: Any) -> None:
    with pytest.raises(TypeError, match=rf"^event is {event!r}; write an Event, for example Event\.DESTROY$"):
        next_state(ACT, event)


@pytest.mark.parametrize("code", ["Key Compromise", "KEY_COMPROMISE", None, 99], ids=repr)
def test_a_compromise_that_is_misspelt_is_an_error_and_no_deactivation(code: Any) -> None:
    expected = (
        rf"^revocation_reason_code is {code!r}; write a RevocationReasonCode, for example RevocationReasonCode\.KEY_C"
    )
    with pytest.raises(TypeError, match=expected):
        revoke(a_key(ACT), reason(code), None, NOW)


def test_no_way_leads_back_from_what_is_gone() -> None:
    assert {DES, DESC} == GONE
    for state in GONE:
        assert set(TRANSITIONS[state].values()) <= GONE


@pytest.mark.parametrize(
    ("state", "activation", "deactivation", "settled"),
    [
        (PRE, None, None, PRE),
        (PRE, NOW + 1, None, PRE),
        (PRE, NOW, None, ACT),
        (PRE, NOW - 1, NOW + 1, ACT),
        (PRE, NOW - 2, NOW - 1, DEA),
        (PRE, NOW, NOW, DEA),
        (PRE, None, NOW - 1, PRE),  # transition 6 leaves from Active only
        (PRE, NOW + 1, NOW - 1, PRE),
        (ACT, NOW + 5, None, ACT),
        (ACT, None, NOW, DEA),
        (ACT, None, NOW + 1, ACT),
        (DEA, NOW - 1, None, DEA),
        (COM, NOW - 1, NOW - 1, COM),
        (DES, NOW - 1, NOW - 1, DES),
        (DESC, NOW - 1, NOW - 1, DESC),
        (None, NOW - 1, None, None),
    ],
)
def test_dates_that_have_come_move_the_state(
    state: State | None, activation: int | None, deactivation: int | None, settled: State | None
) -> None:
    attributes = a_key(state, activation_date=activation, deactivation_date=deactivation)

    ended = state in (PRE, ACT) and settled is DEA
    assert settle(attributes, NOW) == evolve(attributes, state=settled, deactivation_reason=BY_DATE if ended else None)


def test_a_reason_that_was_given_stands() -> None:
    attributes = a_key(ACT, deactivation_date=NOW, deactivation_reason=UNSPECIFIED)

    assert settle(attributes, NOW).deactivation_reason == UNSPECIFIED


def test_attributes_without_a_date_in_the_past_are_returned_as_they_are() -> None:
    attributes = a_key(ACT, deactivation_date=NOW + 1)

    assert settle(attributes, NOW) is attributes


@pytest.mark.parametrize("object_type", ObjectType, ids=lambda value: value.name)
def test_opaque_objects_and_templates_are_not_moved_by_dates(object_type: ObjectType) -> None:
    attributes = a_key(object_type=object_type, activation_date=NOW)
    expected = PRE if object_type in (ObjectType.OPAQUE_OBJECT, ObjectType.TEMPLATE) else ACT

    assert settle(attributes, NOW).state is expected
    assert (object_type in WITHOUT_LIFE_CYCLE) == (expected is PRE)


dates = st.none() | st.integers(0, 10)


@given(st.sampled_from(State), dates, dates, st.integers(0, 10), st.integers(0, 10))
def test_settling_again_later_comes_to_the_same_as_settling_once(
    state: State, activation: int | None, deactivation: int | None, first: int, later: int
) -> None:
    attributes = a_key(state, activation_date=activation, deactivation_date=deactivation)
    instants = sorted((first, later))

    assert settle(settle(attributes, instants[0]), instants[1]) == settle(attributes, instants[1])
    assert settle(attributes, first) == settle(settle(attributes, first), first)


@given(st.sampled_from(State), dates, dates, st.integers(0, 10))
def test_settling_takes_only_ways_that_the_table_has(
    state: State, activation: int | None, deactivation: int | None, now: int
) -> None:
    settled = settle(a_key(state, activation_date=activation, deactivation_date=deactivation), now).state
    by_dates = {state}
    for event in (Event.ACTIVATE, Event.DEACTIVATE):
        by_dates |= {TRANSITIONS[s][event] for s in by_dates if event in TRANSITIONS[s]}

    assert settled in by_dates


def test_activate_sets_state_and_date() -> None:
    assert activate(a_key(), NOW) == a_key(ACT, activation_date=NOW)


@pytest.mark.parametrize("state", sorted(set(State) - {PRE}), ids=lambda value: value.name)
def test_activate_needs_pre_active(state: State) -> None:
    with pytest.raises(KmipError, match="Activate needs Pre-Active"):
        activate(a_key(state), NOW)


def test_compromises_are_the_two_reasons_of_the_standard() -> None:
    assert {RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE} == COMPROMISES


@pytest.mark.parametrize("code", sorted(COMPROMISES), ids=lambda value: value.name)
@pytest.mark.parametrize(
    ("state", "after"), [(PRE, COM), (ACT, COM), (DEA, COM), (DES, DESC)], ids=lambda value: value.name
)
def test_a_compromise_sets_dates_and_reason(code: RevocationReasonCode, state: State, after: State) -> None:
    revoked = revoke(a_key(state), reason(code), NOW - 500, NOW)

    assert revoked == a_key(
        after, revocation_reason=reason(code), compromise_date=NOW, compromise_occurrence_date=NOW - 500
    )


def test_a_compromise_of_unknown_time_may_have_happened_since_the_beginning() -> None:
    revoked = revoke(a_key(ACT), reason(RevocationReasonCode.KEY_COMPROMISE), None, NOW)

    assert revoked.compromise_occurrence_date == NOW - 1_000


def test_a_second_report_gives_its_reason_and_moves_no_date() -> None:
    first = revoke(a_key(ACT), reason(RevocationReasonCode.KEY_COMPROMISE), NOW - 500, NOW)
    second = revoke(first, reason(RevocationReasonCode.CA_COMPROMISE), NOW - 1, NOW + 50)

    assert second == evolve(first, revocation_reason=reason(RevocationReasonCode.CA_COMPROMISE))


def test_a_compromise_of_what_was_destroyed_compromised_is_refused() -> None:
    with pytest.raises(KmipError, match="state is Destroyed Compromised; Compromise needs"):
        revoke(a_key(DESC), reason(RevocationReasonCode.KEY_COMPROMISE), None, NOW)


@pytest.mark.parametrize("code", sorted(set(RevocationReasonCode) - COMPROMISES), ids=lambda value: value.name)
def test_any_other_reason_deactivates_what_is_active(code: RevocationReasonCode) -> None:
    assert revoke(a_key(ACT), reason(code), None, NOW) == a_key(
        DEA, revocation_reason=reason(code), deactivation_reason=UNSPECIFIED, deactivation_date=NOW
    )


@pytest.mark.parametrize("state", sorted(set(State) - {ACT}), ids=lambda value: value.name)
def test_any_other_reason_needs_active(state: State) -> None:
    with pytest.raises(KmipError, match="Deactivate needs Active"):
        revoke(a_key(state), reason(RevocationReasonCode.SUPERSEDED), None, NOW)


@pytest.mark.parametrize(("state", "after"), [(PRE, DES), (DEA, DES), (COM, DESC)], ids=lambda value: value.name)
def test_destroy_sets_state_and_date(state: State, after: State) -> None:
    assert destroy(a_key(state), NOW) == a_key(after, destroy_date=NOW)


@pytest.mark.parametrize("state", [ACT, DES, DESC], ids=lambda value: value.name)
def test_destroy_refuses_what_is_active_or_gone(state: State) -> None:
    with pytest.raises(KmipError, match="Destroy needs"):
        destroy(a_key(state), NOW)


@pytest.mark.parametrize(
    ("activation", "begins"), [(None, PRE), (NOW + 1, PRE), (NOW, ACT), (0, ACT)], ids=lambda value: str(value)
)
def test_a_new_object_begins_active_if_its_date_has_come(activation: int | None, begins: State) -> None:
    assert initial_state(a_key(None, activation_date=activation), ObjectType.SYMMETRIC_KEY, NOW) is begins


def test_an_object_without_a_state_counts_as_pre_active() -> None:
    assert need_state(Attributes()) is PRE
    assert need_state(a_key(COM)) is COM
