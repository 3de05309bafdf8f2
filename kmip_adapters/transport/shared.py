"""What the connections of one server share: limits, counts, deadlines, log lines.

Touched on the loop's thread only.
"""

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from attrs import define, field

from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import LineBudget, TransportLimits
from kmip_adapters.transport.runner import Runner
from kmip_core.ports.transport import Framer, Service
from kmip_core.principal import Principal

if TYPE_CHECKING:
    from kmip_adapters.transport.connection import TlsConnection

LOG: Final = logging.getLogger("kmipd.transport")

Identify = Callable[[bytes | None, str], Principal]
"""(client certificate in DER or None, address) -> who.  Raises KmipError (Authentication Not Successful)."""


@define(kw_only=True, eq=False)
class Serving:
    """What the connections of one server share."""

    service: Service
    new_framer: Callable[[], Framer]
    identify: Identify
    ssl_context: ssl.SSLContext
    limits: TransportLimits
    loop: asyncio.AbstractEventLoop
    runner: Runner
    counters: TransportCounters
    on_empty: Callable[[], None]
    # Ciphertext of whichever connection is being read: each takes it out before the next one reads.
    arrived: memoryview = field(factory=lambda: memoryview(bytearray(65_536)))
    connections: "set[TlsConnection]" = field(factory=set)
    by_address: Counter[str] = field(factory=Counter)
    handshakes: Counter[str] = field(factory=Counter)
    by_identity: Counter[str] = field(factory=Counter)
    lines: LineBudget = field(factory=LineBudget)
    now: float = 0.0  # loop time of the last sweep: good enough for deadlines, cheaper than asking for each request
    draining: bool = False

    def after(self, seconds: float) -> float:
        """Return a deadline at least `seconds` from now, at most two sweeps later."""
        return self.now + seconds + self.limits.sweep_interval

    def tell(self, level: int, address: str, message: str) -> None:
        """Log one line about a peer, unless it has had its share."""
        held_back = self.lines.take(address, self.now)
        if held_back is None:
            LOG.debug("%s: %s", address, message)
        elif held_back:
            LOG.log(level, "%s: %s (%d such lines were held back)", address, message, held_back)
        else:
            LOG.log(level, "%s: %s", address, message)

    def sweep(self) -> None:
        """End what has passed its deadline, and sessions whose certificate has expired."""
        self.now = self.loop.time()
        wall = time.time()
        for connection in tuple(self.connections):
            if connection.deadline <= self.now:
                connection.run_out_of_time()
            elif connection.expires <= wall:
                connection.expire()

    def end_sessions(self, is_over: Callable[[bytes], bool]) -> None:
        """End the sessions whose certificate `is_over`."""
        for connection in tuple(self.connections):
            connection.end_if(is_over)


def count_down(counter: Counter[str], key: str) -> None:
    """Take one off, and forget who has none, so that memory does not grow with the number of peers."""
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
