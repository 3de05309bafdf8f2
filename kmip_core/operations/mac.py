"""MAC: a message authentication code is made with a key that stays here. KMIP 2.1 §6.1.32, 1.4 §4.33."""

from typing import Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.makers import maker_of
from kmip_core.operation import Group, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import key_use
from kmip_core.rules import Purpose
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@define(kw_only=True)
class Request:
    """cryptographic_parameters: Cryptographic Algorithm says which code; absent, the key's own does."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None


@define(kw_only=True)
class Response:
    """mac_data: after the last part.  correlation_value: for the next part."""

    unique_identifier: str
    mac_data: bytes | None = None
    correlation_value: bytes | None = None


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Return the code of the data, once it is complete; errors as `ports.crypto.Authenticator` says."""
    identifier = scope.target.unique_identifier
    if phase_of(request) is Phase.SINGLE:
        data = key_use.need_data(request.data)
        code = scope.services.one_part.mac(*key_use.key_and_parameters(scope, request), data)
        return _make_response(unique_identifier=identifier, mac_data=code)
    done, correlation_value = key_use.take_part(
        scope,
        Operation.MAC,
        request,
        lambda: scope.services.crypto.begin_mac(*key_use.key_and_parameters(scope, request)),
    )
    return Response(
        unique_identifier=identifier,
        mac_data=None if done is None else done.finish(),
        correlation_value=correlation_value,
    )


SPEC = Spec(
    operation=Operation.MAC,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.USES_KEYS,
    cost=key_use.cost_by_size,
    targets=(Target(purpose=Purpose.MAC_GENERATE, object_types=key_use.AUTHENTICATING),),
    amount=key_use.amount_of,
    can_be_done=lambda can: bool(can.macs),
)
