"""Functions that encrypt, decrypt, digest, sign and verify, at once or in parts. PKCS#11 3.0 §5.8 - 5.14.

Each part is an operation of KMIP on the same key with the Correlation Value of the part before. What does not fit into
the client's buffer is kept until the call is repeated with a larger one, so that nothing is computed or charged twice.
A question for the length alone is answered with the most that the result can have.
"""

import enum
import hashlib
from collections.abc import Callable
from typing import Any, Final

from attrs import evolve

from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm, HashingAlgorithm, Operation, ValidityIndicator
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.pkcs11 import ecdsa
from kmip_core.pkcs11.calls import Call, fill
from kmip_core.pkcs11.encoding import length_only
from kmip_core.pkcs11.failures import Failure
from kmip_core.pkcs11.mechanisms import mechanism_of
from kmip_core.pkcs11.object_attributes import Seen
from kmip_core.pkcs11_sessions import Active, Use

_A, _H = CryptographicAlgorithm, HashingAlgorithm


class Step(enum.Enum):
    """Which call of an operation it is."""

    WHOLE = "whole"
    UPDATE = "update"
    FINAL = "final"


@frozen(kw_only=True)
class _Result:
    """What a step gave.  data: for the client.  active: how the operation goes on; None if it has ended."""

    data: bytes
    active: Active | None


def begin(use: Use) -> Callable[[Call], None]:
    """Return C_EncryptInit and its like: a mechanism, and a key unless it is a digest."""

    def function(call: Call) -> None:
        handle, session = call.session()
        given = call.reader.mechanism()
        mechanism = mechanism_of(given.number, use, call.scope.services.crypto.capabilities)
        active = Active(mechanism=mechanism, parameter=mechanism.parameter(given.parameter))
        if use is not Use.DIGEST:
            seen = Seen(call, call.identifier(ReturnCode.KEY_HANDLE_INVALID))
            active = evolve(active, key=seen.identifier, key_length=seen.attributes.cryptographic_length or 0)
        call.end()
        call.begin(handle, session, use, active)

    return function


def whole(use: Use) -> Callable[[Call], bytes]:
    """Return C_Encrypt and its like: all data in one call."""
    return _returning(use, Step.WHOLE)


def update(use: Use) -> Callable[[Call], bytes]:
    """Return C_EncryptUpdate and C_DecryptUpdate: a part that gives a part."""
    return _returning(use, Step.UPDATE)


def final(use: Use) -> Callable[[Call], bytes]:
    """Return C_EncryptFinal and its like: what is left."""
    return _returning(use, Step.FINAL)


def absorb(use: Use) -> Callable[[Call], None]:
    """Return C_DigestUpdate and its like: a part that gives nothing yet."""

    def function(call: Call) -> None:
        handle, session = call.session()
        data = call.reader.array()
        call.end()
        active = call.active(handle, session, use)
        if not active.mechanism.in_parts:
            raise Failure(ReturnCode.FUNCTION_NOT_SUPPORTED)
        call.keep(handle, session, use, _continue(call, use, active, data).active)

    return function


def verify(step: Step) -> Callable[[Call], None]:
    """Return C_Verify and C_VerifyFinal.  Raises Failure (CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE)."""

    def function(call: Call) -> None:
        handle, session = call.session()
        data = call.reader.array() if step is Step.WHOLE else b""
        signature = call.reader.array()
        call.end()
        active = call.active(handle, session, Use.VERIFY)
        call.keep(handle, session, Use.VERIFY, None)
        if active.mechanism.algorithm is _A.ECDSA:
            if len(signature) % 2 or not signature:
                raise Failure(ReturnCode.SIGNATURE_LEN_RANGE)
            signature = ecdsa.to_der(signature)
        fields = _fields(active, Use.VERIFY, data, step)
        fields["mac_data" if active.mechanism.is_authentication else "signature_data"] = signature
        answer = call.do(_operation(active, Use.VERIFY), Use.VERIFY, **fields)
        if answer.validity_indicator is not ValidityIndicator.VALID:
            raise Failure(ReturnCode.SIGNATURE_INVALID)

    return function


def _returning(use: Use, step: Step) -> Callable[[Call], bytes]:
    def function(call: Call) -> bytes:
        handle, session = call.session()
        data = call.reader.array() if step is not Step.FINAL else b""
        output = call.reader.output()
        call.end()
        active = call.active(handle, session, use)
        if step is Step.UPDATE and not active.mechanism.in_parts:
            raise Failure(ReturnCode.FUNCTION_NOT_SUPPORTED)
        if not output.exists:
            call.keep(handle, session, use, active)
            return length_only(_most(active, use, len(data), step))
        result = _kept(active, use, data, step) or _step(call, use, active, data, step)
        filled = fill(output, result.data)
        if filled is None:  # what was done stays done: the answer waits in the session
            call.application.check_room(result.data)
            call.code = ReturnCode.BUFFER_TOO_SMALL
            answer = (_mark(use, step, data), result.data)
            call.keep(handle, session, use, evolve(result.active or active, answer=answer))
            return length_only(len(result.data))
        call.keep(handle, session, use, result.active)
        return filled

    return function


def _mark(use: Use, step: Step, data: bytes) -> bytes:
    """Return what tells whether a call repeats another."""
    return hashlib.sha256(f"{use.value} {step.value} ".encode() + data).digest()


