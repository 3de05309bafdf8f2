"""Decrypt: data is decrypted with a key that stays here. KMIP 2.1 §6.1.11, 1.4 §4.30."""

from functools import partial
from typing import Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation, PaddingMethod
from kmip_core.makers import maker_of
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target
from kmip_core.ports.crypto import DecryptStream
from kmip_core.procedures import key_use, protection_counts
from kmip_core.rules import Purpose
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@define(kw_only=True)
class Request:
    """authenticated_encryption_tag: in parts, with the first or the last one."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    iv_counter_nonce: bytes | None = None
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None
    authenticated_encryption_additional_data: bytes | None = None
    authenticated_encryption_tag: bytes | None = None


@define(kw_only=True)
class Response:
    """data: the plain text, in parts only if there is some.  correlation_value: for the next part."""

    unique_identifier: str
    data: bytes | None = field(default=None, repr=False)
    correlation_value: bytes | None = None


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Return the plain text of the data, or of this part of it; errors as `ports.crypto.Cipher` says.

    What does not decrypt is answered later each time (`protection_counts`).
    """
    return protection_counts.slow_failures(scope, scope.target, partial(_perform, request, scope))


def _perform(request: Request, scope: Scope) -> Response:
    identifier = scope.target.unique_identifier
    phase = phase_of(request)
    if phase is Phase.SINGLE:
        data = key_use.need_data(request.data)
        plain = scope.services.one_part.decrypt(key_use.encryption_of(scope, request), data)
        return _make_response(unique_identifier=identifier, data=plain)
    stream: DecryptStream
    if phase is Phase.FIRST:
        stream = scope.services.crypto.begin_decrypt(key_use.encryption_of(scope, request))
    else:
        stream = key_use.take_stream(scope, Operation.DECRYPT, request)
    plain = stream.update(key_use.part_of(request))
    if phase is Phase.LAST:
        plain += stream.finish(request.authenticated_encryption_tag)
        return Response(unique_identifier=identifier, data=plain or None)
    correlation_value = key_use.keep_stream(scope, Operation.DECRYPT, request, stream)
    return Response(unique_identifier=identifier, data=plain or None, correlation_value=correlation_value)


def _cost(request: Request) -> Cost:
    """Pace it by its data; a private key takes milliseconds.

    If the request does not say that it is for one, the crypto adapter finds out, and has the work begun anew in a
    thread.
    """
    cost, parameters = key_use.cost_by_size(request), request.cryptographic_parameters
    if parameters is not None and parameters.padding_method in _PADDINGS_OF_PRIVATE_KEYS:
        return Cost.WORKS if cost is Cost.USES_KEYS else cost
    return cost


_PADDINGS_OF_PRIVATE_KEYS: Final = frozenset({PaddingMethod.OAEP, PaddingMethod.PKCS1_V1_5})


SPEC = Spec(
    operation=Operation.DECRYPT,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.USES_KEYS,
    cost=_cost,
    targets=(Target(purpose=Purpose.DECRYPT, object_types=key_use.DECRYPTING),),
    can_be_done=lambda can: bool(can.ciphers),
)
