"""`KmipClient`: the steps of a conversation over a blocking socket."""

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_app.client.conversation import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Connect,
    Conversation,
    Disconnect,
    Exchange,
    Pending,
    StaleConnection,
    Step,
    Steps,
)
from kmip_app.client.files import context_of
from kmip_app.client.operations import Operations
from kmip_app.client.options import DEFAULT_PORT, TIMEOUT, Server, addresses, chosen_versions, password_credential
from kmip_core.enums import AsynchronousIndicator, BatchErrorContinuationOption
from kmip_core.operations import poll
from kmip_core.structures import ProtocolVersion

R = TypeVar("R")


class KmipClient(Operations):
    """A client of one KMIP server, or of several that are alike; a context manager.

        with KmipClient("kms.example", cert="me.crt", key="me.key", ca="ca.crt") as client:
            key = client.create("AES", 256, name="backup")
            client.activate(key)
            sealed = client.encrypt(key, b"...").data

    host, port: the server.  servers: several, as `host:port`; the next is tried where one cannot be reached.
    cert, key: PEM files of the client's certificate and its private key.  ca: PEM file of the CA that vouches for the
        servers; None for the system's.  server_name: the name that their certificates have, where it is not the host.
    version: "1.4", say; None to agree on the newest that both speak.
    username, password: sent with every request, for servers that want them beside the certificate.
    timeout: seconds for connecting and for each send and receive.
    retries: how often a request that changes nothing is sent again after a connection was lost.

    It connects when it is first used, keeps the connection, and opens a new one when the server has closed it. Threads
    may share it; their requests follow each other. Methods raise ClientError.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        cert: str | Path | None = None,
        key: str | Path | None = None,
        ca: str | Path | None = None,
        *,
        servers: Iterable[Server] = (),
        version: str | ProtocolVersion | None = None,
        server_name: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: float = TIMEOUT,
        retries: int = 2,
    ) -> None:
        self._conversation = Conversation(
            addresses(host, port, servers),
            versions=chosen_versions(version),
            credentials=password_credential(username, password),
            retries=retries,
        )
        self._files = tuple(None if path is None else Path(path) for path in (ca, cert, key))
        self._server_name = server_name
        self._timeout = timeout
        self._lock = threading.RLock()
        self._context: Any = None
        self._transport: TlsTtlvClient | None = None
        self._is_used = False  # a new connection is not looked at: why a server has closed it is for `exchange` to say

    @property
    def protocol_version(self) -> ProtocolVersion:
        """The version agreed on; connects if need be."""
        self.open()
        version = self._conversation.version
        assert version is not None  # noqa: S101  agreed on by `open`
        return version

    @property
    def time_stamp(self) -> int | None:
        """The server's time in its last answer, seconds since 1970; None before the first one."""
        return self._conversation.time_stamp

    @property
    def server(self) -> str:
        """The server in use, as `host:port`."""
        return str(self._conversation.address)

    def open(self) -> Self:
        """Connect and agree on a version now, if there is no connection."""
        with self._lock:
            if not self._conversation.is_connected:
                self._run(self._conversation.connect())
        return self

    def close(self) -> None:
        """End the connection; the next request opens one."""
        with self._lock:
            self._conversation.is_connected = False
            self._close()

    def call(self, request: Any) -> Any:
        """Perform one Request of `kmip_core.operations` and return its Response.  Raises ClientError."""
        (result,) = self.batch([request])
        if isinstance(result, Exception):
            raise result
        return result

    def batch(
        self,
        requests: Sequence[Any],
        continuation: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP,
    ) -> tuple[Any, ...]:
        """Perform several Requests in their order, in one message.

        Return a Response, or the OperationFailed, for each; none for those after a failure at which the server stopped.
        Raises ClientError for what concerns the whole message.
        """
        with self._lock:
            results: tuple[Any, ...] = self._run(self._conversation.perform(requests, continuation))
            return results

    def submit(
        self,
        requests: Sequence[Any],
        continuation: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP,
        *,
        must: bool = True,
    ) -> tuple[Any, ...]:
        """Have several Requests performed later, in their order; return at once.

        must: False where the server may as well answer at once: a Response, or an OperationFailed, then stands in the
            place of a Pending. In 1.x the server always decides.
        Raises ClientError for what concerns the whole message.
        """
        indicator = AsynchronousIndicator.MANDATORY if must else AsynchronousIndicator.OPTIONAL
        with self._lock:
            results: tuple[Any, ...] = self._run(self._conversation.perform(requests, continuation, indicator))
            return results

    def wait_for(self, pending: Pending, timeout: float | None = None) -> Any:
        """Return the Response that an operation has ended with, or raise its OperationFailed.

        timeout: seconds; None to wait as long as it takes.
        Raises TimeoutError if there is none by then: the operation goes on, and may be waited for again.
        """
        request = poll.Request(asynchronous_correlation_value=pending.asynchronous_correlation_value)
        end = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_PAUSE
        while isinstance(result := self.call(request), Pending):
            if end is not None and time.monotonic() + pause > end:
                raise TimeoutError(f"{pending.operation} has not ended within {timeout} s")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return result

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- steps ----------------------------------------------------------------------------------------------------

    def _run(self, steps: Steps) -> Any:
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._do(step)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return end.value
        except BaseException:
            if not self._conversation.is_connected:
                self._close()
            raise

    def _do(self, step: Step) -> bytes:
        if isinstance(step, Connect):
            if self._context is None:
                ca, cert, key = self._files
                self._context = context_of(ca, cert, key)
            self._close()
            transport = TlsTtlvClient(
                step.address.host,
                step.address.port,
                context=self._context,
                timeout=self._timeout,
                server_name=self._server_name,
            )
            transport.connect()
            self._transport, self._is_used = transport, False
        elif isinstance(step, Disconnect):
            self._close()
        elif isinstance(step, Exchange):
            return self._exchange(step.frame)
        return b""

    def _exchange(self, frame: bytes) -> bytes:
        if self._transport is None or (self._is_used and not self._transport.is_idle()):
            raise StaleConnection("the server has closed the connection")
        try:
            answer = self._transport.exchange(frame)
        except BaseException:  # an interrupt too: the answer to this request must not be taken for that to another
            self._conversation.is_connected = False
            self._close()
            raise
        self._is_used = True
        return answer

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
