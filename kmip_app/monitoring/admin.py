"""A small HTTP/1.1 listener on an event loop and a thread of its own: for probes and scrapers, and for enrolment.

The admin listener tells nothing secret and changes nothing, yet names clients and certificates: bind it to the loopback
interface, or close it by a network policy to all but probes and scrapers. A request is a line and headers of 8 KiB at
most that must arrive within five seconds; 32 connections at once are served, those included whose TLS handshake is not
finished; one more takes the place of the oldest that has not sent its request. Each is closed after its answer.
"""

import asyncio
import contextlib
import json
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Final

from attrs import evolve, field

from kmip_adapters.transport.limits import LineBudget
from kmip_adapters.transport.places import network_of
from kmip_adapters.transport.refusals import Refusal, Refusals
from kmip_adapters.transport.tls.handshake_failures import NO_ANSWER, cause
from kmip_app.printable import printable
from kmip_core.classes import frozen

LOG: Final = logging.getLogger("kmip_app")

HEAD_BYTES: Final = 8_192
SECONDS: Final = 5.0  # for a request to arrive, and for an answer to be taken
CONNECTIONS: Final = 32
OF_AN_ADDRESS: Final = 24  # of these connections, so that one address leaves some to others
REST: Final = 0.2  # seconds, where the system has no descriptor for another connection
SHOWN: Final = 64  # characters of what a peer sent, in the log and in a record
WORKERS: Final = 2  # a scrape counts objects, a probe must not wait for it

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


@frozen(kw_only=True)
class Answer:
    """An answer to GET; HEAD gets the same without the body.

    why: of a refusal, for the log and the audit trail; it is not sent.
    """

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)
    why: str = ""


Page = Callable[[Mapping[str, str]], Answer]
"""Given the request's headers, with names in lower case, and the query under `QUERY`; called in a thread."""

Post = Callable[[Mapping[str, str], bytes, str], Answer]
"""Given the headers, the body and the peer's address."""

QUERY: Final = ":query"
REFUSED: Final = "HTTP request refused"
BODY_BYTES: Final = 16_384


