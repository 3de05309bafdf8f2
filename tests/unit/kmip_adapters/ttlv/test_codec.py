"""Whole messages: headers, batches, versions, and every way in which a message can be wrong."""

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv import binary, tables
from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.items import Item
from kmip_core.enums import (
    BatchErrorContinuationOption,
    CredentialType,
    CryptographicAlgorithm,
    ItemType,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import KmipError, not_found
from kmip_core.messages import (
    Credential,
    DeviceCredential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    Ticket,
    UsernameAndPassword,
    failure,
)
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey
from kmip_core.operations import CATALOGUE, activate, create, encrypt, get
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.strategies import instances

CODEC = Codec(CATALOGUE)
V10, V12, V13, V14, V20, V21 = (ProtocolVersion(*v) for v in ((1, 0), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1)))

OPERATION = 0x42005C
BATCH_COUNT = 0x42000D
BATCH_ITEM = 0x42000F
REQUEST_HEADER = 0x420077
REQUEST_MESSAGE = 0x420078
REQUEST_PAYLOAD = 0x420079
PROTOCOL_VERSION = 0x420069
MESSAGE_EXTENSION = 0x420051
UNIQUE_BATCH_ITEM_ID = 0x420093
ASYNCHRONOUS_INDICATOR = 0x420007
AUTHENTICATION = 0x42000C


def text(tag: int, value: str) -> Item:
    return Item(tag, ItemType.TEXT_STRING, value)


def integer(tag: int, value: int) -> Item:
    return Item(tag, ItemType.INTEGER, value)


def enumerated(tag: int, value: int) -> Item:
    return Item(tag, ItemType.ENUMERATION, value)


def structure(tag: int, *items: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, items)


def version_item(version: tuple[int, int]) -> Item:
    return structure(PROTOCOL_VERSION, integer(0x42006A, version[0]), integer(0x42006B, version[1]))


def header(version: tuple[int, int] = (1, 2), *more: Item, count: int = 1) -> Item:
    return structure(REQUEST_HEADER, version_item(version), *more, integer(BATCH_COUNT, count))


ACTIVATE = structure(
    BATCH_ITEM, enumerated(OPERATION, Operation.ACTIVATE), structure(REQUEST_PAYLOAD, text(0x420094, "1"))
)


def with_id(item: Item, identifier: bytes) -> Item:
    assert isinstance(item.value, tuple)
    named = Item(UNIQUE_BATCH_ITEM_ID, ItemType.BYTE_STRING, identifier)
    return item._replace(value=(item.value[0], named, *item.value[1:]))


def request(*items: Item) -> RequestMessage:
    return CODEC.decode_request(binary.encode(structure(REQUEST_MESSAGE, *items)))


def one(message: RequestMessage) -> RequestBatchItem:
    (item,) = message.batch_items
    return item


# --- round trips --------------------------------------------------------------------------------------------------

CREDENTIALS = (
    Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD,
        credential_value=UsernameAndPassword(username="", password=""),
    ),
    Credential(
        credential_type=CredentialType.DEVICE, credential_value=DeviceCredential(device_serial_number="7", password="p")
    ),
)
TICKET = Credential(
    credential_type=CredentialType.TICKET, credential_value=Ticket(ticket_type=1, ticket_value=b"ticket")
)


