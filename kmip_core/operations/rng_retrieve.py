"""RNG Retrieve: random bytes from the server. KMIP 2.1 §6.1.49, 1.4 §4.35."""

from typing import Final

from attrs import field

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import invalid_field
from kmip_core.operation import Cost, Scope, Spec

MAXIMUM: Final = 65_536  # bytes, so that no request occupies the generator (R-LIM-3)


@frozen(kw_only=True)
class Request:
    """data_length: bytes."""

    data_length: int


@frozen(kw_only=True)
class Response:
    """data: as many random bytes as were asked for."""

    data: bytes = field(repr=False)


def perform(request: Request, scope: Scope) -> Response:
    """Return random bytes.  Raises KmipError (Invalid Field) outside 1 to 65,536."""
    if not 1 <= request.data_length <= MAXIMUM:
        raise invalid_field(f"Data Length must be from 1 to {MAXIMUM}")
    return Response(data=scope.services.crypto.random_bytes(request.data_length))


SPEC = Spec(operation=Operation.RNG_RETRIEVE, request=Request, response=Response, perform=perform, cost=Cost.USES_KEYS)
