"""Discover Versions: a client asks which protocol versions both sides speak. KMIP 2.1 §6.1.16, 1.4 §4.26."""

from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.structures import ProtocolVersion


@define(kw_only=True)
class Request:
    """protocol_versions: what the client speaks, best first; empty to ask for all."""

    protocol_versions: tuple[ProtocolVersion, ...] = ()


@define(kw_only=True)
class Response:
    """protocol_versions: those that both speak, best first."""

    protocol_versions: tuple[ProtocolVersion, ...] = ()


def perform(request: Request, scope: Scope) -> Response:
    """Return the versions that both speak, newest first: some clients take the first one blindly (clients.md 8)."""
    spoken = scope.services.capabilities.protocol_versions
    named = request.protocol_versions
    return Response(protocol_versions=tuple(v for v in spoken if v in named) if named else spoken)


SPEC = Spec(
    operation=Operation.DISCOVER_VERSIONS,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    is_plain_read=True,
)
