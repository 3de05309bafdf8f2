"""Sends traces and metrics to a collector of OpenTelemetry, by OTLP over HTTP, in threads of its own.

The metrics are those of `/metrics`, under the same names. What cannot be sent in time is dropped, never waited for: the
queue of spans is bounded, and so is the time that the end of the server waits for the last of them. The environment
variables of OpenTelemetry say more than the settings do: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
OTEL_TRACES_SAMPLER, OTEL_METRIC_EXPORT_INTERVAL, OTEL_EXPORTER_OTLP_CERTIFICATE and others.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from kmip_adapters.transport.limits import LineBudget
from kmip_app.monitoring.tracing import RequestTracing
from kmip_app.version import VERSION

LOG: Final = logging.getLogger("kmip_app")

END_SECONDS: Final = 3.0
"""For the last spans and figures, when the server ends."""

SCOPE: Final = "kmipd"
EVERY: Final = 60.0
"""Seconds between two sendings of the metrics."""

LINES: Final = 10
"""Of the libraries that send, in one minute: they write one for each span where their queue is full."""

Families = Callable[[], Iterable[Any]]
"""Returns metrics of Prometheus's library, as they are now."""


class Telemetry:
    """What is sent to one collector, from its making until `close`.

    endpoint: http://HOST:PORT or https://HOST:PORT, with a path or without.  headers: sent with everything.
    instance: what this process is called among those of the service.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], instance: str) -> None:
        here = {"service.name": "kmipd", "service.version": VERSION, "service.instance.id": instance}
        named = {name: value for name, value in here.items() if name != "service.name" or not _service_is_named()}
        resource = Resource.create(named)
        endpoint = endpoint.rstrip("/")
        self._resource = resource
        self._lines = _Lines()
        logging.getLogger("opentelemetry").addHandler(self._lines)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        if _sends("traces"):
            exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", headers=dict(headers))
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracing = RequestTracing(self._provider.get_tracer(SCOPE, VERSION))
        self._metrics = None
        if _sends("metrics"):
            self._metrics = OTLPMetricExporter(f"{endpoint}/v1/metrics", headers=dict(headers))
        self._families: Families | None = None
        self._started = time.time_ns()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_metrics, name="kmip-otlp", daemon=True)

    def start(self, families: Families) -> None:
        """Send the metrics as well, from now on."""
        self._families = families
        if self._metrics is not None:
            self._thread.start()

    def close(self) -> None:
        """Send what is left, as far as that takes no longer than the end of a server may."""
        self._stop.set()
        ends = [threading.Thread(target=self._provider.shutdown, name="kmip-otlp-end", daemon=True)]
        ends[0].start()
        if self._thread.is_alive():
            ends.append(self._thread)
        until = time.monotonic() + END_SECONDS
        for thread in ends:
            thread.join(max(0.0, until - time.monotonic()))
        logging.getLogger("opentelemetry").removeHandler(self._lines)

    def _send_metrics(self) -> None:
        every = _interval()
        while not self._stop.wait(every):
            self._send()
        self._send()

    def _send(self) -> None:
        if self._metrics is None or self._families is None:
            return
        try:
            self._metrics.export(self._data(self._families()))
        except Exception:  # a fault in one sending must not end the thread that makes all of them
            LOG.exception("the metrics could not be sent")

    def _data(self, families: Iterable[Any]) -> MetricsData:
        metrics = list(converted(families, self._started, time.time_ns()))
        scope = ScopeMetrics(scope=InstrumentationScope(SCOPE, VERSION), metrics=metrics, schema_url="")
        return MetricsData([ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")])


class _Lines(logging.Handler):
    """Passes warnings of OpenTelemetry's libraries on to the log of the server, a few in a minute."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._budget = LineBudget(LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on one line, without a traceback: what cannot be sent is no fault of the server."""
        held_back = self._budget.spend("", time.monotonic())
        if held_back is not None:
            before = f" ({held_back} such lines were held back)" if held_back else ""
            LOG.log(record.levelno, "OpenTelemetry: %s%s", record.getMessage()[:500], before)


def converted(families: Iterable[Any], started: int, now: int) -> Iterator[Metric]:
    """Give metrics of Prometheus's library as those of OpenTelemetry.  started, now: nanoseconds since 1970."""
    for family in families:
        if family.type == "histogram":
            points = list(_histograms(family, started, now))
            if points:
                cumulative = Histogram(points, AggregationTemporality.CUMULATIVE)
                yield Metric(family.name, family.documentation, family.unit, cumulative)
            continue
        by_name: dict[str, list[NumberDataPoint]] = {}
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                by_name.setdefault(sample.name, []).append(NumberDataPoint(sample.labels, started, now, sample.value))
        for name, values in by_name.items():
            grows = family.type == "counter"
            data = Sum(values, AggregationTemporality.CUMULATIVE, is_monotonic=True) if grows else Gauge(values)
            yield Metric(name, family.documentation, family.unit, data)


def _histograms(family: Any, started: int, now: int) -> Iterator[HistogramDataPoint]:
    """Give the points of a family, one for each set of labels."""
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        if sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    unknown: Any = None  # the highest and the lowest value
    for labels, bounded in buckets.items():
        so_far = [0.0, *(count for _, count in bounded)]
        yield HistogramDataPoint(
            attributes=dict(labels),
            start_time_unix_nano=started,
            time_unix_nano=now,
            count=int(so_far[-1]),
            sum=sums.get(labels, 0.0),
            bucket_counts=[int(upper - lower) for lower, upper in pairwise(so_far)],
            explicit_bounds=[bound for bound, _ in bounded[:-1]],  # the last one has no end
            min=unknown,
            max=unknown,
        )


def _sends(signal: str) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip().lower() != "none"


def _service_is_named() -> bool:
    return "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")


def _interval() -> float:
    """Return the seconds between two sendings of the metrics."""
    try:
        return max(float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")) / 1000, 0.1)
    except ValueError:
        return EVERY
