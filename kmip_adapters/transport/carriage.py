"""How messages travel in the decrypted stream of a connection: bare TTLV here, HTTP in http_carriage.py.

A carriage belongs to one connection, which serves one request at a time.
"""

from typing import Protocol

from kmip_core.errors import KmipError
from kmip_core.ports.transport import Framer, Job, Service
from kmip_core.principal import Principal


class Carriage(Protocol):
    """Cuts what arrives into requests and puts answers into what leaves."""

    @property
    def held(self) -> int:
        """Bytes of requests that have arrived and are not complete."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the connection is to end after the answer to the request that was returned last."""
        ...

    @property
    def refused(self) -> str:
        """Why the request that `next_frame` returned last, empty then, is refused without a look at it; or ""."""
        ...

    def receive_data(self, data: bytes) -> None:
        """Take what arrived."""
        ...

    def next_frame(self) -> bytes | None:
        """Return the next whole request, or None if more bytes are needed.

        Raises KmipError if the stream cannot be read any further; `refuse` answers it.
        """
        ...

    def interim(self) -> bytes:
        """Return what is to be sent at once although no request is whole: the consent to a body, in HTTP."""
        ...

    def open(self, frame: bytes, principal: Principal) -> Job:
        """Decode the request that `next_frame` returned last; may be called in a worker."""
        ...

    def wrap(self, answer: bytes) -> bytes:
        """Return what is sent for the answer to the request that `next_frame` returned last."""
        ...

    def refuse(self, error: KmipError) -> bytes:
        """Return what is sent in place of an answer, before the connection ends."""
        ...


class TtlvStream:
    """A `Carriage` of messages one after another, as KMIP's own port has them."""

    __slots__ = ("_framer", "next_frame", "open", "receive_data", "refuse")

    is_over = False
    refused = ""

    def __init__(self, framer: Framer, service: Service) -> None:
        self._framer = framer
        self.receive_data = framer.receive_data  # themselves, since each request passes here
        self.next_frame = framer.next_frame
        self.open = service.open
        self.refuse = service.refuse

    @property
    def held(self) -> int:
        """Bytes of a message that is not complete."""
        return self._framer.held

    def interim(self) -> bytes:
        """Nothing is sent between answers."""
        return b""

    def wrap(self, answer: bytes) -> bytes:
        """Return the answer as it is."""
        return answer