def request_headers(version: ProtocolVersion) -> st.SearchStrategy[RequestHeader]:
    is_new = version >= V14
    credentials = [c for c in CREDENTIALS if version > V10 or c.credential_type is not CredentialType.DEVICE]
    if version >= V20:
        credentials.append(TICKET)
    return st.builds(
        RequestHeader,
        protocol_version=st.just(version),
        maximum_response_size=st.none() | st.integers(0, 2**31 - 1),
        client_correlation_value=st.none() | st.text(max_size=5) if is_new else st.none(),
        server_correlation_value=st.none() | st.text(max_size=5) if is_new else st.none(),
        asynchronous=st.booleans() if version >= V20 else st.just(False),
        credentials=st.lists(st.sampled_from(credentials), max_size=2).map(tuple),
        batch_error_continuation_option=st.sampled_from(BatchErrorContinuationOption),
        batch_order_option=st.booleans(),
        time_stamp=st.none() | st.integers(0, 2**40),
    )


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_request_header_comes_back_as_it_went(version: ProtocolVersion, data: st.DataObject) -> None:
    item = RequestBatchItem(
        operation=Operation.ACTIVATE, unique_batch_item_id=b"1", payload=activate.Request(unique_identifier="1")
    )
    message = RequestMessage(header=data.draw(request_headers(version)), batch_items=(item,))

    assert message == CODEC.decode_request(CODEC.encode_request(message))


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_response_comes_back_as_it_went(version: ProtocolVersion) -> None:
    correlation = "c" if version >= V14 else None
    message = ResponseMessage(
        header=ResponseHeader(
            protocol_version=version,
            time_stamp=1_700_000_000,
            client_correlation_value=correlation,
            server_correlation_value=correlation,
        ),
        batch_items=(
            ResponseBatchItem(
                operation=Operation.ACTIVATE,
                unique_batch_item_id=b"1",
                payload=activate.Response(unique_identifier="1"),
            ),
            ResponseBatchItem(
                operation=Operation.GET,
                unique_batch_item_id=b"2",
                result_status=ResultStatus.OPERATION_FAILED,
                result_reason=ResultReason.PERMISSION_DENIED,
                result_message="no",
            ),
        ),
    )

    assert message == CODEC.decode_response(CODEC.encode_response(message))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=64), cut=st.integers(0, 200))
def test_any_bytes_are_read_or_refused_with_one_error(data: bytes, cut: int) -> None:
    whole = binary.encode(structure(REQUEST_MESSAGE, header(), ACTIVATE))
    damaged = whole[:cut] + data + whole[cut + len(data) :]
    try:
        read: RequestMessage | UnreadableMessage = CODEC.decode_request(damaged)
    except UnreadableMessage as refusal:
        read = refusal

    version = read.version if isinstance(read, UnreadableMessage) else read.header.protocol_version
    assert version in CODEC.versions


DAMAGES = st.sampled_from(("flip", "insert", "cut out", "cut off", "repeat"))


def damaged(frame: bytes, how: str, at: int, data: bytes) -> bytes:
    """Return the frame damaged at a place, its own length mended, so that what is inside is read."""
    at %= len(frame)
    rest = {
        "flip": bytes([frame[at] ^ (data[0] or 1)]) + frame[at + 1 :],
        "insert": data + frame[at:],
        "cut out": frame[at + len(data) :],
        "cut off": b"",
        "repeat": frame[at - at % 8 : at - at % 8 + 8 * len(data)] + frame[at:],
    }[how]
    changed = frame[:at] + rest
    return changed[:4] + max(0, len(changed) - 8).to_bytes(4) + changed[8:]


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    damages=st.lists(st.tuples(DAMAGES, st.integers(0, 2**16), st.binary(min_size=1, max_size=8)), min_size=1),
)
def test_a_damaged_message_of_any_operation_is_read_or_refused_with_one_error(
    version: ProtocolVersion, data: st.DataObject, damages: list[tuple[str, int, bytes]]
) -> None:
    spec = CATALOGUE[data.draw(st.sampled_from([o for o in CATALOGUE if is_spoken(o, version)]))]
    payload = data.draw(instances(spec.request, version))
    item = RequestBatchItem(operation=spec.operation, unique_batch_item_id=b"1", payload=payload)
    message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))
    frame = CODEC.encode_request(message)
    assert message == CODEC.decode_request(frame)
    for how, at, octets in damages:
        frame = damaged(frame, how, at, octets)
    try:
        read: RequestMessage | UnreadableMessage = CODEC.decode_request(frame)
    except UnreadableMessage as refusal:
        read = refusal

    assert (read.version if isinstance(read, UnreadableMessage) else read.header.protocol_version) in CODEC.versions


