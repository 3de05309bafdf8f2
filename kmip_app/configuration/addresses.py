"""Addresses of listeners as an operator writes them: `HOST:PORT`, `[::1]:9696`, `:9696` for every interface."""

import re
from typing import Any, Final

from kmip_app.configuration.setting_types import Kind
from kmip_core.classes import frozen

ACCEPTS: Final = "HOST:PORT, [ADDRESS]:PORT for IPv6, :PORT for every interface, none for no listener"

_ADDRESS: Final = re.compile(r"(\[(?P<ipv6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\[\]:\s/]*)):(?P<port>[0-9]{1,5})")


@frozen
class Address:
    """Where something listens, or is reached.  host: empty for every interface.  port: 0 for any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(value: Any) -> Address:
    """Return what a text says.  Raises ValueError."""
    if isinstance(value, Address):
        return value
    text = str(value).strip()
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError(f"{text!r} is no address; write {ACCEPTS}")
    return Address(found["ipv6"] or found["host"], int(found["port"]))


def _read(value: Any) -> Address | None:
    return None if isinstance(value, str) and value.strip().lower() == "none" else read_address(value)


def _write(address: Address | None) -> str:
    return "none" if address is None else str(address)


ADDRESS: Final = Kind(accepts=ACCEPTS, metavar="HOST:PORT", read=_read, write=_write)

__all__ = ["ADDRESS", "Address", "read_address"]


REACHED_AT: Final = dict.fromkeys(("", "0.0.0.0", "::"), "127.0.0.1")  # noqa: S104  compared, not bound
"""Where a client finds a server that listens on every interface: that is no address to connect to."""


def listens_at(host: str, port: int) -> str:
    """Return host and port as one word; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
