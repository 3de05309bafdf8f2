"""Poll: a client asks for the answer to an operation that is pending. KMIP 2.1 §6.1.38, 1.4 §4.28."""

from attrs import evolve

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.messages import ResponseBatchItem
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
    """Nothing: the answer is that of the operation itself, or says that it is pending."""


def before(request: Request, services: EngineServices, principal: Principal, pace: Pace) -> Steps[None]:
    """Have the operation begun, and wait for it a little."""
    value = request.asynchronous_correlation_value
    yield from polling.wait_for(value, principal, services, pace, polling.POLL_MILLISECONDS)


def perform(request: Request, scope: Scope) -> ResponseBatchItem:
    """Answer as the operation itself has, or that it is pending.

    The outcome is kept for a while, so that a client can ask again whose connection breaks.
    Raises KmipError (Invalid Asynchronous Correlation Value) for a value that is not the principal's own.
    """
    found = polling.own(scope.work, request.asynchronous_correlation_value, scope.principal)
    if found is None:
        raise polling.unknown()
    answer = polling.answer_to(found, scope.services.kept_items)
    if not found.has_ended:
        return evolve(answer, operation=Operation.POLL)
    if not found.is_delivered:
        scope.work.save_submission(found.delivered(scope.now))
    return answer


SPEC = Spec(
    operation=Operation.POLL,
    request=Request,
    response=Response,
    perform=perform,
    before=before,
    cost=Cost.WORKS,  # it reads answers of any size
    is_offered=lambda settings: settings.asynchronous_requests > 0,
)
