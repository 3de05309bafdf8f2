"""All metrics, gathered when they are asked for, in the forms of Prometheus.

Nothing is counted here: every number is read from where it arises. `FAMILIES` is the list of names, which the
documentation, the dashboard and the alert rules are tested against.
"""

import platform
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from kmip_adapters.storage.census import Backlog, Census
from kmip_app.monitoring.observation import SEVERAL, SUCCESS, copied
from kmip_app.monitoring.sources import Sources
from kmip_app.version import VERSION
from kmip_core.enums import Operation, ResultReason
from kmip_core.standard_names import standard_name

FAMILIES: Final = {
    "kmipd_build": "Version of the server and of what it runs on.",
    "kmipd_start_time_seconds": "When the server was started, in seconds since 1970-01-01 UTC.",
    "kmipd_workers": "Processes that serve together, by what they are doing.",
    "kmipd_worker_restarts": "Workers that have ended by themselves and were started again.",
    "kmipd_ready": "1 if the check holds, 0 if it fails; all must hold for /readyz.",
    "kmipd_requests": "Batch items answered, by operation, protocol version and result.",
    "kmipd_request_duration_seconds": "Time from decoding to the answer of a message, by its operation.",
    "kmipd_messages": "Request messages that were begun.",
    "kmipd_requests_declined": "Messages that were not begun, by the limit that they met.",
    "kmipd_connections": "Connections that are open.",
    "kmipd_connections_accepted": "Connections that were accepted.",
    "kmipd_connections_refused": "New connections that were refused, by the limit that they met.",
    "kmipd_connections_cut": "Connections that the server ended, by the reason.",
    "kmipd_handshakes_open": "TLS handshakes in progress.",
    "kmipd_handshakes_completed": "TLS handshakes that were completed.",
    "kmipd_handshakes_failed": "TLS handshakes that failed, by cause.",
    "kmipd_sessions": "Connections whose handshake is complete.",
    "kmipd_sessions_resumed": "Handshakes that resumed an earlier session.",
    "kmipd_sessions_refused": "Sessions all of whose requests are refused, by the result reason.",
    "kmipd_received_bytes": "Ciphertext received.",
    "kmipd_sent_bytes": "Ciphertext sent.",
    "kmipd_unsent_bytes": "Bytes of answers that clients have not taken.",
    "kmipd_half_sent_bytes": "Bytes of requests that are not complete.",
    "kmipd_queue_depth": "Requests that wait for a thread, by pace.",
    "kmipd_running_requests": "Requests that have a thread, by pace.",
    "kmipd_held_up": "Requests that kept the event loop for longer than the watchdog's limit.",
    "kmipd_loop_lag_seconds": "How late the event loop was when it was last asked.",
    "kmipd_loop_lag_highest_seconds": "The most since the start.",
    "kmipd_objects": "Managed objects by type and state.",
    "kmipd_keys_expiring": "Objects that their Deactivation Date will deactivate within so many days.",
    "kmipd_asynchronous_requests": "Batch items that are answered later and were not fetched, by their stage.",
    "kmipd_notices": "Notices that wait for a client, by whether it could be reached at last.",
    "kmipd_notified_clients": "Clients that are sent Notify and Put, by whether they could be reached at last.",
    "kmipd_commit_group_changes": "Changes that were committed together.",
    "kmipd_commit_sync_seconds": "Time of one COMMIT, with its sync to disk.",
    "kmipd_database_read_seconds": "Time of the last count of the objects.",
    "kmipd_quota_refusals": "Changes that were refused because the owner has as many objects or bytes as it may.",
    "kmipd_rows_refused": "Reads of objects whose row was changed in the database, and which were refused.",
    "kmipd_audit_append_seconds": "Time to append one record to the audit trail.",
    "kmipd_audit_alarms": "Findings of the trail that an operator must look at: emptied, cut, edited.",
    "kmipd_token_calls_failed": "Calls of the PKCS#11 token that failed, by its error.",
    "kmipd_token_unsettled_keys": "Keys that a failure left in the token, for the next sweep.",
    "kmipd_certificate_days_left": "Days until the end of a certificate or revocation list.",
    "kmipd_disk_free_bytes": "Bytes that the server may still write in a folder.",
    "kmipd_client_certificate_days_left": "Days until the end of each certificate that a client was seen with.",
}
"""Every family of ours and what it says."""

CENSUS_EVERY: Final = 60.0  # seconds
BACKLOG_EVERY: Final = 5.0


COUNTED: Final = {
    "kmipd_messages": "requests",
    "kmipd_connections_accepted": "connections_accepted",
    "kmipd_handshakes_completed": "handshakes_completed",
    "kmipd_sessions_resumed": "sessions_resumed",
    "kmipd_received_bytes": "bytes_received",
    "kmipd_sent_bytes": "bytes_sent",
    "kmipd_held_up": "held_up",
}
"""Totals of `TransportCounters`."""

