"""Revoke, Deactivate, Obliterate and Re-key Key Pair as the versions read and write them."""

import pytest

from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import (
    BATCH_COUNT,
    BATCH_ITEM,
    OPERATION,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    REQUEST_PAYLOAD,
)
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import DeactivationReasonCode, ItemType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem
from kmip_core.operations import deactivate, obliterate, re_key_key_pair, revoke
from kmip_core.structures import DeactivationReason, ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import CODEC, enumerated, integer, one, structure, text, version_item

IDENTIFIER, DEACTIVATION_REASON, CODE, MESSAGE = 0x420094, 0x4201B8, 0x4201B9, 0x4201B7
V30 = ProtocolVersion(3, 0)
OLDER = [version for version in tables.VERSIONS if version < V30]


def read(operation: Operation, version: ProtocolVersion, *more: Item) -> RequestBatchItem:
    is_3_0 = version == V30
    identifier = Item(IDENTIFIER, ItemType.IDENTIFIER if is_3_0 else ItemType.TEXT_STRING, "1")
    count = () if is_3_0 else (integer(BATCH_COUNT, 1),)
    header = structure(
        REQUEST_HEADER, version_item((version.protocol_version_major, version.protocol_version_minor)), *count
    )
    payload = structure(REQUEST_PAYLOAD, identifier, *more)
    item = structure(BATCH_ITEM, enumerated(OPERATION, operation), payload)
    return one(CODEC.decode_request(binary.encode(structure(REQUEST_MESSAGE, header, item))))


def reason_of(item: RequestBatchItem) -> ResultReason:
    assert isinstance(item.payload, KmipError)
    return item.payload.reason


def test_revoke_of_3_0_needs_no_reason_and_compromises() -> None:
    assert read(Operation.REVOKE, V30).payload == revoke.Request(unique_identifier="1", always_compromises=True)


@pytest.mark.parametrize("version", OLDER, ids=str)
def test_revoke_of_older_versions_needs_a_reason(version: ProtocolVersion) -> None:
    item = read(Operation.REVOKE, version)

    assert reason_of(item) is ResultReason.INVALID_MESSAGE
    assert isinstance(item.payload, KmipError)
    assert "Revocation Reason" in item.payload.message


def test_deactivate_has_its_reason() -> None:
    said = structure(
        DEACTIVATION_REASON, enumerated(CODE, DeactivationReasonCode.USAGE_LIMIT), text(MESSAGE, "used up")
    )
    reason = DeactivationReason(
        deactivation_reason_code=DeactivationReasonCode.USAGE_LIMIT, deactivation_message="used up"
    )

    assert read(Operation.DEACTIVATE, V30, said).payload == deactivate.Request(
        unique_identifier="1", deactivation_reason=reason
    )
    assert read(Operation.OBLITERATE, V30).payload == obliterate.Request(unique_identifier="1")


@pytest.mark.parametrize("version", OLDER, ids=str)
@pytest.mark.parametrize("operation", [Operation.DEACTIVATE, Operation.OBLITERATE])
def test_older_versions_do_not_have_the_operations(operation: Operation, version: ProtocolVersion) -> None:
    assert reason_of(read(operation, version)) is ResultReason.OPERATION_NOT_SUPPORTED


def test_re_key_key_pair_of_3_0_names_the_private_key_by_unique_identifier() -> None:
    request = read(Operation.RE_KEY_KEY_PAIR, V30).payload

    assert request == re_key_key_pair.Request(private_key_unique_identifier="1")


def test_re_key_key_pair_of_2_1_names_it_by_private_key_unique_identifier() -> None:
    private = text(0x420066, "2")
    version = ProtocolVersion(2, 1)
    header = structure(REQUEST_HEADER, version_item((2, 1)), integer(BATCH_COUNT, 1))
    payload = structure(REQUEST_PAYLOAD, private)
    item = structure(BATCH_ITEM, enumerated(OPERATION, Operation.RE_KEY_KEY_PAIR), payload)
    read_back = one(CODEC.decode_request(binary.encode(structure(REQUEST_MESSAGE, header, item))))

    assert read_back.payload == re_key_key_pair.Request(private_key_unique_identifier="2")
    assert reason_of(read(Operation.RE_KEY_KEY_PAIR, version)) is ResultReason.INVALID_MESSAGE
