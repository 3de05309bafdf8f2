"""How metrics of Prometheus's library become those of OpenTelemetry, and what the environment decides."""

import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily

from kmip_app.monitoring.otlp import LINES, Telemetry, converted
from tests.collector import Collector

STARTED, NOW = 1_000, 2_000


def test_a_counter_is_a_sum_that_only_grows() -> None:
    family = CounterMetricFamily("kmipd_requests", "requests", labels=["operation"], created=5.0)
    family.add_metric(["Get"], 3.0)

    (metric,) = converted([family], STARTED, NOW)

    assert isinstance(metric.data, Sum)
    assert metric.data.is_monotonic
    assert metric.name == "kmipd_requests_total"
    (point,) = metric.data.data_points
    assert (point.attributes, point.value, point.start_time_unix_nano) == ({"operation": "Get"}, 3.0, STARTED)


def test_a_gauge_and_an_info_are_gauges() -> None:
    info = InfoMetricFamily("kmipd_build", "build")
    info.add_metric([], {"version": "1"})

    gauge, build = converted([GaugeMetricFamily("kmipd_sessions", "open", value=2.0), info], STARTED, NOW)

    assert isinstance(gauge.data, Gauge)
    assert gauge.data.data_points[0].value == 2.0
    assert (build.name, build.data.data_points[0].attributes) == ("kmipd_build_info", {"version": "1"})


def test_the_buckets_of_a_histogram_are_no_longer_added_up() -> None:
    family = HistogramMetricFamily("kmipd_request_duration_seconds", "durations", labels=["operation"])
    family.add_metric(["Get"], buckets=[("0.5", 2.0), ("1.0", 5.0), ("+Inf", 6.0)], sum_value=4.5)
    family.add_metric(["Create"], buckets=[("0.5", 0.0), ("1.0", 0.0), ("+Inf", 0.0)], sum_value=0.0)

    (metric,) = converted([family], STARTED, NOW)

    assert isinstance(metric.data, Histogram)
    of_get, of_create = metric.data.data_points
    assert (of_get.attributes, of_get.count, of_get.sum) == ({"operation": "Get"}, 6, 4.5)
    assert (of_get.bucket_counts, of_get.explicit_bounds) == ([2, 3, 1], [0.5, 1.0])
    assert of_create.bucket_counts == [0, 0, 0]


def test_a_histogram_without_labels_that_has_counted_nothing_is_left_out() -> None:
    empty = HistogramMetricFamily("kmipd_request_duration_seconds", "durations", labels=["operation"])

    assert list(converted([empty], STARTED, NOW)) == []


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def families() -> list[GaugeMetricFamily]:
    return [GaugeMetricFamily("kmipd_sessions", "open", value=2.0)]


def ended(collector: Collector) -> None:
    """Have one request traced, and the metrics sent."""
    telemetry = Telemetry(collector.url + "/", {}, "here")
    request = telemetry.tracing.new_request()
    if request is not None:
        request.end()
    telemetry.start(families)
    telemetry.close()


def test_remaining_spans_and_metrics_are_sent_at_the_end(collector: Collector) -> None:
    ended(collector)

    assert (len(collector.spans), list(collector.metrics)) == (1, ["kmipd_sessions"])
    assert collector.resources[0]["service.instance.id"] == "here"


@pytest.mark.parametrize(
    ("variable", "value", "spans", "metrics"),
    [
        ("OTEL_TRACES_EXPORTER", "none", 0, 1),
        ("OTEL_METRICS_EXPORTER", "none", 1, 0),
        ("OTEL_TRACES_SAMPLER", "always_off", 0, 1),
        ("OTEL_SDK_DISABLED", "true", 0, 0),
    ],
)
def test_the_environment_of_opentelemetry_decides_what_is_sent(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, variable: str, value: str, spans: int, metrics: int
) -> None:
    monkeypatch.setenv(variable, value)

    ended(collector)

    assert (len(collector.spans), len(collector.metrics)) == (spans, metrics)


@pytest.mark.parametrize("variable", ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"])
def test_the_environment_names_the_service(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, variable: str
) -> None:
    monkeypatch.setenv(variable, "keys" if variable == "OTEL_SERVICE_NAME" else "service.name=keys")

    ended(collector)

    assert {resource["service.name"] for resource in collector.resources} == {"keys"}


def test_figures_that_cannot_be_taken_leave_a_line(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> list[GaugeMetricFamily]:
        raise RuntimeError("no figures")

    telemetry = Telemetry(collector.url, {}, "here")
    telemetry.start(broken)
    telemetry.close()

    assert "the metrics could not be sent" in caplog.text


def test_lines_of_the_libraries_are_few_and_end_with_the_server(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    library = logging.getLogger("opentelemetry.sdk.anything")
    telemetry = Telemetry(collector.url, {}, "here")
    for _ in range(LINES * 10):
        library.warning("queue full")
    telemetry.close()
    library.warning("queue full")

    assert sum(record.name == "kmip_app" for record in caplog.records) == LINES
