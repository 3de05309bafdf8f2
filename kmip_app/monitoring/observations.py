"""What one process shows of itself, and how figures are given out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from kmip_app.monitoring.admin import Answer
from kmip_core.classes import frozen

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


@frozen(kw_only=True)
class Observation:
    """What there is to see of one process.  families: metrics of Prometheus's library; empty if not asked for."""

    status: Mapping[str, Any]
    families: Sequence[Any] = ()


def metrics_answer(registry: "CollectorRegistry", headers: Mapping[str, str]) -> Answer:
    """Return all families of a registry, in the form that the client prefers."""
    from prometheus_client import generate_latest
    from prometheus_client.openmetrics import exposition as openmetrics

    if "application/openmetrics-text" in headers.get("accept", ""):
        body = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return Answer(content_type=openmetrics.CONTENT_TYPE_LATEST, body=body)
    return Answer(content_type=TEXT_FORMAT, body=generate_latest(registry))
