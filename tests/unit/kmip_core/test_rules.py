"""Admission: every purpose in every state, the dates, the mask, and the proof that cannot be forged."""

from typing import Any, Final

import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm, ObjectType, Operation, ResultReason, State
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.lifecycle import GONE
from kmip_core.objects import ManagedObject
from kmip_core.rules import (
    AFTER_DEACTIVATION,
    PROCESSES,
    PROTECTS,
    STATES_FOR,
    USAGE_FOR,
    Admitted,
    Purpose,
    admit,
    check_content_may_leave,
    check_dates,
    check_usage,
    denied_use,
)

NOW = 1_800_000_000
EVERY_BIT = Mask(sum(Mask))
USES = {
    Purpose.ENCRYPT,
    Purpose.DECRYPT,
    Purpose.SIGN,
    Purpose.VERIFY,
    Purpose.MAC_GENERATE,
    Purpose.MAC_VERIFY,
    Purpose.WRAP,
    Purpose.UNWRAP,
    Purpose.AGREE,
    Purpose.ISSUE,
    Purpose.ENCAPSULATE,
    Purpose.DECAPSULATE,
}
KEY_ENCAPSULATION = {Purpose.ENCAPSULATE, Purpose.DECAPSULATE}
"""For these the draft of 3.0 has no bit of their own; one of several will do (RULINGS 50)."""


def a_key(state: State | None = State.ACTIVE, mask: Mask | None = EVERY_BIT, **fields: Any) -> ManagedObject:
    attributes = Attributes(
        object_type=ObjectType.SYMMETRIC_KEY, state=state, cryptographic_usage_mask=mask, unique_identifier="1"
    )
    return ManagedObject(
        unique_identifier="1",
        object_type=ObjectType.SYMMETRIC_KEY,
        owner="alice",
        attributes=evolve(attributes, **fields),
    )


def refusal(managed_object: ManagedObject, purpose: Purpose, **settings: Any) -> KmipError:
    with pytest.raises(KmipError) as refused:
        admit(managed_object, purpose, NOW, **settings)
    return refused.value


def test_every_purpose_has_states_and_every_state_is_good_for_something() -> None:
    assert set(STATES_FOR) == set(Purpose)
    assert all(STATES_FOR.values())
    assert frozenset().union(*STATES_FOR.values()) == set(State)


def test_every_use_has_a_usage_bit_of_its_own_and_nothing_else_has_one() -> None:
    assert set(USAGE_FOR) == USES | {Purpose.DERIVE}
    assert len(set(USAGE_FOR.values())) == len(USAGE_FOR)
    assert {purpose for purpose, bits in USAGE_FOR.items() if bits.bit_count() != 1} == KEY_ENCAPSULATION


def test_every_use_either_protects_or_processes_or_agrees() -> None:
    assert {Purpose.AGREE} == USES - PROTECTS - PROCESSES
    assert {Purpose.ALLOCATE} == PROTECTS - USES  # usage is allocated for protecting
    assert not PROTECTS & PROCESSES
    assert PROCESSES == AFTER_DEACTIVATION


def test_no_purpose_but_reading_and_changing_records_reaches_what_is_gone() -> None:
    assert {p for p in Purpose if STATES_FOR[p] & GONE} == {
        Purpose.READ_ATTRIBUTES,
        Purpose.CHANGE_ATTRIBUTES,
        Purpose.CHANGE_STATE,
        Purpose.RECOVER,
    }


def permitted(purpose: Purpose, state: State, process_after_deactivation: bool) -> bool:
    """KMIP 2.1 §4.57 and RULINGS 7, told a second time."""
    if purpose in USES:
        return state is State.ACTIVE or (
            process_after_deactivation
            and purpose in (Purpose.DECRYPT, Purpose.VERIFY, Purpose.MAC_VERIFY, Purpose.UNWRAP, Purpose.DECAPSULATE)
            and state in (State.DEACTIVATED, State.COMPROMISED)
        )
    match purpose:
        case Purpose.DERIVE | Purpose.AUTHENTICATE:
            return state in (State.PRE_ACTIVE, State.ACTIVE)
        case Purpose.ALLOCATE | Purpose.PASSWORD:
            return state is State.ACTIVE
        case Purpose.READ_CONTENT | Purpose.CERTIFY | Purpose.REPLACE | Purpose.CHECK | Purpose.LEASE:
            return state not in GONE
        case _:
            return True