def json_answer(content: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return an answer in JSON."""
    return Answer(status=status, content_type=JSON, body=json.dumps(content).encode() + b"\n")


class AdminListener:
    """Gives out `pages`, by path, from `start` until `close`."""

    def __init__(
        self,
        host: str,
        port: int,
        pages: Mapping[str, Page],
        sockets: list[socket.socket] | None = None,
        *,
        posts: Mapping[str, Post] | None = None,
        tls: ssl.SSLContext | None = None,
        setting: str = "admin_address",
        record: Callable[[Refusal], None] | None = None,
    ):
        """Note what is given out; nothing is begun.

        host: empty or `::` for every interface.  sockets: that listen already, instead of host and port.
        posts: what takes POST, by path.  setting: which one to name in errors.
        record: takes evidence of what is refused, called in the listener's thread; None where nothing is kept from
        anybody, as from probes and scrapers.
        """
        self._evidence = None if record is None else Refusals(record)
        self._lines = LineBudget()
        self._faults = LineBudget()
        self._posts = posts or {}
        self._tls = tls
        self._setting = setting
        self._host = host
        self._port = port
        self._pages = pages
        self._sockets = sockets or []
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="kmip-admin")
        self._open: dict[asyncio.Task[None], str] = {}  # with the network whence each comes; oldest first
        self._arriving: dict[asyncio.Task[None], None] = {}  # that have not sent their request yet; oldest first

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else self._port

    def start(self) -> None:
        """Bind, and serve in a thread.  Raises OSError that names host and port."""
        if not self._sockets:
            self._sockets = [bound(self._host, self._port, self._setting)]
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="kmip-admin", daemon=True)
        self._thread.start()
        ready.wait()

    def close(self) -> None:
        """Serve no more."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        else:  # it could not start
            self._loop.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        acceptors = [self._loop.create_task(self._accept_on(sock)) for sock in self._sockets]
        if self._evidence is not None:
            acceptors.append(self._loop.create_task(self._sweep(self._evidence)))
        ready.set()
        self._loop.run_forever()
        tasks = (*acceptors, *self._open)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for sock in self._sockets:
            sock.close()
        if self._evidence is not None:
            self._evidence.sweep(self._loop.time(), all_of_them=True)
        self._loop.close()

    async def _sweep(self, evidence: Refusals) -> None:
        while True:
            await asyncio.sleep(1.0)
            evidence.sweep(self._loop.time())

    async def _accept_on(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        while True:
            try:
                connection, peer = await self._loop.sock_accept(sock)
            except OSError as error:
                if not isinstance(error, ConnectionError):
                    self._refuse("descriptors", "", f"new connections have to wait: {error.strerror}")
                    self._end_oldest(self._arriving)
                    await asyncio.sleep(REST)
                continue
            self._admit(connection, str(peer[0]) if peer else "unknown")
            await asyncio.sleep(0)  # others have their turn, and a task that has begun closes its connection

    def _admit(self, connection: socket.socket, address: str) -> None:
        """Serve a connection, in the place of an older one if there is no other; before it has cost anything."""
        network = network_of(address)
        of_network = [task for task, whence in self._open.items() if whence == network]
        arriving = [task for task in of_network if task in self._arriving]
        if len(of_network) >= OF_AN_ADDRESS and not self._end_oldest(arriving):
            is_full = True
        else:
            is_full = len(self._open) >= CONNECTIONS and not self._end_oldest(self._arriving)
        if is_full:
            self._refuse("places", address, "too many connections")
            connection.close()
            return
        task = self._loop.create_task(self._serve(connection, address))
        self._open[task] = network
        self._arriving[task] = None
        task.add_done_callback(self._forget)

    def _end_oldest(self, tasks: Iterable[asyncio.Task[None]]) -> bool:
        """End the first of these connections, which has not sent its request; returns whether there was one."""
        oldest = next(iter(tasks), None)
        if oldest is None:
            return False
        self._refuse("places", self._open.get(oldest, ""), "unfinished request ended, a newer one needs its place")
        self._forget(oldest)
        oldest.cancel()
        return True

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        self._arriving.pop(task, None)

    async def _serve(self, connection: socket.socket, address: str) -> None:
        writer: asyncio.StreamWriter | None = None
        is_ours = True  # to close, until the loop has it
        try:
            async with asyncio.timeout(SECONDS):
                if not await self._has_byte(connection):
                    return  # it only looked whether the port is open
                is_ours = False
                reader, writer = await self._opened(connection)
                request = await self._read(reader)
            if request is None:
                return
            if (task := asyncio.current_task()) is not None:
                self._arriving.pop(task, None)
            answer = request if isinstance(request, Answer) else await self._answer(request, address)
            if answer.status >= HTTPStatus.BAD_REQUEST:
                why = answer.why or (request.shown if isinstance(request, _Request) else "")
                text = f"{answer.status.value} {answer.status.phrase}" + (f": {why}" if why else "")
                self._refuse(str(answer.status.value), address, text)
            is_head = isinstance(request, _Request) and request.method == "HEAD"
            writer.write(_written(answer, is_head=is_head))
            await asyncio.wait_for(writer.drain(), SECONDS)
        except TimeoutError:
            self._refuse("timed out", address, "the request did not arrive in time, or its answer was not taken")
        except (OSError, EOFError) as error:
            if writer is None:
                self._refuse(f"TLS: {_cause(error)}", address, f"TLS handshake failed: {_cause(error)}")
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                if is_ours:
                    connection.close()
                if writer is not None:
                    writer.close()

    async def _has_byte(self, connection: socket.socket) -> bool:
        """Wait for the first byte, which stays unread; returns False if the peer leaves without one."""
        connection.setblocking(False)
        ready = asyncio.Event()
        self._loop.add_reader(connection, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_reader(connection)
        try:
            return connection.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    async def _opened(self, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Make the streams of a connection, after its TLS handshake.  Raises OSError, which ssl.SSLError is one of."""
        reader = asyncio.StreamReader(limit=HEAD_BYTES, loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def _read(self, reader: asyncio.StreamReader) -> "_Request | Answer | None":
        """Return a whole request, or the answer to one that is not read on; None from a peer that asks for nothing."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return Answer(status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        line, *rest = head.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return Answer(status=HTTPStatus.BAD_REQUEST)
        method, target, _ = words
        path, _, query = target.partition("?")
        headers = {name.strip().lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        headers[QUERY] = query
        request = _Request(method, path, headers)
        if method != "POST" or path not in self._posts:
            return request
        length = headers.get("content-length", "")
        if not re.fullmatch("[0-9]{1,6}", length) or int(length) > BODY_BYTES:
            return Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why=request.shown)
        return evolve(request, body=await reader.readexactly(int(length)))

    async def _answer(self, request: "_Request", address: str) -> Answer:
        path, headers = request.path, request.headers
        if request.method == "POST" and path in self._posts:
            return await self._call(partial(self._posts[path], headers, request.body, address), address, path)
        if request.method not in {"GET", "HEAD"}:
            return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})
        page = self._pages.get(path)
        if page is None:
            paths = "\n".join(self._pages)
            return Answer(status=HTTPStatus.NOT_FOUND, body=f"there are\n{paths}\n".encode())
        return await self._call(partial(page, headers), address, path)

    def _refuse(self, cause: str, address: str, text: str) -> None:
        """Leave evidence, and a line in the log, if this listener keeps any."""
        if self._evidence is None:
            return
        now, network = self._loop.time(), network_of(address)
        refusal = Refusal(event=REFUSED, address=address, message=f"{self._setting}: {text}")
        self._evidence.note(cause, network, refusal, now)
        if self._lines.spend(network, now) is not None:  # any peer that reaches the port can cause this without end
            LOG.warning("%s: %s is refused: %s", self._setting, address or "somebody", text)

    async def _call(self, page: Callable[[], Answer], address: str, path: str) -> Answer:
        try:
            return await self._loop.run_in_executor(self._workers, page)
        except Exception:  # a bug in one page must not end the listener
            if self._faults.spend(network_of(address), self._loop.time()) is not None:
                LOG.exception("%s could not be answered", path)
            return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR)


@frozen
class _Request:
    """What a peer asks.  body: of POST."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def shown(self) -> str:
        """The beginning of the request line, which may be shown."""
        return printable(f"{self.method} {self.path}"[:SHOWN])


def _cause(error: OSError | EOFError) -> str:
    return cause(error) if isinstance(error, ssl.SSLError) else NO_ANSWER


def _written(answer: Answer, *, is_head: bool) -> bytes:
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if is_head else head + answer.body


def bound(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening socket.  setting: which one to name in errors.  Raises OSError."""
    everywhere = host in {"", "::"} and socket.has_dualstack_ipv6()
    try:
        if everywhere:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        where = f"cannot listen on {setting} {host or 'every interface'}, port {port}"
        raise OSError(error.errno, f"{where}: {(error.strerror or str(error)).lower()}") from error
