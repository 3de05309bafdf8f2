"""Process: a client wants a pending operation to be done now. KMIP 2.1 §6.1.39."""

from attrs import frozen

from kmip_core.enums import Operation
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.procedures import polling


@frozen(kw_only=True)
class Request:
    """asynchronous_correlation_value: of the operation, as its first answer had it."""

    asynchronous_correlation_value: bytes


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """Have the operation done before this is answered, so that the next Poll has its outcome.

    Raises KmipError (Invalid Asynchronous Correlation Value) for a value that is not the principal's own.
    """
    raise polling.unknown()


SPEC = Spec(operation=Operation.PROCESS, request=Request, response=Response, perform=perform, cost=Cost.CHANGES)
