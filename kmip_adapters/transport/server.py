"""The TLS server: listens, sweeps deadlines, drains. What happens on one connection is in connection.py.

    server = TlsTtlvServer(service=..., new_framer=..., identify=..., ssl_context=build_ssl_context(...))
    server.bind()               # server.port is known, clients may connect
    server.serve()              # until drain(), from a signal handler or another thread

or, in a test process, `with server:` serves in a thread of its own. One server runs once.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from kmip_adapters.transport.byte_budget import ByteBudget
from kmip_adapters.transport.carriage import TtlvStream
from kmip_adapters.transport.connected_client import Identify
from kmip_adapters.transport.connection import TlsConnection
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.places import Places
from kmip_adapters.transport.rates import Allowance, Rates
from kmip_adapters.transport.refusals import Refusal, Refusals
from kmip_adapters.transport.runner import Runner
from kmip_adapters.transport.send_queue import SendQueue
from kmip_adapters.transport.shared import LOG, Shared
from kmip_adapters.transport.sockets import ACCEPTS_PER_TURN, Acceptor, listen, set_options
from kmip_adapters.transport.tls.context import ServerContext, trust_alike
from kmip_adapters.transport.turns import Turns
from kmip_adapters.transport.watchdog import Watchdog
from kmip_core.ports.transport import Framer, Peer, Service


class TlsTtlvServer:
    """A `Listener` (kmip_core.ports.transport) for one `Service`, and for clients that may speak TLS with it.

    host: a name or address, IPv4 or IPv6; empty or `::` for every interface. port: 0 for any free one.
    https_port: where the same is served in HTTP by `https_services`, by content type; None for nowhere, 0 for any.
    maximum_https_body: bytes of one request there.
    allowance_of: what an identity may use; must not block.  record: takes evidence of what the transport refuses.
    new_loop: makes the event loop, for example uvloop.new_event_loop.
    sockets: that listen already, such as a service manager hands over; instead of host and port.
    https_sockets: the same for HTTPS.
    shares_sockets: whether other processes accept on these sockets too.
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
        https_port: int | None = None,
        https_services: Mapping[str, Service] | None = None,
        maximum_https_body: int = 1024 * 1024,
        limits: TransportLimits | None = None,
        allowance_of: Callable[[str], Allowance] | None = None,
        record: Callable[[Refusal], None] | None = None,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
        sockets: Iterable[socket.socket] = (),
        https_sockets: Iterable[socket.socket] = (),
        shares_sockets: bool = False,
        on_peer: Callable[[Peer], None] | None = None,
        new_answer_framer: Callable[[], Framer] | None = None,
    ) -> None:
        self.host = host
        self._port = port  # that is wanted, then the one that is bound
        self._https_port = https_port
        self._https_services = https_services or {}
        self._maximum_https_body = maximum_https_body
        self._limits = limits or TransportLimits()
        self._allowance_of = allowance_of or (lambda identity: Allowance())
        self._record = record or (lambda refusal: None)
        self._new_loop = new_loop
        self._on_peer = on_peer
        self._new_answer_framer = new_answer_framer
        self._service = service
        self._new_framer = new_framer
        self._identify = identify
        self._ssl_context = ssl_context
        self._handed_over = list(sockets)
        self._https_handed_over = list(https_sockets)
        self._in_a_turn = 1 if shares_sockets else ACCEPTS_PER_TURN
        self._sockets: list[socket.socket] = []
        self._https_sockets: list[socket.socket] = []
        self._stop_within: float | None = None  # seconds to drain, once the server was asked to stop
        self._shared: Shared | None = None
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._thread: threading.Thread | None = None
        self.counters = TransportCounters()  # from the start on, for any thread to read

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        return self._port

    @property
    def https_port(self) -> int | None:
        """The port of HTTPS that is bound, once started; None where it is not served."""
        return self._https_port

    def bind(self) -> None:
        """Bind and listen, if not done yet.  Raises OSError that names host and port if that cannot be."""
        if self._sockets:
            return
        sockets = self._handed_over or self._listen(self._port)
        https_sockets = self._https_handed_over
        if self._https_port is not None and not https_sockets:
            try:
                https_sockets = self._listen(self._https_port)
            except OSError:
                for sock in sockets:
                    sock.close()
                raise
        if https_sockets:
            self._https_port = int(https_sockets[0].getsockname()[1])
        for sock in (*sockets, *https_sockets):
            set_options(sock, self._limits.send_buffer)
        # Asked for now: another thread may close the sockets at any time, and a server begun again keeps its port.
        self._port = int(sockets[0].getsockname()[1])
        self._sockets, self._https_sockets = sockets, https_sockets

    def _listen(self, port: int) -> list[socket.socket]:
        return listen(self.host, port, backlog=self._limits.backlog)

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
        """Use other certificates from the next connection on.  May be called from any thread.

        Sessions go on as far as a CA of their clients is trusted still; none is resumed by a ticket from before.
        """
        before, self._ssl_context = self._ssl_context, ssl_context
        if self._shared is not None:
            self._shared.ssl_context = ssl_context
            if isinstance(ssl_context, ServerContext) and not trust_alike(before, ssl_context):
                self._end(partial(self._shared.end_untrusted_sessions, ssl_context))

    def end_sessions(self, is_over: Callable[[bytes], bool]) -> None:
        """End the sessions of clients whose certificate, in DER, `is_over`.  May be called from any thread."""
        if self._shared is not None:
            self._end(partial(self._shared.end_sessions, is_over))

    def end_sessions_of_others(self, identify: Identify) -> None:
        """End the sessions of clients that `identify` identifies otherwise by now.  May be called from any thread."""
        if self._shared is not None:
            self._end(partial(self._shared.end_sessions_of_others, identify))

    def _end(self, end: Callable[[], None]) -> None:
        running = self._running
        if running is None:
            return
        try:
            running[0].call_soon_threadsafe(end)
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
        loop.set_exception_handler(_log_fault)
        stop, empty = asyncio.Event(), asyncio.Event()
        self._shared = shared = self._share(loop, empty.set)
        shared.runner.watchdog = watchdog = Watchdog(loop, self.counters, shared.log, shared.runner.in_progress)
        watchdog.start()
        sweeping = asyncio.ensure_future(_sweep(shared))
        over_ttlv = partial(self._new_connection, shared)
        acceptors = [Acceptor(sock, shared, over_ttlv, self._in_a_turn) for sock in self._sockets]
        over_http = partial(self._new_https_connection, shared)
        acceptors += [Acceptor(sock, shared, over_http, self._in_a_turn) for sock in self._https_sockets]
        for acceptor in acceptors:
            acceptor.start()
        self._running = (loop, stop)
        try:
            if self._stop_within is None:
                await stop.wait()
        finally:
            for acceptor in acceptors:
                acceptor.close()
            await _drain(shared, empty, self._stop_within or 0.0)
            shared.refusals.sweep(loop.time(), all_of_them=True)
            sweeping.cancel()
            watchdog.stop()
            shared.runner.close()

    def _share(self, loop: asyncio.AbstractEventLoop, on_empty: Callable[[], None]) -> Shared:
        limits, counters = self._limits, self.counters
        return Shared(
            identify=self._identify,
            ssl_context=self._ssl_context,
            limits=limits,
            loop=loop,
            runner=Runner(loop, limits, counters, rates := Rates(self._allowance_of)),
            rates=rates,
            refusals=Refusals(self._record),
            turns=Turns(loop),
            sending=SendQueue(loop),
            places=Places(limits, counters),
            counters=counters,
            on_empty=on_empty,
            on_peer=self._on_peer,
            new_answer_framer=self._new_answer_framer,
            unsent=ByteBudget(limits.unsent_per_identity, limits.unsent_in_all),
            half_sent=ByteBudget(limits.half_sent_per_identity, limits.half_sent_in_all),
            now=loop.time(),
        )

    def _new_connection(self, shared: Shared, address: str) -> TlsConnection:
        return TlsConnection(shared, TtlvStream(self._new_framer(), self._service), address)

    def _new_https_connection(self, shared: Shared, address: str) -> TlsConnection:
        # Imported when it is wanted: most servers have no port for HTTPS.
        from kmip_adapters.transport.http_carriage import HttpCarriage

        return TlsConnection(shared, HttpCarriage(self._https_services, self._maximum_https_body), address)

    def _cut(self) -> None:
        """On the loop, while draining: end at once what has not ended."""
        sessions = () if self._shared is None else tuple(self._shared.sessions)
        if sessions:
            LOG.warning("%d connections are cut, since the server was asked again to stop", len(sessions))
        for session in sessions:
            session.abort()

    def _close_sockets(self) -> None:
        sockets, self._sockets, self._https_sockets = self._sockets + self._https_sockets, [], []
        for sock in sockets:
            sock.close()


def _log_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what escaped into asyncio: what clients do to their connections for debugging only, the rest as faults."""
    error = context.get("exception")
    if isinstance(error, OSError):
        LOG.debug("%s: %s", context.get("message"), error)
    else:
        LOG.error("fault in the transport: %s", context.get("message"), exc_info=error)


async def _sweep(shared: Shared) -> None:
    while True:
        await asyncio.sleep(shared.limits.sweep_interval)
        shared.sweep()


async def _drain(shared: Shared, empty: asyncio.Event, seconds: float) -> None:
    """End idle connections now, busy ones after their answer, and what is left after `seconds` at once."""
    shared.is_draining = True
    empty.clear()
    for session in tuple(shared.sessions):
        session.drain()
    if shared.sessions:
        try:
            await asyncio.wait_for(empty.wait(), seconds)
        except TimeoutError:
            LOG.warning("%d connections had not ended in time and are cut", len(shared.sessions))
            for session in tuple(shared.sessions):
                session.abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
