"""Listening sockets, and accepting on them: many connections in one turn of the loop, on every event loop.

asyncio accepts as many as the backlog says, uvloop one in a turn; with hundreds of busy clients that one turn is long.
So connections are accepted here, judged before they cost anything, and then handed to the loop.
"""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable
from typing import Final

from kmip_adapters.transport.connection import TlsConnection
from kmip_adapters.transport.places import network_of
from kmip_adapters.transport.shared import LOG, Shared

ACCEPTS_PER_TURN: Final = 64
ACCEPT_SECONDS: Final = 0.005  # of a turn of the loop
REST_SECONDS: Final = 0.2  # before accepting again where the system has no more descriptors or memory
EVERYWHERE: Final = {"", "::"}  # :: takes IPv4 along, as everywhere where the system is not set otherwise
EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Accepts the connections of one listening socket.

    new_connection: makes the protocol for a client's address.
    in_a_turn: how many connections are accepted in one turn of the loop: one where other processes accept on the same
        socket, so that the one with the least to do gets the next.
    """

    def __init__(
        self,
        sock: socket.socket,
        shared: Shared,
        new_connection: Callable[[str], TlsConnection],
        in_a_turn: int = ACCEPTS_PER_TURN,
    ) -> None:
        self._in_a_turn = in_a_turn
        self._socket = sock
        self._shared = shared
        self._new_connection = new_connection
        self._tasks: set[asyncio.Task[object]] = set()  # the loop itself keeps weak references only
        self._resting: asyncio.TimerHandle | None = None
        self._exhaustion_logged = float("-inf")
        self._is_closed = False

    def start(self) -> None:
        """Accept from now on."""
        self._resting = None
        self._shared.loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more, and close the socket."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._resting is not None:
            self._resting.cancel()
        elif self._socket.fileno() >= 0:
            self._shared.loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _accept(self) -> None:
        began = time.perf_counter()
        for _ in range(self._in_a_turn):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            self._admit(sock, str(address[0]) if address else "unknown")
            if time.perf_counter() - began > ACCEPT_SECONDS:
                return

    def _admit(self, sock: socket.socket, address: str) -> None:
        shared = self._shared
        shared.counters.connections_accepted += 1
        limit = shared.places.make_room(network_of(address))
        if limit is not None:
            text = f"too many connections ({limit})"
            shared.log(logging.WARNING, address, f"refused, {text}")
            shared.refuse(shared.counters.connections_refused, "Connection refused", limit, address, text)
            sock.close()
            return
        sock.setblocking(False)
        connection = self._new_connection(address)
        shared.places.enter(connection)
        handing_over = shared.loop.connect_accepted_socket(lambda: connection, sock)
        task: asyncio.Task[object] = shared.loop.create_task(handing_over)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_LeaveIfFailed(shared, connection, sock))

    def _rest(self, error: OSError) -> None:
        """Make room and accept again a little later: the system has no descriptor, or no memory, for another one."""
        loop = self._shared.loop
        loop.remove_reader(self._socket.fileno())
        self._resting = loop.call_later(REST_SECONDS, self.start)
        if error.errno not in EXHAUSTED:
            LOG.error("cannot accept connections for now: %s", error.strerror)
            return
        shared, cause = self._shared, "descriptors"
        text = f"new connections have to wait: {(error.strerror or str(error)).lower()}"
        shared.refuse(shared.counters.connections_refused, "Connection refused", cause, "", text)
        shared.places.end_oldest_handshake()
        if loop.time() - self._exhaustion_logged > 10.0:
            self._exhaustion_logged = loop.time()
            reason = "no new connections for now: %s; raise the limit (ulimit -n, systemd's LimitNOFILE)"
            LOG.warning(reason, error.strerror)


class _LeaveIfFailed:
    """Frees the place of a connection that the loop could not take over."""

    def __init__(self, shared: Shared, connection: TlsConnection, sock: socket.socket) -> None:
        self._shared = shared
        self._connection = connection
        self._socket = sock

    def __call__(self, task: "asyncio.Task[object]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None or task.cancelled():
            LOG.debug("%s: the connection was gone at once: %s", self._connection.address, error)
            self._shared.places.leave(self._connection)
            self._socket.close()


def set_options(sock: socket.socket, send_buffer: int) -> None:
    """Set what the connections of a listening socket inherit.  send_buffer: bytes of answers that the kernel keeps."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # clients that have vanished are noticed after a while
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers leave at once


def listen(host: str, port: int, *, backlog: int) -> list[socket.socket]:
    """Return listening sockets for every address of `host`, all with one port.

    Raises OSError that names host and port.
    """
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
        sockets.append(sock)
    else:
        if sockets:
            return sockets
    for sock in sockets:
        sock.close()
    reason = refused.strerror.lower() if refused is not None and refused.strerror else "no address"
    raise OSError(refused.errno if refused else None, f"cannot listen on {where}: {reason}")
