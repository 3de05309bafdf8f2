"""What both kinds of client take as parameters, and what they make of it."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from kmip_app.client.conversation import SPOKEN, VERSIONS, Address
from kmip_core.enums import CredentialType
from kmip_core.messages import Credential, UsernameAndPassword
from kmip_core.structures import ProtocolVersion

DEFAULT_PORT: Final = 5696  # KMIP 2.1 §10 (IANA)
TIMEOUT: Final = 30.0  # seconds

Server: TypeAlias = str | tuple[str, int]
"""`host`, `host:port`, `[IPv6]:port`, or a pair."""


def addresses(host: str, port: int, servers: Iterable[Server]) -> tuple[Address, ...]:
    """Return the servers to try, in order; `host` and `port` only if there are no `servers`."""
    return tuple(address(server, port) for server in servers) or (Address(host, port),)


def address(server: Server, port: int = DEFAULT_PORT) -> Address:
    """Return one server.  port: where none is named.  Raises ValueError for a port that is none."""
    if not isinstance(server, str):
        return Address(*server)
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        number = rest.removeprefix(":")
    elif server.count(":") == 1:
        host, number = server.split(":")
    else:
        host, number = server, ""
    if number and not number.isdecimal():
        raise ValueError(f"{server}: {number!r} is no port")
    return Address(host, int(number) if number else port)


def chosen_versions(version: str | ProtocolVersion | None) -> tuple[ProtocolVersion, ...]:
    """Return the versions to choose from.  Raises ValueError for one that the client does not speak."""
    if version is None:
        return VERSIONS
    found = [one for one in SPOKEN if version in (one, str(one))]
    if not found:
        raise ValueError(f"{version} is none of {', '.join(map(str, SPOKEN))}")
    return tuple(found)


def password_credential(username: str | None, password: str | None) -> tuple[Credential, ...]:
    """Return what goes into the header of every request for a user with a password."""
    if username is None:
        return ()
    value = UsernameAndPassword(username=username, password=password)
    return (Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value),)
