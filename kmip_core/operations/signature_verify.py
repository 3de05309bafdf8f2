"""Signature Verify: a signature is checked with a public key. KMIP 2.1 §6.1.56, 1.4 §4.32."""

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation, ValidityIndicator
from kmip_core.errors import need
from kmip_core.operation import Group, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import key_use
from kmip_core.rules import Purpose
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@define(kw_only=True)
class Request:
    """signature_data: with any part, at the latest with the last.  digested_data: the digest, instead of the data."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    signature_data: bytes | None = None
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None
    digested_data: bytes | None = None


@define(kw_only=True)
class Response:
    """validity_indicator: after the last part.  correlation_value: for the next part."""

    unique_identifier: str
    validity_indicator: ValidityIndicator | None = None
    correlation_value: bytes | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Return whether the signature is one of the data; errors as `ports.crypto.Signer` says."""
    identifier = scope.target.unique_identifier
    if phase_of(request) is Phase.SINGLE:
        data, digested = key_use.one_of(request.data, request.digested_data)
        signature = need(request.signature_data, "Signature Data")
        key, parameters = key_use.key_and_any_parameters(scope, request)
        verdict = scope.services.crypto.verify(key, parameters, data, signature, digested=digested)
        return Response(unique_identifier=identifier, validity_indicator=verdict)
    validity, correlation_value = key_use.verify_part(
        scope,
        Operation.SIGNATURE_VERIFY,
        request,
        lambda: scope.services.crypto.begin_verify(*key_use.key_and_any_parameters(scope, request)),
        request.signature_data,
        "Signature Data",
    )
    return Response(unique_identifier=identifier, validity_indicator=validity, correlation_value=correlation_value)


SPEC = Spec(
    operation=Operation.SIGNATURE_VERIFY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.USES_KEYS,
    cost=key_use.cost_of_signature,
    targets=(Target(purpose=Purpose.VERIFY, object_types=key_use.VERIFYING),),
    can_be_done=lambda can: bool(can.signatures),
)
