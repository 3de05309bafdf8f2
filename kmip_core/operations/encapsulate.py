"""Encapsulate: a secret is made that only the holder of a private key can have as well. KMIP 3.0 §6.1.22 (csd02)."""

from typing import Final

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.procedures import key_use, shared_secrets, usage_limits
from kmip_core.rules import Purpose
from kmip_core.structures import CryptographicParameters


@frozen(kw_only=True)
class Request:
    """unique_identifier: of the public key or certificate.  attributes: of the secret."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    attributes: Attributes | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the secret, a new Secret Data.  data: for the peer, who decapsulates it."""

    unique_identifier: str
    data: bytes


def perform(request: Request, scope: Scope) -> Response:
    """Keep the shared secret and return what the peer needs; errors as `ports.crypto.Encapsulator` says."""
    made = scope.services.crypto.encapsulate(*key_use.key_and_parameters(scope, request))
    usage_limits.charge(scope, scope.target, 1, len(made.shared_secret), Operation.ENCAPSULATE)
    secret = shared_secrets.keep(scope, made.shared_secret, request.attributes or _NONE, made_here=True)
    return Response(unique_identifier=secret.unique_identifier, data=made.data)


_NONE: Final = Attributes()

SPEC = Spec(
    operation=Operation.ENCAPSULATE,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.WORKS,
    targets=(Target(purpose=Purpose.ENCAPSULATE, object_types=key_use.ENCAPSULATING),),
    placeholder=names_new_object,
    can_be_done=lambda can: bool(can.encapsulations),
)
