"""Messages between the server and a worker: a length (4 bytes), then JSON in which bytes are `{"b64": base64}`."""

import base64
import json
import socket
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct(">I")
MAXIMUM_BYTES: Final = 64 << 20
"""Of one message; the largest request of a client is far below."""


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message.  Raises OSError."""
    body = json.dumps(message, default=_encoded).encode()
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Return the next message, or None at the end.  Raises OSError, also if the deadline of the socket passes."""
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > MAXIMUM_BYTES:
        raise OSError(f"a message of {length} bytes")
    body = _exactly(connection, length)
    if body is None:
        return None
    message: dict[str, Any] = json.loads(body, object_hook=_decoded)
    return message


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    received = bytearray()
    while len(received) < size:
        part = connection.recv(min(size - len(received), 1 << 20))
        if not part:
            return None
        received += part
    return bytes(received)


def _encoded(value: object) -> dict[str, str]:
    if isinstance(value, bytes | bytearray):
        return {"b64": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} has no form in a message")


def _decoded(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["b64"]) if value.keys() == {"b64"} else value
