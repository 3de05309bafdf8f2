"""Poll: a client asks for the answer to an operation that is pending. KMIP 2.1 §6.1.38, 1.4 §4.28."""

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
    """Nothing: the answer is that of the operation itself, or says that it is pending."""


def perform(request: Request, scope: Scope) -> Response:
    """Answer for the operation.

    Raises KmipError (Invalid Asynchronous Correlation Value) for a value that is not the principal's own.
    """
    raise polling.unknown()


SPEC = Spec(operation=Operation.POLL, request=Request, response=Response, perform=perform, cost=Cost.READS)
