"""The principal: the authenticated party in whose name a request runs."""

import enum
from collections.abc import Iterable

from attrs import Factory, field

from kmip_core.classes import frozen
from kmip_core.rights import Rights


class Source(enum.Enum):
    """What vouches for a principal; the value stands in audit records."""

    CERTIFICATE = "certificate"  # the peer's certificate, by itself
    PASSWORD = "password"  # noqa: S105  a user name in the request, with a password of one of the kinds
    TICKET = "ticket"  # a ticket of Login in the request
    SERVER = "server"  # the server itself, by an object's dates, in the name of its owner
    SEED = "seed"  # none: a test server's objects are imported in the name of their owners

    __hash__ = object.__hash__  # it is a key in tables that every request looks up; Enum's own runs in Python


def _names(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(groups)


@frozen(kw_only=True)
class Principal:
    """One authenticated client.

    name: the identity that owns objects and that policies speak of; compared exactly.
    source: what vouches for it. Owners compare by name, so an adapter that authenticates sees to it that each name
        comes from one source (ADR 0023).
    certificate_name: the name in the certificate, also where a credential gives another.
    certificate_issuer: the subject of the CA that issued the certificate, by RFC 4514: a renewed CA is the same.
    name_kind: which part of the certificate gave the name ("cn", "uri", ...), or "table".
    rights: what a ticket limits it to; None for everything that policies allow.
    certificate_digest: SHA-256 of the certificate.
    server_hashed_password: what the answer's header says to a client with a Hashed Password.
    groups: group names for operation policies; empty means the policy's preset section applies.
    """

    name: str
    source: Source = Source.CERTIFICATE
    groups: frozenset[str] = field(default=frozenset(), converter=_names)
    address: str = ""
    certificate_serial: str = ""
    certificate_issuer: str = ""
    name_kind: str = ""
    certificate_name: str = field(default=Factory(lambda self: self.name, takes_self=True))
    rights: Rights | None = None
    certificate_digest: bytes = b""
    server_hashed_password: bytes | None = field(default=None, repr=False)
