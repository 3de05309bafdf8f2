"""Deactivate, Obliterate and the Revoke of KMIP 3.0."""

from typing import Any

import pytest

from kmip_core.engine import Engine
from kmip_core.enums import DeactivationReasonCode, Operation, ResultReason, RevocationReasonCode, State
from kmip_core.errors import KmipError
from kmip_core.objects import OpaqueObject
from kmip_core.operations import deactivate, destroy, get, import_, obliterate, register, revoke
from kmip_core.structures import DeactivationReason, RevocationReason
from tests.builders import BOB, NOW, a_name, a_symmetric_key, an_engine, ask, attributes_of, perform

OBLITERATE = (Operation.OBLITERATE, obliterate.Request(unique_identifier="key"))
BY_DATE = DeactivationReason(
    deactivation_reason_code=DeactivationReasonCode.DEACTIVATION_DATE, deactivation_message="over"
)


def refusal(engine: Engine, operation: Operation, request: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)
    return refused.value.reason


def is_there(engine: Engine, identifier: str = "key") -> bool:
    with engine.services.storage.unit_of_work() as work:
        return work.find(identifier) is not None


def deactivated(**fields: Any) -> tuple[Operation, deactivate.Request]:
    return Operation.DEACTIVATE, deactivate.Request(unique_identifier="key", **fields)


def test_deactivate_deactivates_now_for_no_stated_reason() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))

    assert perform(engine, *deactivated()) == deactivate.Response(unique_identifier="key")
    kept = attributes_of(engine)
    assert (kept.state, kept.deactivation_date, kept.last_change_date) == (State.DEACTIVATED, NOW, NOW)
    assert kept.deactivation_reason == DeactivationReason(deactivation_reason_code=DeactivationReasonCode.UNSPECIFIED)
    assert kept.revocation_reason is None


def test_deactivate_keeps_the_reason_and_the_date_that_it_is_given() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))

    perform(engine, *deactivated(deactivation_reason=BY_DATE, deactivation_date=NOW - 5))

    kept = attributes_of(engine)
    assert (kept.state, kept.deactivation_date, kept.deactivation_reason) == (State.DEACTIVATED, NOW - 5, BY_DATE)


def test_deactivate_refuses_a_date_that_has_not_come() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))

    assert refusal(engine, *deactivated(deactivation_date=NOW + 1)) is ResultReason.INVALID_FIELD
    assert attributes_of(engine).state is State.ACTIVE


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_deactivate_refuses_what_is_not_active(state: State) -> None:
    assert refusal(an_engine(a_symmetric_key(state=state)), *deactivated()) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_an_opaque_object_is_not_deactivated() -> None:
    engine = an_engine()
    content = OpaqueObject(b"any")
    request = register.Request(object_type=content.object_type, managed_object=content)
    made = perform(engine, Operation.REGISTER, request).unique_identifier

    asked = deactivate.Request(unique_identifier=made)
    assert refusal(engine, Operation.DEACTIVATE, asked) is ResultReason.INVALID_OBJECT_TYPE


@pytest.mark.parametrize("state", State)
def test_obliterate_leaves_nothing_of_an_object_in_any_state(state: State) -> None:
    engine = an_engine(a_symmetric_key(state=state, names=(a_name("n"),)))

    assert perform(engine, *OBLITERATE) == obliterate.Response()
    assert not is_there(engine)
    assert refusal(engine, Operation.GET, get.Request(unique_identifier="key")) is ResultReason.OBJECT_NOT_FOUND
    assert refusal(engine, *OBLITERATE) is ResultReason.OBJECT_NOT_FOUND


def test_obliterate_is_the_owner_s() -> None:
    engine = an_engine(a_symmetric_key())

    with pytest.raises(KmipError) as refused:
        perform(engine, *OBLITERATE, BOB)

    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND
    assert is_there(engine)


def test_obliterate_refuses_an_archived_object() -> None:
    engine = an_engine(a_symmetric_key(archived=True))

    assert refusal(engine, *OBLITERATE) is ResultReason.OBJECT_ARCHIVED
    assert is_there(engine)


def test_the_identifier_of_an_obliterated_object_is_free() -> None:
    identifier = "6f6c8a43-7d2a-4b19-8f5e-0c9d8b7a6f51"
    record, key = a_symmetric_key(identifier)
    engine = an_engine((record, key))
    request = import_.Request(unique_identifier=identifier, object_type=key.object_type, managed_object=key)

    assert refusal(engine, Operation.IMPORT, request) is ResultReason.OBJECT_ALREADY_EXISTS
    perform(engine, Operation.OBLITERATE, obliterate.Request(unique_identifier=identifier))
    assert perform(engine, Operation.IMPORT, request).unique_identifier == identifier


def test_after_obliterate_the_id_placeholder_is_empty() -> None:
    engine = an_engine(a_symmetric_key())
    items = ask(engine, OBLITERATE, (Operation.DESTROY, destroy.Request())).batch_items

    assert items[1].result_reason is ResultReason.ITEM_NOT_FOUND


@pytest.mark.parametrize("state", [State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED, State.COMPROMISED])
@pytest.mark.parametrize(
    "reason", [None, *(RevocationReason(revocation_reason_code=code) for code in RevocationReasonCode)], ids=str
)
def test_revoke_of_3_0_compromises_for_every_reason(state: State, reason: RevocationReason | None) -> None:
    engine = an_engine(a_symmetric_key(state=state))
    request = revoke.Request(unique_identifier="key", revocation_reason=reason, always_compromises=True)

    perform(engine, Operation.REVOKE, request)

    kept = attributes_of(engine)
    assert (kept.state, kept.compromise_date, kept.deactivation_date) == (State.COMPROMISED, NOW, None)
    assert kept.compromise_occurrence_date == kept.initial_date
    unspecified = RevocationReason(revocation_reason_code=RevocationReasonCode.UNSPECIFIED)
    assert kept.revocation_reason == (reason or unspecified)
