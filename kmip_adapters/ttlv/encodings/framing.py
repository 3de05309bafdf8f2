"""Cuts a byte stream into whole messages, without IO.

A frame is one message with its 8-byte header. What cannot begin an acceptable message is refused at the
first byte that shows it, so that no client makes the server wait for, or hold, more than one message of the
allowed size.
"""

from typing import Final

from kmip_adapters.ttlv.encodings.items import DecodingError

REQUEST_MESSAGE: Final = 0x420078
RESPONSE_MESSAGE: Final = 0x42007B
STRUCTURE: Final = 0x01
HEADER_LENGTH: Final = 8
MAX_MESSAGE_SIZE: Final = 1024 * 1024


class FrameReader:
    """A `Framer` (kmip_core.ports.transport) for one connection.

    max_message_size: bytes, the header included.
    message_tag: what the peer sends; a client expects RESPONSE_MESSAGE.
    """

    def __init__(self, max_message_size: int = MAX_MESSAGE_SIZE, message_tag: int = REQUEST_MESSAGE) -> None:
        self._max_message_size = max_message_size
        self._start = message_tag.to_bytes(3, "big") + bytes([STRUCTURE])
        self._buffer = bytearray()
        self._size = 0  # of the message at the front of the buffer; 0 until its header is whole
        self._frame: bytes | None = None  # that has come by itself, and is returned as it came

    def receive_data(self, data: bytes) -> None:
        """Take what arrived."""
        # Most clients send a message in one record, and nothing more before its answer: it need not be copied.
        size = len(data)
        if (
            not self._buffer
            and self._frame is None
            and size <= self._max_message_size
            and not size & 7
            and data[:4] == self._start
            and int.from_bytes(data[4:8], "big") == size - HEADER_LENGTH
        ):
            self._frame = data
            return
        if self._frame is not None:
            self._buffer += self._frame
            self._frame = None
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next whole message, None if more bytes are needed.

        Raises DecodingError as soon as the buffer cannot begin an acceptable message; it stays so.
        """
        if self._frame is not None:
            whole, self._frame = self._frame, None
            return whole
        if not self._buffer:  # as before every record of a client that sends one request at a time
            return None
        if not self._size:
            self._size = self._judge_header()
        if not self._size or len(self._buffer) < self._size:
            return None
        frame = bytes(memoryview(self._buffer)[: self._size])
        del self._buffer[: self._size]  # a bytearray drops its front without moving the rest
        self._size = 0
        return frame

    @property
    def held(self) -> int:
        """Bytes of messages that have arrived and were not returned."""
        return len(self._buffer) if self._frame is None else len(self._frame)

    def take_rest(self) -> bytes:
        """Return the bytes that have arrived and were not returned, and forget them."""
        rest = bytes(self._buffer) if self._frame is None else self._frame
        self._buffer.clear()
        self._frame, self._size = None, 0
        return rest

    def _judge_header(self) -> int:
        """Return the size of the message whose header is at the front, 0 while the header is not whole."""
        header = self._buffer[:HEADER_LENGTH]
        if not self._start.startswith(header[:4]):
            raise DecodingError(f"a message must begin with {self._start.hex(' ').upper()}")
        if len(header) < HEADER_LENGTH:
            return 0
        length = int.from_bytes(header[4:], "big")
        if length % 8:
            raise DecodingError("the length of a message must be a multiple of 8")
        if length > self._max_message_size - HEADER_LENGTH:
            raise DecodingError(f"a message must not exceed {self._max_message_size} bytes")
        return HEADER_LENGTH + length
