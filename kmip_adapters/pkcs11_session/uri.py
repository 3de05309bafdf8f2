"""PKCS#11 URIs, RFC 7512: `pkcs11:token=LABEL;object=NAME?module-path=LIB&pin-source=file:PATH`."""

import re
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from kmip_core.classes import frozen

SCHEME: Final = "pkcs11:"
_PATH: Final = {"token", "object", "id", "type", "serial", "manufacturer", "model", "slot-id", "library-description"}
_QUERY: Final = {"module-path", "module-name", "pin-source", "pin-value"}


@frozen(kw_only=True)
class TokenUri:
    """The parts that choose a token and a key in it; None where the URI does not say.

    pin_source: as `--pkcs11-pin` takes it (`file:PATH`, `fd:N`, `credential:NAME`).
    """

    token: str | None = None
    serial: str | None = None
    key_label: str | None = None
    key_id: bytes | None = None
    module: str | None = None
    pin_source: str | None = None


def parse(text: str) -> TokenUri:
    """Return what a URI says.

    Raises ValueError with a text for the operator: another scheme, an attribute that RFC 7512 does not have or that is
    given twice, or a PIN in the URI itself, where everyone who lists processes can read it.
    """
    if not text.startswith(SCHEME):
        raise ValueError(f"a PKCS#11 URI begins with {SCHEME} (RFC 7512), for example pkcs11:token=kmipd;object=root")
    path, _, query = text.removeprefix(SCHEME).partition("?")
    parts = _attributes(path, ";", _PATH) | _attributes(query, "&", _QUERY)
    if "pin-value" in parts:
        raise ValueError("a PIN does not belong into a URI; use pin-source=file:PATH or --pkcs11-pin")
    return TokenUri(
        token=_text(parts, "token"),
        serial=_text(parts, "serial"),
        key_label=_text(parts, "object"),
        key_id=unquote_to_bytes(parts["id"]) if "id" in parts else None,
        module=_text(parts, "module-path"),
        pin_source=_text(parts, "pin-source"),
    )


def _attributes(text: str, separator: str, known: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name in found or not (name in known or re.match(r"x-", name)):
            raise ValueError(f"{part!r} is no attribute of a PKCS#11 URI (RFC 7512), or stands there twice")
        found[name] = value
    return found


def _text(parts: dict[str, str], name: str) -> str | None:
    return unquote(parts[name]) if name in parts else None
