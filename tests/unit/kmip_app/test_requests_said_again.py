"""A request that was answered before, byte by byte the same, is judged by what holds now."""

from collections.abc import Callable, Iterator

import pytest

from benchmarks import messages
from benchmarks.counts import wired
from kmip_adapters.ttlv.codec import Codec
from kmip_core.enums import Operation, ResultReason, RevocationReasonCode
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import CATALOGUE, destroy, revoke
from kmip_core.structures import ProtocolVersion, RevocationReason

CODEC = Codec(CATALOGUE)
V12 = ProtocolVersion(1, 2)
Ask = Callable[[bytes], bytes]


@pytest.fixture
def ask() -> Iterator[Ask]:
    with wired() as asked:
        yield asked


def a_key(ask: Ask) -> str:
    key = messages.read_answer(ask(messages.create("key").request)).unique_identifiers[0]
    ask(messages.activate(key).request)
    return key


def reason(ask: Ask, frame: bytes) -> ResultReason | None:
    return CODEC.decode_response(ask(frame)).batch_items[0].result_reason


def change(ask: Ask, operation: Operation, payload: object) -> None:
    item = RequestBatchItem(operation=operation, payload=payload)
    message = RequestMessage(header=RequestHeader(protocol_version=V12), batch_items=(item,))
    assert reason(ask, CODEC.encode_request(message)) is None


def test_a_key_that_was_revoked_and_destroyed_since_is_refused(ask: Ask) -> None:
    key = a_key(ask)
    encrypt, get = messages.encrypt(key).request, messages.get(key).request
    locate = messages.locate("key", unique_identifier=key).request
    for frame in 3 * (encrypt, get, locate):
        assert reason(ask, frame) is None
    found = messages.read_answer(ask(locate)).unique_identifiers

    why = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    change(ask, Operation.REVOKE, revoke.Request(unique_identifier=key, revocation_reason=why))
    assert reason(ask, encrypt) is ResultReason.PERMISSION_DENIED  # what 1.2 has for a state that does not allow it
    assert reason(ask, get) is None

    change(ask, Operation.DESTROY, destroy.Request(unique_identifier=key))
    assert reason(ask, encrypt) is not None
    assert reason(ask, get) is not None
    assert found == [key]
    assert messages.read_answer(ask(locate)).unique_identifiers == []
