"""What is read and written without items is what the items make of it, in every version, and no byte more."""

import json
import linecache
import threading
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import messages
from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.converter import make_converter_and_direct
from kmip_adapters.ttlv.converter.direct import MOST_REMEMBERED, REFUSALS, Direct, Unusual, source_of
from kmip_adapters.ttlv.converter.elements import MASKS
from kmip_adapters.ttlv.converter.fields import Field
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import REQUEST_LIMITS, Item, Limits
from kmip_adapters.ttlv.messages.direct import (
    LEARNED_OF,
    LONGEST_HEADER,
    MOST_BEGINNINGS,
    MOST_HEADERS,
    WITH_DATA,
    DirectRequests,
)
from kmip_adapters.ttlv.messages.versions import make_dialect
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import (
    BlockCipherMode,
    CredentialType,
    Ephemeral,
    ItemType,
    ObjectType,
    Operation,
    ResultStatus,
    StorageStatusMask,
)
from kmip_core.errors import KmipError
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    UsernameAndPassword,
)
from kmip_core.operations import CATALOGUE, create, destroy, encrypt, get, locate
from kmip_core.structures import CryptographicParameters, ProtocolVersion
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.strategies import instances

FOLDER = Path(__file__).parents[4] / "vectors"
CODEC = Codec(CATALOGUE)
V12, V14, V30 = ProtocolVersion(1, 2), ProtocolVersion(1, 4), ProtocolVersion(3, 0)

FROM_ITEMS = {
    (version, spec.operation): spec
    for version in tables.VERSIONS
    for spec in CATALOGUE.values()
    if int(spec.operation) in tables.enumeration_values("Operation", version)
}


@cache
def converter_and_direct(version: ProtocolVersion):
    return make_converter_and_direct(version)


@cache
def dialects():
    return {version: make_dialect(version, CATALOGUE) for version in tables.VERSIONS}


@cache
def requests() -> dict[str, bytes]:
    """Return every request of the vectors."""
    return {
        f"{version} {row['operation']}": bytes.fromhex(row["ttlv"])
        for version in tables.VERSIONS
        for row in map(json.loads, (FOLDER / f"{version}.jsonl").read_text("utf-8").splitlines())
        if row["message"] == "request"
    }


def by_items(frame: bytes) -> RequestMessage | str:
    """Return what the items of a request say, or the refusal of all of it."""
    try:
        newest = CODEC._newest_types.get(frame[16:56], ItemType.DATE_TIME_EXTENDED)
        return CODEC.request_from(binary.decode(frame, REQUEST_LIMITS, newest))
    except KmipError as error:
        return error.message


def assert_agrees(frame: bytes) -> bool:
    """Compare both ways; return whether the request was read without items."""
    direct = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types)
    times = 2 * LEARNED_OF + 1  # by what is remembered: the header, then all before the Data
    read = [direct.read(frame) for _ in range(times)]
    assert read == [read[0]] * times
    assert read[0] is None or read[0] == by_items(frame)
    return read[0] is not None


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", requests())
def test_the_requests_of_the_vectors_are_read_as_their_items_are(name: str) -> None:
    assert_agrees(requests()[name])


MOST_SENT = {
    "Get": messages.get("6e0b5d6a-0a71-4a63-9cbc-9ad1b4bbf91c"),
    "Create": messages.create("a name"),
    "Register": messages.register(bytes(range(messages.KEY_SIZE))),
    "Locate": messages.locate("a name", unique_identifier="1"),
    "Activate": messages.activate("1"),
    "Discover Versions": messages.discover_versions(),
    "Query": messages.query(),
}


