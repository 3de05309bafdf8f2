"""Request Messages: headers, credentials, and items of a batch that fail alone."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.codec import UnreadableMessage
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import (
    ASYNCHRONOUS_INDICATOR,
    AUTHENTICATION,
    BATCH_ITEM,
    MESSAGE_EXTENSION,
    OPERATION,
    REQUEST_MESSAGE,
    REQUEST_PAYLOAD,
)
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    CryptographicAlgorithm,
    ItemType,
    ObjectType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.messages import (
    Credential,
    DeviceCredential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseHeader,
    ResponseMessage,
    Ticket,
    UsernameAndPassword,
    failure,
)
from kmip_core.operations import CATALOGUE, activate, create, ping
from kmip_core.structures import ProtocolVersion
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.builders import (
    ACTIVATE,
    CODEC,
    V10,
    V14,
    V20,
    V30,
    enumerated,
    header,
    integer,
    one,
    request,
    structure,
    text,
    with_id,
)
from tests.unit.kmip_adapters.ttlv.strategies import batch_item_id

# --- headers ------------------------------------------------------------------------------------------------------

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
        asynchronous_indicator=st.sampled_from(
            list(AsynchronousIndicator)[0 if version >= V20 else 1 :]  # as a Boolean it cannot be Mandatory
        ),
        credentials=st.lists(st.sampled_from(credentials), max_size=2).map(tuple),
        batch_error_continuation_option=st.sampled_from(BatchErrorContinuationOption),
        batch_order_option=st.booleans() if version < V30 else st.just(True),
        time_stamp=st.none() | st.integers(0, 2**40),
    )


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_request_header_comes_back_as_it_went(version: ProtocolVersion, data: st.DataObject) -> None:
    item = RequestBatchItem(
        operation=Operation.ACTIVATE,
        unique_batch_item_id=batch_item_id(version),
        payload=activate.Request(unique_identifier="1"),
    )
    message = RequestMessage(header=data.draw(request_headers(version)), batch_items=(item,))

    assert message == CODEC.decode_request(CODEC.encode_request(message))


def test_fields_that_are_not_understood_in_a_header_are_let_pass() -> None:
    attestation = [enumerated(0x4200C7, 1), enumerated(0x4200C7, 2), Item(0x4200D3, ItemType.BOOLEAN, True)]

    message = request(header((1, 2), *attestation, text(0x420105, "of 1.4")), ACTIVATE)

    assert isinstance(one(message).payload, activate.Request)


def test_a_credential_of_a_kind_without_a_known_value_is_carried_without_it() -> None:
    asked = RequestMessage(
        header=RequestHeader(
            protocol_version=ProtocolVersion(3, 0),
            credentials=(Credential(credential_type=CredentialType.CERTIFICATE),),
        ),
        batch_items=(RequestBatchItem(operation=Operation.PING, payload=ping.Request()),),
    )
    value = structure(0x420025, structure(0x4200C8))

    def with_value(part: Item) -> Item:
        if not isinstance(part.value, tuple):
            return part
        if part.tag == 0x420023:
            return structure(0x420023, *part.value, value)
        return part._replace(value=tuple(map(with_value, part.value)))

    assert CODEC.request_from(with_value(CODEC.request_item(asked))) == asked


def test_a_time_stamp_may_be_in_microseconds() -> None:
    stamp = Item(0x420092, ItemType.DATE_TIME_EXTENDED, 5_000_001)

    assert request(header((2, 1), stamp), ACTIVATE).header.time_stamp == 5


REFUSED_HEADERS = {
    "an unknown continuation option": (enumerated(0x42000E, 9), "UNKNOWN_ENUMERATION"),
    "an unknown asynchronous indicator": (enumerated(ASYNCHRONOUS_INDICATOR, 9), "UNKNOWN_ENUMERATION"),
    "an unknown credential type": (
        structure(AUTHENTICATION, structure(0x420023, enumerated(0x420024, 99))),
        "UNKNOWN_ENUMERATION",
    ),
    "a credential without type": (structure(AUTHENTICATION, structure(0x420023)), "INVALID_MESSAGE"),
    "a continuation option that is a number": (integer(0x42000E, 1), "INVALID_MESSAGE"),
    "a negative response size": (integer(0x420050, -1), "INVALID_FIELD"),
}


@pytest.mark.parametrize(("field", "reason"), REFUSED_HEADERS.values(), ids=REFUSED_HEADERS)
def test_header_values_that_cannot_be(field: Item, reason: str) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        request(header((2, 1), field), ACTIVATE)

    assert reason == refusal.value.reason.name


# --- the batch ----------------------------------------------------------------------------------------------------

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
    "an item that nobody defines": (
        structure(BATCH_ITEM, enumerated(OPERATION, Operation.GET), text(0x54007D, "x"), structure(REQUEST_PAYLOAD)),
        Operation.GET,
        "UNKNOWN_TAG",
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
        "UNKNOWN_MESSAGE_EXTENSION",
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


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_batch_without_any_batch_item_id_is_read_in_its_order(version: ProtocolVersion) -> None:
    other = structure(BATCH_ITEM, enumerated(OPERATION, Operation.QUERY), structure(REQUEST_PAYLOAD))

    message = request(header(version, count=3), ACTIVATE, other, ACTIVATE)

    assert [i.operation for i in message.batch_items] == [Operation.ACTIVATE, Operation.QUERY, Operation.ACTIVATE]
    assert {None} == {item.unique_batch_item_id for item in message.batch_items}


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@pytest.mark.parametrize("code", [0, 0x7FFF, 0x80000001, 0xFFFFFFFF], ids=hex)
def test_the_code_of_an_operation_that_no_version_has_is_repeated(version: ProtocolVersion, code: int) -> None:
    item = one(request(header(version), structure(BATCH_ITEM, enumerated(OPERATION, code), structure(REQUEST_PAYLOAD))))
    assert isinstance(item.payload, KmipError)
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=version, time_stamp=1), batch_items=(failure(item.payload, item),)
    )

    (answer,) = CODEC.decode_response(CODEC.encode_response(message)).batch_items
    assert (None, code) == (answer.operation, answer.operation_code)
    assert ResultReason.OPERATION_NOT_SUPPORTED is answer.result_reason


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
    assert refusal.reason is ResultReason.UNKNOWN_TAG


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


@settings(max_examples=rounds(75, nightly=300), deadline=None)
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


@settings(max_examples=rounds(50, nightly=200), deadline=None)
@given(version=st.sampled_from(tables.VERSIONS), items=st.lists(TREES, max_size=4))
def test_any_header_is_read_or_refused(version: ProtocolVersion, items: list[Item]) -> None:
    message = structure(REQUEST_MESSAGE, header(version, *items), ACTIVATE)
    try:
        read: RequestMessage | UnreadableMessage = CODEC.request_from(message)
    except UnreadableMessage as refusal:
        read = refusal

    assert version == (read.version if isinstance(read, UnreadableMessage) else read.header.protocol_version)
