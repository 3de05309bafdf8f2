"""A collector of OpenTelemetry inside of a test: takes traces and metrics by OTLP over HTTP, and keeps them."""

import gzip
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Listens on a free port of the loopback interface while it is a context manager.

    bodies: all that was sent, decompressed.  headers: those of each request, names in lower case.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, Metric] = {}
        self.resources: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                collector.bodies.append(body)
                if self.path == "/v1/traces":
                    collector._take_spans(ExportTraceServiceRequest.FromString(body))
                elif self.path == "/v1/metrics":
                    collector._take_metrics(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200 if self.path.startswith("/v1/") else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What `otel_endpoint` is set to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace_of(self, name: str) -> tuple[Span, list[Span]]:
        """Return the first request of that name, and its parts."""
        root = next(span for span in self.spans if span.name == name and not span.parent_span_id)
        return root, [span for span in self.spans if span.trace_id == root.trace_id and span is not root]

    def _take_spans(self, sent: ExportTraceServiceRequest) -> None:
        for of_resource in sent.resource_spans:
            self.resources.append(attributes(of_resource.resource.attributes))
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans

    def _take_metrics(self, sent: ExportMetricsServiceRequest) -> None:
        for of_resource in sent.resource_metrics:
            self.resources.append(attributes(of_resource.resource.attributes))
            for of_scope in of_resource.scope_metrics:
                self.metrics |= {metric.name: metric for metric in of_scope.metrics}


def attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    """Return attributes by their names."""
    found: dict[str, object] = {}
    for pair in pairs:
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
    return found
