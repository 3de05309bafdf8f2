"""Log: a client leaves a message in the server's audit trail. KMIP 2.1 §6.1.29."""

from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import invalid_field
from kmip_core.operation import Cost, Scope, Spec

MAXIMUM: Final = 1_024  # characters, so that one request cannot fill the trail


@frozen(kw_only=True)
class Request:
    """log_message: text for the readers of the trail; never key material."""

    log_message: str


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """Accept the message, which this request's evidence holds.  Raises KmipError (Invalid Field) if it is too long."""
    if len(request.log_message) > MAXIMUM:
        raise invalid_field(f"Log Message may have {MAXIMUM} characters at most")
    return Response()


def _message(request: Request) -> str:
    return request.log_message


SPEC = Spec(
    operation=Operation.LOG, request=Request, response=Response, perform=perform, cost=Cost.READS, evidence=_message
)
