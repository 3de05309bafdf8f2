"""The listening side of a client: where a server sends Notify and Put, and who answers.

No operation of KMIP 1.x opens the way from the server to a client (2.0 brings Set Endpoint Role): the server is
configured to connect to where the client listens, and both show the certificates that they show when the client
connects. Query and Discover Versions are answered here (KMIP 1.4 §5, 2.1 §6.2); what a case is about waits for the
runner. What comes while no case is played is answered with success.
"""

import queue
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import field

from kmip_adapters.ttlv.encodings import binary, items
from kmip_adapters.ttlv.encodings.framing import FrameReader
from kmip_adapters.ttlv.encodings.items import RESPONSE_LIMITS, DecodingError, Item
from kmip_adapters.ttlv.standard import tables
from kmip_core.classes import frozen
from kmip_core.enums import ItemType, Operation, ResultReason, ResultStatus

PATIENCE: Final = 60.0
"""Seconds in which the server must have called, or a connection be of use."""

PIECE: Final = 65_536


def _tag(xml_name: str) -> int:
    found = tables.tag_by_xml_name(xml_name)
    if found is None:
        raise LookupError(xml_name)
    return found.code


BATCH_ITEM: Final = _tag("BatchItem")
OPERATION: Final = _tag("Operation")
PROTOCOL_VERSION: Final = _tag("ProtocolVersion")
REQUEST_PAYLOAD: Final = _tag("RequestPayload")
UNIQUE_IDENTIFIER: Final = _tag("UniqueIdentifier")


@frozen
class Call:
    """A request of the server that waits for its answer."""

    request: Item
    _answers: "queue.Queue[Item]" = field(factory=queue.Queue)

    @property
    def unique_identifier(self) -> str | None:
        """The object that it is about."""
        return unique_identifier(self.request)

    def answer(self, response: Item) -> None:
        """Let the connection send the response."""
        self._answers.put(response)

    def wait_for_answer(self, seconds: float) -> Item:
        """Return the response; success where none was given in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return succeeded(self.request)


class Listener:
    """Listens as one client; a context manager.

    cert, key: of the client, as it shows them when it connects; no key if cert holds both.  ca: vouches for the server.
    patience: seconds in which the server must have called, and the runner have answered.
    """

    def __init__(
        self,
        *,
        ca: Path,
        cert: Path,
        key: Path | None,
        host: str = "127.0.0.1",
        port: int = 0,
        patience: float = PATIENCE,
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        self._context.load_verify_locations(ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._patience = patience
        self._lock = threading.Lock()
        self._calls: queue.Queue[Call] | None = None
        self._version: tuple[int, int] = (1, 0)
        self._listening = socket.create_server((host, port))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    # From the runner

    def begin(self, version: str) -> None:
        """Keep what the server asks from now on for `take`, and speak a version alone: "1.4"."""
        major, minor = version.split(".")
        with self._lock:
            self._version, self._calls = (int(major), int(minor)), queue.Queue()

    def take(self) -> Call:
        """Return the next Notify or Put.  Raises TimeoutError if the server does not send one."""
        calls = self._calls
        if calls is None:
            raise RuntimeError("no case has begun")
        try:
            return calls.get(timeout=self._patience)
        except queue.Empty:
            raise TimeoutError(f"the server has sent nothing in {self._patience:.0f} seconds") from None

    def end(self) -> None:
        """Answer with success what waits, and whatever comes until a case begins."""
        with self._lock:
            calls, self._calls = self._calls, None
        while calls is not None and not calls.empty():
            call = calls.get()
            call.answer(succeeded(call.request))

    # From connections

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        """Answer what comes over a connection until it ends, or brings what is no request."""
        with suppress(OSError, DecodingError), plain:
            plain.settimeout(self._patience)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(None)
                framer = FrameReader()
                while data := connection.recv(PIECE):
                    framer.receive_data(data)
                    while (frame := framer.next_frame()) is not None:
                        connection.sendall(binary.encode(self._response(binary.decode(frame, RESPONSE_LIMITS))))

    def _response(self, request: Item) -> Item:
        operation = operation_of(request)
        if operation is Operation.QUERY:
            return succeeded(request, *(_enumeration(OPERATION, one.value) for one in self._operations()))
        if operation is Operation.DISCOVER_VERSIONS:
            return self._discovered(request)
        with self._lock:
            if self._calls is None:
                return succeeded(request)
            call = Call(request)
            self._calls.put(call)
        return call.wait_for_answer(self._patience)

    def _operations(self) -> tuple[Operation, ...]:
        asked = (Operation.QUERY, Operation.NOTIFY, Operation.PUT)
        return asked if self._version < (1, 1) else (*asked, Operation.DISCOVER_VERSIONS)

    def _discovered(self, request: Item) -> Item:
        version = _version(*self._version)
        if self._version < (1, 1):  # Discover Versions came with 1.1
            return _response(
                version,
                _enumeration(OPERATION, Operation.DISCOVER_VERSIONS.value),
                _enumeration(_tag("ResultStatus"), ResultStatus.OPERATION_FAILED.value),
                _enumeration(_tag("ResultReason"), ResultReason.OPERATION_NOT_SUPPORTED.value),
                Item(_tag("ResultMessage"), ItemType.TEXT_STRING, "1.0 has no Discover Versions"),
            )
        return succeeded(request, version, version=version)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="conformance-listener", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def operation_of(message: Item) -> Operation | None:
    """Return the operation of a message's first batch item, None where it has none that is known."""
    batch_item = items.first(message, BATCH_ITEM)
    found = items.first(batch_item, OPERATION) if batch_item else None
    try:
        return Operation(found.value) if found and isinstance(found.value, int) else None
    except ValueError:
        return None


