"""What transports promise for a stream of messages, on the one that has no listener: in process."""

import pytest
from attrs import define

from kmip_adapters.transport.in_process import InProcessTransport
from kmip_app.testing.contracts.listener.service import FakeFramer, FakeService
from kmip_app.testing.contracts.listener.streams import *  # noqa: F403  the promises, with the `peer` of this module
from kmip_core.principal import Principal
from tests.contract.listeners import NO_MESSAGES, REFUSAL_OF_NONSENSE


@define
class InProcessPeer:
    transport: InProcessTransport
    nonsense: tuple[bytes, ...] = NO_MESSAGES
    refusal_of_nonsense: bytes = REFUSAL_OF_NONSENSE

    def send(self, frames: tuple[bytes, ...], answers: int) -> list[bytes]:
        received, found = self.transport.exchange(b"".join(frames)), []
        while received:
            length = 8 + int.from_bytes(received[4:8])
            found.append(received[:length])
            received = received[length:]
        assert answers == len(found)
        return found

    def send_and_read_to_the_end(
        self, frames: tuple[bytes, ...], octets: bytes = b"", behind: tuple[bytes, ...] = ()
    ) -> bytes:
        return self.transport.exchange(b"".join((*frames, octets, *behind)))


@pytest.fixture
def peer() -> InProcessPeer:
    transport = InProcessTransport(FakeService(), new_framer=FakeFramer, principal=Principal(name="client"))
    return InProcessPeer(transport)
