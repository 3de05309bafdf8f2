"""Hash: a digest of data, without any key. KMIP 2.1 §6.1.24, 1.4 §4.37."""

from attrs import field

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import need
from kmip_core.operation import Scope, Spec
from kmip_core.procedures import key_use
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@frozen(kw_only=True)
class Request:
    """cryptographic_parameters: the Hashing Algorithm."""

    cryptographic_parameters: CryptographicParameters
    data: bytes | None = field(default=None, repr=False)
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None


@frozen(kw_only=True)
class Response:
    """data: the digest, after the last part.  correlation_value: for the next part."""

    data: bytes | None = None
    correlation_value: bytes | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Return the digest of the data, once it is complete.  Raises KmipError (Invalid Field) without an algorithm."""
    algorithm = need(request.cryptographic_parameters.hashing_algorithm, "Hashing Algorithm")
    if phase_of(request) is Phase.SINGLE:
        return Response(data=scope.services.one_part.hash(algorithm, key_use.need_data(request.data)))
    done, correlation_value = key_use.take_part(
        scope, Operation.HASH, request, lambda: scope.services.crypto.begin_hash(algorithm)
    )
    return Response(data=None if done is None else done.finish(), correlation_value=correlation_value)


SPEC = Spec(
    operation=Operation.HASH,
    request=Request,
    response=Response,
    perform=perform,
    cost=key_use.cost_by_size,
    can_be_done=lambda can: bool(can.hashing_algorithms),
)