@pytest.mark.parametrize("process_after_deactivation", [False, True], ids=["strict", "process after deactivation"])
@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
def test_a_purpose_is_admitted_in_its_states_only(purpose: Purpose, process_after_deactivation: bool) -> None:
    for state in State:
        key = a_key(state)
        if permitted(purpose, state, process_after_deactivation):
            admitted = admit(key, purpose, NOW, process_after_deactivation=process_after_deactivation)

            assert admitted.managed_object is key
            assert admitted.purpose is purpose
        else:
            refused = refusal(key, purpose, process_after_deactivation=process_after_deactivation)

            assert refused.reason is (
                ResultReason.OBJECT_DESTROYED if state in GONE else ResultReason.WRONG_KEY_LIFECYCLE_STATE
            )


@pytest.mark.parametrize("purpose", [one for one in Purpose if one in AFTER_DEACTIVATION])
def test_what_is_deactivated_processes_nothing_unless_that_is_wanted(purpose: Purpose) -> None:
    """Whoever says nothing has the rule of the standard."""
    assert refusal(a_key(State.DEACTIVATED), purpose).reason is ResultReason.WRONG_KEY_LIFECYCLE_STATE


@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
def test_an_object_without_a_state_counts_as_pre_active(purpose: Purpose) -> None:
    def outcome(key: ManagedObject) -> tuple[Any, ...]:
        try:
            admit(key, purpose, NOW)
        except KmipError as error:
            return error.reason, error.message
        return ()

    assert outcome(a_key(None)) == outcome(a_key(State.PRE_ACTIVE))


def test_a_refusal_for_the_state_names_the_states_that_are_accepted() -> None:
    assert (
        refusal(a_key(State.DEACTIVATED), Purpose.DERIVE).message
        == "state is Deactivated; Derive Key needs Pre-Active or Active"
    )


@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
def test_a_use_needs_exactly_its_bit(purpose: Purpose) -> None:
    for bit in Mask:
        needed = USAGE_FOR.get(purpose)
        if needed is None or bit & needed:
            check_usage(bit, purpose)
        else:
            with pytest.raises(KmipError) as refused:
                check_usage(bit, purpose)

            assert refused.value.reason is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


@pytest.mark.parametrize("mask", [None, Mask(0)], ids=["no mask", "empty mask"])
def test_without_a_bit_nothing_is_used_and_the_missing_one_is_named(mask: Mask | None) -> None:
    refused = refusal(a_key(mask=mask), Purpose.MAC_GENERATE)

    assert refused.message == "MAC needs the MAC Generate bit in the cryptographic usage mask"
    assert admit(a_key(mask=mask), Purpose.READ_CONTENT, NOW)


NO_PURPOSES: Final = [
    pytest.param("sign", "'sign'", id="text"),
    pytest.param("Sign", "'Sign'", id="value"),
    pytest.param(Operation.SIGN, "<Operation.SIGN: 33>", id="operation"),
    pytest.param(None, "None", id="none"),
]
"""What a caller without types may take for a purpose, and how it is shown."""


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(a_key(), id="usable"),
        pytest.param(evolve(a_key(), archived=True), id="archived"),
        pytest.param(a_key(State.DESTROYED), id="destroyed"),
        pytest.param(a_key(None), id="without a state"),
    ],
)
@pytest.mark.parametrize(("purpose", "shown"), NO_PURPOSES)
def test_nothing_is_admitted_for_what_is_no_purpose(key: ManagedObject, purpose: Any, shown: str) -> None:
    """Whatever else would be wrong with the object: a caller shall not look for its mistake there."""
    expected = rf"^purpose is {shown}; write a Purpose, for example Purpose\.SIGN$"
    with pytest.raises(TypeError, match=expected):
        admit(key, purpose, NOW)
    with pytest.raises(TypeError, match=expected):
        admit(key, purpose, NOW, object_types=frozenset({ObjectType.PRIVATE_KEY}))


@pytest.mark.parametrize(("purpose", "shown"), NO_PURPOSES)
def test_what_is_no_purpose_is_an_error_and_not_allowed(purpose: Any, shown: str) -> None:
    expected = rf"^purpose is {shown}; write a Purpose, for example Purpose\.SIGN$"
    with pytest.raises(TypeError, match=expected):
        check_usage(Mask.ENCRYPT, purpose)
    each: list[dict[str, Any]] = [{}, {"process_start_date": NOW + 1}, {"protect_stop_date": NOW - 1}]
    for dates in each:
        with pytest.raises(TypeError, match=expected):
            check_dates(a_key(**dates).attributes, purpose, NOW)


@pytest.mark.parametrize("start", [None, NOW - 1, NOW, NOW + 1])
@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
def test_processing_begins_at_the_process_start_date(purpose: Purpose, start: int | None) -> None:
    key = a_key(process_start_date=start)
    if purpose in PROCESSES and start == NOW + 1:
        assert "process start date has not come" in refusal(key, purpose).message
    else:
        assert admit(key, purpose, NOW)