@pytest.mark.parametrize("version", tables.VERSIONS[1:], ids=str)
@pytest.mark.parametrize("name", MOST_SENT)
def test_the_most_frequent_requests_are_read_without_items(name: str, version: ProtocolVersion) -> None:
    message = CODEC.decode_request(MOST_SENT[name].request)
    header = evolve(message.header, protocol_version=version)

    assert assert_agrees(CODEC.encode_request(evolve(message, header=header)))


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@settings(max_examples=25)
@given(data=st.data())
def test_any_request_is_read_as_its_items_are(version: ProtocolVersion, data: st.DataObject) -> None:
    converter, direct = converter_and_direct(version)
    spec = data.draw(st.sampled_from([s for (v, _), s in FROM_ITEMS.items() if v == version]))
    request = data.draw(instances(spec.request, version))
    items = converter.get_unstructure_hook(spec.request)(request)
    octets = b"".join(map(binary.encode, items))

    try:
        read = direct.reader(spec.request)(octets, 0, len(octets))
    except REFUSALS:
        return
    assert read == converter.get_structure_hook(spec.request)(items, spec.request)


@settings(max_examples=rounds(50, nightly=200))
@given(name=st.sampled_from(sorted(requests())), data=st.data())
def test_changed_bytes_are_judged_as_their_items_are(name: str, data: st.DataObject) -> None:
    frame = bytearray(requests()[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(frame) - 1))
        match data.draw(st.sampled_from(("change", "flip", "repeat", "leave out", "swap"))):
            case "change":
                frame[at] = data.draw(st.integers(0, 255))
            case "flip":
                frame[at] ^= 1 << data.draw(st.integers(0, 7))
            case "repeat":
                frame[at:at] = frame[at & ~7 : (at & ~7) + 8]
            case "leave out":
                del frame[at & ~7 : (at & ~7) + 8]
            case "swap":
                a, b = at & ~7, data.draw(st.integers(0, len(frame) - 1)) & ~7
                frame[a : a + 8], frame[b : b + 8] = frame[b : b + 8], frame[a : a + 8]
        if len(frame) < 8:
            break

    assert_agrees(bytes(frame))


@pytest.mark.parametrize("name", ["1.0 Create", "2.1 Locate", "3.0 Encrypt"])
def test_a_frame_cut_off_anywhere_is_left_to_its_items(name: str) -> None:
    frame = requests()[name]

    assert not any(assert_agrees(frame[:end]) for end in range(len(frame)))


@pytest.mark.parametrize("name", ["1.0 Create", "2.1 Locate", "3.0 Encrypt"])
def test_every_byte_counts(name: str) -> None:
    frame = requests()[name]
    for at in range(len(frame)):
        for value in (0, 8, frame[at] ^ 1):
            assert_agrees(frame[:at] + bytes([value]) + frame[at + 1 :])


def test_a_message_that_may_have_too_many_items_is_left_to_them() -> None:
    frame = requests()["1.2 Get"]
    longest = len(frame) // 8

    assert DirectRequests(dialects(), Limits(max_items=longest), CODEC._newest_types).read(frame) is not None
    assert DirectRequests(dialects(), Limits(max_items=longest - 1), CODEC._newest_types).read(frame) is None


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_message_without_items_is_left_to_them(version: ProtocolVersion) -> None:
    """They say what is wrong with it."""
    frame = CODEC.encode_request(RequestMessage(header=RequestHeader(protocol_version=version), batch_items=()))

    assert not assert_agrees(frame)


def test_headers_are_remembered_up_to_a_number() -> None:
    direct = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types)
    frame = requests()["1.2 Get"]
    message = CODEC.decode_request(frame)
    for size in range(MOST_HEADERS + 2):
        frame = CODEC.encode_request(evolve(message, header=evolve(message.header, maximum_response_size=1000 + size)))
        read = direct.read(frame)
        assert read is not None
        assert read.header.maximum_response_size == 1000 + size

    assert len(direct._headers) == 2


