"""What messages of 3.0 have and have not: header and batch, item types of identifiers, Ephemeral."""

from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.encoding import ENCODINGS, JSON, XML, Encoding
from kmip_adapters.ttlv.encodings.items import Item, children
from kmip_adapters.ttlv.messages.items import (
    BATCH_COUNT,
    BATCH_ITEM,
    EPHEMERAL,
    OPERATION,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    REQUEST_PAYLOAD,
    UNIQUE_BATCH_ITEM_ID,
)
from kmip_core.enums import Ephemeral, ItemType, Operation, ResultReason, UniqueIdentifier
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestMessage, ResponseBatchItem, ResponseHeader, ResponseMessage
from kmip_core.operations import CATALOGUE, encrypt, get, locate
from kmip_core.structures import NameReference
from tests.unit.kmip_adapters.ttlv.builders import (
    CODEC,
    V21,
    V30,
    enumerated,
    integer,
    one,
    structure,
    text,
    version_item,
    with_id,
)

HEADER = structure(REQUEST_HEADER, version_item((3, 0)))
IDENTIFIER = 0x420094


def typed(item_type: ItemType, value: Any, tag: int = IDENTIFIER) -> Item:
    return Item(tag, item_type, value)


def an_item(*payload: Item, operation: Operation = Operation.GET, ephemeral: Item | None = None) -> Item:
    more = () if ephemeral is None else (ephemeral,)
    return structure(BATCH_ITEM, enumerated(OPERATION, operation), *more, structure(REQUEST_PAYLOAD, *payload))


GET = an_item(typed(ItemType.IDENTIFIER, "1"))


def read(*batch: Item, header: Item = HEADER) -> RequestMessage:
    return CODEC.decode_request(binary.encode(structure(REQUEST_MESSAGE, header, *batch)))


def reason_of(item: RequestBatchItem) -> ResultReason:
    assert isinstance(item.payload, KmipError)
    return item.payload.reason


# --- header and batch -------------------------------------------------------------------------------------------------


def test_a_batch_has_neither_count_nor_ids() -> None:
    message = read(GET, GET, GET)

    assert [item.unique_batch_item_id for item in message.batch_items] == [None] * 3
    assert message.header.batch_order_option
    assert all(isinstance(item.payload, get.Request) for item in message.batch_items)


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(UnreadableMessage) as refused:
        read()

    assert refused.value.version == V30
    assert refused.value.reason is ResultReason.INVALID_MESSAGE


def test_fields_of_older_headers_are_ignored() -> None:
    header = structure(
        REQUEST_HEADER, version_item((3, 0)), Item(0x420010, ItemType.BOOLEAN, False), integer(BATCH_COUNT, 7)
    )

    message = read(GET, header=header)
    assert message.header.batch_order_option
    assert len(message.batch_items) == 1


def test_a_batch_item_id_is_a_tag_that_3_0_does_not_have() -> None:
    assert reason_of(one(read(with_id(GET, b"1")))) is ResultReason.UNKNOWN_TAG


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_an_answer_has_neither_count_nor_ids(encoding: Encoding) -> None:
    items = (ResponseBatchItem(operation=Operation.LOCATE, payload=locate.Response(unique_identifiers=("1",))),) * 2
    message = ResponseMessage(header=ResponseHeader(protocol_version=V30, time_stamp=1), batch_items=items)

    header, *batch = children(CODEC.response_item(message))
    assert [item.tag for item in children(header)] == [0x420069, 0x420092]
    assert {UNIQUE_BATCH_ITEM_ID} & {part.tag for item in batch for part in children(item)} == set()
    assert message == CODEC.decode_response(CODEC.encode_response(message, encoding), encoding)


def test_a_newer_version_is_answered_in_3_0() -> None:
    with pytest.raises(UnreadableMessage) as refused:
        read(GET, header=structure(REQUEST_HEADER, version_item((3, 1))))

    assert refused.value.version == V30


def test_a_server_that_does_not_speak_3_0_refuses_it() -> None:
    older = Codec(CATALOGUE, [V21])

    with pytest.raises(UnreadableMessage) as refused:
        older.decode_request(binary.encode(structure(REQUEST_MESSAGE, HEADER, GET)))
    assert refused.value.version == V21


