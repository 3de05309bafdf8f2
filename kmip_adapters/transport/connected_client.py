"""Who is at the other end of a connection, whether it is served, and why its session may end before the client ends it.

A handshake says that the client has the key of a certificate. Who that is, and whether the certificate still holds, is
judged here: at the beginning of the session, and again when lists, CAs or the rules of identity have changed.
"""

import math
import ssl
import time
from collections.abc import Callable
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary, ref

from kmip_adapters.transport.places import Places
from kmip_adapters.transport.tls.context import ServerContext, chain_of, end_of, lists_are_over
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.principal import Principal

Identify = Callable[[bytes | None, str, tuple[bytes, ...]], Principal]
"""(client certificate in DER or None, address, verified chain in DER with the client's first) -> principal.

Raises KmipError (Authentication Not Successful)."""


class WhyOver(NamedTuple):
    """Why a session ends: the name that counters have for it, and words for the log."""

    reason: str
    text: str


class ConnectedClient:
    """The client of one connection; nothing is known of it until `begin_session`.

    name: of its principal, for records; empty until it is known.  principal: who asks, unless there is a refusal.
    refusal: what every request of it is answered with, None if it is served.
    chain: its certificates in DER, its own first.  expires: when the first of them does, in seconds since 1970.
    """

    __slots__ = ("_is_counted", "address", "chain", "expires", "name", "principal", "refusal")

    principal: Principal

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = ""
        self.refusal: KmipError | None = None
        self.chain: tuple[bytes, ...] = ()
        self.expires = math.inf
        self._is_counted = False  # among the sessions of its identity

    def begin_session(self, tls: ssl.SSLObject, identify: Identify, places: Places) -> None:
        """Find out who the client is, and set `refusal` if it is not served."""
        self.chain = chain_of(tls)
        try:
            self.principal = _only_one(identify(tls.getpeercert(binary_form=True), self.address, self.chain))
            self._check_certificates(tls)
            self.name = self.principal.name
            self._is_counted = True
            if not places.enter_identity(self.name):
                raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many connections of this client are open")
        except KmipError as error:
            self.refusal = error

    def leave(self, places: Places) -> None:
        """Give back the place that its identity has for this session; again does nothing."""
        if self._is_counted:
            self._is_counted = False
            places.leave_identity(self.name)

    def _check_certificates(self, tls: ssl.SSLObject) -> None:
        """Refuse what OpenSSL does not look at again when a session is resumed: dates and lists."""
        if tls.session_reused and not self.chain:
            raise KmipError(
                ResultReason.AUTHENTICATION_NOT_SUCCESSFUL,
                "connect without resuming a session: the CAs of this one are not known here any more",
            )
        now, end = time.time(), end_of(self.chain)
        if end <= now:
            raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, self.why_expired().text)
        self.expires = end
        if lists_are_over(tls.context, now):
            raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "the revocation list has expired")

    # Why its session is over

    def why_expired(self) -> WhyOver:
        """Return which of its certificates has expired, once one has."""
        is_leaf = end_of(self.chain[:1]) == end_of(self.chain)
        what = "the client certificate" if is_leaf else "a CA above the client certificate"
        return WhyOver("client certificate expired", f"{what} has expired")

    def why_revoked(self, is_over: Callable[[bytes], bool]) -> WhyOver | None:
        """Return that a certificate (DER) of its chain `is_over`, for example revoked by now; None if none is."""
        if any(map(is_over, self.chain)):
            return WhyOver("client certificate revoked", "the client certificate has been revoked")
        return None

    def why_untrusted(self, context: ServerContext) -> WhyOver | None:
        """Return that its chain does not end at a CA of `context`; None if it does."""
        if self.chain and not context.vouches_for(self.chain):
            return WhyOver("client CA removed", "the CA of its client is not trusted any more")
        return None

    def why_another(self, identify: Identify) -> WhyOver | None:
        """Return that it would be identified otherwise by now, or not at all; None if it is who it was."""
        if not self._is_counted:
            return None
        try:
            principal = identify(self.chain[0] if self.chain else None, self.address, self.chain)
        except KmipError:
            principal = None
        if principal != self.principal:
            return WhyOver("identity changed", "its client is another identity now")
        return None


_principals: Final[WeakKeyDictionary[Principal, ref[Principal]]] = WeakKeyDictionary()
"""Those of connections that are open; weak on both sides, since each is found by itself."""


def _only_one(principal: Principal) -> Principal:
    """Return the one object for all principals like this, as long as one of them is in use.

    What is kept for a client is then found for all of its connections, without comparing fields in each request.
    """
    known = _principals.get(principal)
    one = None if known is None else known()
    if one is None:  # two threads may both come here: each has one of its own then, which does no harm
        _principals[principal] = ref(principal)
        return principal
    return one
