"""The TLS server: listens, sweeps deadlines, drains. What happens on one connection is in connection.py.

    server = TlsTtlvServer(service=..., new_framer=..., identify=..., ssl_context=build_ssl_context(...))
    server.bind()               # server.port is known, clients may connect
    server.serve()              # until drain(), from a signal handler or another thread

or, in a test process, `with server:` serves in a thread of its own. One server runs once.
"""

import asyncio
import errno
import os
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from kmip_adapters.transport.connection import TlsConnection
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.runner import Runner
from kmip_adapters.transport.shared import LOG, Identify, Serving
from kmip_core.ports.transport import Framer, Service

ACCEPTS_PER_TURN: Final = (
    64  # also how often asyncio tries, in vain, when descriptors are out, before it rests a second
)
EVERYWHERE: Final = {"", "::"}  # :: takes IPv4 along, as everywhere where the system is not told otherwise
EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class TlsTtlvServer:
    """A `Listener` (kmip_core.ports.transport) for one `Service`, and for clients that may speak TLS with it.

    host: a name or address, IPv4 or IPv6; empty or `::` for every interface. port: 0 for any free one.
    new_loop: makes the event loop, for example uvloop.new_event_loop.
    """

    def __init__(
        self,
        *,
        service: Service,
        new_framer: Callable[[], Framer],
        identify: Identify,
        ssl_context: ssl.SSLContext,
        host: str = "127.0.0.1",
        port: int = 5696,
        limits: TransportLimits | None = None,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self.host = host
        self._port = port  # that is wanted, then the one that is bound
        self._limits = limits or TransportLimits()
        self._new_loop = new_loop
        self._service = service
        self._new_framer = new_framer
        self._identify = identify
        self._ssl_context = ssl_context
        self._sockets: list[socket.socket] = []
        self._stop_within: float | None = None  # seconds to drain, once somebody asked to stop
        self._serving: Serving | None = None
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._thread: threading.Thread | None = None
        self._exhaustion_told = float("-inf")
        self.counters = TransportCounters()  # from the start on, for any thread to read

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        return self._port

    def bind(self) -> None:
        """Bind and listen, if not done yet.  Raises OSError that names host and port if that cannot be."""
        if not self._sockets:
            self._sockets = _listen(self.host, self._port, self._limits.backlog)
            # Asked for now: another thread may close the sockets at any time, and a server begun again keeps its port.
            self._port = int(self._sockets[0].getsockname()[1])

    def serve(self) -> None:
        """Serve in this thread until asked to stop; returns when the last connection has ended."""
        self.bind()
        self._ended.clear()
        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                runner.run(self._serve())
        finally:
            self._running = None
            self._close_sockets()
            self._ended.set()

    def drain(self, seconds: float = 10.0) -> None:
        """Ask to stop accepting, to finish requests in progress for so long, and to end; returns at once.

        Asked again with less time, it cuts what has not ended. May be called from any thread and from a signal
        handler, also before `serve`.
        """
        is_hurried = self._stop_within is not None and seconds < self._stop_within
        self._stop_within = seconds
        if (running := self._running) is not None:
            loop, stop = running
            try:
                loop.call_soon_threadsafe(self._cut if is_hurried else stop.set)
            except RuntimeError:  # the loop was closed in between: it has stopped
                LOG.debug("asked to stop after the end")

    def replace_ssl_context(self, ssl_context: ssl.SSLContext) -> None:
        """Use other certificates from the next connection on; sessions go on.  May be called from any thread."""
        self._ssl_context = ssl_context
        if self._serving is not None:
            self._serving.ssl_context = ssl_context

    def end_sessions(self, is_over: Callable[[bytes], bool]) -> None:
        """End the sessions of clients whose certificate, in DER, `is_over`.  May be called from any thread."""
        running, serving = self._running, self._serving
        if running is None or serving is None:
            return
        try:
            running[0].call_soon_threadsafe(serving.end_sessions, is_over)
        except RuntimeError:  # the loop was closed in between: there are no sessions
            LOG.debug("asked to end sessions after the end")

    def call_soon(self, call: Callable[[], None]) -> bool:
        """Have `call` run on the loop as soon as it can; return False if there is none.  From any thread."""
        running = self._running
        if running is None:
            return False
        try:
            running[0].call_soon_threadsafe(call)
        except RuntimeError:  # the loop was closed in between
            return False
        return True

    def stop(self, seconds: float = 10.0) -> None:
        """Drain and return when it has ended; from another thread than the one that serves."""
        self.drain(seconds)
        self._ended.wait(seconds + 5.0)
        self._close_sockets()
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None

    def serve_in_thread(self) -> None:
        """Bind, and serve in a thread of its own; returns at once."""
        self.bind()
        self._ended.clear()
        self._thread = threading.Thread(target=self.serve, name="kmip-transport", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve in a thread."""
        self.serve_in_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._log_fault)
        limits = self._limits
        stop, empty = asyncio.Event(), asyncio.Event()
        serving = Serving(
            service=self._service,
            new_framer=self._new_framer,
            identify=self._identify,
            ssl_context=self._ssl_context,
            limits=limits,
            loop=loop,
            runner=Runner(loop, limits),
            counters=self.counters,
            on_empty=empty.set,
            now=loop.time(),
        )
        self._serving = serving
        sweeping = asyncio.ensure_future(self._sweep(serving))
        servers = [
            await loop.create_server(lambda: TlsConnection(serving), sock=sock, backlog=ACCEPTS_PER_TURN)
            for sock in self._sockets
        ]
        for sock in self._sockets:
            sock.listen(limits.backlog)  # create_server has set ACCEPTS_PER_TURN
        self._running = (loop, stop)
        try:
            if self._stop_within is None:
                await stop.wait()
        finally:
            for server in servers:
                server.close()
            await _drain(serving, empty, self._stop_within or 0.0)
            sweeping.cancel()
            serving.runner.close()

    def _cut(self) -> None:
        """On the loop, while draining: end at once what has not ended."""
        connections = () if self._serving is None else tuple(self._serving.connections)
        if connections:
            LOG.warning("%d connections are cut, since the server was asked again to stop", len(connections))
        for connection in connections:
            connection.abort()

    def _log_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what escaped into asyncio: lack of descriptors as one line now and then, the rest as bugs."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in EXHAUSTED:
            self._tell_exhaustion(error, loop.time())
        elif isinstance(error, OSError):
            LOG.debug("%s: %s", context.get("message"), error)
        else:
            LOG.error("fault in the transport: %s", context.get("message"), exc_info=error)

    async def _sweep(self, serving: Serving) -> None:
        while True:
            await asyncio.sleep(serving.limits.sweep_interval)
            serving.sweep()
            try:  # uvloop ends connections for which there is no descriptor, and tells nobody
                os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._tell_exhaustion(error, serving.now)

    def _tell_exhaustion(self, error: OSError, now: float) -> None:
        if now - self._exhaustion_told > 10.0:
            self._exhaustion_told = now
            reason = "no new connections for now: %s; raise the limit (ulimit -n, systemd's LimitNOFILE)"
            LOG.warning(reason, error.strerror)

    def _close_sockets(self) -> None:
        sockets, self._sockets = self._sockets, []
        for sock in sockets:
            sock.close()


async def _drain(serving: Serving, empty: asyncio.Event, seconds: float) -> None:
    """End idle connections now, busy ones after their answer, and what is left after `seconds` at once."""
    serving.draining = True
    empty.clear()
    for connection in tuple(serving.connections):
        connection.drain()
    if serving.connections:
        try:
            await asyncio.wait_for(empty.wait(), seconds)
        except TimeoutError:
            LOG.warning("%d connections had not ended in time and are cut", len(serving.connections))
            for connection in tuple(serving.connections):
                connection.abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)


def _listen(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Return listening sockets for every address of `host`, all with one port."""
    where = f"{host or 'every interface'}, port {port}"
    try:
        named = None if host in EVERYWHERE else host
        found = socket.getaddrinfo(named, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"cannot listen on {where}: the host name is not known here") from error
    sockets: list[socket.socket] = []
    refused: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        bound = sockets[0].getsockname()[1] if sockets else port
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # this kernel has no such family
            refused = error
            continue
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind((address[0], bound, *address[2:]))
            sock.listen(backlog)
        except OSError as error:
            sock.close()
            refused = error
            if error.errno == errno.EADDRNOTAVAIL:  # for example ::1 for localhost where IPv6 is switched off
                continue
            break
        sock.setblocking(False)
        sockets.append(sock)
    else:
        if sockets:
            return sockets
    for sock in sockets:
        sock.close()
    reason = refused.strerror.lower() if refused is not None and refused.strerror else "no address"
    raise OSError(refused.errno if refused else None, f"cannot listen on {where}: {reason}")
