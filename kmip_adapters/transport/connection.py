"""One TLS connection: handshake, identity, requests one at a time, answers in order, a clean end.

TLS runs here over memory buffers instead of inside asyncio: fewer Python calls a request, back-pressure to
the byte, and the reason of a failed handshake in our hands. Everything here runs
on the loop's thread.

The hot path is buffer_updated -> _pump -> _decrypt -> _serve -> _reply. It sets no timers: deadlines are
numbers that the server's sweep compares (`TransportLimits.sweep_interval`).
"""

import asyncio
import enum
import fcntl
import logging
import math
import ssl
import termios
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from kmip_adapters.transport.shared import LOG, Serving, count_down
from kmip_adapters.transport.tls import client_hello
from kmip_adapters.transport.tls.handshake_failures import ended, explain, with_offer
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Answer, LastWords
from kmip_core.principal import Principal

RECORD: Final = 16_384  # bytes of plaintext that one TLS record carries at most
PROGRESS: Final = 65_536  # bytes of an answer that a slow peer must take each `write_stalled` seconds
PIECE: Final = 262_144  # bytes of a long answer that are encrypted before others have their turn; a millisecond or two
BURST: Final = 8  # pipelined requests of one client that are served before others have their turn


class Phase(enum.Enum):
    """Where a connection is; it only moves downwards."""

    HANDSHAKE = "the TLS handshake"
    SERVING = "serving"
    LINGERING = "reading the last answer"  # write side closed; what still arrives is thrown away
    CLOSED = "closed"


