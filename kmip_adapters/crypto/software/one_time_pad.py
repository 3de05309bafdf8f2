"""One-time pads: data exclusive-or the first bytes of the pad. KMIP 1.3, 1.4 §4.29, §4.30; usage guide, "One Time Pad".

A pad that encrypts twice protects nothing: Usage Limits are what keeps a client from that.
"""

from kmip_adapters.crypto.refusals import cryptographic_failure


class PadContext:
    """Encrypts and decrypts alike, part by part; the shape of pyca's cipher contexts."""

    def __init__(self, pad: bytes) -> None:
        self._pad = pad
        self._used = 0

    def update(self, data: bytes) -> bytes:
        """Return `data` exclusive-or the next bytes of the pad.

        Raises KmipError (Cryptographic Failure) if there are fewer.
        """
        pad = self._pad[self._used : self._used + len(data)]
        if len(pad) < len(data):
            raise cryptographic_failure(f"the pad has {len(self._pad)} bytes, which is less than the data")
        self._used += len(data)
        return (int.from_bytes(data) ^ int.from_bytes(pad)).to_bytes(len(data))

    def finalize(self) -> bytes:
        """Return nothing: every byte was ready at once."""
        return b""
