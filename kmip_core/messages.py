"""Requests and responses as values, the same for every protocol version. KMIP 2.1 §8, §9; 1.4 §6, §7."""

from typing import Any, TypeAlias

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.enums import (
    AsynchronousIndicator,
    AttestationType,
    BatchErrorContinuationOption,
    CredentialType,
    Data,
    Ephemeral,
    HashingAlgorithm,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import KmipError
from kmip_core.principal import Principal
from kmip_core.secret import Secret
from kmip_core.structures import ProtocolVersion


@frozen(kw_only=True)
class UsernameAndPassword(Secret):
    """KMIP 2.1 §9.11."""

    username: str
    password: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class DeviceCredential(Secret):
    """KMIP 2.1 §9.11."""

    device_serial_number: str | None = None
    password: str | None = field(default=None, repr=False)
    device_identifier: str | None = None
    network_identifier: str | None = None
    machine_identifier: str | None = None
    media_identifier: str | None = None


@frozen(kw_only=True)
class OneTimePassword(Secret):
    """KMIP 2.1 §9.11."""

    username: str
    password: str | None = field(default=None, repr=False)
    one_time_password: str = field(repr=False)


@frozen(kw_only=True)
class HashedPassword(Secret):
    """KMIP 2.1 §9.11.  timestamp: microseconds since 1970-01-01 UTC."""

    username: str
    timestamp: int
    hashing_algorithm: HashingAlgorithm | None = None
    hashed_password: bytes = field(repr=False)


@frozen(kw_only=True)
class Ticket(Secret):
    """What Login hands out. KMIP 2.1 §7.39."""

    ticket_type: int
    ticket_value: bytes = field(repr=False)


@frozen(kw_only=True)
class Nonce:
    """What an attestation must speak of, so that it is not an old one; the server makes both. KMIP 2.1 §9.14."""

    nonce_id: bytes
    nonce_value: bytes


@frozen(kw_only=True)
class Attestation(Secret):
    """What a client, or a third party, says of the state of the client's machine. KMIP 2.1 §9.11."""

    nonce: Nonce
    attestation_type: AttestationType
    attestation_measurement: bytes | None = field(default=None, repr=False)
    attestation_assertion: bytes | None = field(default=None, repr=False)


DataReference: TypeAlias = Data | int
"""In place of Data: the newest one of an operation; or the n-th of the batch, from 0, or, if it is negative, counted
back from the item that asks. KMIP 2.1 §7.9."""

CredentialValue: TypeAlias = (
    UsernameAndPassword | DeviceCredential | Attestation | OneTimePassword | HashedPassword | Ticket
)


@frozen(kw_only=True)
class Credential(Secret):
    """A claim of identity inside the message.  credential_value: None for a type that is not understood."""

    credential_type: CredentialType
    credential_value: CredentialValue | None = field(default=None, repr=False)


@frozen(kw_only=True)
class RequestHeader:
    """What holds for a whole request.

    asynchronous_indicator: whether the client takes an answer at a later time; the Boolean of 1.x means that it may.
    attestation_capable_indicator: whether the client can make an attestation.
    batch_order_option: False only if the client said, or its version defaults to, any order.
    maximum_response_size: bytes.  time_stamp: seconds since 1970-01-01 UTC.
    """

    protocol_version: ProtocolVersion
    maximum_response_size: int | None = None
    client_correlation_value: str | None = None
    server_correlation_value: str | None = None
    asynchronous_indicator: AsynchronousIndicator = AsynchronousIndicator.PROHIBITED
    attestation_capable_indicator: bool = False
    credentials: tuple[Credential, ...] = ()
    batch_error_continuation_option: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP
    batch_order_option: bool = True
    time_stamp: int | None = None


@define(kw_only=True)
class RequestBatchItem:
    """One operation asked for.

    operation: None if the item names one that no version has; `payload` is then the refusal.
    operation_code: the code of such an operation, which the answer repeats.
    ephemeral: what the answer leaves out of what it would bring; nothing if None.
    data_reference: the Data of an earlier item, which the payload is to have as its own; it has none, or empty Data.
    payload: the operation module's Request, or the refusal that decoding it came to: the item fails alone.
    """

    operation: Operation | None
    operation_code: int | None = None
    ephemeral: Ephemeral | None = None
    data_reference: DataReference | None = None
    unique_batch_item_id: bytes | None = None
    payload: Any


@define(kw_only=True)
class RequestMessage:
    """A decoded request."""

    header: RequestHeader
    batch_items: tuple[RequestBatchItem, ...]


@define(kw_only=True)
class ResponseHeader:
    """time_stamp: seconds since 1970-01-01 UTC.  Nothing sets a field of it afterwards (`operation.Scope` says why).

    nonce: for the next attestation of a client that is capable of one. KMIP 2.1 §8.5.
    server_hashed_password: by which a client that sent a Hashed Password knows the server. KMIP 2.1 §8.2.
    attestation_types: those that are verified, where an attestation is missing or was not accepted.
    """

    protocol_version: ProtocolVersion
    time_stamp: int
    nonce: Nonce | None = None
    server_hashed_password: bytes | None = None
    attestation_types: tuple[AttestationType, ...] = ()
    client_correlation_value: str | None = None
    server_correlation_value: str | None = None


@define(kw_only=True)
class ResponseBatchItem:
    """One answer.

    operation_code: that of an operation which no version has, in place of `operation`.
    result_reason: the precise one; the codec writes the one that the version has.
    asynchronous_correlation_value: by which the client asks again for an answer that is pending.
    payload: the operation module's Response on success.
    ephemeral: what of it is written; None for everything.
    """

    operation: Operation | None
    operation_code: int | None = None
    unique_batch_item_id: bytes | None = None
    result_status: ResultStatus = ResultStatus.SUCCESS
    result_reason: ResultReason | None = None
    result_message: str | None = None
    asynchronous_correlation_value: bytes | None = None
    payload: Any = None
    ephemeral: Ephemeral | None = None


@define(kw_only=True)
class ResponseMessage:
    """An answer ready for the codec.  principal: in whose name its batch has run, None if none has; it is not sent."""

    header: ResponseHeader
    batch_items: tuple[ResponseBatchItem, ...]
    principal: Principal | None = field(default=None, eq=False)


def failure(error: KmipError, item: RequestBatchItem | ResponseBatchItem | None = None) -> ResponseBatchItem:
    """Return the answer that fails an item, or stands in the place of its answer, with `error`.

    item: None for a message that was not read.
    """
    return ResponseBatchItem(
        operation=None if item is None else item.operation,
        operation_code=None if item is None else item.operation_code,
        unique_batch_item_id=None if item is None else item.unique_batch_item_id,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=error.reason,
        result_message=error.message,
    )