def unique_identifier(request: Item) -> str | None:
    """Return which object a request of one batch item is about."""
    batch_item = items.first(request, BATCH_ITEM)
    payload = items.first(batch_item, REQUEST_PAYLOAD) if batch_item else None
    found = items.first(payload, UNIQUE_IDENTIFIER) if payload else None
    return found.value if found and isinstance(found.value, str) else None


def succeeded(request: Item, *payload: Item, version: Item | None = None) -> Item:
    """Return the response of a client that has done what a request of one batch item asks."""
    header = items.first(request, _tag("RequestHeader"))
    spoken = items.first(header, PROTOCOL_VERSION) if header else None
    operation = operation_of(request)
    said = () if operation is None else (_enumeration(OPERATION, operation.value),)
    return _response(
        version or spoken or _version(1, 0),
        *said,
        _enumeration(_tag("ResultStatus"), ResultStatus.SUCCESS.value),
        Item(_tag("ResponsePayload"), ItemType.STRUCTURE, payload),
    )


def _response(version: Item, *batch_item: Item) -> Item:
    header = (
        version,
        Item(_tag("TimeStamp"), ItemType.DATE_TIME, int(time.time())),
        Item(_tag("BatchCount"), ItemType.INTEGER, 1),
    )
    return Item(
        _tag("ResponseMessage"),
        ItemType.STRUCTURE,
        (
            Item(_tag("ResponseHeader"), ItemType.STRUCTURE, header),
            Item(BATCH_ITEM, ItemType.STRUCTURE, batch_item),
        ),
    )


def _version(major: int, minor: int) -> Item:
    numbers = (
        Item(_tag("ProtocolVersionMajor"), ItemType.INTEGER, major),
        Item(_tag("ProtocolVersionMinor"), ItemType.INTEGER, minor),
    )
    return Item(PROTOCOL_VERSION, ItemType.STRUCTURE, numbers)


def _enumeration(tag: int, value: int) -> Item:
    return Item(tag, ItemType.ENUMERATION, value)