class TlsConnection(asyncio.BufferedProtocol):
    """Server side of one connection."""

    __slots__ = (
        "_address",
        "_busy",
        "_ending",
        "_first_bytes",
        "_framer",
        "_identity",
        "_incoming",
        "_outgoing",
        "_partial",
        "_peer_ended",
        "_phase",
        "_principal",
        "_reading",
        "_refusal",
        "_rest",
        "_serving",
        "_tls",
        "_transport",
        "_unsent",
        "_unsent_bytes",
        "deadline",
        "expires",
    )

    def __init__(self, serving: Serving) -> None:
        self.deadline = math.inf  # loop time
        self.expires = math.inf  # wall clock, seconds since 1970: when the client's certificate does
        self._serving = serving
        self._phase = Phase.HANDSHAKE
        self._busy = False  # the runner has a request of ours
        self._unsent = False  # the peer has not taken all of its answer
        self._unsent_bytes = 0
        self._rest = memoryview(b"")  # of an answer, not encrypted yet
        self._reading = True
        self._ending = serving.draining
        self._peer_ended = False  # the client has closed its side of the TCP connection
        self._partial = False  # a request has begun to arrive
        self._refusal: KmipError | None = None  # what every request of this peer is answered with
        self._identity: str | None = None
        self._principal: Principal
        self._first_bytes = b""  # kept during the handshake, to say what the client had offered
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = serving.ssl_context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._framer = serving.new_framer()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer if it and all others together are within the limits."""
        serving, limits = self._serving, self._serving.limits
        self._transport = transport = cast(asyncio.Transport, transport)
        self._address = (transport.get_extra_info("peername") or ("unknown",))[0]
        serving.connections.add(self)
        serving.counters.connections_accepted += 1
        serving.counters.connections_open += 1
        serving.by_address[self._address] += 1
        serving.handshakes[self._address] += 1
        transport.set_write_buffer_limits(high=0)  # pause_writing as soon as one byte of an answer waits
        self.deadline = serving.after(limits.handshake)
        if serving.draining:
            self._abort()
        elif (
            len(serving.connections) > limits.max_connections
            or serving.by_address[self._address] > limits.connections_per_address
            or serving.handshakes[self._address] > limits.handshakes_per_address
        ):
            serving.tell(logging.WARNING, self._address, "refused, too many connections")
            self._abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._serving.arrived

    def buffer_updated(self, nbytes: int) -> None:
        """Take `nbytes` of ciphertext."""
        phase = self._phase
        if phase is Phase.SERVING:
            self._incoming.write(self._serving.arrived[:nbytes])
            if self._busy:
                self._pause_reading()  # more waits in the peer's and the kernel's buffers, not in ours
            else:
                self._pump()
        elif phase is Phase.HANDSHAKE:
            self._incoming.write(self._serving.arrived[:nbytes])
            room = client_hello.LIMIT - len(self._first_bytes)
            if room > 0:
                self._first_bytes += self._serving.arrived[: min(nbytes, room)]
            self._shake_hands()

    def eof_received(self) -> bool:
        """Close after the requests that the client has sent before it closed its side."""
        self._peer_ended = True
        if self._phase is not Phase.SERVING:
            return False
        if not self._busy and not self._unsent:
            self._pump()
        return True  # `_close` ends what is open: asyncio would do so before the answer

    def pause_writing(self) -> None:
        """The peer reads slowly: serve it nothing more until it has taken its answer."""
        self._unsent = True
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._pause_reading()
        self.deadline = self._serving.after(self._serving.limits.write_stalled)

    def resume_writing(self) -> None:
        """The peer has taken everything that was sent."""
        if self._rest and self._phase is Phase.SERVING:
            self._send_rest()
            return
        self._unsent = False
        if self._phase is Phase.SERVING:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer; a request in a worker is finished, its answer dropped."""
        serving = self._serving
        if self._phase is Phase.HANDSHAKE:
            self._leave_handshake()
            if self._first_bytes:  # else somebody only looked whether the port is open
                self._tell(
                    logging.INFO, with_offer(f"TLS handshake failed: {ended(self._tls.context)}", self._first_bytes)
                )
        LOG.debug("%s: connection ended%s", self._address, f": {exc}" if exc else "")
        self._phase = Phase.CLOSED
        self.deadline = math.inf
        serving.connections.discard(self)
        serving.counters.connections_open -= 1
        count_down(serving.by_address, self._address)
        if self._identity is not None:
            count_down(serving.by_identity, self._identity)
        if not serving.connections:
            serving.on_empty()

    # What the server calls

    def run_out_of_time(self) -> None:
        """End a connection whose deadline has passed."""
        if self._phase is Phase.LINGERING:
            pass
        elif self._phase is Phase.HANDSHAKE:
            self._tell(logging.INFO, with_offer("TLS handshake not finished in time", self._first_bytes))
        elif self._unsent:
            left = self._transport.get_write_buffer_size()
            if left <= self._unsent_bytes - PROGRESS:
                self._unsent_bytes = left
                self.deadline = self._serving.after(self._serving.limits.write_stalled)
                return
            self._tell(logging.INFO, "did not read its answer in time")
        elif self._partial:
            self._tell(logging.INFO, "did not send the rest of its request in time")
        else:
            LOG.debug("%s: idle for too long", self._address)
            self._close()
            return
        self._abort()

    def expire(self) -> None:
        """End a session whose certificate is no longer valid; a request in progress is answered first."""
        self._tell(logging.INFO, "session ended, the client certificate has expired")
        self.expires = math.inf
        self.drain()

    def end_if(self, is_over: Callable[[bytes], bool]) -> None:
        """End a session whose certificate (DER) is revoked by now; a request in progress is answered first."""
        if self._phase is not Phase.SERVING:
            return
        certificate = self._tls.getpeercert(binary_form=True)
        if certificate is not None and is_over(certificate):
            self._tell(logging.INFO, "session ended, the client certificate has been revoked")
            self.drain()

    def drain(self) -> None:
        """End the connection as soon as the request in progress, if any, has been answered."""
        self._ending = True
        if not self._busy and not self._unsent and self._phase is not Phase.LINGERING:
            self._close()

    def completed(self, answer: Answer | None) -> None:
        """Take the answer to our request, None after a fault that is in the log."""
        self._busy = False
        if self._phase is not Phase.SERVING:
            return
        if answer is None:
            self._abort()
        else:
            self._reply(answer)
            self._next()

    def declined(self) -> None:
        """Note that our request was not begun: `completed` gets the refusal."""
        self._tell(logging.WARNING, "declined, too many slow requests are waiting")

    def abort(self) -> None:
        """End the connection at once."""
        self._abort()

    # Handshake and identity

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._tell(logging.INFO, f"TLS handshake failed: {explain(error, self._first_bytes, self._tls.context)}")
            self._linger()  # so that the alert, which says why, arrives
            return
        self._leave_handshake()
        self._first_bytes = b""
        self._phase = Phase.SERVING
        self._begin_session()
        self._flush()  # session tickets
        self._pump()

    def _leave_handshake(self) -> None:
        count_down(self._serving.handshakes, self._address)

    def _begin_session(self) -> None:
        """Find out who the peer is; one that is refused is told so when it asks; a handshake cannot."""
        serving = self._serving
        LOG.debug("%s: %s %s", self._address, self._tls.version(), (self._tls.cipher() or ("",))[0])
        try:
            self._principal = serving.identify(self._tls.getpeercert(binary_form=True), self._address)
            not_after = (self._tls.getpeercert() or {}).get("notAfter")
            if isinstance(not_after, str):
                self.expires = ssl.cert_time_to_seconds(not_after)
            if self.expires <= time.time():  # OpenSSL does not look at the dates again when a session is resumed
                self.expires = math.inf
                raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "the client certificate has expired")
            self._identity = self._principal.name
            serving.by_identity[self._identity] += 1
            if serving.by_identity[self._identity] > serving.limits.connections_per_identity:
                raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many connections of this client are open")
        except KmipError as error:
            self._refusal = error
            self._tell(logging.WARNING, f"refused: {error.message}")

    # Requests

    def _pump(self) -> None:
        """Serve what has arrived, until more bytes, a worker or the peer must be waited for."""
        next_frame = self._framer.next_frame
        served = 0
        while self._phase is Phase.SERVING and not (self._busy or self._unsent or self._transport.is_closing()):
            try:
                frame = next_frame()
            except KmipError as error:
                self._tell(logging.INFO, f"sent no KMIP message: {error.message}")
                self._refuse(error)
                return
            if frame is None:
                if not self._decrypt():
                    self._await_bytes()
                    return
                continue
            self._partial = False
            self._serve(frame)
            served += 1
            if served == BURST:
                self._pause_reading()
                self._serving.loop.call_soon(self._next)
                return

    def _decrypt(self) -> bool:
        """Give the framer the next record.  Returns False if there is none, or the connection is ending."""
        if not self._incoming.pending and not self._tls.pending():
            return False
        try:
            data = self._tls.read(RECORD)
        except ssl.SSLWantReadError:  # part of a record, or one that is TLS's own business and may want an answer
            self._flush()
            return False
        except ssl.SSLError as error:
            self._tell(logging.INFO, f"TLS failed: {_reason(error)}")
            self._linger()
            return False
        if not data:  # close_notify: a client such as asyncio's waits for ours. RFC 8446 section 6.1
            self._close()
            return False
        self._framer.receive_data(data)
        return True

    def _await_bytes(self) -> None:
        if self._phase is not Phase.SERVING:
            return
        if self._peer_ended:
            self._close()
            return
        limits = self._serving.limits
        idle = limits.idle if self._refusal is None else limits.message  # who is refused need not stay
        if not self._framer.is_between_messages:
            if not self._partial:  # dripping does not move this deadline
                self._partial = True
                self.deadline = self._serving.after(limits.message)
        elif idle is None:
            self.deadline = math.inf
        else:
            self.deadline = self._serving.after(idle)

    def _serve(self, frame: bytes) -> None:
        serving = self._serving
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif len(frame) > serving.limits.inline_frame:
            self._wait()
            serving.runner.open_elsewhere(serving.service, frame, self._principal, self)
        else:
            try:
                answer = serving.runner.run(serving.service.open(frame, self._principal), self)
            except Exception:  # the service promised not to; the other connections must live on
                LOG.exception("%s: a request failed outside of the engine", self._address)
                self._abort()
            else:
                if answer is None:
                    self._wait()
                else:
                    self._reply(answer)

    def _wait(self) -> None:
        """Serve nothing more until `completed`."""
        self._busy = True
        self.deadline = math.inf

    def _next(self) -> None:
        """Go on after an answer has left."""
        if self._phase is not Phase.SERVING or self._busy or self._unsent:
            return
        if self._ending:
            self._close()
            return
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        self._pump()

    # Answers and endings

    def _reply(self, answer: Answer) -> None:
        """Send `answer` by one write, so as one record up to 16 KiB: some clients read it by two reads."""
        if isinstance(answer, LastWords):
            self._end_with(answer.octets)
        elif len(answer) > PIECE:
            self._rest = memoryview(answer)
            self.pause_writing()  # until all of it has been taken
            self._send_rest()
        else:
            self._send(answer)

    def _send(self, octets: bytes | memoryview) -> None:
        sent = self._tls.write(octets)
        while sent < len(octets):
            sent += self._tls.write(octets[sent:])
        self._transport.write(self._outgoing.read())

    def _send_rest(self) -> None:
        """Send the next piece of a long answer; what is not wanted yet is not encrypted either."""
        piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
        self._send(piece)
        if not self._transport.get_write_buffer_size():  # taken at once, so nobody calls `resume_writing`
            self._serving.loop.call_soon(self.resume_writing)

    def _end_with(self, last_words: bytes) -> None:
        if last_words:
            self._send(last_words)
            self._linger()
        else:
            self._abort()

    def _refuse(self, error: KmipError) -> None:
        self._reply(self._serving.service.refuse(error))
        self._linger()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _linger(self) -> None:
        """Close our side after what was written, and throw away what arrives until the peer closes too.

        Closing with unread bytes would send a TCP reset, and that destroys the answer before the peer reads
        it.
        """
        if self._peer_ended:  # nothing arrives any more
            self._close()
            return
        self._say_goodbye()
        self._phase = Phase.LINGERING
        limits = self._serving.limits
        self.deadline = self._serving.after(max(limits.linger, limits.write_stalled if self._unsent else 0.0))
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        self._transport.write_eof()

    def _close(self) -> None:
        """End between messages: close_notify, then close once it is sent."""
        if self._phase is Phase.CLOSED:
            return
        if not self._peer_ended and _has_unread(self._transport):
            self._linger()
            return
        self._say_goodbye()
        self._transport.close()
        self._phase = Phase.LINGERING
        self.deadline = self._serving.after(self._serving.limits.linger)

    def _say_goodbye(self) -> None:
        if self._phase is Phase.HANDSHAKE:
            self._leave_handshake()
        else:
            with suppress(ssl.SSLError):  # it wants the peer's close_notify, for which we do not wait
                self._tls.unwrap()
        self._flush()

    def _abort(self) -> None:
        if self._phase is Phase.HANDSHAKE:
            self._leave_handshake()
        if self._phase is not Phase.CLOSED:
            self._phase = Phase.LINGERING
        self.deadline = math.inf
        self._transport.abort()

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _tell(self, level: int, message: str) -> None:
        self._serving.tell(level, self._address, message)


def _has_unread(transport: asyncio.Transport) -> bool:
    """Return whether bytes of the client wait in the kernel, so that closing would send a TCP reset."""
    count = array("i", [0])
    with suppress(OSError, ValueError):  # the socket is closed already
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, count)
    return count[0] > 0


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
