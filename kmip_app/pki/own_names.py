"""Names and addresses: of this machine, and as a certificate carries them."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from cryptography import x509

EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  compared, not bound
"""Host names that stand for every interface."""


def own_names() -> list[str]:
    """Return what this machine is called and its addresses, as far as they are known without asking the network."""
    host = socket.gethostname()
    names = [host] if host else []
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    names += sorted({str(address[0]).partition("%")[0] for *_, address in found})
    return [name for name in names if _can_be_carried(name)]


def certificate_names(hostname: str, more: Iterable[str]) -> list[str]:
    """Return the names and addresses that the built-in server certificates are good for.

    hostname: on which the server listens.  more: those that the operator adds.
    """
    names = ["localhost", "127.0.0.1", "::1"]
    names += own_names() if hostname in EVERYWHERE else [hostname]
    return list(dict.fromkeys([*names, *more]))


def general_name(name: str) -> x509.GeneralName:
    """Return a host name or address as a certificate carries it.  Raises ValueError."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        encoded = name.encode("idna").decode("ascii") if not name.startswith("*.") else f"*.{_idna(name[2:])}"
        return x509.DNSName(encoded)
    except (UnicodeError, ValueError) as error:
        raise ValueError(f"{name!r} is no host name that a certificate can carry") from error


def _idna(name: str) -> str:
    return name.encode("idna").decode("ascii")


def _can_be_carried(name: str) -> bool:
    try:
        general_name(name)
    except ValueError:
        return False
    return True
