"""Where the numbers of metrics and status come from, without what writes them for Prometheus."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from attrs import field

from kmip_adapters.storage.census import Backlog, Census
from kmip_adapters.transport.counters import TransportCounters
from kmip_app.monitoring.clients import SeenClients
from kmip_app.monitoring.health import Health
from kmip_app.monitoring.loop_lag import LoopLag
from kmip_app.monitoring.observation import Durations, RequestNumbers, Sizes
from kmip_app.pki.validity import Validity
from kmip_core.classes import define


@define(kw_only=True)
class Sources:
    """Where the numbers come from.

    validities: the dates of certificates in use.  rooms: the bytes that are left in each folder that is written to.
    census: counts the objects.  backlog: counts what waits.  now: aware.
    """

    requests: RequestNumbers
    clients: SeenClients
    lag: LoopLag
    health: Health
    transport: TransportCounters
    validities: Callable[[], list[Validity]]
    rooms: Callable[[], Mapping[Path, int]]
    census: Callable[[], Census]
    backlog: Callable[[], Backlog]
    audit_appends: Durations
    rows_refused: Callable[[], int]
    quota_refusals: Callable[[], int]
    audit_alarms: Callable[[], int]
    token_failures: Callable[[], Mapping[str, int]] | None = None
    token_unsettled: Callable[[], Collection[str]] | None = None
    now: Callable[[], dt.datetime]
    started: float
    group_sizes: Sizes = field(factory=Sizes)
    syncs: Durations = field(factory=Durations)
