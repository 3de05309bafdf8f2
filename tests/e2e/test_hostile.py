"""Malformed and abusive input over real TLS: each case gets the right refusal, and the server goes on.

After every case another client is served, and at the end the log has no traceback and the process has not grown.
Messages are made by hand (`tests.interop.wire`), since our encoder makes no wrong ones.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_core.enums import (
    CryptographicAlgorithm,
    DerivationMethod,
    ItemType,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    SecretDataType,
)
from kmip_core.enums import CryptographicUsageMask as Mask
from tests.interop.wire import Node, Parts, attribute, decode, encode, item, key_block, message, operation, template
from tests.server import StartedServer, running

V1_4: Final = (1, 4)
QUERY: Final = operation(Operation.QUERY, [("QueryFunction", 1)])
HEALTHY: Final = message(V1_4, QUERY)
REQUEST: Final = bytes.fromhex("420078")
HANG: Final = 120.0  # seconds that another client may wait; a hang limit, not a promise
LIMIT: Final = 1 << 20  # bytes, the largest request by default
GROWTH: Final = 64 << 20  # bytes that the process may grow by through all of this; each worst case alone is larger


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    """One server with short patience; it must have served everything without a fault when it ends."""
    options = ("--ephemeral", "--message-timeout", "1", "--handshake-timeout", "1", "--write-timeout", "1")
    with running(tmp_path_factory.mktemp("hostile"), *options) as started:
        with started.client() as client:
            for _ in range(50):
                client.exchange(HEALTHY)
        before = resident(started)
        yield started
        assert resident(started) - before < GROWTH
        printed = started.output.read_text()
        assert "Traceback" not in printed
        assert "ERROR" not in printed
        assert len(printed) < 100_000  # what peers do wrong is told, but does not fill the log


def resident(server: StartedServer) -> int:
    """Return the memory that the server's process has in use, in bytes; 0 where it cannot be asked."""
    with contextlib.suppress(FileNotFoundError):
        for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


