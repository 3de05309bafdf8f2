"""Notify and Put on the wire, in every version: KMIP 2.1 §6.2, 1.4 §5."""

from typing import Any

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.calls import CATALOGUE, notify, put
from kmip_core.enums import CryptographicAlgorithm, ItemType, Operation, PutFunction, ResultStatus, State
from kmip_core.errors import KmipError
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.objects import SymmetricKey
from kmip_core.structures import ProtocolVersion
from tests.builders import NOW, a_custom

CODEC = Codec(CATALOGUE)
V1_4, V2_1 = ProtocolVersion(1, 4), ProtocolVersion(2, 1)
CUSTOM = AttributeReference(attribute="colour", vendor_identification="x")
CHANGED = Attributes(state=State.ACTIVE, last_change_date=NOW, custom_attributes=(a_custom("size", "L"),))
NOTIFY = notify.Request(
    unique_identifier="key", attributes=CHANGED, deleted=(AttributeReference(attribute="names"), CUSTOM)
)
PUT = put.Request(
    unique_identifier="key",
    put_function=PutFunction.REPLACE,
    replaced_unique_identifier="old",
    managed_object=SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16)),
    attributes=CHANGED,
)


def message(operation: Operation, payload: object, version: ProtocolVersion) -> RequestMessage:
    item = RequestBatchItem(operation=operation, payload=payload)
    return RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))


@pytest.mark.parametrize("version", CODEC.versions, ids=str)
def test_a_notification_comes_back_as_it_was(version: ProtocolVersion) -> None:
    frame = CODEC.encode_request(message(Operation.NOTIFY, NOTIFY, version))

    assert CODEC.decode_request(frame).batch_items[0].payload == NOTIFY


@pytest.mark.parametrize("version", CODEC.versions, ids=str)
def test_a_notification_without_deleted_attributes_comes_back_as_it_was(version: ProtocolVersion) -> None:
    request = notify.Request(unique_identifier="key", attributes=CHANGED)

    (item,) = CODEC.decode_request(CODEC.encode_request(message(Operation.NOTIFY, request, version))).batch_items

    assert item.payload == request


@pytest.mark.parametrize("version", CODEC.versions, ids=str)
def test_a_put_request_is_decoded_to_the_same_object(version: ProtocolVersion) -> None:
    frame = CODEC.encode_request(message(Operation.PUT, PUT, version))

    (item,) = CODEC.decode_request(frame).batch_items
    assert item.payload.managed_object.key_block == PUT.managed_object.key_block
    assert (item.payload.attributes, item.payload.put_function) == (CHANGED, PutFunction.REPLACE)
    assert item.payload.replaced_unique_identifier == "old"


@pytest.mark.parametrize("version", CODEC.versions, ids=str)
@pytest.mark.parametrize("payload", [None, notify.Response()], ids=["none", "empty"])
def test_a_client_answers_without_a_payload_or_with_an_empty_one(version: ProtocolVersion, payload: object) -> None:
    item = ResponseBatchItem(operation=Operation.NOTIFY, payload=payload)
    header = ResponseHeader(protocol_version=version, time_stamp=NOW)

    frame = CODEC.encode_response(ResponseMessage(header=header, batch_items=(item,)))

    (answer,) = CODEC.decode_response(frame).batch_items
    assert (answer.result_status, answer.payload) == (ResultStatus.SUCCESS, payload)


def payload_items(version: ProtocolVersion) -> tuple[Item, ...]:
    request: Any = CODEC.request_item(message(Operation.NOTIFY, NOTIFY, version))
    payload: tuple[Item, ...] = request.value[-1].value[-1].value
    return payload


def test_in_1_x_a_deleted_attribute_has_no_value() -> None:
    attributes = [item.value for item in payload_items(V1_4) if item.tag == 0x420008]

    assert [len(parts) for parts in attributes] == [2, 2, 2, 1, 1]  # type: ignore[arg-type]


def test_in_2_x_deleted_attributes_are_referred_to() -> None:
    assert [hex(item.tag) for item in payload_items(V2_1)] == ["0x420094", "0x420125", "0x42013b", "0x42013b"]


def test_an_attribute_without_a_name_is_malformed() -> None:
    item = CODEC.request_item(message(Operation.NOTIFY, NOTIFY, V1_4))
    nameless = Item(0x420008, ItemType.STRUCTURE, ())

    def with_nameless(one: Item) -> Item:
        if one.tag == 0x420079:
            return one._replace(value=(*one.value, nameless))  # type: ignore[misc]
        if isinstance(one.value, tuple):
            return one._replace(value=tuple(map(with_nameless, one.value)))
        return one

    (read,) = CODEC.decode_request(binary.encode(with_nameless(item))).batch_items
    assert isinstance(read.payload, KmipError)
