"""Where the engine says which part of a request it is at, for a server that sends traces of its requests."""

import enum
from collections.abc import Callable
from typing import Protocol


class Part(enum.Enum):
    """The parts of a request that the server measures."""

    TRANSPORT = "transport"  # waits for its turn, a thread or a place, once it is decoded
    DECODE = "decode"
    ADMISSION = "admission"
    OPERATION = "operation"
    COMMIT = "commit"
    AUDIT = "audit"


class Tracing(Protocol):
    """Measures the parts of requests. Re-entrant; the part belongs to the request that runs in the calling thread.

    Where no traces are wanted there is none of it, so that it costs nothing.
    """

    def begin(self, part: Part) -> Callable[[], object]:
        """Note that a part of the request begins; what is returned is called at its end, from any thread.

        Never raises, and never waits.
        """
        ...