@pytest.fixture(autouse=True)
def others_wait(server: StartedServer, record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Measure how long another client waits during each case.

    On a quiet machine no case holds it up for more than 250 ms; what was measured is a property of the report, and
    only a hang fails it, since CI machines are busy.
    """
    waits = [0.0]
    stop = threading.Event()

    def ask() -> None:
        with server.client() as client:
            while not stop.wait(0.02):
                began = time.perf_counter()
                client.exchange(HEALTHY)
                waits.append(time.perf_counter() - began)

    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    yield
    stop.set()
    probe.join(HANG)
    assert not probe.is_alive()
    record_property("others waited at most (ms)", round(1000 * max(waits)))
    assert max(waits) < HANG


@pytest.fixture
def attacker(server: StartedServer) -> Iterator[TlsTtlvClient]:
    """A connection to misbehave on; when the test is done somebody else must be served at once."""
    with server.client() as client:
        yield client
    assert server.process.poll() is None
    with server.client() as other:
        assert decode(other.exchange(HEALTHY))["BatchItem/ResultStatus"].value == 0


def reason_of(answer: bytes) -> ResultReason:
    """Return why a message of one item was refused."""
    (batch_item,) = decode(answer).all("BatchItem")
    assert batch_item["ResultStatus"].value == 1
    return ResultReason(batch_item["ResultReason"].value)


def rest_of(client: TlsTtlvClient) -> bytes:
    """Return what still comes before the server closes the connection."""
    rest = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while part := client.socket.recv(65_536):
            rest += part
    return rest


def damaged(
    *, content: bytes = b"", tag: bytes = REQUEST, kind: int = ItemType.STRUCTURE, length: int | None = None
) -> bytes:
    return item(tag, kind, content, length)


# --- what is no message ---------------------------------------------------------------------------------------------

NO_MESSAGES: Final = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: kmip\r\n\r\n",
    "a response": bytes.fromhex("42007B0100000008") + bytes(8),
    "no structure": damaged(kind=ItemType.INTEGER, content=bytes(8)),
    "an odd length": damaged(length=9) + bytes(16),
    "one byte more than the limit": damaged(length=LIMIT),
    "a huge announced length": damaged(length=0xFFFFFFF8),
    "zeros": bytes(64),
}


@pytest.mark.parametrize("what", NO_MESSAGES)
def test_bytes_that_are_no_message_are_refused_at_once_and_end_the_connection(
    attacker: TlsTtlvClient, what: str
) -> None:
    attacker.socket.sendall(NO_MESSAGES[what])

    assert reason_of(attacker.receive()) is ResultReason.INVALID_MESSAGE
    assert rest_of(attacker) == b""


# --- messages that are damaged inside -------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = item(REQUEST, ItemType.STRUCTURE, inner)
    return inner


def padded(frame: bytes, old: bytes, new: bytes) -> bytes:
    assert old in frame
    return frame.replace(old, new, 1)


TAG_OF_COUNT: Final = bytes.fromhex("42000D")
COUNT: Final = item(TAG_OF_COUNT, ItemType.INTEGER, (1).to_bytes(4, "big"))
GET: Final = message(V1_4, operation(Operation.GET, [("UniqueIdentifier", "abc")]))
IDENTIFIER: Final = encode("UniqueIdentifier", "abc")
ORDER: Final = encode("BatchOrderOption", True)
ORDERED: Final = message(V1_4, QUERY, header=[("BatchOrderOption", True)])
HEADER: Final = HEALTHY[8 : 16 + int.from_bytes(HEALTHY[12:16], "big")]
ID_TAG: Final = bytes.fromhex("420094")

UNREADABLE: Final = {
    "nothing inside": damaged(),
    "a header and no item": message(V1_4, count=0),
    "a count of none": message(V1_4, QUERY, count=0),
    "a count of more": message(V1_4, QUERY, count=2),
    "a count of fewer": message(V1_4, QUERY, QUERY, count=1),
    "a negative count": message(V1_4, QUERY, count=-1),
    "no count": padded(HEALTHY, COUNT, encode("BatchOrderOption", True)),
    "a count of another type": padded(HEALTHY, COUNT, item(TAG_OF_COUNT, ItemType.ENUMERATION, bytes(3) + b"\x01")),
    "a count twice": message(V1_4, QUERY, header=[("BatchCount", 1)]),
    "no version": damaged(content=encode("RequestHeader", [("BatchCount", 1)]) + encode("BatchItem", list(QUERY))),
    "a version before all others": message((0, 9), QUERY),
    "a negative version": message((-1, 4), QUERY),
    "an item before the header": damaged(content=encode("BatchItem", list(QUERY))),
    "something else after the header": damaged(content=HEADER + encode("TimeStamp", 1)),
    "one of two items without an id": message(V1_4, QUERY, [QUERY[0], ("UniqueBatchItemID", b"1"), *QUERY[1:]]),
    "structures too deep": nested(33),
    "structures much too deep": nested(10_000),
    "too many items": damaged(content=encode("BatchCount", 1) * 30_000),
    "an item longer than its structure": padded(GET, IDENTIFIER, item(ID_TAG, ItemType.TEXT_STRING, b"abc", 64)),
    "an item longer than all memory": padded(GET, IDENTIFIER, item(ID_TAG, ItemType.TEXT_STRING, b"abc", 0xFFFFFFFF)),
    "padding that is not zero": padded(GET, IDENTIFIER, IDENTIFIER[:-1] + b"\x01"),
    "text that is not UTF-8": padded(GET, IDENTIFIER, item(ID_TAG, ItemType.TEXT_STRING, b"\xff\xfe\xfd")),
    "an item type that does not exist": padded(GET, IDENTIFIER, item(ID_TAG, 0x0F, b"abc")),
    "an item type of zero": padded(GET, IDENTIFIER, item(ID_TAG, 0, b"abc")),
    "a tag of nobody": padded(GET, IDENTIFIER, item(b"\x00\x00\x01", ItemType.TEXT_STRING, b"abc")),
    "a Boolean of two": padded(ORDERED, ORDER, ORDER[:-1] + b"\x02"),
    "an Integer of eight bytes": padded(HEALTHY, COUNT, item(TAG_OF_COUNT, ItemType.INTEGER, bytes(8))),
    "a Big Integer of nothing": padded(GET, IDENTIFIER, item(ID_TAG, ItemType.BIG_INTEGER, b"") + bytes(8)),
}


def whole(frame: bytes) -> bytes:
    """Return the frame with a length that is right for the outermost structure, so that the framing holds."""
    return frame[:4] + (len(frame) - 8).to_bytes(4, "big") + frame[8:]


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_message_that_cannot_be_read_is_refused_and_the_connection_goes_on(
    attacker: TlsTtlvClient, what: str
) -> None:
    answer = attacker.exchange(whole(UNREADABLE[what]))

    assert reason_of(answer) is ResultReason.INVALID_MESSAGE
    assert decode(attacker.exchange(HEALTHY))["BatchItem/ResultStatus"].value == 0


def test_a_version_that_is_not_spoken_is_refused_in_the_nearest_one(attacker: TlsTtlvClient) -> None:
    answer = attacker.exchange(message((9, 0), QUERY))

    assert reason_of(answer) is ResultReason.UNSUPPORTED_PROTOCOL_VERSION
    assert [part.value for part in decode(answer)["ResponseHeader/ProtocolVersion"].value] == [3, 0]


# --- items that are wrong and fail alone -----------------------------------------------------------------------------

MALFORMED: Final = {ResultReason.INVALID_MESSAGE, ResultReason.INVALID_FIELD}
NO_SUCH_PAIR: Final = ResultReason.CRYPTOGRAPHIC_FAILURE  # PyKMIP's reason for a pair that cannot be made


def secret(size: int) -> tuple[str, Parts]:
    return "SecretData", [("SecretDataType", SecretDataType.PASSWORD), key_block(bytes(size), KeyFormatType.OPAQUE)]


def aes(length: int) -> Parts:
    described = (
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.AES),
        attribute("Cryptographic Length", length),
        attribute("Cryptographic Usage Mask", Mask.ENCRYPT),
    )
    return [("ObjectType", ObjectType.SYMMETRIC_KEY), template(*described)]


def pair(length: int) -> Parts:
    common = template(
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.RSA),
        attribute("Cryptographic Length", length),
        attribute("Cryptographic Usage Mask", Mask.SIGN),
        tag="CommonTemplateAttribute",
    )
    return [common]


PAYLOADS: Final[dict[str, tuple[Operation, Parts]]] = {
    "a field of something else": (Operation.GET, [("UniqueIdentifier", "a"), ("KeyMaterial", b"")]),
    "a field twice": (Operation.GET, [("UniqueIdentifier", "a"), ("UniqueIdentifier", "a")]),
    "a field of another type": (Operation.GET, [("UniqueIdentifier", b"a")]),
    "a value that does not exist": (Operation.GET, [("UniqueIdentifier", "a"), ("KeyFormatType", 0x7FFFFFFF)]),
    "a required field left out": (Operation.CREATE, [template()]),
    "a structure where a text belongs": (Operation.GET, [("UniqueIdentifier", [])]),
    "an attribute without a name": (Operation.CREATE, [("ObjectType", 2), ("TemplateAttribute", [("Attribute", [])])]),
    "an attribute index below zero": (Operation.LOCATE, [attribute("Name", [("NameValue", "a"), ("NameType", 1)], -1)]),
    "an attribute of nobody": (Operation.LOCATE, [attribute("No Such Attribute", 1)]),
    "a key length of zero": (Operation.CREATE, aes(0)),
    "a negative key length": (Operation.CREATE, aes(-128)),
    "a key of all memory": (Operation.CREATE, aes(0x7FFFFFF8)),
    "random bytes without end": (Operation.RNG_RETRIEVE, [("DataLength", 0x7FFFFFFF)]),
    "a negative number of random bytes": (Operation.RNG_RETRIEVE, [("DataLength", -1)]),
    "a negative maximum": (Operation.LOCATE, [("MaximumItems", -1)]),
    "a negative offset": (Operation.LOCATE, [("OffsetItems", -1)]),
    "too many criteria": (Operation.LOCATE, [attribute("x-a", str(n)) for n in range(500)]),
    "an object without its content": (Operation.REGISTER, [("ObjectType", ObjectType.SECRET_DATA), template()]),
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_a_request_that_cannot_be_meant_is_refused_as_such(attacker: TlsTtlvClient, what: str) -> None:
    asked, payload = PAYLOADS[what]

    answer = attacker.exchange(message(V1_4, operation(asked, payload)))

    assert reason_of(answer) in MALFORMED
    assert decode(answer)["BatchItem/Operation"].value == asked
    assert decode(attacker.exchange(HEALTHY))["BatchItem/ResultStatus"].value == 0


@pytest.mark.parametrize("length", [65_536, 0x7FFFFFFF, 0, -2048])
def test_an_rsa_key_of_any_length_is_not_begun(attacker: TlsTtlvClient, length: int) -> None:
    answer = attacker.exchange(message(V1_4, operation(Operation.CREATE_KEY_PAIR, pair(length))))

    assert reason_of(answer) is NO_SUCH_PAIR


def test_iterations_without_end_are_refused_before_they_begin(attacker: TlsTtlvClient) -> None:
    kept: Parts = [
        ("ObjectType", ObjectType.SECRET_DATA),
        template(attribute("Cryptographic Usage Mask", Mask.DERIVE_KEY)),
        secret(16),
    ]
    answer = decode(attacker.exchange(message(V1_4, operation(Operation.REGISTER, kept))))
    how: Parts = [
        ("CryptographicParameters", [("HashingAlgorithm", 6)]),
        ("Salt", bytes(16)),
        ("IterationCount", 0x7FFFFFFF),
    ]
    derived: Parts = [
        ("ObjectType", ObjectType.SECRET_DATA),
        ("UniqueIdentifier", answer["BatchItem/ResponsePayload/UniqueIdentifier"].value),
        ("DerivationMethod", DerivationMethod.PBKDF2),
        ("DerivationParameters", how),
        template(attribute("Cryptographic Length", 256)),
    ]

    assert reason_of(attacker.exchange(message(V1_4, operation(Operation.DERIVE_KEY, derived)))) in MALFORMED


def test_unknown_operations_and_critical_extensions_are_not_supported(attacker: TlsTtlvClient) -> None:
    unknown = attacker.exchange(message(V1_4, [("Operation", 0x7777), ("RequestPayload", [])]))
    extension: Parts = [("VendorIdentification", "v"), ("CriticalityIndicator", True), ("VendorExtension", [])]
    critical = attacker.exchange(message(V1_4, [*QUERY, ("MessageExtension", extension)]))

    assert reason_of(unknown) is ResultReason.OPERATION_NOT_SUPPORTED
    assert reason_of(critical) is ResultReason.FEATURE_NOT_SUPPORTED


def test_a_batch_beyond_the_limit_is_refused_whole(attacker: TlsTtlvClient) -> None:
    items = [operation(Operation.QUERY, [("QueryFunction", 1)], str(n).encode()) for n in range(1_001)]

    assert reason_of(attacker.exchange(message(V1_4, *items))) is ResultReason.INVALID_MESSAGE


def test_one_bad_item_fails_alone_if_the_batch_goes_on(attacker: TlsTtlvClient) -> None:
    good = operation(Operation.QUERY, [("QueryFunction", 1)], b"1")
    bad = operation(Operation.GET, [("KeyMaterial", b"")], b"2")
    last = operation(Operation.QUERY, [("QueryFunction", 2)], b"3")
    frame = message(V1_4, good, bad, last, header=[("BatchErrorContinuationOption", 1)])

    found = decode(attacker.exchange(frame)).all("BatchItem")

    assert [batch_item["ResultStatus"].value for batch_item in found] == [0, 1, 0]


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_maximum_response_size_that_nothing_fits_is_answered_all_the_same(attacker: TlsTtlvClient, size: int) -> None:
    frame = message(V1_4, QUERY, header=[("MaximumResponseSize", size)])

    assert reason_of(attacker.exchange(frame)) is ResultReason.RESPONSE_TOO_LARGE


def test_refusals_reveal_nothing_of_the_server_s_inside(attacker: TlsTtlvClient) -> None:
    frames = [message(V1_4, operation(asked, payload)) for asked, payload in PAYLOADS.values()]
    for frame in [*frames, *map(whole, UNREADABLE.values())]:
        text: Node = decode(attacker.exchange(frame))["BatchItem/ResultMessage"]

        for trace in ("kmip_", ".py", "Error", "object at 0x", "Traceback", "class"):
            assert trace not in text.value, text.value


# --- clients that do not end what they begin ------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 7, 8, 9, len(HEALTHY) - 1])
def test_a_message_half_sent_and_hung_up_is_forgotten(attacker: TlsTtlvClient, cut: int) -> None:
    attacker.socket.sendall(HEALTHY[:cut])
    attacker.close()


@pytest.mark.parametrize("cut", [1, 8, len(HEALTHY) - 1])
def test_a_message_half_sent_and_silent_is_ended(attacker: TlsTtlvClient, cut: int) -> None:
    attacker.socket.sendall(HEALTHY[:cut])

    assert rest_of(attacker) == b""


def test_a_dripping_client_is_ended_while_it_drips(server: StartedServer, attacker: TlsTtlvClient) -> None:
    attacker.socket.settimeout(0.05)
    ended = False
    for byte in (HEALTHY * 20)[: len(HEALTHY) - 1]:  # a byte at a time never ends the message, nor may it buy time
        with contextlib.suppress(TimeoutError):
            try:
                attacker.socket.sendall(bytes([byte]))
                ended = attacker.socket.recv(1) == b""
            except (ConnectionError, ssl.SSLError):
                ended = True
        if ended:
            break

    assert ended


def test_many_silent_clients_do_not_stand_in_the_way(server: StartedServer) -> None:
    with contextlib.ExitStack() as open_ones:
        for _ in range(100):
            open_ones.enter_context(server.client()).socket.sendall(HEALTHY[:20])
        with server.client() as other:
            assert decode(other.exchange(HEALTHY))["BatchItem/ResultStatus"].value == 0


def test_a_client_that_does_not_read_costs_one_bounded_buffer(server: StartedServer, attacker: TlsTtlvClient) -> None:
    kept = message(
        V1_4, operation(Operation.REGISTER, [("ObjectType", ObjectType.SECRET_DATA), template(), secret(LIMIT - 4096)])
    )
    identifier = decode(attacker.exchange(kept))["BatchItem/ResponsePayload/UniqueIdentifier"].value
    get = message(V1_4, operation(Operation.GET, [("UniqueIdentifier", identifier)]))
    before = resident(server)

    attacker.socket.settimeout(0.5)
    with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
        for _ in range(20_000):  # asks for gigabytes and reads none of them
            attacker.socket.sendall(get * 20)

    assert resident(server) - before < GROWTH / 2


def test_large_requests_leave_no_memory_behind(server: StartedServer, attacker: TlsTtlvClient) -> None:
    frame = message(
        V1_4, operation(Operation.REGISTER, [("ObjectType", ObjectType.SECRET_DATA), template(), secret(LIMIT - 4096)])
    )
    wrong = whole(damaged(content=encode("BatchCount", 1) * 60_000))
    refused = message(V1_4, operation(Operation.LOCATE, [("MaximumItems", -1), ("KeyMaterial", bytes(LIMIT - 4096))]))
    assert decode(attacker.exchange(frame))["BatchItem/ResultStatus"].value == 0
    before = resident(server)

    for _ in range(40):
        assert reason_of(attacker.exchange(wrong)) is ResultReason.INVALID_MESSAGE
        assert reason_of(attacker.exchange(refused)) in MALFORMED

    assert resident(server) - before < GROWTH / 2


def test_messages_of_very_many_items_are_decoded_by_few_threads(server: StartedServer) -> None:
    wrong = whole(damaged(content=encode("BatchCount", 1) * 60_000))
    with contextlib.ExitStack() as crowd:
        attackers = [crowd.enter_context(server.client()) for _ in range(16)]
        for attacker in attackers:
            attacker.socket.sendall(wrong)
        for attacker in attackers:
            assert reason_of(attacker.receive()) is ResultReason.INVALID_MESSAGE


def test_half_open_connections_do_not_keep_clients_out(server: StartedServer) -> None:
    with contextlib.ExitStack() as crowd:
        for _ in range(300):
            crowd.enter_context(socket.create_connection((server.host, server.port), HANG))
        with server.client() as client:
            assert decode(client.exchange(HEALTHY))["BatchItem/ResultStatus"].value == 0


def test_clients_that_pipeline_and_never_read_do_not_hold_others_up(server: StartedServer) -> None:
    with contextlib.ExitStack() as crowd:
        deaf = [crowd.enter_context(server.client()) for _ in range(10)]
        for attacker in deaf:
            attacker.socket.setblocking(False)
        for _ in range(50):
            for attacker in deaf:
                with contextlib.suppress(OSError):
                    attacker.socket.send(HEALTHY * 100)
            with server.client() as client:
                assert decode(client.exchange(HEALTHY))["BatchItem/ResultStatus"].value == 0
