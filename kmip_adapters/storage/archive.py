"""Archives: objects with their keys in one encrypted file, to move them to another server. `docs/care.md` has the form.

Two lines of text say what it is and how the key is made (scrypt, from a passphrase). Chunks follow: 4 bytes of length,
then that many bytes of AES-256-GCM. The nonce is the number of the chunk (11 bytes) and 1 in the last one, else 0, so
that no chunk can be lost, moved or left out at the end; the two lines are authenticated with every chunk. A chunk holds
lines of JSON, an object each, in the form in which stores keep them; the last one says how many there are.
"""

import io
import json
import secrets
import struct
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kmip_adapters.storage.records import decode_attributes, decode_content, encode_attributes, encode_content
from kmip_core.enums import ObjectType
from kmip_core.errors import Unusable
from kmip_core.objects import Content, ManagedObject

COST: Final = 17
"""Binary logarithm of scrypt's N."""

Entry = tuple[ManagedObject, Content | None]

_MAGIC: Final = b"kmipd archive 1\n"
_CHUNK: Final = 1 << 20  # bytes of plaintext after which a chunk is closed
_LONGEST_HEADER: Final = 1024
_COSTS: Final = range(10, 21)  # an archive from elsewhere must not make the server take all memory
_LENGTH: Final = struct.Struct(">I")


class ArchiveUnusable(Unusable):
    """An archive cannot be read; the text says why."""


def write_archive(file: BinaryIO, passphrase: bytes, entries: Iterable[Entry], *, cost: int = COST) -> int:
    """Write all entries, and return how many they are.  The caller makes the file private, and durable."""
    salt = secrets.token_bytes(16)
    header_fields = {"cipher": "AES-256-GCM", "kdf": "scrypt", "log_n": cost, "r": 8, "p": 1, "salt": salt.hex()}
    header = _MAGIC + json.dumps(header_fields).encode() + b"\n"
    file.write(header)
    aead = AESGCM(_key(passphrase, salt, cost))
    chunk = bytearray()
    count = chunks = 0
    for entry in entries:
        chunk += _encode(entry)
        count += 1
        if len(chunk) >= _CHUNK:
            _write_chunk(file, aead.encrypt(_nonce(chunks), bytes(chunk), header))
            chunk.clear()
            chunks += 1
    chunk += json.dumps({"objects": count}).encode() + b"\n"
    _write_chunk(file, aead.encrypt(_nonce(chunks, is_last=True), bytes(chunk), header))
    return count


def read_archive(path: Path, passphrase: bytes) -> Iterator[Entry]:
    """Yield the entries.  Raises ArchiveUnusable, for a cut-off archive only at its end: go through it once before."""
    try:
        with path.open("rb") as file:
            yield from _read(file, path.stat().st_size, passphrase)
    except OSError as error:
        raise ArchiveUnusable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ArchiveUnusable(f"{path} is an archive that this release cannot read") from error
    except InvalidTag:
        raise ArchiveUnusable(f"{path} does not open: the passphrase is wrong, or the archive was changed") from None
    except EOFError:
        raise ArchiveUnusable(f"{path} is not whole") from None


def _read(file: BinaryIO, size: int, passphrase: bytes) -> Iterator[Entry]:
    magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        raise ArchiveUnusable("this is no archive of kmipd")
    line = file.readline(_LONGEST_HEADER)
    header_fields = json.loads(line)
    if tuple(header_fields[name] for name in ("cipher", "kdf", "r", "p")) != ("AES-256-GCM", "scrypt", 8, 1):
        raise ValueError("another cipher")
    if header_fields["log_n"] not in _COSTS:
        raise ValueError("a cost out of range")
    aead = AESGCM(_key(passphrase, bytes.fromhex(header_fields["salt"]), header_fields["log_n"]))
    count = 0
    for number, (sealed, is_last) in enumerate(_chunks(file, size)):
        plain = aead.decrypt(_nonce(number, is_last=is_last), sealed, magic + line)
        for record in map(json.loads, io.BytesIO(plain)):
            if "objects" not in record:
                count += 1
                yield _decode(record)
            elif record["objects"] != count or not is_last:
                raise ValueError("objects are missing")


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    while True:
        length = file.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            raise EOFError
        (wanted,) = _LENGTH.unpack(length)
        if wanted > size - file.tell():
            raise EOFError
        is_last = file.tell() + wanted == size
        yield file.read(wanted), is_last
        if is_last:
            return


def _write_chunk(file: BinaryIO, sealed: bytes) -> None:
    file.write(_LENGTH.pack(len(sealed)) + sealed)


def _key(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(passphrase)


def _nonce(number: int, *, is_last: bool = False) -> bytes:
    return number.to_bytes(11) + bytes([is_last])


def _encode(entry: Entry) -> bytes:
    managed_object, content = entry
    record: dict[str, Any] = {
        "unique_identifier": managed_object.unique_identifier,
        "object_type": int(managed_object.object_type),
        "owner": managed_object.owner,
        "archived": managed_object.archived,
        "attributes": json.loads(encode_attributes(managed_object.attributes)),
        "content": None if content is None else b2a_base64(encode_content(content), newline=False).decode(),
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _decode(record: dict[str, Any]) -> Entry:
    content = None if record["content"] is None else decode_content(a2b_base64(record["content"]))
    managed_object = ManagedObject(
        unique_identifier=record["unique_identifier"],
        object_type=ObjectType(record["object_type"]),
        owner=record["owner"],
        attributes=decode_attributes(json.dumps(record["attributes"]).encode()),
        archived=record["archived"],
        has_content=content is not None,
    )
    return managed_object, content
