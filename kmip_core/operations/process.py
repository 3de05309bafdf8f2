"""Process: a client wants a pending operation to be done now. KMIP 2.1 §6.1.39."""

from attrs import evolve

from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.ports.steps import Pace, Steps
from kmip_core.principal import Principal
from kmip_core.procedures import polling
from kmip_core.services import EngineServices


@frozen(kw_only=True)
class Request:
    """asynchronous_correlation_value: of the operation, as its first answer had it."""

    asynchronous_correlation_value: bytes


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """Note that the operation is to be done at once; `after` waits for it.

    Raises KmipError: Invalid Asynchronous Correlation Value for a value that is not the principal's own; Duplicate
    Process Request if the operation has ended, or Process was asked for it before.
    """
    found = polling.own(scope.work, request.asynchronous_correlation_value, scope.principal)
    if found is None:
        raise polling.unknown()
    if found.has_ended or found.is_processed:
        raise KmipError(ResultReason.DUPLICATE_PROCESS_REQUEST, "the operation is processed already; poll for it")
    scope.work.save_submission(evolve(found, is_processed=True, due_at=min(found.due_at, scope.now)))
    return Response()


def after(request: Request, services: EngineServices, principal: Principal, pace: Pace) -> Steps[None]:
    """Wait for the operation, so that the next Poll has its outcome."""
    value = request.asynchronous_correlation_value
    yield from polling.wait_for(value, principal, services, pace, polling.PROCESS_MILLISECONDS)


SPEC = Spec(
    operation=Operation.PROCESS,
    request=Request,
    response=Response,
    perform=perform,
    after=after,
    cost=Cost.WORKS,
    is_offered=lambda settings: settings.asynchronous_requests > 0,
)
