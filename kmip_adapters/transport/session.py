"""One TLS connection from its place to its end: handshake, client, deadline, and every way in which it ends.

TLS runs here over memory buffers instead of inside asyncio: fewer Python calls a request, back-pressure to
the byte, and the reason of a failed handshake in our hands. Everything here runs on the loop's thread.

What a connection does is its phase; phases.py has the table. What it serves is in connection.py. It sets no timers:
deadlines are numbers that the server's sweep compares.
"""

import asyncio
import fcntl
import logging
import math
import ssl
import termios
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from kmip_adapters.transport.connected_client import ConnectedClient, WhyOver
from kmip_adapters.transport.inflow import Inflow
from kmip_adapters.transport.outflow import Outflow
from kmip_adapters.transport.phases import HAS_SESSION, SERVES, TRANSITIONS, Event, Phase
from kmip_adapters.transport.places import network_of
from kmip_adapters.transport.shared import LOG, Shared
from kmip_adapters.transport.tls.context import trust_alike
from kmip_adapters.transport.tls.handshake import Handshake, Progress

NO_REFUSAL: Final = "idle_timeout"
"""The one reason to end a connection that is no refusal, and leaves no record: the client has asked for nothing."""


class TlsSession(asyncio.BufferedProtocol):
    """What a connection is, whatever it serves: a `Session` and an `Occupant`."""

    __slots__ = (
        "_client",
        "_handshake",
        "_incoming",
        "_inflow",
        "_is_counted",
        "_is_draining",
        "_is_reading",
        "_outflow",
        "_outgoing",
        "_part_deadline",
        "_peer_ended",
        "_phase",
        "_shared",
        "_tls",
        "_transport",
        "address",
        "deadline",
        "expires",
        "identity",
        "network",
    )

    _transport: asyncio.Transport  # from `connection_made` on
    _outflow: Outflow
    _inflow: Inflow

    def __init__(self, shared: Shared, address: str) -> None:
        self.deadline = math.inf  # loop time
        self.expires = math.inf  # wall clock, seconds since 1970: when the client's certificate does
        self.address = address
        self.network = network_of(address)
        self.identity = self.network  # the client's, once it is known
        self._shared = shared
        self._client = ConnectedClient(address)
        self._phase = Phase.HANDSHAKE
        self._is_reading = True
        self._is_draining = shared.is_draining
        self._peer_ended = False  # the client has closed its side of the TCP connection
        self._part_deadline = math.inf  # for the rest of a request; bytes that drip do not move it
        self._is_counted = False  # among the open sessions
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = shared.ssl_context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._handshake: Handshake | None = Handshake(self._tls, self._incoming)

    # From the first byte to the session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake; the connection has its place already."""
        shared = self._shared
        self._transport = transport = cast(asyncio.Transport, transport)
        self._outflow = Outflow(self._tls, self._outgoing, transport, shared.counters, shared.sending)
        self._inflow = Inflow(self._tls, self._incoming, self._outflow)
        shared.sessions.add(self)
        transport.set_write_buffer_limits(high=0)  # pause_writing as soon as one byte of an answer waits
        self.deadline = shared.after(shared.limits.handshake)
        if shared.is_draining or self._phase is not Phase.HANDSHAKE:
            self.abort()

    def _shake_hands(self) -> None:
        handshake = self._handshake
        if handshake is None:
            return
        progress = handshake.step()
        if progress is Progress.WAITING:
            self._outflow.flush()
        elif progress is Progress.FAILED:
            self._note_failure(handshake)
            self._linger()  # so that the alert, which says why, arrives
        else:
            self._handshake = None
            self._shared.places.finish_handshake(self)
            self._move(Event.HANDSHAKE_COMPLETED)
            if not trust_alike(self._tls.context, self._shared.ssl_context):
                text = "the CAs or revocation lists have changed during the handshake; connect again"
                self._log(logging.INFO, text)
                self._shared.record("Session refused", "trust has changed", self.address, text)
                self._close()
                return
            self._begin_session()
            self._outflow.flush()  # session tickets

    def _begin_session(self) -> None:
        """Find out who the client is; one that is refused learns it when it asks, since a handshake cannot say why."""
        shared, tls, client = self._shared, self._tls, self._client
        counters = shared.counters
        counters.handshakes_completed += 1
        counters.sessions_open += 1
        self._is_counted = True
        counters.sessions_resumed += bool(tls.session_reused)
        LOG.debug("%s: %s %s", self.address, tls.version(), (tls.cipher() or ("",))[0])
        client.begin_session(tls, shared.identify, shared.places)
        self.expires = client.expires
        self.identity = client.name or self.network
        if (refusal := client.refusal) is not None:
            self._log(logging.WARNING, f"refused: {refusal.message}")
            refused, cause = counters.sessions_refused, refusal.reason.name
            shared.refuse(refused, "Session refused", cause, self.address, refusal.message, client.name)

    def _note_failure(self, handshake: Handshake) -> None:
        shared, cause, text = self._shared, handshake.cause, handshake.failure
        self._log(logging.INFO, text)
        shared.refuse(shared.counters.handshakes_failed, "Handshake failed", cause, self.address, text)

    # Endings for which the server has a reason

    def run_out_of_time(self) -> None:
        """End a connection whose deadline has passed, unless it makes progress."""
        phase, limits = self._phase, self._shared.limits
        if phase is Phase.HANDSHAKE and self._handshake is not None:
            self._handshake.run_out_of_time()
            self._note_failure(self._handshake)
            self.abort()
        elif phase is Phase.ANSWERING and self._outflow.has_progressed():
            self._note_unsent()
            self.deadline = self._shared.after(limits.write_stalled)
        elif phase is Phase.ANSWERING:
            self.cut("did not read its answer in time", "write_timeout")
        elif phase in SERVES and self._part_deadline <= self._shared.now:
            self.cut("did not send the rest of its request in time", "message_timeout")
        elif phase is Phase.READY:  # the server's doing, not the client's
            pass
        elif phase in SERVES:
            LOG.debug("%s: idle for too long", self.address)
            self._shared.counters.connections_cut[NO_REFUSAL] += 1
            self._close()
        else:
            self.abort()

    def expire(self) -> None:
        """End a session whose certificate is no longer valid; a request in progress is answered first."""
        self.expires = math.inf
        self.end_session(*self._client.why_expired())

    def end_session_if(self, why_over: Callable[[ConnectedClient], WhyOver | None]) -> None:
        """End a session if `why_over` gives a reason for its client; a request in progress is answered first."""
        if self._phase in HAS_SESSION and (why := why_over(self._client)) is not None:
            self.end_session(*why)

    def end_session(self, reason: str, text: str = "") -> None:
        """End a session for a reason that counters name; a request in progress is answered first."""
        if self._phase not in HAS_SESSION or self._is_draining:
            return
        shared = self._shared
        if text:
            self._log(logging.INFO, f"session ended, {text}")
        cut = shared.counters.connections_cut
        shared.refuse(cut, "Session ended", reason, self.address, text or reason, self._client.name)
        self.drain()

    def drain(self) -> None:
        """End the connection as soon as the request in progress, if any, has been answered."""
        self._is_draining = True
        if self._phase in SERVES or self._phase is Phase.HANDSHAKE or self._phase is Phase.CALLING:
            self._close()

    def give_way(self) -> None:
        """End at once, since another connection needs the place: the handshake is not finished."""
        shared, limit = self._shared, "unfinished_handshakes"
        text = "unfinished TLS handshake ended, a newer connection needs its place"
        self._log(logging.INFO, text)
        shared.refuse(shared.counters.connections_refused, "Connection refused", limit, self.address, text)
        self.abort()

    def cut(self, text: str, limit: str) -> None:
        """End the connection at once, since the client has met a limit; the log and the trail say so."""
        shared = self._shared
        self._log(logging.INFO, text)
        shared.refuse(shared.counters.connections_cut, "Connection cut", limit, self.address, text, self._client.name)
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        if self._phase is Phase.CLOSED:
            return
        self._move(Event.SIDE_CLOSED)
        self.deadline = math.inf
        self._leave()
        if hasattr(self, "_transport"):
            self._outflow.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; a request in a worker is finished, its answer dropped."""
        shared = self._shared
        if self._phase is Phase.HANDSHAKE and self._handshake is not None and self._handshake.has_begun:
            self._handshake.end_by_client()  # without a byte, it only looked whether the port is open
            self._note_failure(self._handshake)
        LOG.debug("%s: connection ended%s", self.address, f": {exc}" if exc else "")
        self._move(Event.CONNECTION_LOST)
        self.deadline = math.inf
        self._leave()
        shared.sessions.discard(self)
        if not shared.sessions:
            shared.on_empty()

    # How it ends

    def _linger(self) -> None:
        """Close our side after what was written, and throw away what arrives until the client closes too.

        Closing with unread bytes would send a TCP reset, and that destroys the answer before the client reads
        it.
        """
        if self._peer_ended:  # nothing arrives any more
            self._close()
            return
        self._outflow.send_kept()
        is_waiting = self._phase is Phase.ANSWERING
        self._close_side()
        limits = self._shared.limits
        self.deadline = self._shared.after(max(limits.linger, limits.write_stalled if is_waiting else 0.0))
        self._resume_reading()
        self._transport.write_eof()

    def _close(self) -> None:
        """End between messages: close_notify, then close once it is sent."""
        self._outflow.send_kept()  # first: what the client has held back until this answer is here is seen below
        if self._phase is Phase.ANSWERING:  # the client does not take it yet; once it has, `_go_on` closes
            return
        if not self._peer_ended and _has_unread(self._transport):
            self._linger()
            return
        self._close_side()
        self.deadline = self._shared.after(self._shared.limits.linger)
        self._transport.close()

    def _close_side(self) -> None:
        if self._phase is Phase.HANDSHAKE:
            self._outflow.flush()
            self._shared.places.finish_handshake(self)
        elif self._phase in HAS_SESSION:
            self._outflow.say_goodbye()
        self._move(Event.SIDE_CLOSED)

    def _leave(self) -> None:
        """Free what the connection has of the shared things; again does nothing."""
        shared = self._shared
        shared.places.leave(self)
        shared.free_unsent(self.identity, self)
        shared.half_sent.hold(self.identity, self, 0)
        self._client.leave(shared.places)
        if self._is_counted:
            self._is_counted = False
            shared.counters.sessions_open -= 1

    # Small things

    def _move(self, event: Event) -> None:
        self._phase = TRANSITIONS[self._phase][event]

    def _note_unsent(self) -> None:
        shared = self._shared
        if self._phase is not Phase.ANSWERING:
            return
        shared.unsent.hold(self.identity, self, self._outflow.unsent)
        shared.make_way_for_bytes(shared.unsent, "unsent_in_all")

    def _pause_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()

    def _note_unreadable(self, text: str, cause: str) -> None:
        self._log(logging.INFO, text)
        self._shared.record("Unreadable bytes", cause, self.address, text, self._client.name)

    def _log(self, level: int, message: str) -> None:
        self._shared.log(level, self.address, message)


def _has_unread(transport: asyncio.Transport) -> bool:
    """Return whether bytes of the client wait in the kernel, so that closing would send a TCP reset."""
    count = array("i", [0])
    with suppress(OSError, ValueError):  # the socket is closed already
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, count)
    return count[0] > 0