# --- Ephemeral --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", Ephemeral)
def test_ephemeral_says_what_is_left_out(option: Ephemeral) -> None:
    item = an_item(typed(ItemType.IDENTIFIER, "1"), ephemeral=enumerated(EPHEMERAL, option))

    assert one(read(item)).ephemeral is option
    assert one(read(GET)).ephemeral is None


@pytest.mark.parametrize(
    ("ephemeral", "reason"),
    [
        (enumerated(EPHEMERAL, 9), ResultReason.UNKNOWN_ENUMERATION),
        (Item(EPHEMERAL, ItemType.BOOLEAN, True), ResultReason.INVALID_MESSAGE),
    ],
    ids=["unknown", "of 2.x"],
)
def test_another_ephemeral_fails_its_item(ephemeral: Item, reason: ResultReason) -> None:
    assert reason_of(one(read(an_item(typed(ItemType.IDENTIFIER, "1"), ephemeral=ephemeral)))) is reason


ENCRYPTED = ResponseBatchItem(
    operation=Operation.ENCRYPT, payload=encrypt.Response(unique_identifier="1", data=b"2", iv_counter_nonce=b"3")
)


@pytest.mark.parametrize(
    ("option", "tags"),
    [(None, [IDENTIFIER, 0x4200C2, 0x42003D]), (Ephemeral.UNIQUE_IDENTIFIER, [IDENTIFIER]), (Ephemeral.EMPTY, [])],
)
def test_an_answer_has_what_ephemeral_leaves(option: Ephemeral | None, tags: list[int]) -> None:
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V30, time_stamp=1), batch_items=(evolve(ENCRYPTED, ephemeral=option),)
    )

    _, item = children(CODEC.response_item(message))
    payload = children(item)[-1]
    assert tags == [part.tag for part in children(payload)]


# --- identifiers and references ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "meaning"),
    [
        (typed(ItemType.IDENTIFIER, "1"), "1"),
        (typed(ItemType.REFERENCE, "1"), "1"),
        (typed(ItemType.NAME_REFERENCE, "g"), NameReference("g")),
        (typed(ItemType.ENUMERATION, 1), UniqueIdentifier.ID_PLACEHOLDER),
        (typed(ItemType.ENUMERATION, 0x14), UniqueIdentifier.CREATE_GROUP),
        (typed(ItemType.INTEGER, -1), -1),
    ],
    ids=["identifier", "reference", "name", "placeholder", "of 3.0", "index"],
)
def test_an_object_is_named_in_five_ways(reference: Item, meaning: Any) -> None:
    request = structure(REQUEST_MESSAGE, HEADER, an_item(reference))

    for encoding in ENCODINGS.values():
        payload = one(CODEC.decode_request(encoding.encode(request), encoding)).payload
        assert payload == get.Request(unique_identifier=meaning, prefers_transparent_keys=True)


@pytest.mark.parametrize(
    "payload",
    [(), (text(IDENTIFIER, "1"),), (typed(ItemType.BYTE_STRING, b"1"),)],
    ids=["none", "text as in 2.1", "bytes"],
)
def test_an_object_must_be_named(payload: tuple[Item, ...]) -> None:
    assert reason_of(one(read(an_item(*payload)))) is ResultReason.INVALID_MESSAGE


def test_an_answer_names_objects_by_identifiers() -> None:
    message = ResponseMessage(header=ResponseHeader(protocol_version=V30, time_stamp=1), batch_items=(ENCRYPTED,))

    assert b'<UniqueIdentifier type="Identifier" value="1"/>' in CODEC.encode_response(message, XML)
    assert b'{"tag":"UniqueIdentifier","type":"Identifier","value":"1"}' in CODEC.encode_response(message, JSON)
    assert bytes.fromhex("4200940C000000013100000000000000") in CODEC.encode_response(message)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_older_versions_do_not_have_the_new_types(encoding: Encoding) -> None:
    header = structure(REQUEST_HEADER, version_item((2, 1)), integer(BATCH_COUNT, 1))

    with pytest.raises(UnreadableMessage) as refused:
        CODEC.decode_request(encoding.encode(structure(REQUEST_MESSAGE, header, GET)), encoding)
    assert refused.value.version == V21
