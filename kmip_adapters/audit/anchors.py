"""Signed heads of the trail: kept elsewhere, one of them shows later what was cut off, emptied or written anew.

    {"time":1800000000,"chains":{"main":{"sequence":7,"hash":"<64 hex>"}},"key":"<64 hex>","signature":"<128 hex>"}

`signature` is Ed25519 (RFC 8032) over the bytes of the line that stand before `,"signature":`; `key` is the public key.
The private key lies in the data directory, so an anchor is worth what the place is that it was sent to: who can write
that directory can sign.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kmip_adapters.audit import files
from kmip_adapters.audit.lines import Head, read_line
from kmip_core.classes import frozen
from kmip_core.errors import Unusable

KEY_FILE: Final = "anchor.key"
PUBLIC_FILE: Final = "anchor.pub"
LIST_FILE: Final = "anchors.jsonl"

_MARK: Final = ',"signature":"'


class UnusableAnchor(Unusable):
    """An anchor, or the key that signs them, cannot be used; the text says why and what to do."""


@frozen
class Anchor:
    """The heads of all chains at one time.  time: seconds since 1970-01-01 UTC."""

    time: int
    heads: Mapping[str, Head]
    key: str


def heads_of(folder: Path) -> dict[str, Head]:
    """Return the newest intact record of every chain, as the files are now."""
    heads: dict[str, Head] = {}
    for chain in files.chains(folder):
        for path in reversed(files.of_chain(folder, chain)):
            head = next((head for raw in files.backwards(path) if (head := _head_in(raw)) is not None), None)
            if head is not None:
                heads[chain] = head
                break
    return heads


def _head_in(raw: bytes) -> Head | None:
    try:
        line = read_line(raw)
    except ValueError:
        return None
    return Head(line.sequence, line.hash) if line.is_intact else None


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """Return the key in `folder`, which is made with its public half if it is not there.  Raises UnusableAnchor."""
    path = folder / KEY_FILE
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        key = _make_key(folder)
    except (ValueError, TypeError) as error:
        raise UnusableAnchor(f"{path} is no private key in PEM; put the right one back, or remove it") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableAnchor(f"{path} is no Ed25519 key; put the right one back, or remove it for a new one")
    return key


def sign(key: Ed25519PrivateKey, heads: Mapping[str, Head], time: int) -> str:
    """Return the anchor as one line, without its end."""
    chains = {chain: {"sequence": head.sequence, "hash": head.hash} for chain, head in sorted(heads.items())}
    anchor = {"time": time, "chains": chains, "key": key.public_key().public_bytes_raw().hex()}
    body = json.dumps(anchor, separators=(",", ":"))[:-1]
    return f'{body}{_MARK}{key.sign(body.encode("ascii")).hex()}"}}'


def read(line: str, trusted: str | None = None) -> Anchor:
    """Return what an anchor says.  trusted: the public key in hexadecimal that must have signed it.

    Raises UnusableAnchor.
    """
    body, mark, tail = line.strip().rpartition(_MARK)
    try:
        anchor = json.loads(line)
        key = str(anchor["key"])
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(tail.removesuffix('"}')), body.encode("ascii")
        )
        heads = {str(chain): Head(int(head["sequence"]), str(head["hash"])) for chain, head in anchor["chains"].items()}
        time = int(anchor["time"])
    except InvalidSignature:
        raise UnusableAnchor("the signature of an anchor does not fit: it was changed") from None
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeEncodeError) as error:
        raise UnusableAnchor("this is no anchor of the audit trail") from error
    if not mark or (trusted is not None and key != trusted):
        raise UnusableAnchor(f"an anchor is signed by the key {key}, which is not the one that is trusted")
    return Anchor(time, heads, key)


def read_list(path: Path, trusted: str | None = None) -> list[Anchor]:
    """Return all anchors in a file, one a line.  Raises UnusableAnchor with the line, OSError."""
    anchors = []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        if line.strip():
            try:
                anchors.append(read(line, trusted))
            except UnusableAnchor as error:
                raise UnusableAnchor(f"{path}:{number}: {error}") from None
    return anchors


def keep(path: Path, line: str) -> None:
    """Append an anchor to a file, and return when it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, line.encode("ascii") + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_key(folder: Path) -> Ed25519PrivateKey:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes_raw().hex().encode() + b"\n"
    for name, content in ((PUBLIC_FILE, public), (KEY_FILE, private)):
        temporary = folder / f".{name}.{os.urandom(8).hex()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / name)
    return key
