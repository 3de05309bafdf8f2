"""What an error of the token means to the client whose request met it."""

from collections.abc import Mapping
from typing import Final

from kmip_adapters.crypto.refusals import decryption_failed
from kmip_adapters.pkcs11_session.token import TokenError
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError

_PARAMETERS: Final = (
    ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
    "the token does not take these cryptographic parameters",
)
_KEY: Final = (ResultReason.CRYPTOGRAPHIC_FAILURE, "the token does not take this key")

_OF_THE_REQUEST: Final[Mapping[str, tuple[ResultReason, str]]] = {
    "NoSuchKey": (ResultReason.KEY_VALUE_NOT_PRESENT, "the token does not hold this key"),
    "MechanismInvalid": (ResultReason.FEATURE_NOT_SUPPORTED, "the token does not have this algorithm"),
    "FunctionNotSupported": (ResultReason.FEATURE_NOT_SUPPORTED, "the token does not have this function"),
    "DomainParamsInvalid": (ResultReason.FEATURE_NOT_SUPPORTED, "the token does not have this curve"),
    "MechanismParamInvalid": _PARAMETERS,
    "ArgumentsBad": _PARAMETERS,
    "KeySizeRange": (ResultReason.CRYPTOGRAPHIC_FAILURE, "the token does not take keys of this length"),
    "KeyTypeInconsistent": (ResultReason.CRYPTOGRAPHIC_FAILURE, "the key in the token is of another algorithm"),
    "AttributeValueInvalid": _KEY,
    "TemplateIncomplete": _KEY,
    "TemplateInconsistent": _KEY,
    "DataLenRange": (ResultReason.CRYPTOGRAPHIC_FAILURE, "the data has a length that this mode does not take"),
    "DataInvalid": (ResultReason.CRYPTOGRAPHIC_FAILURE, "the data does not fit this key and mode"),
    "DeviceMemory": (ResultReason.SERVER_LIMIT_EXCEEDED, "the token is full"),
}
"""Errors that the request causes, or that its client should know of; the rest is the installation's fault."""

_DOES_NOT_DECRYPT: Final = frozenset(
    {"EncryptedDataInvalid", "EncryptedDataLenRange", "WrappedKeyInvalid", "WrappedKeyLenRange", "DataLenRange"}
    | {"DataInvalid", "GeneralError", "FunctionFailed", "ArgumentsBad", "PKCS11Error"}
)
"""How tokens say that data does not decrypt: all of it is one refusal with one text."""


def refusal(error: TokenError) -> KmipError:
    """Return the refusal of a request that met an error of the token."""
    reason, text = _OF_THE_REQUEST.get(
        error.kind, (ResultReason.GENERAL_FAILURE, "the token that holds the key cannot be used now")
    )
    return KmipError(reason, text)


def export_refusal(error: TokenError) -> KmipError:
    """Return the refusal of a key that was to leave the token."""
    if error.kind in _DOES_NOT_LEAVE:
        return KmipError(ResultReason.NOT_EXTRACTABLE, "the key is held by a token and does not leave it so")
    return refusal(error)


_DOES_NOT_LEAVE: Final = frozenset(
    {"AttributeSensitive", "AttributeTypeInvalid", "KeyUnextractable", "KeyNotWrappable", "KeyFunctionNotPermitted"}
)


def decryption_refusal(error: TokenError) -> KmipError:
    """Return the refusal of a decryption that failed."""
    return decryption_failed() if error.kind in _DOES_NOT_DECRYPT else refusal(error)
