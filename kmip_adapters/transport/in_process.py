"""The way to a Service without sockets: for tests, and for programs that bring their own server along."""

from collections.abc import Callable

from attrs import field

from kmip_core.classes import frozen
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Answer, ConnectionEnd, Framer, RoleSwap, Service, run_to_end
from kmip_core.principal import Principal


@frozen
class InProcessTransport:
    """Carries messages of one principal to a service, in the caller's thread."""

    service: Service
    new_framer: Callable[[], Framer] = field(kw_only=True)
    principal: Principal = field(kw_only=True)

    def request(self, frame: bytes) -> Answer:
        """Return the answer to one message."""
        return run_to_end(self.service.open(frame, self.principal))

    def exchange(self, data: bytes) -> bytes:
        """Return everything a peer would read that sends `data` on one connection: whole answers in order.

        Bytes that are no message are answered once and end the exchange, whatever follows them.
        """
        framer = self.new_framer()
        framer.receive_data(data)
        answers: list[bytes] = []
        try:
            while (frame := framer.next_frame()) is not None:
                answer = self.request(frame)
                if isinstance(answer, ConnectionEnd | RoleSwap):  # nothing can be asked of a caller
                    answers.append(answer.octets)
                    break
                answers.append(answer)
        except KmipError as error:
            answers.append(self.service.refuse(error))
        return b"".join(answers)
