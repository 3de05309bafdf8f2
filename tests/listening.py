"""A client of ours that is asked by the server: over a connection whose roles it swaps, or as a listener."""

import queue
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, field

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.framing import FrameReader
from kmip_core.calls import CATALOGUE
from kmip_core.enums import EndpointRole, Operation, ResultStatus
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.operations import CATALOGUE as OPERATIONS
from kmip_core.operations import discover_versions, query, set_endpoint_role
from kmip_core.structures import ProtocolVersion
from tests.server import StartedServer

CALLS: Final = Codec(CATALOGUE)
CODEC: Final = Codec(OPERATIONS)
V2_1: Final = ProtocolVersion(2, 1)
WITHIN: Final = 120.0  # seconds; a hang limit, not a promise
SUPPORTED: Final = (Operation.NOTIFY, Operation.PUT, Operation.QUERY, Operation.DISCOVER_VERSIONS)

Respond = Callable[[RequestMessage], bytes | None]
"""A request of the server -> the frame that answers it, None to stay silent."""


def answer_to(request: RequestMessage, payload: Any = None, status: ResultStatus = ResultStatus.SUCCESS) -> bytes:
    """Return the frame that answers a request of one item."""
    header = ResponseHeader(protocol_version=request.header.protocol_version, time_stamp=1_800_000_000)
    item = ResponseBatchItem(operation=request.batch_items[0].operation, result_status=status, payload=payload)
    return CALLS.encode_response(ResponseMessage(header=header, batch_items=(item,)))


@define
class Client:
    """Answers as a client should, and keeps the Notify and Put that it gets."""

    versions: tuple[ProtocolVersion, ...] = (V2_1,)
    operations: tuple[Operation, ...] = SUPPORTED
    got: "queue.Queue[tuple[Operation, Any]]" = field(factory=queue.Queue)
    asked: list[Operation] = field(factory=list)

    def __call__(self, request: RequestMessage) -> bytes:
        (item,) = request.batch_items
        assert item.operation is not None
        self.asked.append(item.operation)
        if item.operation is Operation.QUERY:
            return answer_to(request, query.Response(operations=self.operations))
        if item.operation is Operation.DISCOVER_VERSIONS:
            return answer_to(request, discover_versions.Response(protocol_versions=self.versions))
        if item.operation is Operation.SET_ENDPOINT_ROLE:
            return answer_to(request, set_endpoint_role.Response(endpoint_role=item.payload.endpoint_role))
        self.got.put((item.operation, item.payload))
        return answer_to(request)

    def next(self) -> tuple[Operation, Any]:
        """Return the next Notify or Put."""
        return self.got.get(timeout=WITHIN)


def answer_requests(connection: Any, respond: Respond) -> None:
    """Answer what comes over a connection until it ends."""
    framer = FrameReader()
    while True:
        try:
            data = connection.recv(65_536)
        except OSError:
            return
        if not data:
            return
        framer.receive_data(data)
        while (frame := framer.next_frame()) is not None:
            answer = respond(CALLS.decode_request(frame))
            if answer is not None:
                try:
                    connection.sendall(answer)
                except OSError:
                    return


class Swapped:
    """A client that connects, swaps the roles, and answers in a thread; a context manager."""

    def __init__(
        self,
        server: StartedServer,
        respond: Respond,
        cert: Path | None = None,
        key: Path | None = None,
        credentials: tuple[Credential, ...] = (),
    ) -> None:
        self._client = server.client(cert, key)
        self._credentials = credentials
        self._respond = respond
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._client.connect()
        payload = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)
        message = RequestMessage(
            header=RequestHeader(protocol_version=V2_1, credentials=self._credentials),
            batch_items=(RequestBatchItem(operation=Operation.SET_ENDPOINT_ROLE, payload=payload),),
        )
        (item,) = CODEC.decode_response(self._client.exchange(CODEC.encode_request(message))).batch_items
        assert item.result_status is ResultStatus.SUCCESS, item
        assert item.payload.endpoint_role is EndpointRole.CLIENT
        self._client.socket.settimeout(None)
        self._thread = threading.Thread(target=answer_requests, args=(self._client.socket, self._respond), daemon=True)
        self._thread.start()
        return self

    @property
    def has_ended(self) -> bool:
        """Whether the server has ended the connection."""
        assert self._thread is not None
        self._thread.join(WITHIN)
        return not self._thread.is_alive()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._client.socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:  # before the descriptor is free for another connection
            self._thread.join(WITHIN)
        self._client.close()


class Listener:
    """A client that listens, with a TLS certificate of its own; a context manager."""

    def __init__(self, cert: Path, key: Path, ca: Path, respond: Respond, port: int = 0) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        self._context.load_verify_locations(ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._respond = respond
        self._listening = socket.create_server(("127.0.0.1", port))
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    @property
    def url(self) -> str:
        """As kmipd wants it."""
        return f"tls://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            connection = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            return
        self.connections += 1
        with connection:
            answer_requests(connection, self._respond)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