def test_cryptographic_parameters_are_remembered_by_their_bytes_up_to_a_number() -> None:
    codec = Codec(CATALOGUE, [V14])

    def parameters(number: int, cipher: BlockCipherMode = BlockCipherMode.GCM) -> CryptographicParameters:
        said = CryptographicParameters(block_cipher_mode=cipher, initial_counter_value=number)
        item = RequestBatchItem(operation=Operation.ENCRYPT, payload=encrypt.Request(cryptographic_parameters=said))
        message = RequestMessage(header=RequestHeader(protocol_version=V14), batch_items=(item,))
        (read,) = codec.decode_request(codec.encode_request(message)).batch_items
        assert read.payload.cryptographic_parameters == said
        return read.payload.cryptographic_parameters

    first = parameters(0)
    assert parameters(0) is first
    assert parameters(0, BlockCipherMode.CTR) is not first
    for number in range(1, MOST_REMEMBERED + 1):
        parameters(number)
    assert parameters(0) is not first


def test_a_header_with_a_correlation_value_is_not_remembered() -> None:
    direct = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types)
    message = CODEC.decode_request(requests()["1.4 Get"])
    header = evolve(message.header, client_correlation_value="mine")

    assert direct.read(CODEC.encode_request(evolve(message, header=header))) == evolve(message, header=header)
    assert not direct._headers


def learned(frame: bytes) -> DirectRequests:
    """Return what reads a request by its beginning, which it has seen."""
    direct = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types)
    for _ in range(2 * LEARNED_OF):
        direct.read(frame)
    return direct


@pytest.mark.parametrize("version", tables.VERSIONS[2:], ids=str)
@pytest.mark.parametrize("operation", sorted(WITH_DATA), ids=lambda operation: operation.name)
@settings(max_examples=rounds(15, nightly=200))
@given(data=st.data())
def test_a_known_beginning_is_gone_on_from_as_if_all_were_read(
    version: ProtocolVersion, operation: Operation, data: st.DataObject
) -> None:
    spec = CATALOGUE[operation]
    how = st.none() | st.builds(CryptographicParameters, iv_length=st.integers(0, 9))
    payload = spec.request(
        unique_identifier=data.draw(st.none() | st.text(max_size=40)),
        cryptographic_parameters=data.draw(how),
        data=data.draw(st.binary(min_size=8, max_size=40)),
        **({"init_indicator": True} if version >= V14 and data.draw(st.booleans()) else {}),
    )
    identifier = data.draw(st.none() | st.binary(min_size=1, max_size=9))
    item = RequestBatchItem(operation=operation, unique_batch_item_id=identifier, payload=payload)
    header = RequestHeader(protocol_version=version)
    frame = CODEC.encode_request(RequestMessage(header=header, batch_items=(item,)))
    direct = learned(frame)
    assert [known for known in direct._beginnings.values() if known is not None]

    place = frame.index(payload.data)  # where what comes after the beginning is, but for its header
    for _ in range(8):
        changed = bytearray(frame)
        at = data.draw(st.integers(place - 8, len(frame) - 1) | st.integers(0, len(frame) - 1))
        changed[at] ^= data.draw(st.integers(1, 255))
        anew = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types).read(bytes(changed))
        assert direct.read(bytes(changed)) == anew
    for end in range(place, len(frame)):
        assert direct.read(frame[:end]) is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"client_correlation_value": "mine"}, id="what is one client's"),
        pytest.param(
            {
                "credentials": (
                    Credential(
                        credential_type=CredentialType.USERNAME_AND_PASSWORD,
                        credential_value=UsernameAndPassword(username="alice", password="a"),
                    ),
                )
            },
            id="a password",
        ),
    ],
)
def test_no_beginning_is_remembered_with(fields: dict[str, Any]) -> None:
    item = RequestBatchItem(operation=Operation.ENCRYPT, payload=encrypt.Request(unique_identifier="key", data=b"x"))
    header = RequestHeader(protocol_version=V14, **fields)

    assert not learned(CODEC.encode_request(RequestMessage(header=header, batch_items=(item,))))._beginnings


def test_no_other_request_is_remembered_by_its_beginning() -> None:
    frame = messages.register(bytes.fromhex("4200c208") * 8).request

    assert not learned(frame)._beginnings


