"""Attestation: what a client shows of the state of its machine, beside who it is. KMIP 2.1 §9.11, §9.14; 1.2 §2.1.2.

The server gives out a nonce, the client has it signed together with a measurement, or has a third party assert it, and
returns both in a credential.
"""

from typing import Protocol

from kmip_core.enums import AttestationType
from kmip_core.messages import Attestation, Nonce
from kmip_core.ports.steps import Steps
from kmip_core.principal import Principal


class Attestations(Protocol):
    """Gives out nonces, and judges the attestations that come back. Re-entrant.

    Promised: a nonce is accepted once, by one of all processes that share a store, from the principal that it was made
    for, and for a few minutes. NOT promised: that what was accepted holds any longer than for one request.
    """

    @property
    def types(self) -> tuple[AttestationType, ...]:
        """The types that are verified, which Query lists."""
        ...

    def new_nonce(self, principal: Principal, now: int) -> Nonce:
        """Return a nonce for a principal; nothing is stored.  now: seconds since 1970-01-01 UTC.

        Raises KmipError where the store is sealed.
        """
        ...

    def verify(self, attestation: Attestation, principal: Principal, now: int) -> Steps[None]:
        """Return if the attestation is accepted; its nonce is used up then, and where the verifier refuses it.

        now: seconds since 1970-01-01 UTC.  Yields where the verifier must be waited for.
        Raises KmipError (Attestation Failed; Server Limit Exceeded for a principal that attests too often, or where
        too many attest at once).
        """
        ...
