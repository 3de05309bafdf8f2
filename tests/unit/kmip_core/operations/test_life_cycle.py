"""Activate, Revoke and Destroy; the transitions themselves are the life-cycle table's."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Content, OpaqueObject, Template
from kmip_core.operations import activate, destroy, get, register, revoke
from kmip_core.structures import RevocationReason
from tests.builders import NOW, a_symmetric_key, an_engine, attributes_of, perform, stored


def refusal(engine: Engine, operation: Operation, request: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)
    return refused.value.reason


def reported(code: RevocationReasonCode, **more: Any) -> revoke.Request:
    reason = RevocationReason(revocation_reason_code=code, revocation_message="why")
    return revoke.Request(unique_identifier="key", revocation_reason=reason, **more)


def a_kept(engine: Engine, content: Content) -> str:
    request = register.Request(object_type=content.object_type, managed_object=content)
    identifier: str = perform(engine, Operation.REGISTER, request).unique_identifier
    return identifier


ACTIVATE = (Operation.ACTIVATE, activate.Request(unique_identifier="key"))
DESTROY = (Operation.DESTROY, destroy.Request(unique_identifier="key"))


def test_activate_activates_now() -> None:
    engine = an_engine(a_symmetric_key())

    assert perform(engine, *ACTIVATE) == activate.Response(unique_identifier="key")
    assert attributes_of(engine).state is State.ACTIVE
    assert attributes_of(engine).activation_date == NOW
    assert attributes_of(engine).last_change_date == NOW


def test_activate_refuses_what_is_active() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))

    assert refusal(engine, *ACTIVATE) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


@pytest.mark.parametrize("content", [OpaqueObject(b"any"), Template(template_attributes=Attributes())])
def test_objects_that_are_only_kept_have_no_life_cycle(content: Content) -> None:
    engine = an_engine()
    identifier = a_kept(engine, content)
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.UNSPECIFIED)

    for operation, request in (
        (Operation.ACTIVATE, activate.Request(unique_identifier=identifier)),
        (Operation.REVOKE, revoke.Request(unique_identifier=identifier, revocation_reason=reason)),
    ):
        assert refusal(engine, operation, request) is ResultReason.INVALID_OBJECT_TYPE


def test_revoke_deactivates() -> None:
    engine = an_engine(a_symmetric_key(state=State.ACTIVE))

    answer = perform(engine, Operation.REVOKE, reported(RevocationReasonCode.CESSATION_OF_OPERATION))

    assert answer == revoke.Response(unique_identifier="key")
    kept = attributes_of(engine)
    assert (kept.state, kept.deactivation_date) == (State.DEACTIVATED, NOW)
    assert kept.revocation_reason is not None
    assert kept.revocation_reason.revocation_message == "why"


def test_revoke_for_a_compromise_keeps_when_it_happened() -> None:
    engine = an_engine(a_symmetric_key())

    perform(engine, Operation.REVOKE, reported(RevocationReasonCode.KEY_COMPROMISE, compromise_occurrence_date=6))

    kept = attributes_of(engine)
    assert (kept.state, kept.compromise_date, kept.compromise_occurrence_date) == (State.COMPROMISED, NOW, 6)


def test_revoke_refuses_to_deactivate_what_is_not_active() -> None:
    request = reported(RevocationReasonCode.UNSPECIFIED)

    assert refusal(an_engine(a_symmetric_key()), Operation.REVOKE, request) is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_destroy_erases_the_content_and_keeps_the_attributes() -> None:
    engine = an_engine(a_symmetric_key())

    assert perform(engine, *DESTROY) == destroy.Response(unique_identifier="key")
    assert attributes_of(engine).state is State.DESTROYED
    assert attributes_of(engine).destroy_date == NOW
    assert not stored(engine).has_content
    assert refusal(engine, Operation.GET, get.Request(unique_identifier="key")) is ResultReason.OBJECT_DESTROYED


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.ACTIVE, ResultReason.WRONG_KEY_LIFECYCLE_STATE),
        (State.DESTROYED, ResultReason.OBJECT_DESTROYED),
        (State.DESTROYED_COMPROMISED, ResultReason.OBJECT_DESTROYED),
    ],
)
def test_destroy_refuses(state: State, reason: ResultReason) -> None:
    assert refusal(an_engine(a_symmetric_key(state=state)), *DESTROY) is reason


def test_a_destroyed_template_leaves_no_trace() -> None:
    engine = an_engine()
    identifier = a_kept(engine, Template(template_attributes=Attributes()))

    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier))

    with engine.services.storage.unit_of_work() as work:
        assert work.find(identifier) is None


def test_an_opaque_object_can_be_destroyed() -> None:
    engine = an_engine()
    identifier = a_kept(engine, OpaqueObject(b"any"))

    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier))

    assert stored(engine, identifier).object_type is ObjectType.OPAQUE_OBJECT
    assert attributes_of(engine, identifier).state is State.DESTROYED
