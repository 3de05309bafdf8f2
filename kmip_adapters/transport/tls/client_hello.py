"""Reads what a client offers from the first bytes of its connection, before TLS takes them. RFC 8446 §4.1.2, RFC 5246.

OpenSSL says that a handshake failed, not what the client had asked for; the operator who mends it needs to know.
Nothing is decided here: what cannot be read is left out.
"""

from typing import Final

from kmip_adapters.transport.tls.suites import name_of
from kmip_core.classes import frozen

LIMIT: Final = 16_384  # bytes that are looked at: one record

VERSIONS: Final = {0x0300: "SSL 3", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_SUPPORTED_VERSIONS: Final = 43
_SIGNALS: Final = {0x00FF, 0x5600}  # renegotiation and fallback signals, which stand among the suites


@frozen(kw_only=True)
class ClientHello:
    """What a client offers, by name, in its order of preference."""

    versions: tuple[str, ...]
    suites: tuple[str, ...]

    def __str__(self) -> str:
        offered = " ".join(self.suites[:16]) or "no suites"
        more = f" and {len(self.suites) - 16} more" if len(self.suites) > 16 else ""
        return f"{', '.join(self.versions)} with {offered}{more}"


def read_client_hello(data: bytes) -> ClientHello | None:
    """Return what the client offers, None if `data` does not begin with a whole ClientHello."""
    try:
        return _read(_Bytes(_handshake(_Bytes(data))))
    except _Ended:
        return None


class _Ended(Exception):
    """There are fewer bytes than the message says, or others."""


class _Bytes:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_empty(self) -> bool:
        return self._at >= len(self._data)

    def take(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise _Ended
        return self._data[self._at - count : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def _handshake(records: _Bytes) -> bytes:
    """Return the body of the first handshake message, which may be cut into several records."""
    message = b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        if records.number(1) != _HANDSHAKE:
            raise _Ended
        records.take(2)
        fragment = records.vector(2)
        if not fragment:
            raise _Ended
        message += fragment
    if message[0] != _CLIENT_HELLO:
        raise _Ended
    return message[4 : 4 + int.from_bytes(message[1:4], "big")]


def _read(body: _Bytes) -> ClientHello:
    versions = [body.number(2)]
    body.take(32)
    body.vector(1)  # session
    suites = _numbers(body.vector(2))
    body.vector(1)  # compression
    extensions = _Bytes(b"" if body.is_empty else body.vector(2))
    while not extensions.is_empty:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SUPPORTED_VERSIONS:
            versions = _numbers(_Bytes(content).vector(1))
    return ClientHello(
        versions=tuple(VERSIONS.get(version, f"0x{version:04X}") for version in versions if not _is_grease(version)),
        suites=tuple(name_of(suite) for suite in suites if suite not in _SIGNALS and not _is_grease(suite)),
    )


def _numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)]


def _is_grease(number: int) -> bool:
    """Return whether a number only keeps servers tolerant of unknown ones. RFC 8701."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