def is_spoken(operation: Operation, version: ProtocolVersion) -> bool:
    return int(operation) in tables.enumeration_values("Operation", version)


# --- bytes that are known -----------------------------------------------------------------------------------------


def test_the_bytes_of_a_get_response() -> None:
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=bytes(range(16))),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
    )
    payload = get.Response(
        object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1", managed_object=SymmetricKey(key_block=block)
    )
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V12, time_stamp=0x5C2B5EF0),
        batch_items=(ResponseBatchItem(operation=Operation.GET, unique_batch_item_id=b"QLKC", payload=payload),),
    )
    expected = """
        42007B 01 00000110
          42007A 01 00000048
            420069 01 00000020  42006A 02 00000004 00000001 00000000  42006B 02 00000004 00000002 00000000
            420092 09 00000008 000000005C2B5EF0
            42000D 02 00000004 00000001 00000000
          42000F 01 000000B8
            42005C 05 00000004 0000000A 00000000
            420093 08 00000004 514C4B43 00000000
            42007F 05 00000004 00000000 00000000
            42007C 01 00000080
              420057 05 00000004 00000002 00000000
              420094 07 00000001 31 00000000000000
              42008F 01 00000058
                420040 01 00000050
                  420042 05 00000004 00000001 00000000
                  420045 01 00000018  420043 08 00000010 000102030405060708090A0B0C0D0E0F
                  420028 05 00000004 00000003 00000000
                  42002A 02 00000004 00000080 00000000
    """

    assert bytes.fromhex("".join(expected.split())) == CODEC.encode_response(message)


def test_the_bytes_of_a_refusal() -> None:
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V10, time_stamp=1),
        batch_items=(failure(not_found(), Operation.GET),),
    )
    expected = """
        42007B 01 000000A0
          42007A 01 00000048
            420069 01 00000020  42006A 02 00000004 00000001 00000000  42006B 02 00000004 00000000 00000000
            420092 09 00000008 0000000000000001
            42000D 02 00000004 00000001 00000000
          42000F 01 00000048
            42005C 05 00000004 0000000A 00000000
            42007F 05 00000004 00000001 00000000
            42007E 05 00000004 00000001 00000000
            42007D 07 0000000E 6E6F2073756368206F626A656374 0000
    """

    assert bytes.fromhex("".join(expected.split())) == CODEC.encode_response(message)


def test_the_bytes_of_pykmips_create_request() -> None:
    """As PyKMIP 0.11's client sends it in 1.2: AES-256 with a usage mask, nothing else."""
    frame = """
        420078 01 00000120
          420077 01 00000038
            420069 01 00000020  42006A 02 00000004 00000001 00000000  42006B 02 00000004 00000002 00000000
            42000D 02 00000004 00000001 00000000
          42000F 01 000000D8
            42005C 05 00000004 00000001 00000000
            420079 01 000000C0
              420057 05 00000004 00000002 00000000
              420091 01 000000A8
                420008 01 00000030
                  42000A 07 00000017 43727970746F6772617068696320416C676F726974686D 00
                  42000B 05 00000004 00000003 00000000
                420008 01 00000030
                  42000A 07 00000014 43727970746F67726170686963204C656E677468 00000000
                  42000B 02 00000004 00000100 00000000
                420008 01 00000030
                  42000A 07 00000018 43727970746F67726170686963205573616765204D61736B
                  42000B 02 00000004 0000000C 00000000
    """
    message = CODEC.decode_request(bytes.fromhex("".join(frame.split())))

    payload = one(message).payload
    assert isinstance(payload, create.Request)
    assert payload.object_type is ObjectType.SYMMETRIC_KEY
    assert payload.attributes.cryptographic_algorithm is CryptographicAlgorithm.AES
    assert payload.attributes.cryptographic_length == 256
    assert payload.attributes.cryptographic_usage_mask == 12


# --- defaults and differences of versions -------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "in_order"), [((1, 0), False), ((1, 4), False), ((2, 0), True), ((2, 1), True)])
def test_batch_order_has_its_default_by_version(version: tuple[int, int], in_order: bool) -> None:
    assert in_order is request(header(version), ACTIVATE).header.batch_order_option


