"""In whose name a request runs: the transport has authenticated the peer, a credential in the message may say more."""

from typing import Protocol

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import Credential
from kmip_core.ports.steps import Steps
from kmip_core.principal import Principal


class CredentialRefused(KmipError):
    """A credential that is not accepted: Authentication Not Successful.

    user: the existing user whom it named, for the audit record alone; None if there is no such user.
    """

    def __init__(self, message: str, user: str | None = None) -> None:
        super().__init__(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, message)
        self.user = user


class Authentication(Protocol):
    """Settles the principal of each request before its batch begins. Re-entrant."""

    @property
    def always_takes_steps(self) -> bool:
        """Whether `settle` gives every principal in steps, as with passwords or groups of a directory."""
        ...

    def settle(
        self, credentials: tuple[Credential, ...], principal: Principal, now: int
    ) -> Principal | Steps[Principal]:
        """Give the principal in whose name the request runs, with its groups and the rights that it is limited to.

        It is returned where there is nothing to look at, and given in steps everywhere else.

        credentials: those of the request.  principal: the peer as the transport authenticated it.
        now: seconds since 1970-01-01 UTC.
        Yields where a password must be hashed or a directory must be asked; the engine moves on from there.
        Raises KmipError (Authentication Not Successful, Invalid Ticket), which refuses the whole request; a
        CredentialRefused also names the user for the audit record.
        """
        ...

    def check_still(self, principal: Principal, now: int) -> Steps[None]:
        """Look whether a principal that was settled for an earlier request may still act: for what is run later.

        Raises KmipError (Authentication Not Successful) if its certificate is revoked, or its user is there no more.
        """
        ...
