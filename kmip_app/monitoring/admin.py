"""The admin listener: plain HTTP/1.1 for probes and scrapers, on an event loop and a thread of its own.

It tells nothing secret and changes nothing, yet names clients and certificates: bind it to the loopback interface, or
close it by a network policy to all but probes and scrapers. A request is a line and headers of 8 KiB at most that must
arrive within five seconds; 32 connections at once are served, others are closed; each is closed after its answer.
"""

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
"""Given the request's headers, with names in lower case; called in a thread, may take its time."""


def json_answer(content: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return an answer in JSON."""
    return Answer(status=status, content_type=JSON, body=json.dumps(content).encode() + b"\n")


class AdminListener:
    """Gives out `pages`, by path, from `start` until `close`."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Page], sockets: list[socket.socket] | None = None):
        """host: empty or `::` for every interface.  sockets: that listen already, instead of host and port."""
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
            self._sockets = [_bound(self._host, self._port)]
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
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        servers = [
            self._loop.run_until_complete(asyncio.start_server(self._accept, sock=sock, limit=HEAD_BYTES))
            for sock in self._sockets
        ]
        ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in tuple(self._open):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            answer, is_head = await self._answer(reader)
            writer.write(_written(answer, is_head=is_head))
            await asyncio.wait_for(writer.drain(), SECONDS)
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError):
            pass  # of a peer that is slow, gone or talks something else
        finally:
            self._open.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[Answer, bool]:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        except asyncio.LimitOverrunError:
            return Answer(status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE), False
        line, *rest = head.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return Answer(status=HTTPStatus.BAD_REQUEST), False
        method, target, _ = words
        if method not in {"GET", "HEAD"}:
            return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"}), False
        page = self._pages.get(target.partition("?")[0])
        if page is None:
            paths = "\n".join(self._pages)
            return Answer(status=HTTPStatus.NOT_FOUND, body=f"there are\n{paths}\n".encode()), method == "HEAD"
        headers = {name.strip().lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        try:
            return await self._loop.run_in_executor(self._workers, page, headers), method == "HEAD"
        except Exception:  # a bug in one page must not end the listener
            LOG.exception("the admin listener could not answer %s", target[:64].encode("unicode_escape").decode())
            return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR), method == "HEAD"


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


def _bound(host: str, port: int) -> socket.socket:
    everywhere = host in {"", "::"} and socket.has_dualstack_ipv6()
    try:
        if everywhere:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        where = f"cannot listen on admin_address {host or 'every interface'}, port {port}"
        raise OSError(error.errno, f"{where}: {(error.strerror or str(error)).lower()}") from error