@pytest.mark.parametrize(
    ("version", "indicator", "asynchronous"),
    [
        ((1, 2), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, True), False),  # the client could, it need not
        ((1, 2), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, False), False),
        ((2, 0), enumerated(ASYNCHRONOUS_INDICATOR, 1), True),
        ((2, 0), enumerated(ASYNCHRONOUS_INDICATOR, 2), False),
        ((2, 0), enumerated(ASYNCHRONOUS_INDICATOR, 3), False),
    ],
)
def test_only_a_mandatory_asynchronous_indicator_asks_for_a_later_answer(
    version: tuple[int, int], indicator: Item, asynchronous: bool
) -> None:
    assert asynchronous is request(header(version, indicator), ACTIVATE).header.asynchronous


def test_fields_that_are_not_understood_in_a_header_are_let_pass() -> None:
    attestation = [enumerated(0x4200C7, 1), enumerated(0x4200C7, 2), Item(0x4200D3, ItemType.BOOLEAN, True)]

    message = request(header((1, 2), *attestation, text(0x420105, "of 1.4")), ACTIVATE)

    assert isinstance(one(message).payload, activate.Request)


def test_a_credential_of_a_kind_without_a_known_value_is_carried_without_it() -> None:
    credential = structure(0x420023, enumerated(0x420024, 3), structure(0x420025, structure(0x4200C8)))

    message = request(header((1, 2), structure(AUTHENTICATION, credential)), ACTIVATE)

    assert (Credential(credential_type=CredentialType.ATTESTATION),) == message.header.credentials


def test_a_time_stamp_may_be_in_microseconds() -> None:
    stamp = Item(0x420092, ItemType.DATE_TIME_EXTENDED, 5_000_001)

    assert request(header((2, 1), stamp), ACTIVATE).header.time_stamp == 5


def test_correlation_values_are_not_told_to_versions_without_them() -> None:
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V13, time_stamp=1, client_correlation_value="c"), batch_items=()
    )

    assert b"c" not in CODEC.encode_response(message)[8:]


# --- messages that are refused as a whole -------------------------------------------------------------------------

WHOLE = {
    "not a request": (lambda: CODEC.request_from(structure(0x42007B, header(), ACTIVATE)), V10),
    "no header": (lambda: request(ACTIVATE), V10),
    "nothing in it": (lambda: request(), V10),
    "a header that is no structure": (lambda: request(integer(REQUEST_HEADER, 1), ACTIVATE), V10),
    "no version": (lambda: request(structure(REQUEST_HEADER, integer(BATCH_COUNT, 1)), ACTIVATE), V10),
    "half a version": (
        lambda: request(structure(REQUEST_HEADER, structure(PROTOCOL_VERSION, integer(0x42006A, 1))), ACTIVATE),
        V10,
    ),
    "no batch count": (lambda: request(structure(REQUEST_HEADER, version_item((1, 2))), ACTIVATE), V12),
    "a batch count too high": (lambda: request(header(count=2), ACTIVATE), V12),
    "a batch count too low": (
        lambda: request(header(count=1), with_id(ACTIVATE, b"1"), with_id(ACTIVATE, b"2")),
        V12,
    ),
    "a batch count of 0": (lambda: request(header(count=0)), V12),
    "a negative batch count": (lambda: request(header(count=-1), ACTIVATE), V12),
    "a batch count that is text": (
        lambda: request(structure(REQUEST_HEADER, version_item((1, 2)), text(BATCH_COUNT, "1")), ACTIVATE),
        V12,
    ),
    "something else after the header": (lambda: request(header(), integer(BATCH_COUNT, 1)), V10),
    "a header field twice": (lambda: request(header((1, 4), *[integer(0x420050, 9)] * 2), ACTIVATE), V14),
    "a header field of the wrong type": (lambda: request(header((2, 0), text(0x420050, "9")), ACTIVATE), V20),
    "a boolean indicator in 2.x": (
        lambda: request(header((2, 0), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, True)), ACTIVATE),
        V20,
    ),
    "several items without ids": (lambda: request(header(count=2), ACTIVATE, ACTIVATE), V12),
    "several items, one without an id": (lambda: request(header(count=2), with_id(ACTIVATE, b"1"), ACTIVATE), V12),
}


