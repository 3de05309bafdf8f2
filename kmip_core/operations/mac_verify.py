"""MAC Verify: a message authentication code is checked. KMIP 2.1 §6.1.33, 1.4 §4.34."""

from attrs import field, frozen

from kmip_core import key_use
from kmip_core.enums import Operation, ValidityIndicator
from kmip_core.errors import need
from kmip_core.operation import ObjectReference, Scope, Spec, Target
from kmip_core.ports.crypto import VerifyStream
from kmip_core.rules import Purpose
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@frozen(kw_only=True)
class Request:
    """mac_data: with the only, or the last, part."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    mac_data: bytes | None = None
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None


@frozen(kw_only=True)
class Response:
    """validity_indicator: after the last part.  correlation_value: for the next part."""

    unique_identifier: str
    validity_indicator: ValidityIndicator | None = None
    correlation_value: bytes | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Return whether the code is that of the data; errors as `ports.crypto.Authenticator` says."""
    identifier = scope.target.unique_identifier
    phase = phase_of(request)
    if phase in (Phase.SINGLE, Phase.FIRST):
        key = key_use.key_of(scope, scope.target)
        parameters = key_use.parameters_of(request.cryptographic_parameters, scope.target.attributes)
    if phase is Phase.SINGLE:
        data = key_use.need_data(request.data)
        validity = scope.crypto.verify_mac(key, parameters, data, need(request.mac_data, "MAC Data"))
        return Response(unique_identifier=identifier, validity_indicator=validity)
    if phase is Phase.FIRST:
        stream: VerifyStream = scope.crypto.begin_verify_mac(key, parameters)
        stream.update(request.data or b"")
        correlation_value = key_use.keep_stream(scope, Operation.MAC_VERIFY, identifier, stream)
        return Response(unique_identifier=identifier, correlation_value=correlation_value)
    stream = key_use.take_stream(scope, Operation.MAC_VERIFY, identifier, request.correlation_value)
    stream.update(request.data or b"")
    if phase is Phase.NEXT:
        key_use.keep_on(scope, Operation.MAC_VERIFY, identifier, request.correlation_value, stream)
        return Response(unique_identifier=identifier, correlation_value=request.correlation_value)
    validity = stream.finish(need(request.mac_data, "MAC Data"))
    return Response(unique_identifier=identifier, validity_indicator=validity)


SPEC = Spec(
    operation=Operation.MAC_VERIFY,
    request=Request,
    response=Response,
    perform=perform,
    effect=key_use.effect_by_size,
    targets=(Target(purpose=Purpose.MAC_VERIFY, object_types=key_use.USABLE_TYPES),),
    can_be_done=lambda can: bool(can.macs),
)
