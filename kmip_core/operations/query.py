"""Query: a client asks what this server can do. KMIP 2.1 §6.1.40, 1.4 §4.25."""

from collections.abc import Callable
from typing import Any, Final

from attrs import field, frozen

from kmip_core.enums import ObjectType, Operation, QueryFunction
from kmip_core.operation import Effect, Scope, Spec
from kmip_core.structures import CapabilityInformation, ServerInformation


@frozen(kw_only=True)
class Request:
    """query_functions: what to tell; unknown functions of later versions never reach here."""

    query_functions: tuple[QueryFunction, ...]


@frozen(kw_only=True)
class Response:
    """Only what was asked for is set."""

    operations: tuple[Operation, ...] = ()
    object_types: tuple[ObjectType, ...] = ()
    vendor_identification: str | None = None
    server_information: ServerInformation | None = None
    application_namespaces: tuple[str, ...] = ()
    capability_informations: tuple[CapabilityInformation, ...] = field(default=())


def perform(request: Request, scope: Scope) -> Response:
    """Return what the catalogue and the adapters can do, and nothing that is not there."""
    told: dict[str, Any] = {}
    for function in request.query_functions:
        answer = ANSWERS.get(function)
        if answer is not None:
            told.update(answer(scope))
    return Response(**told)


ANSWERS: Final[dict[QueryFunction, Callable[[Scope], dict[str, Any]]]] = {
    QueryFunction.QUERY_OPERATIONS: lambda s: {"operations": s.capabilities.operations},
    QueryFunction.QUERY_OBJECTS: lambda s: {"object_types": s.capabilities.object_types},
    QueryFunction.QUERY_SERVER_INFORMATION: lambda s: {
        "vendor_identification": s.settings.vendor_identification,
        "server_information": s.settings.server_information,
    },
    QueryFunction.QUERY_CAPABILITIES: lambda s: {
        "capability_informations": (
            CapabilityInformation(
                streaming_capability=False,
                asynchronous_capability=False,
                attestation_capability=False,
                batch_undo_capability=True,
                batch_continue_capability=True,
            ),
        )
    },
}
"""What each Query Function adds to the response; a function without a row has nothing to tell here."""


SPEC = Spec(operation=Operation.QUERY, request=Request, response=Response, perform=perform, effect=Effect.READS)