@pytest.mark.parametrize(("read", "version"), WHOLE.values(), ids=WHOLE)
def test_invalid_message_in_the_best_known_version(
    read: Callable[[], RequestMessage], version: ProtocolVersion
) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        read()

    assert refusal.value.reason is ResultReason.INVALID_MESSAGE
    assert version == refusal.value.version


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(enumerated(0x42000E, 9), id="an unknown continuation option"),
        pytest.param(integer(0x420050, -1), id="a negative response size"),
        pytest.param(
            structure(AUTHENTICATION, structure(0x420023, enumerated(0x420024, 99))), id="an unknown credential type"
        ),
    ],
)
def test_header_values_that_cannot_be(field: Item) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        request(header((1, 2), field), ACTIVATE)

    assert refusal.value.reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(
    ("asked", "answered"),
    [((0, 9), V10), ((1, 5), V14), ((1, 99), V14), ((2, 2), V21), ((3, 0), V21), ((9, 9), V21), ((-1, 0), V10)],
)
def test_a_version_that_is_not_spoken_is_answered_in_the_nearest(
    asked: tuple[int, int], answered: ProtocolVersion
) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        request(header(asked), ACTIVATE)

    answer = CODEC.decode_response(CODEC.encode_response(CODEC.refusal(refusal.value, 1)))
    assert answered == answer.header.protocol_version
    (item,) = answer.batch_items
    assert item.operation is None
    assert item.result_status is ResultStatus.OPERATION_FAILED
    expected = ResultReason.INVALID_MESSAGE if answered < V20 else ResultReason.UNSUPPORTED_PROTOCOL_VERSION
    assert expected is item.result_reason


# --- items that fail alone ----------------------------------------------------------------------------------------

ITEM_CASES = {
    "no operation": (structure(BATCH_ITEM, structure(REQUEST_PAYLOAD)), None, "INVALID_MESSAGE"),
    "an operation of the wrong type": (
        structure(BATCH_ITEM, integer(OPERATION, 18), structure(REQUEST_PAYLOAD)),
        None,
        "INVALID_MESSAGE",
    ),
    "no payload": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.GET)),
        Operation.GET,
        "INVALID_MESSAGE",
    ),
    "two payloads": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.GET), *[structure(REQUEST_PAYLOAD)] * 2),
        Operation.GET,
        "INVALID_MESSAGE",
    ),
    "a payload that is no structure": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.GET), integer(REQUEST_PAYLOAD, 1)),
        Operation.GET,
        "INVALID_MESSAGE",
    ),
    "an unknown operation": (
        structure(BATCH_ITEM, enumerated(OPERATION, 0x7FFF), structure(REQUEST_PAYLOAD)),
        None,
        "OPERATION_NOT_SUPPORTED",
    ),
    "an operation of a later version": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.SET_ATTRIBUTE), structure(REQUEST_PAYLOAD)),
        Operation.SET_ATTRIBUTE,
        "OPERATION_NOT_SUPPORTED",
    ),
    "an item that does not belong": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.GET), text(0x42007D, "x"), structure(REQUEST_PAYLOAD)),
        Operation.GET,
        "INVALID_FIELD",
    ),
    "a malformed payload": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.GET), structure(REQUEST_PAYLOAD, integer(0x420094, 1))),
        Operation.GET,
        "INVALID_MESSAGE",
    ),
    "an unknown critical extension": (
        structure(
            BATCH_ITEM,
            enumerated(OPERATION, Operation.GET),
            structure(REQUEST_PAYLOAD),
            structure(MESSAGE_EXTENSION, text(0x42009D, "Acme"), Item(0x420026, ItemType.BOOLEAN, True)),
        ),
        Operation.GET,
        "FEATURE_NOT_SUPPORTED",
    ),
}


