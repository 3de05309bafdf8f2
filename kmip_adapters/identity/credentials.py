"""Stands before the engine and settles who asks: groups of the certificate's name, credentials in the message.

The certificate has been judged when a request gets here. A credential can only be asked for on top of it, and only
where it is configured so does it name somebody else (R-TLS-6). What is refused here leaves evidence, too.
"""

from typing import Final

from attrs import evolve, field, frozen

from kmip_adapters.identity.groups import Groups
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.identity.throttling import Guesses
from kmip_core.engine import Engine
from kmip_core.enums import CredentialType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage, ResponseHeader, ResponseMessage, Ticket, UsernameAndPassword, failure
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import MoveTo, Pace, Steps
from kmip_core.ports.system import Clock, FaultLog, Identifiers
from kmip_core.principal import BY_PASSWORD, BY_TICKET, Principal
from kmip_core.settings import Settings, TicketUse
from kmip_core.tickets import invalid_ticket

NAME_OF_A_USER: Final = "the certificate's name is that of a user with a password; send it"
TWO_USERS: Final = "the request holds the passwords of two users; one is needed"
WRONG: Final = "the user name or password in the request is wrong"  # one text for both: nobody learns who exists


class _Unconvinced(KmipError):
    """A password that was refused.  user: whose it should have been, for the record; None if there is no such user."""

    def __init__(self, message: str, user: str | None) -> None:
        super().__init__(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, message)
        self.user = user


@frozen(kw_only=True)
class Door:
    """An engine whose principals are settled; re-entrant.

    groups: None where nobody has any.  passwords: None where credentials are not looked at.
    password_identity: whether a right user name becomes the identity; names in the file are then users' alone.
    tickets: in whose hands they are worth something.  guesses: what wrong passwords have been sent.
    """

    engine: Engine
    groups: Groups | None = None
    passwords: PasswordFile | None = None
    password_identity: bool = False
    tickets: TicketUse = TicketUse.OFF
    guesses: Guesses = field(factory=Guesses)

    @property
    def clock(self) -> Clock:
        """The engine's."""
        return self.engine.clock

    @property
    def identifiers(self) -> Identifiers:
        """The engine's."""
        return self.engine.identifiers

    @property
    def faults(self) -> FaultLog:
        """The engine's."""
        return self.engine.faults

    @property
    def settings(self) -> Settings:
        """The engine's."""
        return self.engine.settings

    def pace(self, message: RequestMessage) -> Pace:
        """Return where `steps` may begin."""
        return self.engine.pace(message)

    def steps(self, message: RequestMessage, principal: Principal) -> Steps[ResponseMessage]:
        """Give the answer; goes on elsewhere where a password must be hashed or groups must be fetched first."""
        try:
            settled = yield from self._settle(message, principal)
        except KmipError as error:
            return self._refuse(message, principal, error)
        return (yield from self.engine.steps(message, settled))

    def _settle(self, message: RequestMessage, principal: Principal) -> Steps[Principal]:
        if self.passwords is not None:
            for name, password in _credentials(message):
                yield from self._check(self.passwords, name, password, principal)
                if self.password_identity and principal.source == BY_PASSWORD and principal.name != name:
                    raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, TWO_USERS)
                if self.password_identity:
                    principal = evolve(principal, name=name, source=BY_PASSWORD)
        if self.tickets is not TicketUse.OFF:
            principal = self._by_ticket(message, principal)
        if self._is_users(principal):
            raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, NAME_OF_A_USER)
        if self.groups is None:
            return principal
        groups = self.groups.remembered(principal.name)
        if groups is None:
            yield MoveTo(Pace.REMOTE)
            groups = self.groups.of(principal.name)
            yield MoveTo(self.pace(message))  # the thread is for those who wait
        return evolve(principal, groups=groups)

    def _check(self, passwords: PasswordFile, name: str, password: str, principal: Principal) -> Steps[None]:
        """Refuse a wrong password, and any once too many have come from there: a right one would tell a guess."""
        user = name if passwords.has(name) else None  # others are not recorded: some send a password as the name
        try:
            self.guesses.check(name, principal)
            if passwords.is_remembered(name, password):
                return
            if not passwords.is_known_wrong(name, password):
                yield MoveTo(Pace.SLOW)
                self.guesses.check(name, principal)  # again: many may have come here at once
                if passwords.is_remembered(name, password):
                    return
                self.guesses.take(name, principal)
                if passwords.is_right(name, password):
                    self.guesses.give_back(name, principal)
                    return
        except KmipError as error:
            raise _Unconvinced(error.message, user) from None
        raise _Unconvinced(WRONG, user)

    def _is_users(self, principal: Principal) -> bool:
        """Return whether a certificate says the name of a user with a password: one name, one source (ADR 0023)."""
        if not self.password_identity or self.passwords is None or principal.source in {BY_PASSWORD, BY_TICKET}:
            return False
        return self.passwords.has(principal.name)

    def _by_ticket(self, message: RequestMessage, principal: Principal) -> Principal:
        """Return whom the ticket of a request stands for.  A bad one is refused, never passed over: it may restrict."""
        shown = [c.credential_value for c in message.header.credentials if c.credential_type is CredentialType.TICKET]
        if not shown:
            return principal
        ticket = shown[0]
        if len(shown) > 1 or not isinstance(ticket, Ticket):
            raise invalid_ticket()
        grant = self.engine.tickets.find(ticket, principal, self.tickets, self.engine.clock.now())
        self.engine.tickets.spend(ticket, grant)
        return evolve(principal, name=grant.name, source=BY_TICKET, rights=grant.rights)

    def _refuse(self, message: RequestMessage, principal: Principal, error: KmipError) -> ResponseMessage:
        now = self.engine.clock.now()
        item = message.batch_items[0] if message.batch_items else None
        operation = None if item is None else item.operation
        user = error.user if isinstance(error, _Unconvinced) else None
        try:
            self.engine.audit.append(
                AuditRecord(
                    record_id=self.engine.identifiers.new(),
                    time=now,
                    principal=principal.name,
                    source=principal.source,
                    address=principal.address,
                    certificate_serial=principal.certificate_serial,
                    event="Authentication refused",
                    operation=operation,
                    result=error.reason,
                    message=error.message if user is None else f"{error.message} (user {user})",
                )
            )
        except KmipError as unrecorded:
            error = unrecorded
        header = ResponseHeader(
            protocol_version=message.header.protocol_version,
            time_stamp=now,
            client_correlation_value=message.header.client_correlation_value,
        )
        refusal = failure(error, item)
        return ResponseMessage(header=header, batch_items=(refusal,))


def _credentials(message: RequestMessage) -> list[tuple[str, str]]:
    """Return the user names and passwords of a request; an empty pair is how some clients send none."""
    found = []
    for credential in message.header.credentials:
        value = credential.credential_value
        if isinstance(value, UsernameAndPassword) and (value.username or value.password):
            found.append((value.username, value.password or ""))
    return found