def test_beginnings_are_remembered_up_to_a_number() -> None:
    direct = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types)
    for number in range(MOST_BEGINNINGS + 2):
        item = RequestBatchItem(
            operation=Operation.ENCRYPT, payload=encrypt.Request(unique_identifier=str(number), data=b"x")
        )
        message = RequestMessage(header=RequestHeader(protocol_version=V14), batch_items=(item,))
        for _ in range(2 * LEARNED_OF):
            assert direct.read(CODEC.encode_request(message)) == message

    assert len(direct._beginnings) == 2


@pytest.mark.parametrize("longer", [0, 1])
def test_a_long_header_is_not_remembered(longer: int) -> None:
    """Clients choose what is in it."""
    direct = DirectRequests(dialects(), REQUEST_LIMITS, CODEC._newest_types)
    message = CODEC.decode_request(requests()["1.4 Get"])

    def frame(length: int) -> bytes:
        header = evolve(message.header, server_correlation_value=length * "x")
        return CODEC.encode_request(evolve(message, header=header))

    def size(length: int) -> int:
        return 8 + int.from_bytes(frame(length)[12:16])

    longest = max(length for length in range(8, 128, 8) if size(length) <= LONGEST_HEADER)
    assert size(longest) == LONGEST_HEADER

    assert direct.read(frame(longest + longer)) is not None
    assert len(direct._headers) == 1 - longer


def with_more_in(frame: bytes, place: int, more: bytes) -> bytes:
    """Return a request whose structure at `place`, in its header, has one item more at its end."""
    changed = bytearray(frame)
    end = place + 8 + int.from_bytes(frame[place + 4 : place + 8])
    changed[end:end] = more
    for structure in {0, 8, place}:
        length = int.from_bytes(frame[structure + 4 : structure + 8]) + len(more)
        changed[structure + 4 : structure + 8] = length.to_bytes(4)
    return bytes(changed)


@pytest.mark.parametrize("version", ["1.0", "2.1", "3.0"])
@pytest.mark.parametrize("place", [8, 16], ids=["header", "version"])
@pytest.mark.parametrize("code", range(1, 16))
def test_a_header_with_an_item_of_any_type_is_read_or_refused_as_its_items_are(
    version: str, place: int, code: int
) -> None:
    more = bytes.fromhex("54abcd") + bytes([code]) + (8).to_bytes(4) + (1).to_bytes(8)

    assert_agrees(with_more_in(requests()[f"{version} Get"], place, more))


def with_identifier(frame: bytes, encoded: bytes) -> bytes:
    """Return a request whose first item has an encoded Unique Batch Item ID after its Operation."""
    changed = bytearray(frame)
    item = 16 + int.from_bytes(frame[12:16])
    changed[item + 24 : item + 24] = encoded
    for structure in (0, item):
        length = int.from_bytes(frame[structure + 4 : structure + 8]) + len(encoded)
        changed[structure + 4 : structure + 8] = length.to_bytes(4)
    return bytes(changed)


def identifier(octets: bytes, padding: bytes) -> bytes:
    return bytes.fromhex("42009308") + len(octets).to_bytes(4) + octets + padding


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_an_item_with_an_identifier_is_read_in_versions_that_have_identifiers(version: ProtocolVersion) -> None:
    """3.0 has none: what refuses them is the way over items."""
    frame = with_identifier(requests()[f"{version} Get"], identifier(b"x", bytes(7)))

    assert assert_agrees(frame) is (version < V30)


