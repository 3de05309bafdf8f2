"""Cryptographic operations over several messages: which part a request is, and the streams that wait for the next.

State belongs to this process and to one principal, operation and key; it is bounded in number, size and time. A
correlation value means nothing to anybody else, and looks missing to them. KMIP 2.1 §6 (multi-part operations), DESIGN
5.9.
"""

import enum
from typing import Any, Final, Protocol

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field

MAXIMUM_STREAMS: Final = 1_000
MAXIMUM_PER_PRINCIPAL: Final = 64
MAXIMUM_BYTES: Final = 256 * 1024 * 1024  # held back by all streams together
MAXIMUM_BYTES_PER_PRINCIPAL: Final = 64 * 1024 * 1024
SEPARATOR: Final = b"."
LIFETIME: Final = 300  # seconds from one part to the next


class Phase(enum.Enum):
    """Which part of an operation a request is."""

    SINGLE = "all of it"
    FIRST = "the first part"
    NEXT = "a part between"
    LAST = "the last part"


class MultiPart(Protocol):
    """The fields that every request has that may come in parts."""

    @property
    def data(self) -> bytes | None:
        """This part of the data, or all of it."""
        ...

    @property
    def correlation_value(self) -> bytes | None:
        """What the answer to the first part said."""
        ...

    @property
    def init_indicator(self) -> bool | None:
        """True for a first part."""
        ...

    @property
    def final_indicator(self) -> bool | None:
        """True for a last part."""
        ...


def phase_of(request: MultiPart) -> Phase:
    """Return which part this is.

    Raises KmipError (Invalid Field) for a Final Indicator without a beginning, or a beginning with a Correlation Value.
    """
    if request.correlation_value is None:
        if request.init_indicator:
            return Phase.SINGLE if request.final_indicator else Phase.FIRST
        if request.final_indicator:
            raise invalid_field("a Final Indicator needs the Correlation Value of the parts before")
        return Phase.SINGLE
    if request.init_indicator:
        raise invalid_field("an Init Indicator begins an operation that has no Correlation Value yet")
    return Phase.LAST if request.final_indicator else Phase.NEXT


@frozen(kw_only=True)
class _Waiting:
    stream: Any
    owner: tuple[str, Operation, str]
    expires: int
    held: int


@define(kw_only=True)
class Streams:
    """The streams under way.  A stream is taken out while a part is worked on, so that no two parts run at once.

    mark: of this process, in front of its correlation values; so one of another process over the same store is known.
    """

    mark: bytes = b""
    maximum: int = MAXIMUM_STREAMS
    maximum_per_principal: int = MAXIMUM_PER_PRINCIPAL
    maximum_bytes: int = MAXIMUM_BYTES
    maximum_bytes_per_principal: int = MAXIMUM_BYTES_PER_PRINCIPAL
    lifetime: int = LIFETIME
    _waiting: dict[bytes, _Waiting] = field(factory=dict, init=False, repr=False)

    def keep(
        self, correlation_value: bytes, stream: Any, principal: str, operation: Operation, key: str, now: int
    ) -> None:
        """Keep a stream until its next part.

        key: the identifier of the key it works with, empty for Hash.
        Raises KmipError (Server Limit Exceeded) if the principal, or the server, has too many, or too much in them.
        """
        self._forget_expired(now)
        held: int = getattr(stream, "held_bytes", 0)
        all_waiting = list(self._waiting.values())
        mine = [waiting for waiting in all_waiting if waiting.owner[0] == principal]
        if (
            len(mine) >= self.maximum_per_principal
            or len(all_waiting) >= self.maximum
            or held + sum(waiting.held for waiting in mine) > self.maximum_bytes_per_principal
            or held + sum(waiting.held for waiting in all_waiting) > self.maximum_bytes
        ):
            raise KmipError(
                ResultReason.SERVER_LIMIT_EXCEEDED, "too many operations in parts are under way; finish some first"
            )
        self._waiting[correlation_value] = _Waiting(
            stream=stream, owner=(principal, operation, key), expires=now + self.lifetime, held=held
        )

    def name(self, unguessable: str) -> bytes:
        """Return the correlation value of a new stream."""
        value = unguessable.encode()
        return value if not self.mark else self.mark + SEPARATOR + value

    def forget(self, correlation_value: bytes) -> None:
        """Drop a stream; nothing happens if it is not there."""
        self._waiting.pop(correlation_value, None)

    def take(self, correlation_value: bytes, principal: str, operation: Operation, key: str, now: int) -> Any:
        """Return a stream and forget it; `keep` it again for a further part.

        Raises KmipError (Invalid Correlation Value) if it is missing, ended, or another principal's: one text for all;
        another if it has the mark of another process.
        """
        waiting = self._waiting.get(correlation_value)
        if waiting is not None and waiting.owner == (principal, operation, key):
            taken = self._waiting.pop(correlation_value, None)
            if taken is not None and now < taken.expires:
                return taken.stream
        mark, separator, _ = correlation_value.partition(SEPARATOR)
        if self.mark and separator and mark != self.mark:
            raise KmipError(
                ResultReason.INVALID_CORRELATION_VALUE,
                "the operation was begun on another node or worker of this server; send all its parts over one"
                " connection",
            )
        raise KmipError(ResultReason.INVALID_CORRELATION_VALUE, "no operation of yours has this correlation value")

    def _forget_expired(self, now: int) -> None:
        for correlation_value, waiting in list(self._waiting.items()):
            if waiting.expires <= now:
                self._waiting.pop(correlation_value, None)
