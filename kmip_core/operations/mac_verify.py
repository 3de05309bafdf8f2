"""MAC Verify: a message authentication code is checked. KMIP 2.1 §6.1.33, 1.4 §4.34."""

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
    """mac_data: with any part, at the latest with the last."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    mac_data: bytes | None = None
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None


@define(kw_only=True)
class Response:
    """validity_indicator: after the last part.  correlation_value: for the next part."""

    unique_identifier: str
    validity_indicator: ValidityIndicator | None = None
    correlation_value: bytes | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Return whether the code is that of the data; errors as `ports.crypto.Authenticator` says."""
    identifier = scope.target.unique_identifier
    if phase_of(request) is Phase.SINGLE:
        data, code = key_use.need_data(request.data), need(request.mac_data, "MAC Data")
        verdict = scope.services.one_part.verify_mac(*key_use.key_and_parameters(scope, request), data, code)
        return Response(unique_identifier=identifier, validity_indicator=verdict)
    validity, correlation_value = key_use.verify_part(
        scope,
        Operation.MAC_VERIFY,
        request,
        lambda: scope.services.crypto.begin_verify_mac(*key_use.key_and_parameters(scope, request)),
        request.mac_data,
        "MAC Data",
    )
    return Response(unique_identifier=identifier, validity_indicator=validity, correlation_value=correlation_value)


SPEC = Spec(
    operation=Operation.MAC_VERIFY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.USES_KEYS,
    cost=key_use.cost_by_size,
    targets=(Target(purpose=Purpose.MAC_VERIFY, object_types=key_use.AUTHENTICATING),),
    can_be_done=lambda can: bool(can.macs),
)
