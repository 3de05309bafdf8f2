"""RNG Seed: a client offers entropy. KMIP 2.1 §6.1.50, 1.4 §4.36.

The operating system's generator needs none and is never weakened by it (R-CRY-6): what is "accepted" is thrown away,
and the setting only chooses which of the standard's four answers is given (RULINGS 12).
"""

from collections.abc import Callable
from typing import Final

from attrs import field

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import permission_denied
from kmip_core.operation import Cost, Scope, Spec
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
    used = USED.get(scope.services.settings.rng_seed)
    if used is None:
        raise permission_denied("this server takes no seeds")
    return Response(data_length=used(len(request.data)))


USED: Final[dict[RNGSeedMode, Callable[[int], int]]] = {
    RNGSeedMode.ACCEPT: lambda offered: offered,
    RNGSeedMode.PARTIAL: lambda offered: offered // 2,
    RNGSeedMode.IGNORE: lambda offered: 0,
}
"""How many of the offered bytes count as used; a mode that is not here refuses."""


SPEC = Spec(operation=Operation.RNG_SEED, request=Request, response=Response, perform=perform, cost=Cost.READS)
