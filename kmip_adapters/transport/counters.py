"""What has happened in the transport since it began to serve, as plain numbers that metrics and the log can read.

The thread of the loop writes, any thread reads: each number is whole at every moment, the numbers together need not
agree. Labels come from fixed tables (causes, limits, paces), so that no client can make the record grow.
"""

from collections import Counter

from attrs import field

from kmip_core.classes import define


@define(kw_only=True, eq=False)
class LoopLag:
    """How late the event loop was, in seconds, by a timer that should fire at regular times.

    last: of the latest timer.  worst: since the start.  over_limit: how often it exceeded the watchdog's limit.
    total, samples: for a mean.
    """

    last: float = 0.0
    worst: float = 0.0
    total: float = 0.0
    samples: int = 0
    over_limit: int = 0


@define(kw_only=True, eq=False)
class TransportCounters:
    """The numbers of one server.

    Totals only grow; gauges, marked so, are of this moment.

    connections_accepted, connections_open (gauge).
    connections_refused: by the limit that a new connection met, such as `max_connections`.
    connections_cut: by the reason why the server ended a connection that the client wanted to keep.
    handshakes_open (gauge), handshakes_completed, sessions_resumed (of those completed).
    handshakes_failed: by cause, such as `no certificate`.
    sessions_open (gauge): connections whose handshake is complete.
    sessions_refused: by the result reason that their requests were answered with.
    requests: messages that were begun.  requests_declined: by the limit that they met.
    bytes_received, bytes_sent: ciphertext.
    unsent_bytes, half_sent_bytes (gauges): answers that clients have not taken, requests that are not complete.
    queued, running (gauges): requests by pace that wait for a thread, and that have one.
    held_up: how often one request kept the loop longer than the watchdog's limit.
    """

    connections_accepted: int = 0
    connections_open: int = 0
    connections_refused: Counter[str] = field(factory=Counter)
    connections_cut: Counter[str] = field(factory=Counter)
    handshakes_open: int = 0
    handshakes_completed: int = 0
    handshakes_failed: Counter[str] = field(factory=Counter)
    sessions_open: int = 0
    sessions_resumed: int = 0
    sessions_refused: Counter[str] = field(factory=Counter)
    requests: int = 0
    requests_declined: Counter[str] = field(factory=Counter)
    bytes_received: int = 0
    bytes_sent: int = 0
    unsent_bytes: int = 0
    half_sent_bytes: int = 0
    queued: dict[str, int] = field(factory=dict)
    running: dict[str, int] = field(factory=dict)
    held_up: int = 0
    loop_lag: LoopLag = field(factory=LoopLag)