@pytest.mark.parametrize("place", range(7))
def test_an_identifier_with_other_padding_than_zeros_is_left_to_the_items(place: int) -> None:
    padding = bytearray(7)
    padding[place] = 1

    assert not assert_agrees(with_identifier(requests()["1.4 Get"], identifier(b"x", bytes(padding))))


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_an_item_that_goes_beyond_its_message_is_left_to_the_items(version: ProtocolVersion) -> None:
    """Its payload and its last value go as far, so that each fits into the other: the value would be cut short."""
    payload_of_eight = get.Request(unique_identifier="8 octets")
    message = CODEC.decode_request(requests()[f"{version} Get"])
    item_of_eight = RequestBatchItem(operation=Operation.GET, payload=payload_of_eight)
    frame = bytearray(CODEC.encode_request(evolve(message, batch_items=(item_of_eight,))))
    item = 16 + int.from_bytes(frame[12:16])
    payload = item + 24
    value = payload + 8
    assert assert_agrees(bytes(frame))
    for structure in (item, payload, value):
        length = int.from_bytes(frame[structure + 4 : structure + 8]) + 8
        frame[structure + 4 : structure + 8] = length.to_bytes(4)

    assert not assert_agrees(bytes(frame))


@pytest.mark.parametrize(
    ("identifiers", "is_read"), [((b"1", b"2"), True), ((b"1", b"1"), False), ((b"1", None), False)], ids=str
)
def test_items_of_a_batch_that_cannot_be_told_apart_are_left_to_the_items(
    identifiers: tuple[bytes | None, ...], is_read: bool
) -> None:
    message = CODEC.decode_request(requests()["1.4 Get"])
    (item,) = message.batch_items
    items = tuple(evolve(item, unique_batch_item_id=one) for one in identifiers)

    assert assert_agrees(CODEC.encode_request(evolve(message, batch_items=items))) is is_read


@pytest.mark.parametrize("length", [0, 7, 8, 9, 16])
def test_an_identifier_of_any_length_is_read(length: int) -> None:
    assert assert_agrees(with_identifier(requests()["1.4 Get"], identifier(bytes(length), bytes(-length % 8))))


def test_a_bad_request_is_refused_as_ever() -> None:
    frame = requests()["1.2 Get"]
    with pytest.raises(UnreadableMessage, match="bytes"):
        CODEC.decode_request(frame[:-8])


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@settings(max_examples=25)
@given(data=st.data())
def test_any_response_is_written_as_its_items_are(version: ProtocolVersion, data: st.DataObject) -> None:
    spec = data.draw(st.sampled_from([s for (v, _), s in FROM_ITEMS.items() if v == version]))
    others = [other for other in (V14, V30) if (other, spec.operation) in FROM_ITEMS]  # some values are of these alone
    payload = data.draw(instances(spec.response, data.draw(st.sampled_from([version, *others]))))
    identifier = data.draw(st.none() | st.binary(max_size=9))
    item = ResponseBatchItem(operation=spec.operation, unique_batch_item_id=identifier, payload=payload)
    header = ResponseHeader(protocol_version=version, time_stamp=1)
    message = ResponseMessage(header=header, batch_items=(item, item))

    assert written(lambda: CODEC.encode_response(message)) == written(
        lambda: binary.encode(CODEC.response_item(message))
    )


UNUSUAL: dict[str, dict[str, Any]] = {
    "pending": {
        "payload": None,
        "result_status": ResultStatus.OPERATION_PENDING,
        "asynchronous_correlation_value": b"value",
    },
    "ended, with the value by which it was asked for": {"asynchronous_correlation_value": b"value"},
    "refused": {"payload": None, "result_status": ResultStatus.OPERATION_FAILED, "result_message": "no"},
    "undone, with what it was": {"result_status": ResultStatus.OPERATION_UNDONE},
    "without what it brought": {"ephemeral": Ephemeral.EMPTY},
    "with its identifier alone": {"ephemeral": Ephemeral.UNIQUE_IDENTIFIER},
    "without data that it does not have": {"ephemeral": Ephemeral.DATA},
    "of an operation that is none": {"operation": None, "operation_code": 0x7F, "payload": None},
}


