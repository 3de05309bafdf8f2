"""The seal of a row: what makes a row that was changed, swapped or put together in the database be refused.

It is an AES-256-GCM seal under a key that the database does not have, made anew with every change. What it covers is
everything of the row that a decision reads: identifier, type, owner, flags, version, attributes, and which sealed
content belongs to it. The other columns repeat attributes for the sake of Locate, and are compared with them when a row
is read. Inside the seal are the digests of the object's secret.

What it does not show: a row that was put back whole, its seal included, as it was at an earlier version, and rows that
were deleted. `docs/operate/tampering.md` says what else there is against that.
"""

import struct

HEAD_BYTES = 17  # of sealed content: format, data key, nonce
TAG_BYTES = 16

_FIXED = struct.Struct(">BBBBQIIB")
_FORMAT = 1


def record_binding(
    *,
    unique_identifier: str,
    object_type: int,
    owner: str,
    archived: bool,
    has_content: bool,
    version: int,
    attributes: bytes,
    sealed: bytes | None,
) -> bytes:
    """Return what the seal of a row is bound to, unambiguously.

    version: the one with which the row is stored.  sealed: its sealed content, which is named by its nonce and tag: no
    other content can have both without the key.
    """
    identifier, owner_bytes = unique_identifier.encode(), owner.encode()
    fixed = _FIXED.pack(
        _FORMAT, object_type, archived, has_content, version, len(identifier), len(owner_bytes), sealed is not None
    )
    content = b"" if sealed is None else sealed[:HEAD_BYTES] + sealed[-TAG_BYTES:]
    return b"".join((fixed, identifier, owner_bytes, content, attributes))
