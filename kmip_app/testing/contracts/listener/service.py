"""A service, its messages and a framer, small enough to see through: what a listener under test serves.

A message is four bytes, the length of its body in four bytes, and the body, whose first byte says how it is run.
"""

import threading
from collections.abc import Callable, Sequence

from attrs import field

from kmip_core.classes import define
from kmip_core.errors import KmipError, invalid_message
from kmip_core.messages import UsernameAndPassword
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Wait
from kmip_core.ports.transport import Answer, ConnectionEnd
from kmip_core.principal import Principal

REQUEST = bytes.fromhex("42007801")
RESPONSE = bytes.fromhex("42007b01")
LONGEST = 1 << 20

PACES = {
    b"Q": Pace.QUICK,
    b"B": Pace.BRIEF,
    b"S": Pace.SLOW,
    b"C": Pace.COMMITS,
    b"K": Pace.COMMITS,
    b"G": Pace.BRIEF,
    b"W": Pace.SLOW,
    b"I": Pace.SLOW,
}
"""First byte of a message's body -> its pace; anything else is quick.

G and W wait for the gate in their thread. C and K commit: C is known soon, K when the gate opens. R begins quick, asks
another server, and wants to go on slowly.
"""


def request(body: bytes) -> bytes:
    return REQUEST + len(body).to_bytes(4) + body


def response(body: bytes) -> bytes:
    return RESPONSE + len(body).to_bytes(4) + body


def refusal(error: KmipError) -> bytes:
    return response(b"refused " + error.reason.name.encode() + b": " + error.message.encode())


@define
class FakeJob:
    service: "FakeService"
    body: bytes
    principal: Principal
    has_begun: bool = False
    has_asked: bool = False
    items: int = 0
    called_off: KmipError | None = None

    @property
    def title(self) -> str:
        return "a fake request"

    @property
    def pace(self) -> Pace:
        return PACES.get(self.body[:1], Pace.QUICK)

    def run(self) -> Answer | Step:
        self.service.threads.append(threading.current_thread().name)
        if self.body[:1] == b"I":  # so many items, with a pause after each; each waits until it may end
            return self._run_item()
        if not self.has_begun and self.body[:1] in (b"C", b"K", b"R"):
            self.has_begun = True
            if self.body[:1] == b"R":
                return MoveTo(Pace.REMOTE)
            return Wait(self.service.commit(waits=self.body[:1] == b"K"))
        if self.body[:1] == b"R" and not self.has_asked:
            self.has_asked = True
            return MoveTo(Pace.SLOW)
        if self.body[:1] in (b"G", b"W"):
            self.service.begun.release()
            assert self.service.gate.wait(120)
        if self.body in (b"X", b"BX", b"CX", b"SX"):
            raise RuntimeError("a fault of the engine")
        if self.body[1:2] == b"!":  # the end of the connection, after what follows the mark
            return ConnectionEnd(self.body[2:])
        if self.body[:1] == b"L":  # a long answer: L and the length in decimal digits
            return response(bytes(int(self.body[1:])))
        self.service.finished.append(self.body)
        return response(self.principal.name.encode() + b" says " + self.body)

    def _run_item(self) -> Answer | Step:
        if self.called_off is not None:
            return refusal(self.called_off)
        self.items += 1
        self.service.begun.release()
        assert self.service.item_may_end.acquire(timeout=120)
        return response(b"all items") if self.items == int(self.body[1:]) else Pause()

    def curtail(self, error: KmipError) -> None:
        self.called_off = error
        self.service.called_off.append(error)

    def decline(self, error: KmipError) -> bytes:
        return refusal(error)


@define(eq=False)
class FakeCommit:
    """A commit that another thread makes known, when the gate opens if there is one."""

    gate: threading.Event | None
    known: threading.Event = field(factory=threading.Event)

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        def tell_later() -> None:
            assert self.gate is None or self.gate.wait(120)
            self.known.set()
            callback()

        threading.Thread(target=tell_later, daemon=True).start()

    def wait(self) -> None:
        assert self.gate is None or self.gate.wait(120)


@define
class FakeService:
    """A `Service` that answers every message with the principal's name and the message's body.

    gate: what G, K and W wait for.  begun: released when one of these, or an item of I, has begun.
    threads: the names of the threads in which jobs were run, one for each `run`.
    finished: the bodies of messages that were answered so.  credentials: those that came beside messages.
    item_may_end: acquired at the end of each item of I.  called_off: the errors by which I was curtailed.
    """

    gate: threading.Event = field(factory=threading.Event)
    begun: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    threads: list[str] = field(factory=list)
    credentials: list[UsernameAndPassword] = field(factory=list)
    finished: list[bytes] = field(factory=list)
    item_may_end: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    called_off: list[KmipError] = field(factory=list)

    def commit(self, *, waits: bool) -> FakeCommit:
        self.begun.release()
        return FakeCommit(self.gate if waits else None)

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> FakeJob:
        self.credentials += credentials
        if frame[8:] == b"Z":
            raise RuntimeError("a fault of the codec")
        return FakeJob(self, frame[8:], principal)

    def refuse(self, error: KmipError) -> bytes:
        return refusal(error)


class FakeFramer:
    """A `Framer` of messages as `request` makes them."""

    def __init__(self) -> None:
        self._held = bytearray()

    def receive_data(self, data: bytes) -> None:
        self._held += data

    def next_frame(self) -> bytes | None:
        if len(self._held) < 8:
            return None
        length = int.from_bytes(self._held[4:8])
        if self._held[:4] != REQUEST or length > LONGEST:
            raise invalid_message("not the beginning of a message")
        if len(self._held) < 8 + length:
            return None
        frame = bytes(self._held[: 8 + length])
        del self._held[: 8 + length]
        return frame

    @property
    def held(self) -> int:
        return len(self._held)

    def take_rest(self) -> bytes:
        rest = bytes(self._held)
        self._held.clear()
        return rest