COUNTED_BY: Final = {
    "kmipd_requests_declined": ("requests_declined", "limit"),
    "kmipd_connections_refused": ("connections_refused", "limit"),
    "kmipd_connections_cut": ("connections_cut", "reason"),
    "kmipd_handshakes_failed": ("handshakes_failed", "cause"),
    "kmipd_sessions_refused": ("sessions_refused", "reason"),
}
"""Totals with a label."""

GAUGED: Final = {
    "kmipd_connections": "connections_open",
    "kmipd_handshakes_open": "handshakes_open",
    "kmipd_sessions": "sessions_open",
    "kmipd_unsent_bytes": "unsent_bytes",
    "kmipd_half_sent_bytes": "half_sent_bytes",
}
"""What is so at this moment."""

GAUGED_BY: Final = {"kmipd_queue_depth": ("queued", "pace"), "kmipd_running_requests": ("running", "pace")}
"""The same, with a label."""


class Metrics(Collector):
    """Our families. Re-entrant."""

    def __init__(
        self, sources: Sources, clock: Callable[[], float], counts_objects: Callable[[], bool] = lambda: True
    ) -> None:
        """counts_objects: False where another process of the server counts them."""
        self._counts_objects = counts_objects
        self._sources = sources
        self._clock = clock
        self._census: tuple[float, float, Census] | None = None  # when it was taken, how long that took
        self._backlog: tuple[float, float, Backlog] | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield every family as it is now."""
        yield from self._of_the_server()
        yield from self._of_requests()
        yield from self._of_the_transport()
        if self._counts_objects():
            yield from self._of_objects()
            yield from self._of_the_backlog()
        yield from self._of_the_store()
        yield from self._of_the_token()
        yield from self._of_certificates_and_disks()

    def _of_the_server(self) -> Iterator[Metric]:
        sources = self._sources
        build = InfoMetricFamily("kmipd_build", FAMILIES["kmipd_build"])
        build.add_metric(
            [], {"version": VERSION, "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION.split()[1]}
        )
        yield build
        yield _gauge("kmipd_start_time_seconds", sources.started)
        workers = _gauges("kmipd_workers", ["state"])
        workers.add_metric(["serving"], 1.0)
        yield workers
        restarts = CounterMetricFamily("kmipd_worker_restarts", FAMILIES["kmipd_worker_restarts"])
        restarts.add_metric([], 0.0)
        yield restarts
        ready = _gauges("kmipd_ready", ["check"])
        for name, reason in sources.health.report().checks.items():
            ready.add_metric([name], float(reason is None))
        yield ready
        yield _gauge("kmipd_loop_lag_seconds", sources.lag.seconds)
        yield _gauge("kmipd_loop_lag_highest_seconds", sources.lag.highest)

    def _of_requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "kmipd_requests", FAMILIES["kmipd_requests"], labels=["operation", "version", "result"]
        )
        for (operation, version, reason), count in sorted(self._sources.requests.requests().items()):
            labels = [_operation(operation), f"{version // 256}.{version % 256}", _result(reason)]
            requests.add_metric(labels, float(count))
        yield requests
        durations = _histograms("kmipd_request_duration_seconds", ["operation"])
        for operation, found in sorted(self._sources.requests.durations().items()):
            name = _operation(operation) if operation else SEVERAL
            durations.add_metric([name], found.buckets(), found.total)
        yield durations

    def _of_the_transport(self) -> Iterator[Metric]:
        counters = self._sources.transport
        for name, attribute in COUNTED.items():
            counted = CounterMetricFamily(name, FAMILIES[name])
            counted.add_metric([], float(getattr(counters, attribute)))
            yield counted
        for name, (attribute, label) in COUNTED_BY.items():
            counted = CounterMetricFamily(name, FAMILIES[name], labels=[label])
            for value, count in sorted(copied(getattr(counters, attribute)).items()):
                counted.add_metric([value], float(count))
            yield counted
        for name, attribute in GAUGED.items():
            yield _gauge(name, float(getattr(counters, attribute)))
        for name, (attribute, label) in GAUGED_BY.items():
            gauges = _gauges(name, [label])
            for value, count in sorted(copied(getattr(counters, attribute)).items()):
                gauges.add_metric([value], float(count))
            yield gauges

    def _of_objects(self) -> Iterator[Metric]:
        took, census = self._recent_census()
        objects = _gauges("kmipd_objects", ["object_type", "state"])
        for (object_type, state), count in sorted(census.objects.items(), key=str):
            objects.add_metric(
                [standard_name(object_type), "" if state is None else standard_name(state)], float(count)
            )
        yield objects
        expiring = _gauges("kmipd_keys_expiring", ["within_days"])
        for days, count in sorted(census.expiring.items()):
            expiring.add_metric([str(days)], float(count))
        yield expiring
        yield _gauge("kmipd_database_read_seconds", took)

    def _of_the_backlog(self) -> Iterator[Metric]:
        backlog = self._recent_backlog()
        later = _gauges("kmipd_asynchronous_requests", ["stage"])
        for stage, count in backlog.submissions.items():
            later.add_metric([standard_name(stage)], float(count))
        yield later
        notices = _gauges("kmipd_notices", ["state"])
        notices.add_metric(["waiting"], float(backlog.notices - backlog.retried))
        notices.add_metric(["retried"], float(backlog.retried))
        yield notices
        clients = _gauges("kmipd_notified_clients", ["state"])
        clients.add_metric(["reached"], float(backlog.clients - backlog.unreachable))
        clients.add_metric(["unreachable"], float(backlog.unreachable))
        yield clients

    def _of_the_store(self) -> Iterator[Metric]:
        sources = self._sources
        sizes = _histograms("kmipd_commit_group_changes", [])
        sizes.add_metric([], sources.group_sizes.buckets(), sources.group_sizes.total)
        yield sizes
        for name, durations in (
            ("kmipd_commit_sync_seconds", sources.syncs),
            ("kmipd_audit_append_seconds", sources.audit_appends),
        ):
            family = _histograms(name, [])
            family.add_metric([], durations.buckets(), durations.total)
            yield family
        full = CounterMetricFamily("kmipd_quota_refusals", FAMILIES["kmipd_quota_refusals"])
        full.add_metric([], float(sources.quota_refusals()))
        yield full
        refused = CounterMetricFamily("kmipd_rows_refused", FAMILIES["kmipd_rows_refused"])
        refused.add_metric([], float(sources.rows_refused()))
        yield refused
        alarms = CounterMetricFamily("kmipd_audit_alarms", FAMILIES["kmipd_audit_alarms"])
        alarms.add_metric([], float(sources.audit_alarms()))
        yield alarms

    def _of_the_token(self) -> Iterator[Metric]:
        failures, unsettled = self._sources.token_failures, self._sources.token_unsettled
        failed = CounterMetricFamily("kmipd_token_calls_failed", FAMILIES["kmipd_token_calls_failed"], labels=["error"])
        for error, count in sorted((failures() if failures is not None else {}).items()):
            failed.add_metric([error], count)
        yield failed
        yield _gauge("kmipd_token_unsettled_keys", len(unsettled()) if unsettled is not None else 0)

    def _of_certificates_and_disks(self) -> Iterator[Metric]:
        now = self._sources.now()
        ours = _gauges("kmipd_certificate_days_left", ["kind", "path", "serial"])
        for validity in self._sources.validities():
            days = validity.days_left(now)
            if days is not None:
                ours.add_metric([validity.kind, str(validity.path), validity.serial], days)
        yield ours
        clients = _gauges("kmipd_client_certificate_days_left", ["client", "serial"])
        for seen in self._sources.clients.all():
            clients.add_metric([seen.name, seen.serial], (seen.not_after - now.timestamp()) / 86_400)
        yield clients
        rooms = _gauges("kmipd_disk_free_bytes", ["folder"])
        for folder, count in self._sources.rooms().items():
            rooms.add_metric([str(folder)], count)
        yield rooms

    def _recent_census(self) -> tuple[float, Census]:
        """Return a count that is not too old; one that takes long is taken less often."""
        kept = self._census
        begun = self._clock()
        if kept is None or begun - kept[0] >= max(CENSUS_EVERY, 20 * kept[1]):
            census = self._sources.census()
            ended = self._clock()
            kept = self._census = (ended, ended - begun, census)
        return kept[1], kept[2]

    def _recent_backlog(self) -> Backlog:
        """Return the same of what waits, which is counted faster and changes faster."""
        kept = self._backlog
        begun = self._clock()
        if kept is None or begun - kept[0] >= max(BACKLOG_EVERY, 20 * kept[1]):
            backlog = self._sources.backlog()
            ended = self._clock()
            kept = self._backlog = (ended, ended - begun, backlog)
        return kept[2]


def registry(metrics: Metrics) -> CollectorRegistry:
    """Return a registry with our families and those of the process."""
    found = CollectorRegistry(auto_describe=False)
    found.register(metrics)
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    GCCollector(registry=found)
    return found


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, FAMILIES[name], value=value)


def _gauges(name: str, labels: list[str]) -> Any:
    return GaugeMetricFamily(name, FAMILIES[name], labels=labels)


def _histograms(name: str, labels: list[str]) -> Any:
    return HistogramMetricFamily(name, FAMILIES[name], labels=labels)


def _operation(number: int) -> str:
    return standard_name(Operation(number)) if number else "unknown"


def _result(reason: int) -> str:
    return standard_name(ResultReason(reason)) if reason else SUCCESS
