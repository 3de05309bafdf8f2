"""Who may do what, where the answer comes later: each operation ends as it would have ended at once."""

import contextlib
import functools
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.ttlv.standard import tables
from kmip_core.engine import Engine
from kmip_core.enums import AsynchronousIndicator, Operation, ResultStatus, State
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.policy import Permission
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion
from tests.builders import ALICE, BOB, KEPT_ITEMS
from tests.contract.test_access_matrix import HERE, MEMBER, PLACES, Place, a_policy, an_engine_with
from tests.later import HandRunner, polled

VERSIONS: Final = (ProtocolVersion(2, 1), ProtocolVersion(3, 0))
READERS: Final = a_policy(readers={Operation.GET_ATTRIBUTES: Permission.ALLOW_ALL})


@functools.cache
def sent(place: Place) -> tuple[ProtocolVersion, RequestBatchItem] | None:
    """Return the request as it comes from a client, in a version that can say it."""
    item = RequestBatchItem(operation=place.operation, payload=place.request(HERE))
    for version in VERSIONS:
        if int(place.operation) in tables.enumeration_values("Operation", version):
            with contextlib.suppress(KmipError):  # a sample of another version
                read = KEPT_ITEMS.decode_request(KEPT_ITEMS.encode_request(item, version), version)
                if not isinstance(read.payload, KmipError):
                    return version, read
    return None


SENDABLE: Final = [place for place in PLACES if sent(place) is not None]


def test_most_of_the_matrix_is_tried() -> None:
    assert {place.operation for place in PLACES} - {place.operation for place in SENDABLE} == set()


def ask(engine: Engine, place: Place, principal: Principal, indicator: AsynchronousIndicator) -> ResponseBatchItem:
    version, item = sent(place) or (VERSIONS[0], None)
    assert item is not None
    header = RequestHeader(protocol_version=version, asynchronous_indicator=indicator)
    (answer,) = engine.handle(RequestMessage(header=header, batch_items=(item,)), principal).batch_items
    return answer


def what(answer: ResponseBatchItem) -> Any:
    return answer.result_status, answer.result_reason, answer.result_message, type(answer.payload)


@pytest.mark.parametrize("state", [State.PRE_ACTIVE, State.ACTIVE], ids=lambda state: state.name)
@pytest.mark.parametrize("principal", [ALICE, MEMBER, BOB], ids=["owner", "member", "stranger"])
@pytest.mark.parametrize("place", SENDABLE, ids=str)
def test_an_operation_is_allowed_later_exactly_if_it_is_at_once(
    place: Place, principal: Principal, state: State
) -> None:
    at_once, later = (an_engine_with(state, False, policy=READERS, mine=place.type_of_others) for _ in range(2))
    runner = HandRunner()
    later = evolve(later, services=evolve(later.services, runner=runner))
    runner.engine = later
    expected = ask(at_once, place, principal, AsynchronousIndicator.PROHIBITED)
    pending = ask(later, place, principal, AsynchronousIndicator.MANDATORY)

    assert pending.result_status is ResultStatus.OPERATION_PENDING
    assert what(polled(later, pending.asynchronous_correlation_value or b"", principal)) == what(expected)