@pytest.mark.parametrize("stop", [None, NOW - 1, NOW, NOW + 1])
@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
def test_protection_ends_at_the_protect_stop_date(purpose: Purpose, stop: int | None) -> None:
    key = a_key(protect_stop_date=stop)
    if purpose in PROTECTS and stop in (NOW - 1, NOW):
        assert "protect stop date has passed" in refusal(key, purpose).message
    else:
        assert admit(key, purpose, NOW)


def test_the_type_is_judged_before_everything_else() -> None:
    key = evolve(a_key(State.DESTROYED, mask=None), archived=True)
    refused = refusal(key, Purpose.SIGN, object_types=frozenset({ObjectType.PRIVATE_KEY, ObjectType.OPAQUE_OBJECT}))

    assert refused.reason is ResultReason.INVALID_OBJECT_TYPE
    assert refused.message == "Sign needs an object of type Opaque Object or Private Key"
    assert admit(a_key(), Purpose.SIGN, NOW, object_types=frozenset({ObjectType.SYMMETRIC_KEY}))


@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
@pytest.mark.parametrize("algorithm", [CryptographicAlgorithm.ONE_TIME_PAD, CryptographicAlgorithm.AES, None])
def test_secret_data_encrypts_as_a_one_time_pad_and_does_nothing_else_of_a_key(
    purpose: Purpose, algorithm: CryptographicAlgorithm | None
) -> None:
    """KMIP 1.4 §9.1.3.2.13."""
    key = a_key(cryptographic_algorithm=algorithm)
    data = evolve(key, object_type=ObjectType.SECRET_DATA)
    wanted = frozenset({ObjectType.SYMMETRIC_KEY})

    if algorithm is CryptographicAlgorithm.ONE_TIME_PAD and purpose in (Purpose.ENCRYPT, Purpose.DECRYPT):
        assert admit(data, purpose, NOW, object_types=wanted).managed_object is data
    else:
        assert refusal(data, purpose, object_types=wanted).reason is ResultReason.INVALID_OBJECT_TYPE


@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.name)
def test_an_archived_object_shows_its_attributes_and_can_be_recovered_only(purpose: Purpose) -> None:
    archived = evolve(a_key(), archived=True)
    if purpose in (Purpose.READ_ATTRIBUTES, Purpose.RECOVER):
        assert admit(archived, purpose, NOW)
    else:
        assert refusal(archived, purpose).reason is ResultReason.OBJECT_ARCHIVED


def test_the_state_is_judged_before_dates_and_dates_before_the_mask() -> None:
    key = a_key(State.DEACTIVATED, mask=None, protect_stop_date=NOW - 1)

    assert "state is" in refusal(key, Purpose.ENCRYPT).message
    assert (
        "protect stop date"
        in refusal(evolve(key, attributes=evolve(key.attributes, state=State.ACTIVE)), Purpose.ENCRYPT).message
    )


def test_an_admitted_target_holds_its_object() -> None:
    admitted = admit(a_key(), Purpose.ENCRYPT, NOW)

    assert admitted.unique_identifier == "1"
    assert admitted.attributes is admitted.managed_object.attributes
    assert "_made_by_admit" not in repr(admitted)


def test_the_proof_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError, match=r"made by rules.admit only"):
        Admitted(a_key(), Purpose.READ_CONTENT, object())


@pytest.mark.parametrize(
    ("sensitive", "extractable", "wrapped", "reason"),
    [
        (None, None, False, None),
        (False, True, False, None),
        (True, True, False, ResultReason.SENSITIVE),
        (True, True, True, None),
        (True, None, True, None),
        (False, False, False, ResultReason.NOT_EXTRACTABLE),
        (False, False, True, ResultReason.NOT_EXTRACTABLE),
        (True, False, True, ResultReason.NOT_EXTRACTABLE),
        (True, False, False, ResultReason.NOT_EXTRACTABLE),
    ],
)
def test_sensitive_material_leaves_wrapped_and_unextractable_not_at_all(
    sensitive: bool | None, extractable: bool | None, wrapped: bool, reason: ResultReason | None
) -> None:
    attributes = Attributes(sensitive=sensitive, extractable=extractable)
    if reason is None:
        check_content_may_leave(attributes, wrapped=wrapped)
        return
    with pytest.raises(KmipError) as refused:
        check_content_may_leave(attributes, wrapped=wrapped)

    assert refused.value.reason is reason


def test_a_denied_use_names_the_operation() -> None:
    refused = denied_use("Get")

    assert refused.reason is ResultReason.PERMISSION_DENIED
    assert refused.message == "the object's policy does not allow Get for you"
