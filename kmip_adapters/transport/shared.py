"""What the connections of one server share: limits, places, budgets, turns, deadlines, log lines.

Touched on the loop's thread only.
"""

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from attrs import field

from kmip_adapters.transport.byte_budget import ByteBudget
from kmip_adapters.transport.connected_client import ConnectedClient, Identify, WhyOver
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import LineBudget, TransportLimits
from kmip_adapters.transport.places import Places, network_of
from kmip_adapters.transport.rates import Rates
from kmip_adapters.transport.refusals import Refusal, Refusals
from kmip_adapters.transport.runner import Runner
from kmip_adapters.transport.send_queue import SendQueue
from kmip_adapters.transport.tls.context import ServerContext, lists_are_over
from kmip_adapters.transport.turns import Turn, Turns
from kmip_core.classes import define
from kmip_core.ports.transport import Framer, Peer

LOG: Final = logging.getLogger("kmipd.transport")


class Session(Protocol):
    """A connection as the server sees it. Deadlines are numbers that `Shared.sweep` compares: no timer for each."""

    deadline: float
    """Loop time at which it has run out of time."""

    expires: float
    """Wall clock, in seconds since 1970, at which the client's certificate is no longer valid."""

    def run_out_of_time(self) -> None:
        """End the connection, or set another deadline."""
        ...

    def expire(self) -> None:
        """End the session; a request in progress is answered first."""
        ...

    def end_session_if(self, why_over: Callable[[ConnectedClient], WhyOver | None]) -> None:
        """End a session if `why_over` gives a reason for its client; as `expire` does."""
        ...

    def end_session(self, reason: str) -> None:
        """End a session for a reason that counters name; as `expire` does."""
        ...

    def drain(self) -> None:
        """End as soon as the request in progress, if any, has been answered."""
        ...

    def give_way(self) -> None:
        """End at once, to make room."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...

    def cut(self, text: str, limit: str) -> None:
        """End at once, since the client has met a limit."""
        ...


@define(kw_only=True, eq=False)
class Shared:
    """What the connections of one server share.

    on_peer: takes a client that has swapped the roles of its connection.  new_answer_framer: makes what cuts its
    answers.  None where roles are not swapped.
    """

    identify: Identify
    ssl_context: ssl.SSLContext
    limits: TransportLimits
    loop: asyncio.AbstractEventLoop
    runner: Runner
    turns: Turns
    sending: SendQueue
    places: Places
    counters: TransportCounters
    rates: Rates
    refusals: Refusals
    on_empty: Callable[[], None]
    unsent: ByteBudget[Session]
    half_sent: ByteBudget[Session]
    # Ciphertext of the connection that is being read now: it is taken out before another one is read.
    arrived: memoryview = field(factory=lambda: memoryview(bytearray(65_536)))
    on_peer: Callable[[Peer], None] | None = None
    new_answer_framer: Callable[[], Framer] | None = None
    sessions: set[Session] = field(factory=set)  # and connections whose handshake is not complete
    waiting_for_budget: dict[str, list[Turn]] = field(factory=dict)  # by identity, until its answers are taken
    lists_are_over: bool = False
    lines: LineBudget = field(factory=LineBudget)
    now: float = 0.0  # loop time of the last sweep: good enough for deadlines, cheaper than asking for each request
    is_draining: bool = False

    def after(self, seconds: float) -> float:
        """Return a deadline at least `seconds` from now, at most two sweeps later."""
        return self.now + seconds + self.limits.sweep_interval

    def log(self, level: int, address: str, message: str) -> None:
        """Log one line about a client, unless it has had its share."""
        held_back = self.lines.spend(network_of(address), self.now)
        if held_back is None:
            LOG.debug("%s: %s", address, message)
        elif held_back:
            LOG.log(level, "%s: %s (%d such lines were held back)", address, message, held_back)
        else:
            LOG.log(level, "%s: %s", address, message)

    def refuse(
        self, counter: Counter[str], event: str, cause: str, address: str, message: str, principal: str = ""
    ) -> None:
        """Count a refusal, and leave evidence of it.  counter: one of `counters`."""
        counter[cause] += 1
        self.record(event, cause, address, message, principal)

    def record(self, event: str, cause: str, address: str, message: str, principal: str = "") -> None:
        """Leave evidence of a refusal that no counter has."""
        refusal = Refusal(event=event, address=address, message=message, principal=principal)
        self.refusals.note(cause, network_of(address), refusal, self.now)

    def sweep(self) -> None:
        """End what has passed its deadline, and sessions whose certificate has expired."""
        self.now = self.loop.time()
        wall = time.time()
        for session in tuple(self.sessions):
            if session.deadline <= self.now:
                session.run_out_of_time()
            elif session.expires <= wall:
                session.expire()
        self.runner.count()
        self.rates.sweep()
        self.refusals.sweep(self.now)
        self.counters.unsent_bytes = self.unsent.total
        self.counters.half_sent_bytes = self.half_sent.total
        were_over, self.lists_are_over = self.lists_are_over, lists_are_over(self.ssl_context, wall)
        if self.lists_are_over:
            if not were_over:
                LOG.warning("a revocation list in crl_path has expired: sessions end, no client may come; renew it")
            for session in tuple(self.sessions):
                session.end_session("revocation list expired")

    def end_sessions(self, is_over: Callable[[bytes], bool]) -> None:
        """End the sessions of clients with a certificate that `is_over`; one that cannot be judged stops no other."""
        for session in tuple(self.sessions):
            try:
                session.end_session_if(lambda client: client.why_revoked(is_over))
            except Exception:  # whatever a certificate did to a parser
                LOG.exception("a session's certificate cannot be judged; the session goes on")

    def end_untrusted_sessions(self, context: ServerContext) -> None:
        """End the sessions of clients whose CA `context` does not trust."""
        for session in tuple(self.sessions):
            session.end_session_if(lambda client: client.why_untrusted(context))

    def end_sessions_of_others(self, identify: Identify) -> None:
        """End the sessions whose clients would be identified otherwise by now: they connect again as who they are."""
        for session in tuple(self.sessions):
            session.end_session_if(lambda client: client.why_another(identify))

    def wait_for_budget(self, turn: Turn) -> None:
        """Queue a connection again once its identity's answers have been taken."""
        self.waiting_for_budget.setdefault(turn.identity, []).append(turn)

    def free_unsent(self, identity: str, session: Session) -> None:
        """Note that a connection owes its client nothing; connections that waited for that may go on."""
        self.unsent.hold(identity, session, 0)
        if identity in self.waiting_for_budget and not self.unsent.is_spent_by(identity):
            for turn in self.waiting_for_budget.pop(identity):
                self.turns.queue(turn, is_backlog=False)

    def make_way_for_bytes(self, budget: "ByteBudget[Session]", what: str) -> None:
        """End connections until what they hold is within the budget."""
        while (oldest := budget.oldest_of_greatest()) is not None:
            oldest.cut("its place is needed, others hold too much as well", what)
