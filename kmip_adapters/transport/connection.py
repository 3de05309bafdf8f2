"""One TLS connection: handshake, identity, requests one at a time, answers in order, a clean end.

TLS runs here over memory buffers instead of inside asyncio: fewer Python calls a request, back-pressure to
the byte, and the reason of a failed handshake in our hands. Everything here runs on the loop's thread.

What a connection does is its phase; phases.py has the table. The hot path is buffer_updated -> take_turn -> _serve ->
_begin -> _reply. It sets no timers: deadlines are numbers that the server's sweep compares.
"""

import asyncio
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

from attrs import evolve

from kmip_adapters.transport.calling import SwappedPeer
from kmip_adapters.transport.carriage import Carriage
from kmip_adapters.transport.hearing import Heard, Hearing
from kmip_adapters.transport.inflow import RECORDS_PER_TURN, Inflow
from kmip_adapters.transport.outflow import Outflow
from kmip_adapters.transport.phases import HAS_SESSION, SERVES, TRANSITIONS, Event, Phase
from kmip_adapters.transport.places import network_of
from kmip_adapters.transport.shared import LOG, Identify, Shared, lists_are_over
from kmip_adapters.transport.tls.context import ServerContext, chain_of, end_of, trust_alike
from kmip_adapters.transport.tls.handshake import Handshake, Progress
from kmip_adapters.transport.watchdog import LIMIT
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Answer, ConnectionEnd, Job, RoleSwap
from kmip_core.principal import Principal

NO_REFUSAL: Final = "idle_timeout"
"""The one reason to end a connection that is no refusal, and leaves no record: the client has asked for nothing."""


