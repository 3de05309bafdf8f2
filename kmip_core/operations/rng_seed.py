"""RNG Seed: a client offers entropy. KMIP 2.1 §6.1.50, 1.4 §4.36.

The operating system's generator needs none and is never weakened by it (R-CRY-6): what is "accepted" is thrown away,
and the setting only chooses which of the standard's four answers is given (RULINGS 12).
"""

from attrs import field, frozen

from kmip_core.enums import Operation
from kmip_core.errors import permission_denied
from kmip_core.operation import Effect, Scope, Spec
from kmip_core.settings import RNGSeedMode


@frozen(kw_only=True)
class Request:
    """data: the seed material."""

    data: bytes = field(repr=False)


@frozen(kw_only=True)
class Response:
    """data_length: bytes of it that count as used."""

    data_length: int


def perform(request: Request, scope: Scope) -> Response:
    """Return how much was used.  Raises KmipError (Permission Denied) if the server is set to refuse seeds."""
    offered = len(request.data)
    match scope.settings.rng_seed:
        case RNGSeedMode.ACCEPT:
            return Response(data_length=offered)
        case RNGSeedMode.PARTIAL:
            return Response(data_length=offered // 2)
        case RNGSeedMode.IGNORE:
            return Response(data_length=0)
        case RNGSeedMode.REFUSE:
            raise permission_denied("this server takes no seeds")


SPEC = Spec(operation=Operation.RNG_SEED, request=Request, response=Response, perform=perform, effect=Effect.READS)
