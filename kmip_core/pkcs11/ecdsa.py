"""Signatures of ECDSA in the two forms: DER in KMIP, two numbers of equal length in PKCS#11 (3.0 §6.3.1)."""

from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.pkcs11.failures import Failure


def from_der(signature: bytes, key_length: int) -> bytes:
    """Return r and s, each as long as the order of the curve.

    key_length: bits.
    Raises Failure (CKR_FUNCTION_FAILED) for what is not such a signature: the adapter's fault.
    """
    length = (key_length + 7) // 8
    body = _inside(signature, 0x30)
    first, rest = _split(body)
    second, rest = _split(rest)
    if rest or max(len(first), len(second)) > length:
        raise Failure(ReturnCode.FUNCTION_FAILED)
    return first.rjust(length, b"\0") + second.rjust(length, b"\0")


def to_der(signature: bytes) -> bytes:
    """Return the DER of a signature that consists of two halves."""
    half = len(signature) // 2
    body = b"".join(_integer(part) for part in (signature[:half], signature[half:]))
    return b"\x30" + _length(len(body)) + body


def _integer(value: bytes) -> bytes:
    number = value.lstrip(b"\0")
    if not number or number[0] >= 0x80:
        number = b"\0" + number
    return b"\x02" + _length(len(number)) + number


def _length(length: int) -> bytes:
    return bytes([length]) if length < 0x80 else bytes([0x81, length & 0xFF])


def _inside(data: bytes, tag: int) -> bytes:
    value, rest = _value(data, tag)
    if rest:
        raise Failure(ReturnCode.FUNCTION_FAILED)
    return value


def _split(data: bytes) -> tuple[bytes, bytes]:
    value, rest = _value(data, 0x02)
    return value.lstrip(b"\0"), rest


def _value(data: bytes, tag: int) -> tuple[bytes, bytes]:
    header = 3 if data[1:2] == b"\x81" else 2
    if data[:1] != bytes([tag]) or len(data) < header:
        raise Failure(ReturnCode.FUNCTION_FAILED)
    end = header + data[header - 1]
    if end > len(data):
        raise Failure(ReturnCode.FUNCTION_FAILED)
    return data[header:end], data[end:]
