"""Traces and metrics, sent to a collector of OpenTelemetry that listens in the test."""

import urllib.parse
from collections.abc import Iterator

import pytest

from kmip_app.monitoring.exposition import FAMILIES
from tests.collector import Collector, attributes
from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start, eventually
from tests.server import running

NAME = "a-name-that-the-client-has-chosen"
KEY = bytes(range(100, 116))
HEADER = "Bearer of the collector"


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Return what a collector has of a server that has served some requests and has ended."""
    folder = tmp_path_factory.mktemp("telemetry")
    secret = folder / "headers"
    secret.write_text(f"Authorization={urllib.parse.quote(HEADER)},X-Tenant=keys\n")
    secret.chmod(0o600)
    with Collector() as collector:
        options = ("--otel-endpoint", collector.url, "--otel-headers", f"file:{secret}")
        with running(folder, "--data-dir", str(folder / "data"), *options) as server:
            with Dialogue(server) as client:
                client.create(NAME)
                registered = client.register(NAME + "-2", KEY)
                client.material(registered)
                with pytest.raises(Refused):
                    client.material("missing")
            assert server.stop() == 0
        yield collector


def test_a_request_is_one_trace_with_a_span_for_each_part(collector: Collector) -> None:
    root, parts = collector.trace_of("Create")

    assert sorted(part.name for part in parts) == ["admission", "audit", "commit", "decode", "operation", "transport"]
    assert {part.parent_span_id for part in parts} == {root.span_id}
    assert all(root.start_time_unix_nano <= part.start_time_unix_nano for part in parts)
    assert all(part.end_time_unix_nano <= root.end_time_unix_nano for part in parts)
    assert root.kind == root.SPAN_KIND_SERVER


def test_a_trace_says_who_asked_for_what_and_what_came_of_it(collector: Collector) -> None:
    root, _ = collector.trace_of("Create")
    described = attributes(root.attributes)

    assert described.pop("kmip.request_bytes", 0) != 0
    assert described == {
        "kmip.client": "client",
        "client.address": "127.0.0.1",
        "kmip.version": "1.4",
        "kmip.batch_items": 1,
        "kmip.result": "Success",
    }


def test_a_refusal_is_a_result_and_no_error_of_the_server(collector: Collector) -> None:
    results = {
        attributes(span.attributes)["kmip.result"]: span.status.code for span in collector.spans if span.name == "Get"
    }

    assert results == {"Success": 0, "Object Not Found": 0}


def test_nothing_that_a_client_has_chosen_and_no_key_is_sent(collector: Collector) -> None:
    sent = b"".join(collector.bodies)

    assert NAME.encode() not in sent
    assert b"missing" not in sent
    assert KEY not in sent
    assert KEY.hex().encode() not in sent


def test_the_metrics_are_those_of_the_listener(collector: Collector) -> None:
    requests = collector.metrics["kmipd_requests_total"]
    counted = {
        (named["operation"], named["result"]): point.as_double
        for point in requests.sum.data_points
        if (named := attributes(point.attributes))
    }
    (of_get,) = (
        point
        for point in collector.metrics["kmipd_request_duration_seconds"].histogram.data_points
        if attributes(point.attributes) == {"operation": "Get"}
    )

    assert requests.sum.is_monotonic
    assert (counted["Create", "Success"], counted["Get", "Object Not Found"]) == (1.0, 1.0)
    assert (of_get.count, sum(of_get.bucket_counts)) == (2, 2)
    assert len(of_get.bucket_counts) == len(of_get.explicit_bounds) + 1
    given = {name.removesuffix("_total").removesuffix("_info") for name in collector.metrics}
    ours = {name for name in given if not name.startswith(("process_", "python"))}
    assert ours <= set(FAMILIES)
    assert {"kmipd_build", "kmipd_objects", "kmipd_commit_sync_seconds", "kmipd_certificate_days_left"} <= ours


def test_the_service_and_its_process_are_named(collector: Collector) -> None:
    for resource in collector.resources:
        assert resource["service.name"] == "kmipd"
        assert resource["service.instance.id"] == "main"


def test_every_sending_has_the_headers_of_the_file(collector: Collector) -> None:
    assert {(sent["authorization"], sent["x-tenant"]) for sent in collector.headers} == {(HEADER, "keys")}


def test_a_collector_that_is_not_there_keeps_no_request_waiting_and_no_server_from_ending(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    server = start("--otel-endpoint", "http://127.0.0.1:9")

    with Dialogue(server) as client:
        client.create("key")
        eventually(lambda: b"OpenTelemetry: " in server.output.read_bytes(), "a line about the collector")
        client.create("another key")

    assert server.stop() == 0