@pytest.mark.parametrize(("item", "operation", "reason"), ITEM_CASES.values(), ids=ITEM_CASES)
def test_an_item_fails_alone(item: Item, operation: Operation | None, reason: str) -> None:
    message = request(header(count=2), with_id(item, b"1"), with_id(ACTIVATE, b"2"))

    broken, whole = message.batch_items
    assert isinstance(broken.payload, KmipError)
    assert reason == broken.payload.reason.name
    assert operation is broken.operation
    assert broken.unique_batch_item_id == b"1"
    assert isinstance(whole.payload, activate.Request)


def test_an_extension_that_is_not_critical_is_let_pass() -> None:
    extension = structure(MESSAGE_EXTENSION, text(0x42009D, "Acme"), Item(0x420026, ItemType.BOOLEAN, False))
    assert isinstance(ACTIVATE.value, tuple)

    message = request(header(), ACTIVATE._replace(value=(*ACTIVATE.value, extension)))

    assert isinstance(one(message).payload, activate.Request)


@pytest.mark.parametrize("identifier", [b"1", b"QLKC\x01\x00\x00\x00", bytes(12), bytes(16)], ids=len)
def test_a_batch_item_id_comes_back_whatever_its_length(identifier: bytes) -> None:
    message = request(header(), with_id(ACTIVATE, identifier))

    assert identifier == one(message).unique_batch_item_id


def test_two_items_of_one_id_are_refused() -> None:
    with pytest.raises(UnreadableMessage) as refused:
        request(header(count=2), with_id(ACTIVATE, b"1"), with_id(ACTIVATE, b"1"))

    assert refused.value.reason is ResultReason.INVALID_MESSAGE


def test_ephemeral_is_read_where_the_version_has_it() -> None:
    assert isinstance(ACTIVATE.value, tuple)
    item = ACTIVATE._replace(value=(*ACTIVATE.value, Item(0x420154, ItemType.BOOLEAN, True)))

    assert one(request(header((2, 0)), item)).ephemeral
    assert not one(request(header((2, 0)), ACTIVATE)).ephemeral
    refusal = one(request(header((1, 4)), item)).payload
    assert isinstance(refusal, KmipError)
    assert refusal.reason is ResultReason.INVALID_FIELD


# --- the client's side --------------------------------------------------------------------------------------------


def test_an_answer_in_a_version_that_is_not_spoken_is_refused() -> None:
    message = ResponseMessage(header=ResponseHeader(protocol_version=V12, time_stamp=1), batch_items=())
    item = CODEC.response_item(evolve(message, batch_items=(failure(not_found()),)))
    only_10 = Codec(CATALOGUE, [V10])

    with pytest.raises(KmipError, match=r"1\.2"):
        only_10.response_from(item)


def test_an_answer_without_time_stamp_is_refused() -> None:
    item = structure(0x42007B, structure(0x42007A, version_item((1, 2)), integer(BATCH_COUNT, 1)))

    with pytest.raises(KmipError, match="Time Stamp"):
        CODEC.response_from(item)


# --- anything at all ----------------------------------------------------------------------------------------------

