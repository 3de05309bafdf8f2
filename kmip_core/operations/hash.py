"""Hash: a digest of data, without any key. KMIP 2.1 §6.1.24, 1.4 §4.37."""

from attrs import field, frozen

from kmip_core import key_use
from kmip_core.enums import Operation
from kmip_core.errors import need
from kmip_core.operation import Scope, Spec
from kmip_core.ports.crypto import DigestStream
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
    phase = phase_of(request)
    if phase is Phase.SINGLE:
        return Response(data=scope.crypto.hash(algorithm, key_use.need_data(request.data)))
    if phase is Phase.FIRST:
        stream: DigestStream = scope.crypto.begin_hash(algorithm)
        stream.update(request.data or b"")
        return Response(correlation_value=key_use.keep_stream(scope, Operation.HASH, "", stream))
    stream = key_use.take_stream(scope, Operation.HASH, "", request.correlation_value)
    stream.update(request.data or b"")
    if phase is Phase.NEXT:
        key_use.keep_on(scope, Operation.HASH, "", request.correlation_value, stream)
        return Response(correlation_value=request.correlation_value)
    return Response(data=stream.finish())


SPEC = Spec(
    operation=Operation.HASH,
    request=Request,
    response=Response,
    perform=perform,
    effect=key_use.effect_by_size,
    can_be_done=lambda can: bool(can.hashing_algorithms),
)
