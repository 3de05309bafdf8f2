"""Sign: data is signed with a private key that stays here. KMIP 2.1 §6.1.55, 1.4 §4.31."""

from typing import Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import CryptographicAlgorithm, DigitalSignatureAlgorithm, Operation
from kmip_core.makers import maker_of
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import key_use
from kmip_core.rules import Purpose
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@define(kw_only=True)
class Request:
    """digested_data: the digest, for clients that hash by themselves; data and digested_data exclude each other."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None
    digested_data: bytes | None = None


@define(kw_only=True)
class Response:
    """signature_data: after the last part.  correlation_value: for the next part."""

    unique_identifier: str
    signature_data: bytes | None = None
    correlation_value: bytes | None = None


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Return the signature of the data, once it is complete; errors as `ports.crypto.Signer` says."""
    identifier = scope.target.unique_identifier
    if phase_of(request) is Phase.SINGLE:
        data, digested = key_use.one_of(request.data, request.digested_data)
        signature = scope.services.crypto.sign(*key_use.key_and_parameters(scope, request), data, digested=digested)
        return _make_response(unique_identifier=identifier, signature_data=signature)
    done, correlation_value = key_use.take_part(
        scope,
        Operation.SIGN,
        request,
        lambda: scope.services.crypto.begin_sign(*key_use.key_and_parameters(scope, request)),
    )
    return Response(
        unique_identifier=identifier,
        signature_data=None if done is None else done.finish(),
        correlation_value=correlation_value,
    )


def _cost(request: Request) -> Cost:
    """Pace it by its data if the request says that the key is on an elliptic curve.

    Other keys take milliseconds. If the key is one of them after all, the crypto adapter has the work begun anew in a
    thread.
    """
    parameters = request.cryptographic_parameters
    if parameters is None or not (
        parameters.digital_signature_algorithm in _ON_CURVES or parameters.cryptographic_algorithm in _CURVES
    ):
        return Cost.WORKS
    return key_use.cost_of_signature(request)


_ON_CURVES: Final = frozenset(each for each in DigitalSignatureAlgorithm if each.name.startswith("ECDSA"))
_CURVES: Final = frozenset(
    {
        CryptographicAlgorithm.EC,
        CryptographicAlgorithm.ECDSA,
        CryptographicAlgorithm.ED25519,
        CryptographicAlgorithm.ED448,
    }
)


SPEC = Spec(
    operation=Operation.SIGN,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.USES_KEYS,
    cost=_cost,
    targets=(Target(purpose=Purpose.SIGN, object_types=key_use.SIGNING),),
    amount=key_use.amount_of,
    can_be_done=lambda can: bool(can.signatures),
)
