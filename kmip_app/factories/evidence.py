"""What is noted of requests: the audit trail and who else gets it, traces, and the tap."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.sinks import Command, Sink, Syslog
from kmip_adapters.ttlv.service import Answering
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.telemetry import read_headers
from kmip_app.maintenance.node_names import node_name
from kmip_core.engine import Engine
from kmip_core.ports.system import Clock
from kmip_core.ports.transport import Service

if TYPE_CHECKING:
    from kmip_app.inspection.tap import Tap
    from kmip_app.monitoring.otlp import Telemetry
    from kmip_app.monitoring.tracing import RequestTracing


def open_file_trail(configuration: Configuration) -> FileTrail:
    """Open the audit trail of this node."""
    return FileTrail(
        configuration.data_directory / "audit",
        node_name(configuration),
        maximum_size=configuration.audit_file_size or None,
        maximum_age=configuration.audit_file_age,
        keep_files=configuration.audit_keep_files or None,
        audit_gap=configuration.audit_gap,
    )


def make_sinks(configuration: Configuration) -> tuple[Sink, ...]:
    """Return what gets the records besides the trail."""
    sinks = []
    if configuration.audit_syslog is not None:
        sinks.append(Sink(configuration.audit_syslog, Syslog(configuration.audit_syslog)))
    if configuration.audit_command is not None:
        sinks.append(Sink(configuration.audit_command, Command(configuration.audit_command)))
    return tuple(sinks)


def make_telemetry(configuration: Configuration) -> "Telemetry | None":
    """Return what sends traces and metrics; None where no collector is named, and nothing of it is loaded then."""
    if configuration.otel_endpoint is None:
        return None
    from kmip_app.monitoring.otlp import Telemetry

    return Telemetry(configuration.otel_endpoint, read_headers(configuration.otel_headers), node_name(configuration))


def tracing_of(telemetry: "Telemetry | None") -> "RequestTracing | None":
    """Return what follows requests; None where nothing is sent."""
    return None if telemetry is None else telemetry.tracing


def trace_engine(engine: Engine, tracing: "RequestTracing | None") -> Answering:
    """Return the engine, followed where tracing is on."""
    if tracing is None:
        return engine
    from kmip_app.monitoring.tracing import TracedEngine

    return TracedEngine(engine, tracing)


def trace_service(service: Service, tracing: "RequestTracing | None") -> Service:
    """Return a service, followed where tracing is on."""
    if tracing is None:
        return service
    from kmip_app.monitoring.tracing import TracedService

    return TracedService(service, tracing)


def trace_every_encoding(services: Mapping[str, Service], tracing: "RequestTracing | None") -> Mapping[str, Service]:
    """Return the services by content type, followed where tracing is on."""
    return {name: trace_service(service, tracing) for name, service in services.items()}


def make_tap(configuration: Configuration) -> "Tap | None":
    """Return what writes requests and answers down; None where no file is named."""
    if configuration.tap is None:
        return None
    from kmip_app.inspection.tap import Tap  # with the client for Python programs, whose methods are 2,000 lines

    return Tap(configuration.tap)


def tap_service(tap: "Tap | None", service: Service, clock: Clock) -> Service:
    """Return a service, whose frames are written down where there is a tap."""
    if tap is None:
        return service
    from kmip_app.inspection.tap import TappedService

    return TappedService(service, tap, clock)


def tap_every_encoding(tap: "Tap | None", services: Mapping[str, Service], clock: Clock) -> Mapping[str, Service]:
    """Return the services by content type, written down where there is a tap."""
    return {name: tap_service(tap, service, clock) for name, service in services.items()}