class TlsConnection(asyncio.BufferedProtocol):
    """Server side of one connection: a `Session`, an `AnswerSink`, a `Turn` and an `Occupant`."""

    __slots__ = (
        "_carriage",
        "_chain",
        "_handshake",
        "_has_identity",
        "_hearing",
        "_holds_half",
        "_incoming",
        "_inflow",
        "_is_counted",
        "_is_draining",
        "_is_reading",
        "_is_served",
        "_job",
        "_outflow",
        "_outgoing",
        "_part_deadline",
        "_peer_ended",
        "_phase",
        "_principal",
        "_refusal",
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
    _principal: Principal

    def __init__(self, shared: Shared, carriage: Carriage, address: str) -> None:
        self.deadline = math.inf  # loop time
        self.expires = math.inf  # wall clock, seconds since 1970: when the client's certificate does
        self.address = address
        self.network = network_of(address)
        self.identity = self.network  # the client's, once it is known
        self._shared = shared
        self._carriage = carriage
        self._phase = Phase.HANDSHAKE
        self._is_reading = True
        self._is_draining = shared.is_draining
        self._peer_ended = False  # the client has closed its side of the TCP connection
        self._is_served = False  # it has had an answer since its bytes came, so others come first
        self._refusal: KmipError | None = None  # what every request of this client is answered with
        self._part_deadline = math.inf  # for the rest of a request; bytes that drip do not move it
        self._chain: tuple[bytes, ...] = ()  # the client's certificates in DER, its own first
        self._is_counted = False  # it is counted among the sessions
        self._has_identity = False  # it is counted among those of its identity
        self._holds_half = False  # bytes of an unfinished request are counted
        self._hearing: Hearing | None = None  # while the roles are swapped
        self._job: Job | None = None  # of this turn, to name it if it takes long
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = shared.ssl_context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._handshake: Handshake | None = Handshake(self._tls, self._incoming)

    # What asyncio calls

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

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._shared.arrived

    def buffer_updated(self, nbytes: int) -> None:
        """Take `nbytes` of ciphertext, and serve them if it is this connection's turn."""
        phase, shared = self._phase, self._shared
        if phase is Phase.LINGERING or phase is Phase.CLOSED:
            return
        shared.counters.bytes_received += nbytes
        data = shared.arrived[:nbytes]
        if self._handshake is not None:
            self._handshake.take(data)
        else:
            self._incoming.write(data)
        if phase is Phase.CALLING:
            self._take_turn_or_queue()
        elif phase is Phase.IDLE or phase is Phase.READING:
            self._is_served = False
            self._take_turn_or_queue()
        elif phase is Phase.HANDSHAKE:
            if shared.turns.has_time():
                self.take_turn()
            else:
                self._pause_reading()
                shared.turns.queue_handshake(self)
        else:
            self._pause_reading()  # more waits in the client's and the kernel's buffers, not in ours

    def eof_received(self) -> bool:
        """Close after the requests that the client has sent before it closed its side."""
        self._peer_ended = True
        if self._phase not in HAS_SESSION:
            return False
        if self._phase in SERVES:
            self._take_turn_or_queue()
        elif self._phase is Phase.CALLING:
            self._hear()  # an answer may have come together with the end
            if self._phase is Phase.CALLING:
                self._close()
        return True  # `_close` ends what is open: asyncio would do so before the answer

    def pause_writing(self) -> None:
        """Serve the client nothing more until it has taken its answer."""
        self._move(Event.ANSWER_WAITS)
        if self._phase is Phase.ANSWERING:
            self._pause_reading()
            self._outflow.begin_waiting()
            self._note_unsent()
            self.deadline = self._shared.after(self._shared.limits.write_stalled)

    def resume_writing(self) -> None:
        """Go on: the client has taken everything that was sent."""
        if self._phase is Phase.ANSWERING or self._phase is Phase.CALLING:
            self._take_turn_or_queue()

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

    # What the server calls

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
        self.end_session("client certificate expired", self._what_expired())

    def _what_expired(self) -> str:
        is_leaf = end_of(self._chain[:1]) == end_of(self._chain)
        return "the client certificate has expired" if is_leaf else "a CA above the client certificate has expired"

    def end_if(self, is_over: Callable[[bytes], bool]) -> None:
        """End a session if a certificate (DER) of the client's chain `is_over`, for example revoked by now."""
        if self._phase in HAS_SESSION and any(map(is_over, self._chain)):
            self.end_session("client certificate revoked", "the client certificate has been revoked")

    def end_unless_trusted(self, context: ServerContext) -> None:
        """End a session whose chain does not end at a CA of `context`."""
        if self._phase in HAS_SESSION and self._chain and not context.vouches_for(self._chain):
            self.end_session("client CA removed", "the CA of its client is not trusted any more")

    def end_if_other(self, identify: Identify) -> None:
        """End a session whose client would be identified otherwise by now, or not at all."""
        if self._phase not in HAS_SESSION or not self._has_identity:
            return
        try:
            principal = identify(self._tls.getpeercert(binary_form=True), self.address, self._chain)
        except KmipError:
            principal = None
        if principal != self._principal:
            self.end_session("identity changed", "its client is another identity now")

    def end_session(self, reason: str, text: str = "") -> None:
        """End a session for a reason that counters name; a request in progress is answered first."""
        if self._phase not in HAS_SESSION or self._is_draining:
            return
        shared = self._shared
        if text:
            self._log(logging.INFO, f"session ended, {text}")
        cut = shared.counters.connections_cut
        shared.refuse(cut, "Session ended", reason, self.address, text or reason, self._name)
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
        shared.refuse(shared.counters.connections_cut, "Connection cut", limit, self.address, text, self._name)
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

    def call(self, frame: bytes) -> None:
        """Send a request to the client, which plays the server: a `Callee`."""
        if self._phase is Phase.CALLING:
            self._outflow.send(frame)

    # What the runner calls

    @property
    def wants_answer(self) -> bool:
        """Whether the client is still there."""
        return self._phase is Phase.WORKING

    def completed(self, answer: Answer | None) -> None:
        """Take the answer to our request, None after a fault that is in the log."""
        if self._phase is not Phase.WORKING:
            return
        if answer is None:
            self.abort()
            return
        self._reply(answer)
        if self._phase is Phase.WORKING:
            self._move(Event.ANSWER_SENT)
            self._go_on()

    def declined(self, limit: str) -> None:
        """Note that our request was not begun, because of `limit`: `completed` gets the refusal."""
        shared, text = self._shared, f"the limit {limit} is met"
        self._log(logging.WARNING, f"request declined by the limit {limit}")
        shared.refuse(shared.counters.requests_declined, "Request declined", limit, self.address, text, self.identity)

    # Turns

    def take_turn(self) -> None:
        """Do one thing: a step of the handshake, a piece of an answer, or one request."""
        turns, phase = self._shared.turns, self._phase
        began = turns.latest  # a moment ago: the clock was read to see whether there is time
        if phase is Phase.HANDSHAKE:
            self._resume_reading()
            self._shake_hands()
        elif phase is Phase.ANSWERING:
            self._go_on_answering()
        elif phase in SERVES:
            self._serve()
        elif phase is Phase.CALLING:
            self._hear()
        turns.latest = ended = time.perf_counter()
        held = ended - began
        if held > LIMIT and self._shared.runner.watchdog is not None:
            what = f"a connection in phase {phase.name}" if self._job is None else self._job.title
            who = f"{self.address}: {self.identity}" if self._has_identity else self.address
            self._shared.runner.watchdog.held(held, who, what)
        self._job = None  # its errors hold their tracebacks, and these hold us

    def _take_turn_or_queue(self) -> None:
        turns = self._shared.turns
        if not self._is_served and turns.has_time():
            self.take_turn()
        else:
            self._wait_turn()

    def _wait_turn(self) -> None:
        if self._phase in SERVES:
            self._move(Event.TURN_ENDED)
        self._shared.turns.queue(self, is_backlog=self._is_served)

    # Handshake and identity

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
            if self._phase is Phase.IDLE:
                self._serve()

    def _note_failure(self, handshake: Handshake) -> None:
        shared, cause, text = self._shared, handshake.cause, handshake.failure
        self._log(logging.INFO, text)
        shared.refuse(shared.counters.handshakes_failed, "Handshake failed", cause, self.address, text)

    def _begin_session(self) -> None:
        """Find out who the client is; one that is refused learns it when it asks, since a handshake cannot say why."""
        shared, tls = self._shared, self._tls
        counters = shared.counters
        counters.handshakes_completed += 1
        counters.sessions_open += 1
        self._is_counted = True
        counters.sessions_resumed += bool(tls.session_reused)
        LOG.debug("%s: %s %s", self.address, tls.version(), (tls.cipher() or ("",))[0])
        certificate = tls.getpeercert(binary_form=True)
        self._chain = chain_of(tls)
        try:
            self._principal = shared.identify(certificate, self.address, self._chain)
            if tls.session_reused and not self._chain:
                raise KmipError(
                    ResultReason.AUTHENTICATION_NOT_SUCCESSFUL,
                    "connect without resuming a session: the CAs of this one are not known here any more",
                )
            self.expires = end_of(self._chain)
            now = time.time()  # OpenSSL does not look at dates and lists again when a session is resumed
            if self.expires <= now:
                self.expires = math.inf
                raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, self._what_expired())
            if lists_are_over(tls.context, now):
                raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "the revocation list has expired")
            self.identity = self._principal.name
            self._has_identity = True
            if not shared.places.enter_identity(self.identity):
                raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many connections of this client are open")
        except KmipError as error:
            self._refusal = error
            self._log(logging.WARNING, f"refused: {error.message}")
            refused, cause = counters.sessions_refused, error.reason.name
            shared.refuse(refused, "Session refused", cause, self.address, error.message, self._name)

    # Requests

    def _serve(self) -> None:
        """Serve one request, if a whole one is here; whatever comes next, wait for it."""
        unsent = self._shared.unsent
        if unsent.total and unsent.is_spent_by(self.identity):
            self._move(Event.TURN_ENDED)
            self._shared.wait_for_budget(self)
            return
        if self._outflow.kept:
            self._outflow.send_kept()
            if self._phase is Phase.ANSWERING:  # the client does not take it
                return
        for _ in range(RECORDS_PER_TURN):
            try:
                frame = self._carriage.next_frame()
            except KmipError as error:
                self._note_unreadable(f"sent no KMIP message: {error.message}", error.reason.name)
                self._refuse(error)
                return
            if frame is not None:
                break
            data = self._inflow.read()
            if not data:
                if self._inflow.has_ended:
                    self._end_with_client()
                else:
                    self._await_bytes(self._carriage.held)
                return
            self._carriage.receive_data(data)
        else:
            self._is_served = True
            self._wait_turn()
            return
        self._part_deadline = math.inf
        if self._holds_half:
            self._note_half_sent()
        self._begin(frame)
        if self._phase in SERVES:
            self._go_on()

    def _go_on(self) -> None:
        """After an answer was sent: serve what else is here when it is our turn again, or wait for more."""
        if self._carriage.is_over or self._is_draining:
            self._close()
            return
        if self._incoming.pending or self._carriage.held:
            self._is_served = True
            self._wait_turn()
        else:
            self._await_bytes(0)

    def _end_with_client(self) -> None:
        """End after close_notify, which wants ours (RFC 8446 section 6.1), or after bytes that are no TLS."""
        if self._inflow.failure:
            self._note_unreadable(self._inflow.failure, "TLS")
            self._linger()
        else:
            self._close()

    def _await_bytes(self, held: int) -> None:
        """Set the deadline for what is to come next.  held: bytes of a request that are here."""
        if self._phase not in SERVES:
            return
        if self._peer_ended or self._is_draining:
            self._close()
            return
        limits = self._shared.limits
        idle = limits.idle if self._refusal is None else limits.message  # a client that is refused need not stay
        if held:
            if interim := self._carriage.interim():
                self._outflow.send(interim)
            self._move(Event.PART_ARRIVED)
            if self._part_deadline == math.inf:
                self._part_deadline = self._shared.after(limits.message)
            self.deadline = self._part_deadline
            self._note_half_sent()
        else:
            if self._phase is not Phase.IDLE:  # most requests are served at once, in one record
                self._move(Event.ALL_SERVED)
            self.deadline = math.inf if idle is None else self._shared.after(idle)
        if not self._is_reading:
            self._resume_reading()

    def _begin(self, frame: bytes) -> None:
        shared = self._shared
        if self._refusal is not None:
            self._refuse(self._refusal)
            return
        shared.counters.requests += 1
        if not frame and (why := self._carriage.refused):
            self._log(logging.INFO, f"sent no KMIP request: {why}")
            shared.record("HTTP request refused", why, self.address, why, self.identity)
        declined: KmipError | None = None
        try:
            shared.rates.check_request(self.identity)
        except KmipError as error:
            declined = error
            self.declined("requests_per_second")
        if len(frame) > shared.limits.inline_frame:
            self._hand_over()
            shared.runner.open_elsewhere(self._carriage, frame, self._principal, self, declined)
            return
        try:
            self._job = job = self._carriage.open(frame, self._principal)
            answer = shared.runner.run(job, self) if declined is None else job.decline(declined)
            del job
        except Exception:  # the service promised not to; the other connections must live on
            LOG.exception("%s: a request failed outside of the engine", self.address)
            self.abort()
        else:
            if answer is None:
                self._hand_over()
            else:
                self._reply(answer)

    def _hand_over(self) -> None:
        """Serve nothing more until `completed`."""
        self._move(Event.REQUEST_HANDED_OVER)
        self.deadline = math.inf

    # Answers

    def _reply(self, answer: Answer) -> None:
        if isinstance(answer, ConnectionEnd):
            self._end_with(answer.octets)
        elif isinstance(answer, RoleSwap):
            self._swap_roles(answer)
        elif not self._outflow.send_soon(self._carriage.wrap(answer)) and self._phase is not Phase.ANSWERING:
            self.pause_writing()  # until all of it has been taken
            self._wait_turn()  # the first piece was taken at once, so no `resume_writing` comes

    def _swap_roles(self, swap: RoleSwap) -> None:
        """Send the answer; from then on the client is asked, and answers."""
        shared = self._shared
        if shared.on_peer is None or shared.new_answer_framer is None or self._is_draining:
            self.abort()  # the service does not swap roles where nothing is there to ask
            return
        self._outflow.send(swap.octets)
        if self._phase is Phase.CLOSED:
            return
        if self._phase is Phase.ANSWERING:  # a client that does not read this little is of no use as a server
            self.abort()
            return
        if self._carriage.held:  # as what comes a moment later is: it is asked, and asks nothing
            self._note_unreadable("sent a request behind Set Endpoint Role", "no answer")
            self.abort()
            return
        self._move(Event.ROLES_SWAPPED)
        self.deadline = math.inf
        # The name and what vouches for it: groups are those of each delivery.
        principal = evolve(self._principal, name=swap.principal.name, source=swap.principal.source)
        peer = SwappedPeer(shared.loop, self, principal, swap.version)
        self._hearing = Hearing(peer, shared.new_answer_framer(), self._inflow)
        if not self._is_reading:
            self._resume_reading()
        shared.on_peer(peer)

    def _hear(self) -> None:
        """Take what the client has answered; anything else ends the connection."""
        hearing = self._hearing
        if hearing is None:
            return
        if self._outflow.has_rest and not self._transport.get_write_buffer_size():
            self._outflow.send_piece()
        match hearing.hear():
            case Heard.ALL:
                if self._outflow.has_rest and not self._transport.get_write_buffer_size():
                    self._shared.turns.queue(self, is_backlog=True)
            case Heard.TURN_ENDED:
                self._shared.turns.queue(self, is_backlog=True)
            case Heard.GIVEN_BACK:
                self._serve_again(hearing.take_rest())
            case Heard.CLOSED:
                self._close()
            case Heard.FAILED:
                self._note_unreadable(hearing.failure, "no answer")
                self.abort()

    def _serve_again(self, rest: bytes) -> None:
        """Go on with the client's requests: the roles are again those of the beginning. KMIP 2.1 §6.2.5."""
        self._move(Event.ROLES_RETURNED)
        self._hearing = None
        if rest:  # the client has sent its next request right behind its answer
            self._carriage.receive_data(rest)
        self._go_on()

    def _go_on_answering(self) -> None:
        """Send the next piece of a long answer, or go on with requests if all has been taken."""
        if self._transport.get_write_buffer_size():  # it waits again
            return
        if self._outflow.has_rest:
            self._outflow.send_piece()
            self._note_unsent()
            if not self._transport.get_write_buffer_size():
                self._wait_turn()
            return
        self._shared.free_unsent(self.identity, self)
        self._move(Event.ANSWER_TAKEN)
        self._go_on()

    # Endings

    def _end_with(self, octets: bytes) -> None:
        if octets:
            self._outflow.send(octets)
            self._linger()
        else:
            self.abort()

    def _refuse(self, error: KmipError) -> None:
        if refusal := self._carriage.refuse(error):
            self._outflow.send(refusal)
        self._linger()

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
        if self._hearing is not None:
            self._hearing.peer.lost()
        shared.places.leave(self)
        shared.free_unsent(self.identity, self)
        shared.half_sent.hold(self.identity, self, 0)
        if self._has_identity:
            self._has_identity = False
            shared.places.leave_identity(self.identity)
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

    def _note_half_sent(self) -> None:
        held, shared = self._carriage.held, self._shared
        if self._phase not in HAS_SESSION:
            return
        self._holds_half = held > 0
        shared.half_sent.hold(self.identity, self, held)
        if held and shared.half_sent.is_spent_by(self.identity):
            oldest = shared.half_sent.oldest_of(self.identity)
            if oldest is not None:
                text = "its request is cut, since the client has sent too many of which the rest is missing"
                oldest.cut(text, "half_sent_per_identity")
        shared.make_way_for_bytes(shared.half_sent, "half_sent_in_all")

    def _pause_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()

    @property
    def _name(self) -> str:
        """The client's, for a record; empty before it is known."""
        return self._principal.name if self._has_identity else ""

    def _note_unreadable(self, text: str, cause: str) -> None:
        self._log(logging.INFO, text)
        self._shared.record("Unreadable bytes", cause, self.address, text, self._name)

    def _log(self, level: int, message: str) -> None:
        self._shared.log(level, self.address, message)


def _has_unread(transport: asyncio.Transport) -> bool:
    """Return whether bytes of the client wait in the kernel, so that closing would send a TCP reset."""
    count = array("i", [0])
    with suppress(OSError, ValueError):  # the socket is closed already
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, count)
    return count[0] > 0
