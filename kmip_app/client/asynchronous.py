"""`AsyncKmipClient`: the steps of a conversation over asyncio's streams."""

import asyncio
import select
import ssl
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from kmip_adapters.transport.client import HEADER
from kmip_app.client.async_operations import AsyncOperations
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
from kmip_app.client.options import DEFAULT_PORT, TIMEOUT, Server, addresses, chosen_versions, password_credential
from kmip_core.enums import AsynchronousIndicator, BatchErrorContinuationOption
from kmip_core.operations import poll
from kmip_core.structures import ProtocolVersion

MAXIMUM_ANSWER: Final = 16 * 1024 * 1024  # bytes


class AsyncKmipClient(AsyncOperations):
    """`KmipClient` for asyncio: the same parameters and methods, to be awaited; an asynchronous context manager.

        async with AsyncKmipClient("kms.example", cert="me.crt", key="me.key", ca="ca.crt") as client:
            key = await client.create("AES", 256)

    Tasks may share it; their requests follow each other. A task that is cancelled while it waits for an answer ends the
    connection; the next request opens one.
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
        self._lock = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._is_used = False

    @property
    def protocol_version(self) -> ProtocolVersion | None:
        """The version agreed on; None before the first connection."""
        return self._conversation.version

    @property
    def time_stamp(self) -> int | None:
        """The server's time in its last answer, seconds since 1970; None before the first one."""
        return self._conversation.time_stamp

    @property
    def server(self) -> str:
        """The server in use, as `host:port`."""
        return str(self._conversation.address)

    async def open(self) -> Self:
        """Connect and agree on a version now, if there is no connection."""
        async with self._lock:
            if not self._conversation.is_connected:
                await self._run(self._conversation.connect())
        return self

    async def close(self) -> None:
        """End the connection; the next request opens one."""
        async with self._lock:
            self._conversation.is_connected = False
            await self._close()

    async def call(self, request: Any) -> Any:
        """Perform one Request of `kmip_core.operations` and return its Response.  Raises ClientError."""
        (result,) = await self.batch([request])
        if isinstance(result, Exception):
            raise result
        return result

    async def batch(
        self,
        requests: Sequence[Any],
        continuation: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP,
    ) -> tuple[Any, ...]:
        """Perform several Requests in their order, in one message; results as those of `KmipClient.batch`."""
        async with self._lock:
            results: tuple[Any, ...] = await self._run(self._conversation.perform(requests, continuation))
            return results

    async def submit(
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
        async with self._lock:
            results: tuple[Any, ...] = await self._run(self._conversation.perform(requests, continuation, indicator))
            return results

    async def wait_for(self, pending: Pending, timeout: float | None = None) -> Any:
        """Return the Response that an operation has ended with, or raise its OperationFailed.

        timeout: seconds; None to wait as long as it takes.
        Raises TimeoutError if there is none by then: the operation goes on, and may be waited for again.
        """
        request = poll.Request(asynchronous_correlation_value=pending.asynchronous_correlation_value)
        end = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_PAUSE
        while isinstance(result := await self.call(request), Pending):
            if end is not None and time.monotonic() + pause > end:
                raise TimeoutError(f"{pending.operation} has not ended within {timeout} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return result

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # --- steps ----------------------------------------------------------------------------------------------------

    async def _run(self, steps: Steps) -> Any:
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._do(step)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return end.value
        except BaseException:
            if not self._conversation.is_connected:
                self._abort()
            raise

    async def _do(self, step: Step) -> bytes:
        if isinstance(step, Connect):
            if self._context is None:
                ca, cert, key = self._files
                self._context = context_of(ca, cert, key)
            await self._close()
            self._is_used = False
            async with asyncio.timeout(self._timeout):
                self._streams = await asyncio.open_connection(
                    step.address.host,
                    step.address.port,
                    ssl=self._context,
                    server_hostname=self._server_name or step.address.host,
                )
        elif isinstance(step, Disconnect):
            await self._close()
        elif isinstance(step, Exchange):
            return await self._exchange(step.frame)
        return b""

    async def _exchange(self, frame: bytes) -> bytes:
        if self._streams is None:
            raise StaleConnection("the connection was closed")
        reader, writer = self._streams
        if self._is_used and await _has_ended(reader, writer):
            raise StaleConnection("the server has closed the connection")
        try:
            async with asyncio.timeout(self._timeout):
                writer.write(frame)
                await writer.drain()
                header = await reader.readexactly(HEADER)
                length = int.from_bytes(header[4:])
                if length > MAXIMUM_ANSWER:
                    raise ConnectionError(f"the server announces {length} bytes; at most {MAXIMUM_ANSWER} are taken")
                answer = header + await reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the server has closed the connection") from error
        except asyncio.CancelledError:  # the answer must not be taken for that to another request
            self._conversation.is_connected = False
            self._abort()
            raise
        self._is_used = True
        return answer

    async def _close(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            try:
                async with asyncio.timeout(1.0):  # a peer that does not answer the end is not waited for
                    await writer.wait_closed()
            except TimeoutError:
                writer.transport.abort()
                await asyncio.sleep(0)  # in which the event loop closes the socket
            except OSError:
                pass

    def _abort(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _has_ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Return whether the server has closed the connection since its last answer.

    asyncio learns of that when the event loop reads the socket, which it may not have done since.
    """
    incoming = select.poll()
    incoming.register(writer.get_extra_info("socket"), select.POLLIN)
    for _ in range(_TURNS):
        if reader.at_eof() or writer.is_closing():
            return True
        if not incoming.poll(0):
            break
        await asyncio.sleep(0)
    return reader.at_eof() or writer.is_closing()


_TURNS: Final = 10  # of the event loop; two let it read a socket
