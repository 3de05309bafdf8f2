"""Decapsulate: the secret that a peer encapsulated is had from what it sent. KMIP 3.0 §6.1.15 (csd02)."""

from functools import partial
from typing import Final

from attrs import field

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm, Operation, ResultReason
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.procedures import key_use, protection_counts, shared_secrets
from kmip_core.rules import Purpose
from kmip_core.structures import CryptographicParameters


@frozen(kw_only=True)
class Request:
    """unique_identifier: of the private key.  data: what the peer sent.  attributes: of the secret."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes = field(repr=False)
    attributes: Attributes | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the secret, a new Secret Data."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Keep the shared secret, which does not leave if the private key does not.

    Raises KmipError: Incompatible Cryptographic Usage Mask for an RSA key that has another use as well; else as
    `ports.crypto.Encapsulator`.
    """
    _check_rsa_use(scope)
    key, parameters = key_use.key_and_parameters(scope, request)
    secret = protection_counts.slow_failures(
        scope, scope.target, partial(scope.services.crypto.decapsulate, key, parameters, request.data)
    )
    attributes = shared_secrets.inherited(request.attributes or _NONE, scope.target.attributes)
    kept = shared_secrets.keep(scope, secret, attributes, made_here=False)
    return Response(unique_identifier=kept.unique_identifier)


_NONE: Final = Attributes()


def _check_rsa_use(scope: Scope) -> None:
    """Refuse an RSA key with another use: what it decapsulates is a signature, or the text below a padding."""
    attributes = scope.target.attributes
    if attributes.cryptographic_algorithm is not CryptographicAlgorithm.RSA:
        return
    if attributes.cryptographic_usage_mask != Mask.KEY_AGREEMENT:
        raise KmipError(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            "an RSA key decapsulates if Key Agreement is the only bit of its cryptographic usage mask",
        )


SPEC = Spec(
    operation=Operation.DECAPSULATE,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.WORKS,
    targets=(Target(purpose=Purpose.DECAPSULATE, object_types=key_use.DECAPSULATING),),
    placeholder=names_new_object,
    can_be_done=lambda can: bool(can.encapsulations),
)
