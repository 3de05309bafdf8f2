"""Where the root key is, as the setting `root_key` says it.

| Written | The root key is |
|---|---|
| `file` | `root.key` in the data directory, made at the first start |
| `passphrase` | made of a passphrase (`root_key_passphrase`) |
| `pkcs11:URI` | an AES-256 key in a PKCS#11 token (RFC 7512), which never leaves it; made at the first start |
| `kmip://HOST:PORT/NAME?cert=FILE&key=FILE&ca=FILE` | wrapped by a key of another KMIP server |
| `command:PROGRAM` | wrapped by a program (`kmip_adapters.sealing.command_key` says how it is called) |
"""

import re
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from kmip_adapters.pkcs11_session import uri as pkcs11_uri
from kmip_app.configuration.setting_types import Kind, read_path
from kmip_core.classes import frozen

RootKeyKind = Literal["key_file", "passphrase", "pkcs11", "kmip", "command"]
FORMS: Final = (
    "file, passphrase, pkcs11:token=LABEL;object=NAME, kmip://HOST:PORT/NAME?cert=FILE&key=FILE&ca=FILE, "
    "or command:PROGRAM"
)
OUTSIDE: Final = frozenset({"pkcs11", "kmip", "command"})
"""Kinds whose key may be away when the server starts: it then runs sealed until the key is back."""

DEFAULT_KMIP_PORT: Final = 5696


@frozen
class RootKeyPlace:
    """One place, as the setting names it."""

    text: str

    @property
    def kind(self) -> RootKeyKind:
        """What it is."""
        if self.text == "file":
            return "key_file"
        kinds: tuple[RootKeyKind, ...] = ("passphrase", "pkcs11", "kmip", "command")
        for kind in kinds:
            if re.match(rf"{kind}(:|$)", self.text):
                return kind
        raise ValueError(f"is no place of a root key; write {FORMS}")

    def __str__(self) -> str:
        return self.text


@frozen(kw_only=True)
class KmipRootKey:
    """Another KMIP server that wraps the root key: where it is, the key's name, and the client's PEM files."""

    host: str
    port: int
    name: str
    cert: Path
    key: Path
    ca: Path


def kmip_root_key(text: str) -> KmipRootKey:
    """Return what a `kmip://` place says.  Raises ValueError."""
    parts = urlsplit(text)
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if not parts.hostname or parts.username or set(given) != {"cert", "key", "ca"}:
        raise ValueError("write kmip://HOST:PORT/NAME?cert=FILE&key=FILE&ca=FILE")
    return KmipRootKey(
        host=parts.hostname,
        port=parts.port or DEFAULT_KMIP_PORT,
        name=unquote(parts.path.strip("/")) or "kmipd-root",
        cert=read_path(given["cert"]),
        key=read_path(given["key"]),
        ca=read_path(given["ca"]),
    )


def _place(value: Any) -> RootKeyPlace:
    if isinstance(value, RootKeyPlace):
        return value
    place = RootKeyPlace(str(value).strip())
    if place.kind == "pkcs11":
        pkcs11_uri.parse(place.text)
    elif place.kind == "kmip":
        kmip_root_key(place.text)
    elif place.kind == "command" and not place.text.partition(":")[2].strip():
        raise ValueError("names no program; write command:PROGRAM")
    elif place.kind in ("key_file", "passphrase") and ":" in place.text:
        raise ValueError(f"is no place of a root key; write {FORMS}")
    return place


ROOT_KEY: Final = Kind(accepts=FORMS, metavar="WHERE", read=_place)
"""The kind of the setting."""

FILE: Final = RootKeyPlace("file")
PASSPHRASE: Final = RootKeyPlace("passphrase")