@pytest.mark.parametrize("version", [V12, V14, V30], ids=str)
@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_answer_is_written_as_its_items_are(name: str, version: ProtocolVersion) -> None:
    payload = create.Response(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1")
    usual = ResponseBatchItem(operation=Operation.CREATE, unique_batch_item_id=b"1", payload=payload)
    unusual = evolve(usual, **UNUSUAL[name])
    header = ResponseHeader(protocol_version=version, time_stamp=1)
    message = ResponseMessage(header=header, batch_items=(usual, unusual, usual))

    assert CODEC.encode_response(message) == binary.encode(CODEC.response_item(message))


def written(write) -> bytes | str:
    """Return what is written, or what was raised instead."""
    try:
        return write()
    except Exception as error:  # of either way, to compare
        return repr(error)


def test_a_number_that_its_item_cannot_carry_is_a_fault_as_ever() -> None:
    converter, direct = converter_and_direct(V12)
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=None)  # type: ignore[arg-type]
    value = evolve(request, object_type=1 << 40)  # type: ignore[arg-type]

    assert written(lambda: direct.writer(create.Request)(value, bytearray())) == written(
        lambda: converter.get_unstructure_hook(create.Request)(value)
    )


# --- the functions themselves -----------------------------------------------------------------------------------------


def test_a_class_inside_itself_has_a_reader_and_a_writer() -> None:
    _, direct = converter_and_direct(V12)

    assert direct.reader(get.Request) is direct.reader(get.Request)
    assert direct.writer(get.Response) is direct.writer(get.Response)


def test_the_text_of_a_function_can_be_read() -> None:
    _, direct = converter_and_direct(V12)

    assert source_of(direct.reader(destroy.Request)).startswith("def read_Request(data, at, end, unique_identifier_=")
    assert "instance.unique_identifier" in source_of(direct.writer(destroy.Response))


def test_a_traceback_shows_the_text() -> None:
    _, direct = converter_and_direct(V12)
    read = direct.reader(encrypt.Request)
    try:
        read(binary.encode(Item(0x54ABCD, ItemType.TEXT_STRING, "x")), 0, 16)
    except Unusual:
        assert "raise Unusual" in traceback.format_exc()
    linecache.checkcache()

    assert source_of(read)


@frozen(kw_only=True)
class Unplanned:
    """A class that no version knows."""

    operation: Operation | None = None


def test_only_what_is_planned_is_read() -> None:
    _, direct = converter_and_direct(V12)

    assert direct.reader(Unplanned)(b"", 0, 0) == Unplanned()


def test_bit_masks_that_clients_make_up_are_not_kept_for_ever() -> None:
    converter, direct = converter_and_direct(V12)
    read = direct.reader(locate.Request)
    before = len(StorageStatusMask._value2member_map_)
    for number in range(MASKS + 500):
        item = Item(0x42008E, ItemType.INTEGER, (1 << 20) + number)
        octets = binary.encode(item)

        assert read(octets, 0, len(octets)).storage_status_mask == (1 << 20) + number
        assert converter.get_structure_hook(locate.Request)((item,), locate.Request) == read(octets, 0, len(octets))

    assert len(StorageStatusMask._value2member_map_) <= max(before, MASKS + 1)


def test_a_writer_that_is_being_made_is_not_used_by_another_thread() -> None:
    is_planning, may_go_on = threading.Event(), threading.Event()

    def plan(cls: type) -> tuple[Field, ...]:
        is_planning.set()
        assert may_go_on.wait(120)
        return ()

    direct = Direct(plan, lambda cls: None, ItemType.INTERVAL)
    out = bytearray()
    made = threading.Thread(target=direct.writer, args=(int,))
    used = threading.Thread(target=lambda: direct.writer(int)(1, out))
    made.start()
    assert is_planning.wait(120)
    used.start()
    used.join(0.2)  # as it would end by recursion
    assert used.is_alive()
    may_go_on.set()
    for thread in (made, used):
        thread.join(120)

    assert not used.is_alive()
    assert direct.writer(int) is direct.writer(int)
