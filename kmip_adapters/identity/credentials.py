"""Settles principals: groups for the certificate's name, user names, passwords and tickets in the message.

An `Authentication` (kmip_core.ports.authentication). The certificate has been verified when a request gets here. A
credential is required on top of it, and only where it is configured so does it name another principal (R-TLS-6).
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from attrs import evolve, field

from kmip_adapters.identity.groups import Groups
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.identity.throttling import PasswordThrottle, TooManyGuesses
from kmip_core import tickets
from kmip_core.classes import frozen
from kmip_core.enums import CredentialType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import Credential, DeviceCredential, Ticket, UsernameAndPassword
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait
from kmip_core.ports.storage import ConcurrentChange, Storage
from kmip_core.principal import Principal, Source
from kmip_core.settings import TicketUse
from kmip_core.tickets import Grant

NAME_OF_A_USER: Final = "the certificate's name is that of a user with a password; send it"
UNCHECKED: Final = "the request holds a credential of a type that this server does not check; leave it out"
GONE: Final = "the user whose credential was shown before is there no more"
TWO_USERS: Final = "the request holds the passwords of two users; one is needed"
ATTEMPTS: Final = 20  # to count a request that shows a ticket; others count theirs meanwhile
WRONG: Final = "the user name or password in the request is wrong"  # one text for both: it tells no client who exists


@frozen(kw_only=True)
class CredentialAuthentication:
    """Settles principals by what is configured; re-entrant.

    A principal that comes with the source PASSWORD has shown its credential before, on a connection whose roles were
    swapped then: it is asked for no other one, and refused once its user is gone.

    groups: None where users have no groups.  passwords: None where user names and passwords are ignored.
    password_identity: whether a user name with its right password becomes the identity; a certificate alone can then
        not have a name that is in the password file.
    ticket_use: which certificates a ticket is valid beside.  storage: has the tickets; needed unless there are none.
    users: those that are managed objects; they come before the file of passwords. None: there are none.
    is_revoked: whether a certificate, by its issuer and its serial number, is on a revocation list by now.
    """

    groups: Groups | None = None
    passwords: PasswordFile | None = None
    password_identity: bool = False
    ticket_use: TicketUse = TicketUse.OFF
    storage: Storage | None = None
    throttle: PasswordThrottle = field(factory=PasswordThrottle)
    users: StoredUsers | None = None
    is_revoked: Callable[[str, str], bool] = lambda issuer, serial: False

    @property
    def always_takes_steps(self) -> bool:
        """Whether there is something to look at for every client."""
        return self.passwords is not None or self.groups is not None

    def settle(
        self, credentials: tuple[Credential, ...], principal: Principal, now: int
    ) -> Principal | Steps[Principal]:
        """Give the principal; moves on to a thread where a password must be hashed or groups must be fetched."""
        if (
            credentials
            or self.passwords is not None
            or self.groups is not None
            or principal.source is Source.PASSWORD
            or (self.users is not None and self.users.may_concern(credentials))
        ):
            return self._settle(credentials, principal, now)
        return principal

    def _settle(self, credentials: tuple[Credential, ...], principal: Principal, now: int) -> Steps[Principal]:
        peer = principal
        users = self.users
        if users is not None and not users.may_concern(credentials):
            users = None
        if users is not None:
            principal, credentials = yield from users.settle(credentials, principal, now, self.throttle)
        if peer.source is Source.PASSWORD and principal is peer and not self._has_user(peer.name):
            raise CredentialRefused(GONE)
        if self.passwords is not None:
            self._check_types(credentials)
            for name, password in _passwords(credentials):
                yield from self._check(self.passwords, name, password, principal)
                if self.password_identity and principal.source is Source.PASSWORD and principal.name != name:
                    raise CredentialRefused(TWO_USERS)
                if self.password_identity:
                    principal = evolve(principal, name=name, source=Source.PASSWORD)
        ticket, shown_by = self._ticket_in(credentials) if credentials else None, principal
        grant = None if ticket is None else self._granted(ticket, shown_by, now)
        if grant is not None:
            yield from self._check_issuer(grant, now)
            principal = evolve(principal, name=grant.name, source=Source.TICKET, rights=grant.rights)
        if self.passwords is not None and self._needs_password(principal):
            raise CredentialRefused(NAME_OF_A_USER)
        if users is not None:
            yield from users.check_name(principal, now)
        if self.groups is not None:
            groups = self.groups.remembered(principal.name)
            if groups is None:
                yield MoveTo(Pace.REMOTE)
                groups = self.groups.of(principal.name)
            principal = evolve(principal, groups=groups | principal.groups)  # with those of the table of identities
        if ticket is not None:
            yield from self._spend(ticket, shown_by, now)  # last: only requests that are accepted count
        return principal

    def check_still(self, principal: Principal, now: int) -> Steps[None]:
        """Refuse a principal whose certificate is revoked, or whose user is there no more."""
        if principal.certificate_serial and self.is_revoked(principal.certificate_issuer, principal.certificate_serial):
            raise CredentialRefused("the client's certificate has been revoked since")
        standing = None
        if self.users is not None:
            standing = yield from self.users.standing(principal.name, now)
        if standing is None and principal.source is Source.PASSWORD:
            standing = self._has_user(principal.name)
        if standing is False:
            raise CredentialRefused(GONE)

    def _check_types(self, credentials: tuple[Credential, ...]) -> None:
        """Refuse a credential of a type that is not checked here: it must not be let through as if it were right."""
        known = {CredentialType.USERNAME_AND_PASSWORD, CredentialType.DEVICE}
        if self.ticket_use is not TicketUse.OFF:
            known.add(CredentialType.TICKET)
        if any(c.credential_type not in known or c.credential_value is None for c in credentials):
            raise CredentialRefused(UNCHECKED)

    def _check(self, passwords: PasswordFile, name: str, password: str, principal: Principal) -> Steps[None]:
        """Refuse a wrong password, and any password once the throttle is shut: accepting one would confirm a guess."""
        user = name if passwords.has(name) else None  # others are not recorded: some clients send a password as name
        try:
            self.throttle.check(name, principal)
            if passwords.is_remembered(name, password):
                return
            if not passwords.is_known_wrong(name, password):
                yield MoveTo(Pace.SLOW)
                self.throttle.check(name, principal)  # again: many may have come here at once
                if passwords.is_remembered(name, password):
                    return
                self.throttle.spend(name, principal)
                if passwords.is_right(name, password):
                    self.throttle.refund(name, principal)
                    return
        except TooManyGuesses as error:
            raise CredentialRefused(error.message, user) from None
        raise CredentialRefused(WRONG, user)

    def _has_user(self, name: str) -> bool:
        """Return whether the file has a user whose password was shown before."""
        return self.password_identity and self.passwords is not None and self.passwords.has(name)

    def _needs_password(self, principal: Principal) -> bool:
        """Return whether a certificate has the name of a user with a password: one name, one source (ADR 0023)."""
        if not self.password_identity or self.passwords is None or principal.source is not Source.CERTIFICATE:
            return False
        return self.passwords.has(principal.name)

    def _ticket_in(self, credentials: tuple[Credential, ...]) -> Ticket | None:
        """Return the ticket of a request.  One that is not valid is refused: it may limit rights."""
        if self.ticket_use is TicketUse.OFF:
            return None
        values = [c.credential_value for c in credentials if c.credential_type is CredentialType.TICKET]
        if not values:
            return None
        ticket = values[0]
        if len(values) > 1 or not isinstance(ticket, Ticket):
            raise tickets.invalid_ticket()
        return ticket

    def _granted(self, ticket: Ticket, shown_by: Principal, now: int) -> Grant:
        """Return what a ticket stands for.  Raises KmipError (Invalid Ticket)."""
        for _ in range(ATTEMPTS):
            with suppress(ConcurrentChange), self._storage.unit_of_work() as work:  # a store may not read on
                return tickets.find(work, ticket, shown_by, self.ticket_use, now).grant
        raise _contended()

    def _check_issuer(self, grant: Grant, now: int) -> Steps[None]:
        """Refuse a ticket whose issuer could not log in any more.  Raises KmipError (Invalid Ticket)."""
        if grant.certificate_serial and self.is_revoked(grant.certificate_issuer, grant.certificate_serial):
            raise tickets.invalid_ticket()
        if grant.by_password and not (self.passwords is not None and self.passwords.has(grant.name)):
            is_stored = False
            if self.users is not None:
                is_stored = yield from self.users.knows(grant.name, now)
            if not is_stored:
                raise tickets.invalid_ticket()

    def _spend(self, ticket: Ticket, shown_by: Principal, now: int) -> Steps[None]:
        """Take one request, durably.  Raises KmipError (Invalid Ticket, Usage Limit Exceeded)."""
        for _ in range(ATTEMPTS):
            with suppress(ConcurrentChange):  # another request has taken one
                with self._storage.unit_of_work() as work:
                    tickets.spend(work, tickets.find(work, ticket, shown_by, self.ticket_use, now))
                    commitment = work.hand_over()
                if not commitment.is_done:
                    yield Wait(commitment)
                commitment.result()
                return
        raise _contended()

    @property
    def _storage(self) -> Storage:
        if self.storage is None:
            raise TypeError("tickets need a store")
        return self.storage


def _contended() -> KmipError:
    return KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "too many requests show the ticket at once; try again")


def _passwords(credentials: tuple[Credential, ...]) -> list[tuple[str, str]]:
    """Return the names and passwords of a request: of users, and of devices by serial number, else identifier.

    An empty pair is how some clients send none.
    """
    found = []
    for credential in credentials:
        value = credential.credential_value
        if isinstance(value, DeviceCredential):
            found.append((value.device_serial_number or value.device_identifier or "", value.password or ""))
        elif isinstance(value, UsernameAndPassword) and (value.username or value.password):
            found.append((value.username, value.password or ""))
    return found
