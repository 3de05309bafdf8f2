"""What one connection serves: bytes in, one request at a time, answers out in order.

    buffer_updated -> take_turn -> _serve -> _begin -> _reply
    bytes             its turn     frame     job       answer

A request that cannot be answered at once comes back by `completed`. Handshake, client and endings are in session.py,
what may happen in which phase in phases.py, whose turn it is in turns.py.
"""

import logging
import math
import time

from attrs import evolve

from kmip_adapters.transport.calling import SwappedPeer
from kmip_adapters.transport.carriage import Carriage
from kmip_adapters.transport.hearing import Heard, Hearing
from kmip_adapters.transport.inflow import RECORDS_PER_TURN
from kmip_adapters.transport.phases import HAS_SESSION, SERVES, Event, Phase
from kmip_adapters.transport.session import TlsSession
from kmip_adapters.transport.shared import LOG, Shared
from kmip_adapters.transport.watchdog import LIMIT
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Answer, ConnectionEnd, Job, RoleSwap


class TlsConnection(TlsSession):
    """Server side of one connection: a `Session`, an `AnswerSink`, a `Callee`, a `Turn` and an `Occupant`."""

    __slots__ = ("_carriage", "_hearing", "_holds_half", "_is_served", "_job")

    def __init__(self, shared: Shared, carriage: Carriage, address: str) -> None:
        super().__init__(shared, address)
        self._carriage = carriage
        self._is_served = False  # it has had an answer since its bytes came, so others come first
        self._holds_half = False  # bytes of an unfinished request are counted
        self._hearing: Hearing | None = None  # while the roles are swapped
        self._job: Job | None = None  # of this turn, to name it if it takes long

    # Bytes in, and a turn

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

    def take_turn(self) -> None:
        """Do one thing: a step of the handshake, a piece of an answer, or one request."""
        turns, phase = self._shared.turns, self._phase
        began = turns.latest  # a moment ago: the clock was read to see whether there is time
        if phase is Phase.HANDSHAKE:
            self._resume_reading()
            self._shake_hands()
            if self._phase is Phase.IDLE:  # it has succeeded, and a request may have come with its end
                self._serve()
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
            who = f"{self.address}: {self.identity}" if self._client.name else self.address
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

    # Frame, job, answer

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

    def _begin(self, frame: bytes) -> None:
        shared = self._shared
        if self._client.refusal is not None:
            self._refuse(self._client.refusal)
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
            shared.runner.open_elsewhere(self._carriage, frame, self._client.principal, self, declined)
            return
        try:
            self._job = job = self._carriage.open(frame, self._client.principal)
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

    def _reply(self, answer: Answer) -> None:
        if isinstance(answer, ConnectionEnd):
            self._end_with(answer.octets)
        elif isinstance(answer, RoleSwap):
            self._swap_roles(answer)
        elif not self._outflow.send_soon(self._carriage.wrap(answer)) and self._phase is not Phase.ANSWERING:
            self.pause_writing()  # until all of it has been taken
            self._wait_turn()  # the first piece was taken at once, so no `resume_writing` comes

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

    def _await_bytes(self, held: int) -> None:
        """Set the deadline for what is to come next.  held: bytes of a request that are here."""
        if self._phase not in SERVES:
            return
        if self._peer_ended or self._is_draining:
            self._close()
            return
        limits = self._shared.limits
        idle = limits.idle if self._client.refusal is None else limits.message  # a client that is refused need not stay
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

    # Bytes out that the client does not take

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

    # What is not served

    def declined(self, limit: str) -> None:
        """Note that our request was not begun, because of `limit`: `completed` gets the refusal."""
        shared, text = self._shared, f"the limit {limit} is met"
        self._log(logging.WARNING, f"request declined by the limit {limit}")
        shared.refuse(shared.counters.requests_declined, "Request declined", limit, self.address, text, self.identity)

    def _refuse(self, error: KmipError) -> None:
        if refusal := self._carriage.refuse(error):
            self._outflow.send(refusal)
        self._linger()

    def _end_with(self, octets: bytes) -> None:
        if octets:
            self._outflow.send(octets)
            self._linger()
        else:
            self.abort()

    def _end_with_client(self) -> None:
        """End after close_notify, which wants ours (RFC 8446 section 6.1), or after bytes that are no TLS."""
        if self._inflow.failure:
            self._note_unreadable(self._inflow.failure, "TLS")
            self._linger()
        else:
            self._close()

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

    # Roles swapped: the server asks. KMIP 2.1 §6.1.54

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
        principal = evolve(self._client.principal, name=swap.principal.name, source=swap.principal.source)
        peer = SwappedPeer(shared.loop, self, principal, swap.version)
        self._hearing = Hearing(peer, shared.new_answer_framer(), self._inflow)
        if not self._is_reading:
            self._resume_reading()
        shared.on_peer(peer)

    def call(self, frame: bytes) -> None:
        """Send a request to the client, which plays the server: a `Callee`."""
        if self._phase is Phase.CALLING:
            self._outflow.send(frame)

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

    def _leave(self) -> None:
        if self._hearing is not None:
            self._hearing.peer.lost()
        super()._leave()
