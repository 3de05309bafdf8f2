"""Encrypt: data is encrypted with a key that stays here. KMIP 2.1 §6.1.17, 1.4 §4.29."""

from typing import Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.makers import maker_of
from kmip_core.operation import Group, ObjectReference, Scope, Spec, Target
from kmip_core.ports.crypto import EncryptStream
from kmip_core.procedures import key_use, protection_counts
from kmip_core.rules import Purpose
from kmip_core.streams import Phase, phase_of
from kmip_core.structures import CryptographicParameters


@define(kw_only=True)
class Request:
    """data: in parts, or all at once.  iv_counter_nonce: made by the server if the mode needs one and none is given."""

    unique_identifier: ObjectReference | None = None
    cryptographic_parameters: CryptographicParameters | None = None
    data: bytes | None = field(default=None, repr=False)
    iv_counter_nonce: bytes | None = None
    correlation_value: bytes | None = None
    init_indicator: bool | None = None
    final_indicator: bool | None = None
    authenticated_encryption_additional_data: bytes | None = None


@define(kw_only=True)
class Response:
    """data: in parts only if there is some.  iv_counter_nonce: only when the server made it.

    correlation_value: for the next part.
    """

    unique_identifier: str
    data: bytes | None = None
    iv_counter_nonce: bytes | None = None
    correlation_value: bytes | None = None
    authenticated_encryption_tag: bytes | None = None


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Return the cipher text of the data, or of this part of it; errors as `ports.crypto.Cipher` says."""
    identifier = scope.target.unique_identifier
    phase = phase_of(request)
    if phase is Phase.SINGLE:
        data = key_use.need_data(request.data)
        encryption = key_use.encryption_of(scope, request)
        protection_counts.count_encryption(scope, scope.target, encryption.parameters)
        made = scope.services.one_part.encrypt(encryption, data)
        return _make_response(
            unique_identifier=identifier,
            data=made.data,
            iv_counter_nonce=made.iv_counter_nonce if request.iv_counter_nonce is None else None,
            authenticated_encryption_tag=made.authenticated_encryption_tag,
        )
    stream: EncryptStream
    if phase is Phase.FIRST:
        encryption = key_use.encryption_of(scope, request)
        protection_counts.count_encryption(scope, scope.target, encryption.parameters)
        stream = scope.services.crypto.begin_encrypt(encryption)
    else:
        stream = key_use.take_stream(scope, Operation.ENCRYPT, request)
    data = stream.update(key_use.part_of(request))
    if phase is Phase.LAST:
        last = stream.finish()
        return Response(
            unique_identifier=identifier,
            data=(data + last.data) or None,
            authenticated_encryption_tag=last.authenticated_encryption_tag,
        )
    returns_iv = phase is Phase.FIRST and request.iv_counter_nonce is None
    return Response(
        unique_identifier=identifier,
        data=data or None,
        iv_counter_nonce=stream.iv_counter_nonce if returns_iv else None,
        correlation_value=key_use.keep_stream(scope, Operation.ENCRYPT, request, stream),
    )


SPEC = Spec(
    operation=Operation.ENCRYPT,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.USES_KEYS,
    cost=key_use.cost_by_size,
    targets=(Target(purpose=Purpose.ENCRYPT, object_types=key_use.ENCRYPTING),),
    amount=key_use.amount_of,
    can_be_done=lambda can: bool(can.ciphers),
)
