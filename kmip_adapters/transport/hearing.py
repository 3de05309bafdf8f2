"""What a client answers while the roles are swapped, until the connection is given back. KMIP 2.1 §6.1.54, §6.2.5."""

import enum

from kmip_adapters.transport.calling import SwappedPeer
from kmip_adapters.transport.inflow import RECORDS_PER_TURN, Inflow
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Framer


class Heard(enum.Enum):
    """How far it went in one turn."""

    ALL = "what is here was taken"
    TURN_ENDED = "more is here, after others have had their turn"
    GIVEN_BACK = "the client is the client again"
    CLOSED = "the client has ended the session"
    FAILED = "the client sent what is no answer to a request"


class Hearing:
    """The answers of one client.

    peer: gets them.  failure: why it FAILED, for the log.
    """

    __slots__ = ("_answers", "_inflow", "failure", "peer")

    def __init__(self, peer: SwappedPeer, answers: Framer, inflow: Inflow) -> None:
        self.peer = peer
        self._answers = answers
        self._inflow = inflow
        self.failure = ""

    def hear(self) -> Heard:
        """Take what the client has answered; anything else is to end the connection."""
        for _ in range(RECORDS_PER_TURN):
            try:
                frame = self._answers.next_frame()
            except KmipError as error:
                self.failure = f"sent no KMIP answer: {error.message}"
                return Heard.FAILED
            if frame is None:
                data = self._inflow.read()
                if not data:
                    return self._end() if self._inflow.has_ended else Heard.ALL
                self._answers.receive_data(data)
            elif not self.peer.answered(frame):
                self.failure = "sent an answer to no request"
                return Heard.FAILED
            elif not self.peer.is_open:
                return Heard.GIVEN_BACK
        return Heard.TURN_ENDED

    def take_rest(self) -> bytes:
        """Return what the client has sent right behind its last answer: its next request, or part of it."""
        return self._answers.take_rest()

    def _end(self) -> Heard:
        self.failure = self._inflow.failure
        return Heard.FAILED if self.failure else Heard.CLOSED
