"""Obtain Lease."""

from typing import Any

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core.enums import Operation, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import CATALOGUE, check, obtain_lease
from kmip_core.settings import Settings
from tests.builders import ALICE, NOW, a_symmetric_key, an_engine, perform

REQUEST = obtain_lease.Request(unique_identifier="key")


def test_obtain_lease_grants_the_lease_time_of_the_object() -> None:
    engine = an_engine(a_symmetric_key(lease_time=60))

    assert perform(engine, Operation.OBTAIN_LEASE, REQUEST) == obtain_lease.Response(
        unique_identifier="key", lease_time=60, last_change_date=NOW - 1_000
    )


def test_obtain_lease_grants_the_server_s_time_where_the_object_has_none() -> None:
    engine = an_engine(a_symmetric_key(lease_time=None), settings=Settings(lease_time=5))

    assert perform(engine, Operation.OBTAIN_LEASE, REQUEST).lease_time == 5


def test_obtain_lease_refuses_a_destroyed_object() -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(a_symmetric_key(state=State.DESTROYED)), Operation.OBTAIN_LEASE, REQUEST)

    assert refused.value.reason is ResultReason.OBJECT_DESTROYED


@pytest.mark.parametrize("state", [State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED], ids=lambda state: state.name)
def test_obtain_lease_is_granted_while_nothing_is_compromised(state: State) -> None:
    assert perform(an_engine(a_symmetric_key(state=state)), Operation.OBTAIN_LEASE, REQUEST).lease_time == 3600


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (Operation.OBTAIN_LEASE, REQUEST),
        (Operation.CHECK, check.Request(unique_identifier="key", lease_time=1)),
    ],
    ids=["Obtain Lease", "Check"],
)
def test_nothing_compromised_is_leased(operation: Operation, request_: Any) -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(a_symmetric_key(state=State.COMPROMISED)), operation, request_)

    assert refused.value.reason is ResultReason.PERMISSION_DENIED


def test_the_refusal_is_permission_denied_in_every_version() -> None:
    codec = Codec(CATALOGUE)
    engine = an_engine(a_symmetric_key(state=State.COMPROMISED))
    for version in VERSIONS:
        item = RequestBatchItem(operation=Operation.OBTAIN_LEASE, payload=REQUEST)
        message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))
        frame = codec.encode_response(engine.handle(message, ALICE))

        (answer,) = codec.decode_response(frame).batch_items
        assert answer.result_reason is ResultReason.PERMISSION_DENIED, version