def _kept(active: Active, use: Use, data: bytes, step: Step) -> _Result | None:
    """Return the result of the call that this one repeats.  Raises Failure (CKR_OPERATION_ACTIVE) for another call."""
    if active.answer is None:
        return None
    mark, result = active.answer
    if mark != _mark(use, step, data):
        raise Failure(ReturnCode.OPERATION_ACTIVE)
    return _Result(data=result, active=evolve(active, answer=None) if step is Step.UPDATE else None)


def _step(call: Call, use: Use, active: Active, data: bytes, step: Step) -> _Result:
    """Do one step and return what it gives."""
    if step is Step.UPDATE:
        return _continue(call, use, active, data)
    if step is Step.WHOLE and active.correlation_value is not None:
        raise Failure(ReturnCode.OPERATION_ACTIVE)
    answer = call.do(_operation(active, use), use, **_fields(active, use, data, step))
    given = _data_of(answer, use)
    if use is Use.SIGN and active.mechanism.algorithm is _A.ECDSA:
        given = ecdsa.from_der(given, active.key_length)
    return _Result(data=given, active=None)


def _continue(call: Call, use: Use, active: Active, data: bytes) -> _Result:
    """Hand over a part; the last bytes of a cipher text that ends with a tag are kept back."""
    if use is Use.DECRYPT and active.parameter.tag_length:
        data = active.held + data
        end = max(0, len(data) - active.parameter.tag_length)
        data, held = data[:end], data[end:]
        active = evolve(active, held=held)
    answer = call.do(_operation(active, use), use, **_fields(active, use, data, Step.UPDATE))
    return _Result(data=_data_of(answer, use), active=evolve(active, correlation_value=answer.correlation_value))


def _operation(active: Active, use: Use) -> Operation:
    if active.mechanism.is_authentication:
        return Operation.MAC if use is Use.SIGN else Operation.MAC_VERIFY
    return _OPERATIONS[use]


def _fields(active: Active, use: Use, data: bytes, step: Step) -> dict[str, Any]:
    """Return the request of one step."""
    parameter = active.parameter
    fields: dict[str, Any] = {"cryptographic_parameters": parameter.cryptographic_parameters, "data": data}
    if active.key:
        fields["unique_identifier"] = active.key
    is_first = active.correlation_value is None
    if step is not Step.WHOLE:
        fields["correlation_value"] = active.correlation_value
        fields["init_indicator"] = True if is_first else None
        fields["final_indicator"] = True if step is Step.FINAL else None
    if use in (Use.ENCRYPT, Use.DECRYPT):
        if is_first:
            fields["iv_counter_nonce"] = parameter.iv
            fields["authenticated_encryption_additional_data"] = parameter.additional_data
        if use is Use.DECRYPT and parameter.tag_length and step is not Step.UPDATE:
            whole = active.held + data
            end = max(0, len(whole) - parameter.tag_length)
            fields["data"], fields["authenticated_encryption_tag"] = whole[:end], whole[end:]
    elif active.mechanism.takes_digest:
        fields["digested_data"] = fields.pop("data")
    return fields


def _data_of(answer: Any, use: Use) -> bytes:
    """Return the data of an answer, with the tag behind it where there is one."""
    if use in (Use.SIGN, Use.VERIFY):
        found = getattr(answer, "mac_data", None) or getattr(answer, "signature_data", None)
        return found or b""
    tag: bytes | None = getattr(answer, "authenticated_encryption_tag", None)
    return (answer.data or b"") + (tag or b"")


def _most(active: Active, use: Use, length: int, step: Step) -> int:
    """Return the most bytes that a step can give."""
    mechanism = active.mechanism
    if active.answer is not None:
        return len(active.answer[1])
    if use is Use.DIGEST:
        return _DIGEST_LENGTHS[mechanism.meaning.hashing_algorithm]
    if mechanism.is_authentication:
        return _MAC_LENGTHS[mechanism.algorithm]
    if mechanism.algorithm is _A.ECDSA:
        return 2 * ((active.key_length + 7) // 8)
    if mechanism.algorithm is _A.RSA:
        return (active.key_length + 7) // 8
    block = 16  # bytes that a cipher may still hold from the parts before
    return length + (block if step is not Step.WHOLE else 0) + (mechanism.expands if use is Use.ENCRYPT else 0)


_OPERATIONS: Final = {
    Use.ENCRYPT: Operation.ENCRYPT,
    Use.DECRYPT: Operation.DECRYPT,
    Use.DIGEST: Operation.HASH,
    Use.SIGN: Operation.SIGN,
    Use.VERIFY: Operation.SIGNATURE_VERIFY,
}

_DIGEST_LENGTHS: Final = {
    _H.MD5: 16,
    _H.SHA_1: 20,
    _H.SHA_224: 28,
    _H.SHA_256: 32,
    _H.SHA_384: 48,
    _H.SHA_512: 64,
    _H.SHA3_224: 28,
    _H.SHA3_256: 32,
    _H.SHA3_384: 48,
    _H.SHA3_512: 64,
}

_MAC_LENGTHS: Final = {
    _A.HMAC_SHA1: 20,
    _A.HMAC_SHA224: 28,
    _A.HMAC_SHA256: 32,
    _A.HMAC_SHA384: 48,
    _A.HMAC_SHA512: 64,
}