TAGS = st.sampled_from([tag for tag in range(0x420001, 0x420177) if tables.tag_by_code(tag)])
LEAVES = st.one_of(
    st.builds(Item, TAGS, st.just(ItemType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Item, TAGS, st.just(ItemType.ENUMERATION), st.integers(0, 60) | st.integers(0, 2**32 - 1)),
    st.builds(Item, TAGS, st.just(ItemType.TEXT_STRING), st.sampled_from(["", "Name", "State", "x-Foo"])),
    st.builds(Item, TAGS, st.just(ItemType.BYTE_STRING), st.binary(max_size=3)),
    st.builds(Item, TAGS, st.just(ItemType.BOOLEAN), st.booleans()),
    st.builds(Item, TAGS, st.just(ItemType.BIG_INTEGER), st.integers()),
    st.builds(Item, TAGS, st.just(ItemType.DATE_TIME), st.integers(-(2**63), 2**63 - 1)),
)
TREES = st.recursive(
    LEAVES, lambda inner: st.builds(Item, TAGS, st.just(ItemType.STRUCTURE), st.lists(inner, max_size=3).map(tuple))
)


@settings(max_examples=300, deadline=None)
@given(
    operation=st.sampled_from(tuple(CATALOGUE)),
    version=st.sampled_from(tables.VERSIONS),
    items=st.lists(TREES, max_size=4),
)
def test_any_payload_is_read_or_refused(operation: Operation, version: ProtocolVersion, items: list[Item]) -> None:
    payload = structure(REQUEST_PAYLOAD, *items)
    item = structure(BATCH_ITEM, enumerated(OPERATION, operation), payload)

    read = one(request(header(version), item)).payload

    assert isinstance(read, (KmipError, CATALOGUE[operation].request))


@settings(max_examples=200, deadline=None)
@given(version=st.sampled_from(tables.VERSIONS), items=st.lists(TREES, max_size=4))
def test_any_header_is_read_or_refused(version: ProtocolVersion, items: list[Item]) -> None:
    message = structure(REQUEST_MESSAGE, header(version, *items), ACTIVATE)
    try:
        read: RequestMessage | UnreadableMessage = CODEC.request_from(message)
    except UnreadableMessage as refusal:
        read = refusal

    assert version == (read.version if isinstance(read, UnreadableMessage) else read.header.protocol_version)


# --- what an older version says in another place --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "data", "tag"),
    [
        pytest.param(V12, b"cipher text" + b"t" * 16, None, id="1.2: at the end of the data"),
        pytest.param(V13, b"cipher text" + b"t" * 16, None, id="1.3: at the end of the data"),
        pytest.param(V14, b"cipher text", b"t" * 16, id="1.4: in its own field"),
        pytest.param(V21, b"cipher text", b"t" * 16, id="2.1: in its own field"),
    ],
)
def test_the_tag_of_an_encryption_reaches_every_version(
    version: ProtocolVersion, data: bytes, tag: bytes | None
) -> None:
    answer = encrypt.Response(unique_identifier="key", data=b"cipher text", authenticated_encryption_tag=b"t" * 16)

    assert the_payload(answer, version) == encrypt.Response(
        unique_identifier="key", data=data, authenticated_encryption_tag=tag
    )


def test_an_encryption_without_a_tag_is_not_touched() -> None:
    answer = encrypt.Response(unique_identifier="key", data=b"cipher text")

    assert the_payload(answer, V12) == answer


def test_a_last_part_that_is_nothing_but_a_tag_reaches_old_versions() -> None:
    answer = encrypt.Response(unique_identifier="key", authenticated_encryption_tag=b"t" * 16)

    assert the_payload(answer, V12) == encrypt.Response(unique_identifier="key", data=b"t" * 16)


def the_payload(payload: object, version: ProtocolVersion) -> object:
    """Return the payload of an answer to Encrypt, written and read again."""
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=version, time_stamp=1),
        batch_items=(ResponseBatchItem(operation=Operation.ENCRYPT, payload=payload),),
    )
    (item,) = CODEC.decode_response(CODEC.encode_response(message)).batch_items
    return item.payload


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_response_is_the_encoding_of_its_item(version: ProtocolVersion) -> None:
    for time_stamp, correlation in ((1_700_000_000, None), (1_700_000_001, None), (1_700_000_001, "server's")):
        header = ResponseHeader(protocol_version=version, time_stamp=time_stamp, server_correlation_value=correlation)
        for count in (1, 2):
            item = ResponseBatchItem(operation=Operation.ACTIVATE, payload=activate.Response(unique_identifier="1"))
            message = ResponseMessage(header=header, batch_items=(item,) * count)

            assert binary.encode(CODEC.response_item(message)) == CODEC.encode_response(message)
