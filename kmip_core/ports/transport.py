"""What a transport needs of the server behind it: one whole message in, one whole message out.

A transport authenticates its peer, cuts the byte stream into frames, and hands each frame to a `Service`. It
knows nothing of TTLV or KMIP; the container joins the two. Its own duty is flow: deadlines, limits, order of
answers.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from attrs import field

from kmip_core.classes import frozen
from kmip_core.errors import KmipError
from kmip_core.messages import UsernameAndPassword
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Wait
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion


@frozen
class ConnectionEnd:
    """The end of a connection in place of an answer: the transport sends these bytes, if any, and closes.

    With none it closes at once, as a server does that dies. Only a test server answers so, to which its user has said
    that the next request shall fail.
    """

    octets: bytes = field(default=b"", repr=False)


class Unprocessed(bytes):
    """An answer that says nothing but that the whole request failed: HTTP gives it the status 422 and calls it text."""


@frozen
class RoleSwap:
    """An answer after which the roles of the connection are swapped: the server asks, the client answers.

    version: the protocol version in which the client has asked for it.  principal: in whose name it has.
    """

    octets: bytes = field(repr=False)
    version: ProtocolVersion
    principal: Principal


Answer: TypeAlias = bytes | ConnectionEnd | RoleSwap
"""What comes of a job: the whole response message, the end of its connection, or a swap of its roles."""


class PeerLost(Exception):
    """A client did not answer a request of the server; the connection has ended. The text says why, in a few words."""


class PeerRefused(PeerLost):
    """The server itself ended the connection: the client's certificate is not good, or is another client's."""


class Peer(Protocol):
    """A client to which the server sends requests, one at a time; used by one thread at a time."""

    @property
    def principal(self) -> Principal:
        """Who the client is, by its certificate."""
        ...

    @property
    def version(self) -> ProtocolVersion | None:
        """The version that the client has spoken; None if it has not said anything yet."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as is known."""
        ...

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """Send a whole request and return the whole answer, whatever is in it.  Raises PeerLost."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class SwappedConnection(Peer, Protocol):
    """A `Peer` on a connection that the client has opened, and whose roles it has swapped."""

    def give_back(self, frame: bytes, is_accepted: Callable[[bytes], bool], seconds: float) -> bytes:
        """Exchange as `exchange` does; after an answer that is accepted the client asks again, and nothing else may.

        is_accepted: whether the answer says so; called before anything that the client has sent after it is read.
        """
        ...


class Job(Protocol):
    """One decoded message, ready to run once."""

    @property
    def pace(self) -> Pace:
        """Where `run` is called first."""
        ...

    @property
    def title(self) -> str:
        """What it is, for a log line: its operations and how many; no text that the client chose."""
        ...

    def run(self) -> Answer | Step:
        """Begin, or go on: return the whole response, or the step to take first.  Never raises for input or state.

        Wait: call again once the outcome is known, even if the connection has ended meanwhile.
        MoveTo: call again where that pace is run.
        Pause: call again, at once or after others; `curtail` may be called before.
        """
        ...

    def curtail(self, error: KmipError) -> None:
        """Have the next `run`, after a Pause, fail every item that has not begun with `error`."""
        ...

    def decline(self, error: KmipError) -> bytes:
        """Return, instead of `run`, the whole response that fails every batch item with `error`.

        For a transport whose queues are full: nothing has happened, and the connection goes on.
        """
        ...


def run_to_end(job: Job) -> Answer:
    """Return the job's answer, from a thread that may block."""
    while True:
        match job.run():
            case Wait(pending):
                pending.wait()
            case MoveTo() | Pause():
                pass  # this thread may be kept as long as any work takes
            case answer:
                return answer


class Service(Protocol):
    """What a transport serves. Re-entrant: called from any thread, many at a time."""

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> Job:
        """Decode one whole message incl. its header; a malformed one becomes a job that answers so.

        credentials: those that came beside the message, in HTTP; they count as if they stood in its header.
        """
        ...

    def refuse(self, error: KmipError) -> bytes:
        """Return the whole response to what is not opened: no frame, or a peer without identity.

        The transport closes after sending it. Never raises.
        """
        ...


class Framer(Protocol):
    """Sans-IO cutter of one byte stream; one instance a connection."""

    def receive_data(self, data: bytes) -> None:
        """Take what arrived."""
        ...

    def next_frame(self) -> bytes | None:
        """Return the next whole message, or None if more bytes are needed.

        Raises KmipError (Invalid Message) as soon as the first eight bytes cannot begin an acceptable
        message; the stream cannot be read any further then.
        """
        ...

    @property
    def held(self) -> int:
        """Bytes of messages that have arrived and were not returned: 0 between messages."""
        ...

    def take_rest(self) -> bytes:
        """Return these bytes, and forget them: something else reads the stream from here on."""
        ...


class Listener(Protocol):
    """The server side of a transport: it is bound, serves, drains and stops; one listener runs once.

    Each request of a connection is answered whole, in the order of the requests. A client that ends its side gets the
    answers to its requests, then the connection ends; a request that is not complete by then is dropped. A job that
    has begun is run to its end though its client has left. A client that is refused, for its identity or for a limit,
    reads the service's refusal before the end. Bytes that are no message are refused once, and end the connection.
    What goes wrong on one connection ends that one alone.

    NOT promised: that clients which connect between `bind` and `serve` are answered before `serve`.
    """

    @property
    def port(self) -> int:
        """The port that is bound; before `bind` the one that was asked for, perhaps 0."""
        ...

    def bind(self) -> None:
        """Bind and listen, if not done yet.  Raises OSError that names host and port."""
        ...

    def serve(self) -> None:
        """Serve in this thread until drained; returns when the last connection has ended."""
        ...

    def serve_in_thread(self) -> None:
        """Bind, and serve in a thread of its own; returns at once."""
        ...

    def drain(self, seconds: float) -> None:
        """Accept no more, finish requests in progress for so long, then end; returns at once.

        May be called from any thread and from a signal handler, also before `serve`, and again with fewer seconds.
        """
        ...

    def stop(self, seconds: float) -> None:
        """Drain and return when it has ended; from another thread than the one that serves."""
        ...
