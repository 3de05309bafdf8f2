"""How a PKCS#11 function fails: by a return code in an answer whose Result Status is Success. KMIP 2.1 §7.30."""

from typing import Final

from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.pkcs11_sessions import Use


class Failure(Exception):
    """A function that did not do what it was called for.  output: parameters that are returned nevertheless."""

    def __init__(self, code: ReturnCode, output: bytes | None = None) -> None:
        super().__init__(code.name)
        self.code = code
        self.output = output


CODES: Final = {
    ResultReason.OBJECT_NOT_FOUND: ReturnCode.OBJECT_HANDLE_INVALID,
    ResultReason.OBJECT_DESTROYED: ReturnCode.OBJECT_HANDLE_INVALID,
    ResultReason.OBJECT_ARCHIVED: ReturnCode.OBJECT_HANDLE_INVALID,
    ResultReason.PERMISSION_DENIED: ReturnCode.KEY_FUNCTION_NOT_PERMITTED,
    ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK: ReturnCode.KEY_FUNCTION_NOT_PERMITTED,
    ResultReason.WRONG_KEY_LIFECYCLE_STATE: ReturnCode.KEY_FUNCTION_NOT_PERMITTED,
    ResultReason.USAGE_LIMIT_EXCEEDED: ReturnCode.KEY_FUNCTION_NOT_PERMITTED,
    ResultReason.INVALID_OBJECT_TYPE: ReturnCode.KEY_TYPE_INCONSISTENT,
    ResultReason.SENSITIVE: ReturnCode.ATTRIBUTE_SENSITIVE,
    ResultReason.NOT_EXTRACTABLE: ReturnCode.ATTRIBUTE_SENSITIVE,
    ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS: ReturnCode.MECHANISM_PARAM_INVALID,
    ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS: ReturnCode.MECHANISM_PARAM_INVALID,
    ResultReason.CRYPTOGRAPHIC_FAILURE: ReturnCode.FUNCTION_FAILED,
    ResultReason.INVALID_FIELD: ReturnCode.ARGUMENTS_BAD,
    ResultReason.INVALID_ATTRIBUTE: ReturnCode.TEMPLATE_INCONSISTENT,
    ResultReason.INVALID_ATTRIBUTE_VALUE: ReturnCode.ATTRIBUTE_VALUE_INVALID,
    ResultReason.READ_ONLY_ATTRIBUTE: ReturnCode.ATTRIBUTE_READ_ONLY,
    ResultReason.FEATURE_NOT_SUPPORTED: ReturnCode.FUNCTION_NOT_SUPPORTED,
    ResultReason.OPERATION_NOT_SUPPORTED: ReturnCode.FUNCTION_NOT_SUPPORTED,
    ResultReason.KEY_VALUE_NOT_PRESENT: ReturnCode.KEY_FUNCTION_NOT_PERMITTED,
    ResultReason.INVALID_CORRELATION_VALUE: ReturnCode.OPERATION_NOT_INITIALIZED,
}
"""What the refusal of an operation means to a PKCS#11 application; other refusals stay refusals of the operation."""

WITH_A_KEY: Final = {
    ResultReason.OBJECT_NOT_FOUND: ReturnCode.KEY_HANDLE_INVALID,
    ResultReason.OBJECT_DESTROYED: ReturnCode.KEY_HANDLE_INVALID,
    ResultReason.OBJECT_ARCHIVED: ReturnCode.KEY_HANDLE_INVALID,
}
"""The same where the object is a key in use."""

WITH_DATA: Final = {
    Use.DECRYPT: {
        ResultReason.CRYPTOGRAPHIC_FAILURE: ReturnCode.ENCRYPTED_DATA_INVALID,
        ResultReason.INVALID_FIELD: ReturnCode.ENCRYPTED_DATA_INVALID,
    },
    Use.ENCRYPT: {
        ResultReason.CRYPTOGRAPHIC_FAILURE: ReturnCode.DATA_LEN_RANGE,
        ResultReason.INVALID_FIELD: ReturnCode.DATA_LEN_RANGE,
    },
    Use.SIGN: {ResultReason.INVALID_FIELD: ReturnCode.DATA_LEN_RANGE},
    Use.VERIFY: {ResultReason.INVALID_FIELD: ReturnCode.DATA_LEN_RANGE},
}
"""The same where the data of the client is at fault."""


def failure_of(refusal: KmipError, use: Use | None = None) -> Failure | None:
    """Return the failure that a refusal is for the application; None for one that stays a refusal."""
    for table in (WITH_DATA.get(use, {}) if use is not None else {}, WITH_A_KEY if use is not None else {}, CODES):
        if refusal.reason in table:
            return Failure(table[refusal.reason])
    return None
