"""The phases of a connection as a table: what may happen in each, and where it leads. A test walks all of it.

Not in the table, since they hold in several phases: whether the operator has asked to drain, and whether the client has
closed its side of the TCP connection.
"""

import enum
from collections.abc import Mapping
from typing import Final


class Phase(enum.Enum):
    """What a connection is doing."""

    HANDSHAKE = "the TLS handshake is not complete"
    IDLE = "between requests: no byte of one is here"
    READING = "part of a request is here"
    READY = "bytes are here, and it waits for its turn on the loop"
    WORKING = "its request is in progress elsewhere: in a thread, or waiting for a commit"
    ANSWERING = "the client has not taken all of its answer"
    CALLING = "the roles are swapped: the server asks, the client answers"
    LINGERING = "our side is closed; what still arrives is thrown away"
    CLOSED = "the TCP connection is gone"

    __hash__ = object.__hash__  # it is a key in tables that every request looks up; Enum's own runs in Python


class Event(enum.Enum):
    """What happens to a connection."""

    HANDSHAKE_COMPLETED = enum.auto()
    PART_ARRIVED = enum.auto()  # of a request
    ALL_SERVED = enum.auto()  # nothing is left of what has arrived
    TURN_ENDED = enum.auto()  # others come first; bytes are left
    REQUEST_HANDED_OVER = enum.auto()  # to the runner, which has no answer yet
    ANSWER_SENT = enum.auto()  # all of it, at once
    ANSWER_WAITS = enum.auto()  # for the client to read
    ANSWER_TAKEN = enum.auto()  # by the client, after it had waited
    ROLES_SWAPPED = enum.auto()  # the answer that says so is sent
    ROLES_RETURNED = enum.auto()  # the client's answer that says so is here
    SIDE_CLOSED = enum.auto()  # ours: close_notify or an alert is the last that we send
    CONNECTION_LOST = enum.auto()

    __hash__ = object.__hash__  # it is a key in tables that every request looks up; Enum's own runs in Python


_ENDINGS: Final = {Event.SIDE_CLOSED: Phase.LINGERING, Event.CONNECTION_LOST: Phase.CLOSED}
_SERVING: Final = _ENDINGS | {
    Event.PART_ARRIVED: Phase.READING,
    Event.ALL_SERVED: Phase.IDLE,
    Event.TURN_ENDED: Phase.READY,
    Event.REQUEST_HANDED_OVER: Phase.WORKING,
    Event.ANSWER_WAITS: Phase.ANSWERING,
    Event.ROLES_SWAPPED: Phase.CALLING,
}

TRANSITIONS: Final[Mapping[Phase, Mapping[Event, Phase]]] = {
    Phase.HANDSHAKE: _ENDINGS | {Event.HANDSHAKE_COMPLETED: Phase.IDLE, Event.ANSWER_WAITS: Phase.HANDSHAKE},
    Phase.IDLE: _SERVING,
    Phase.READING: _SERVING,
    Phase.READY: _SERVING,
    Phase.WORKING: _ENDINGS
    | {
        Event.ANSWER_SENT: Phase.IDLE,
        Event.ANSWER_WAITS: Phase.ANSWERING,
        Event.ROLES_SWAPPED: Phase.CALLING,
    },
    Phase.ANSWERING: _ENDINGS | {Event.ANSWER_TAKEN: Phase.IDLE, Event.ANSWER_WAITS: Phase.ANSWERING},
    Phase.CALLING: _ENDINGS | {Event.ANSWER_WAITS: Phase.CALLING, Event.ROLES_RETURNED: Phase.IDLE},
    Phase.LINGERING: {
        Event.SIDE_CLOSED: Phase.LINGERING,
        Event.ANSWER_WAITS: Phase.LINGERING,
        Event.ANSWER_TAKEN: Phase.LINGERING,
        Event.CONNECTION_LOST: Phase.CLOSED,
    },
    Phase.CLOSED: {},
}
"""Phase, event -> phase. What is not here cannot happen; if it does, that is a fault of ours."""

SERVES: Final = frozenset({Phase.IDLE, Phase.READING, Phase.READY})
"""Where bytes that are here may be served."""

HAS_SESSION: Final = SERVES | {Phase.WORKING, Phase.ANSWERING, Phase.CALLING}
"""Where the handshake is complete and our side is open."""
