"""A small HTTP/1.1 listener on an event loop and a thread of its own: for probes and scrapers, and for enrolment.

The admin listener tells nothing secret and changes nothing, yet names clients and certificates: bind it to the loopback
interface, or close it by a network policy to all but probes and scrapers. A request is a line and headers of 8 KiB at
most that must arrive within five seconds; 32 connections at once are served, others are closed; each is closed after
its answer.
"""

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Final

from attrs import field, frozen

LOG: Final = logging.getLogger("kmip_app")

HEAD_BYTES: Final = 8_192
SECONDS: Final = 5.0  # for a request to arrive, and for an answer to be taken
CONNECTIONS: Final = 32
WORKERS: Final = 2  # a scrape counts objects, a probe must not wait for it

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


@frozen(kw_only=True)
class Answer:
    """An answer to GET; HEAD gets the same without the body."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)


Page = Callable[[Mapping[str, str]], Answer]
"""Given the request's headers, with names in lower case, and the query under `QUERY`; called in a thread."""

Post = Callable[[Mapping[str, str], bytes, str], Answer]
"""Given the headers, the body and the peer's address."""

QUERY: Final = ":query"
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
    ):
        """Note what is given out; nothing is begun.

        host: empty or `::` for every interface.  sockets: that listen already, instead of host and port.
        posts: what takes POST, by path.  setting: which one to name in errors.
        """
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
        self._open: set[asyncio.Task[None]] = set()

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
        servers = [self._loop.run_until_complete(self._serve_on(sock)) for sock in self._sockets]
        ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in tuple(self._open):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve_on(self, sock: socket.socket) -> asyncio.Server:
        if self._tls is None:
            return await asyncio.start_server(self._accept, sock=sock, limit=HEAD_BYTES)
        return await asyncio.start_server(
            self._accept, sock=sock, limit=HEAD_BYTES, ssl=self._tls, ssl_handshake_timeout=SECONDS
        )

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            peer = writer.get_extra_info("peername") or ("unknown",)
            answer, is_head = await self._answer(reader, str(peer[0]))
            writer.write(_written(answer, is_head=is_head))
            await asyncio.wait_for(writer.drain(), SECONDS)
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError):
            pass  # of a peer that is slow, gone or talks something else
        finally:
            self._open.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, address: str) -> tuple[Answer, bool]:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        except asyncio.LimitOverrunError:
            return Answer(status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE), False
        line, *rest = head.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return Answer(status=HTTPStatus.BAD_REQUEST), False
        method, target, _ = words
        path, _, query = target.partition("?")
        headers = {name.strip().lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        headers[QUERY] = query
        if method == "POST" and path in self._posts:
            length = headers.get("content-length", "")
            if not length.isdigit() or int(length) > BODY_BYTES:
                return Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE), False
            body = await asyncio.wait_for(reader.readexactly(int(length)), SECONDS)
            return await self._call(partial(self._posts[path], headers, body, address), path), False
        if method not in {"GET", "HEAD"}:
            return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"}), False
        page = self._pages.get(path)
        if page is None:
            paths = "\n".join(self._pages)
            return Answer(status=HTTPStatus.NOT_FOUND, body=f"there are\n{paths}\n".encode()), method == "HEAD"
        return await self._call(partial(page, headers), path), method == "HEAD"

    async def _call(self, page: Callable[[], Answer], path: str) -> Answer:
        try:
            return await self._loop.run_in_executor(self._workers, page)
        except Exception:  # a bug in one page must not end the listener
            LOG.exception("%s could not be answered", path)
            return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR)


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
