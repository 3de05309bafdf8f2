"""Users that are managed objects: who they are, what they prove it with, and in which groups they are. KMIP 3.0 §2.1.

A credential in a request is judged here if it names a stored user; others are left to the file of passwords, or ignored
as before 3.0. A user is looked up once and remembered until a user, group or credential changes; other processes notice
a change with the next request that has a credential, and after `NOTICED_AFTER` seconds with any other. Dates that come
true are no change: until the next of them holds what is remembered.
"""

import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import evolve, field

from kmip_adapters.identity.credential_proofs import (
    accepted_counter,
    hashed_passwords,
    is_salted,
    salted_password,
)
from kmip_adapters.identity.throttling import PasswordThrottle, TooManyGuesses
from kmip_adapters.identity.user_objects import (
    IS_CREDENTIAL,
    groups_of,
    is_linked_password,
    is_linked_password_still,
    is_usable,
    linked_from,
    locate,
    name_criterion,
    next_date,
)
from kmip_core import repetition
from kmip_core.attributes import NAMES, AttributeReference
from kmip_core.classes import define, frozen
from kmip_core.creation_rules import SystemChanges
from kmip_core.enums import HashingAlgorithm, KeyFormatType, LinkType, ObjectType
from kmip_core.messages import Credential, HashedPassword, OneTimePassword, UsernameAndPassword
from kmip_core.objects import ManagedObject
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.passwords import PasswordHashing
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait
from kmip_core.ports.storage import ConcurrentChange, Storage, StoreSealed, TakesLong, UnitOfWork
from kmip_core.principal import Principal, Source
from kmip_core.procedures.system_objects import PASSWORD_SIZE
from kmip_core.rules import Purpose, admit
from kmip_core.structures import Digest, Link, NameReference, ObjectReference

T = TypeVar("T")

NOTICED_AFTER: Final = 1.0  # seconds
REMEMBERED_FOR: Final = 60.0  # seconds: where no user was found, dates that come true are not looked at
REMEMBERED: Final = 4_096  # names, certificates, passwords
REMEMBERED_LENGTH: Final = 255  # characters of a name: clients choose it, and no user need have it

ATTEMPTS: Final = 20
"""How often an accepted credential is tried to be marked as used, while other requests mark theirs."""

WRONG: Final = "the user name or the credential in the request is wrong"
TWO_USERS: Final = "the request holds the credentials of two users; one is needed"
NAME_OF_A_USER: Final = "the certificate's name is that of a user; send the user's credential"

Value = UsernameAndPassword | OneTimePassword | HashedPassword
_JUDGED: Final = (UsernameAndPassword, OneTimePassword, HashedPassword)


@frozen(kw_only=True)
class StoredUser:
    """One user.

    credentials: identifiers of managed objects.  groups: names, with those of the groups above.
    until: when the next date comes of what it was made of, beside the record.
    """

    record: ManagedObject
    name: str
    credentials: tuple[str, ...]
    groups: frozenset[str]
    until: float = math.inf


@frozen(kw_only=True)
class _Proof:
    """Why a password is right.

    until: when the next date of the credential comes.
    linked: the credential where the password is that of Secret Data, whose changes are not counted; else None.
    """

    until: float
    linked: str | None


@frozen(kw_only=True)
class _Right:
    """A password that was right.  digest: of user and password."""

    digest: bytes
    proof: _Proof


@define(kw_only=True, eq=False)
class StoredUsers:
    """Knows the users of a store. Re-entrant.

    What was right before is remembered as a digest under a key of this process: Argon2 is slow.
    """

    storage: Storage
    hashing: PasswordHashing
    clock: Callable[[], float] = time.monotonic
    _number: int = field(default=0, init=False)
    _looked: float = field(default=float("-inf"), init=False)
    _cleared: float = field(default=float("-inf"), init=False)
    _by_name: dict[str, StoredUser | None] = field(factory=dict, init=False)
    _by_certificate: dict[bytes, StoredUser | None] = field(factory=dict, init=False)
    _right: dict[str, _Right] = field(factory=dict, init=False, repr=False)
    _key: bytes = field(factory=lambda: secrets.token_bytes(32), init=False, repr=False)
    _dummy: str = field(default="", init=False, repr=False)

    def may_concern(self, credentials: tuple[Credential, ...]) -> bool:
        """Return whether `settle` and `check_name` may have anything to say: a server without users skips both."""
        return self._number > 0 or bool(credentials) or self.clock() - self._looked >= NOTICED_AFTER

    def settle(
        self, credentials: tuple[Credential, ...], principal: Principal, now: int, throttle: PasswordThrottle
    ) -> Steps[tuple[Principal, tuple[Credential, ...]]]:
        """Give the principal, and the credentials that name no stored user.

        Raises CredentialRefused for a wrong one, and for those of two users; StoreSealed if there is one to be judged.
        """
        judged = [c for c in credentials if isinstance(c.credential_value, _JUDGED)]
        if judged or self.clock() - self._looked >= NOTICED_AFTER:
            try:
                yield from self._look()
            except StoreSealed:
                if judged:
                    raise
                return principal, credentials  # no object can be touched in any name: what needs none goes on
        if self._number == 0:
            return principal, credentials
        peer, left, number = principal, list[Credential](), self._number
        for credential in credentials:
            value: Any = credential.credential_value
            user = None
            if isinstance(value, _JUDGED):
                user = yield from self._named(value.username, now)
            if user is None:
                left.append(credential)
                continue
            proof, shown = yield from self._judge(user, value, peer, now, throttle)
            if proof is not None and number == self._number:
                right = _Right(digest=self._digest(user, value.password or ""), proof=proof)
                _remember(self._right, user.name, right)
            if principal is not peer and principal.name != user.name:
                raise CredentialRefused(TWO_USERS)
            shown = shown or principal.server_hashed_password
            principal = _become(principal, user, Source.PASSWORD, shown)
        if principal is peer and peer.source is Source.CERTIFICATE:
            principal = yield from self._by_its_certificate(peer, now)
        elif principal is peer and peer.source is Source.PASSWORD:  # shown before, on a connection with swapped roles
            user = yield from self._named(peer.name, now)
            if user is not None and is_usable(user.record, now):
                principal = _become(peer, user, Source.PASSWORD, None)
        return principal, tuple(left)

    def knows(self, name: str, now: int) -> Steps[bool]:
        """Give whether a user of this name is there and may log in."""
        if self._number == 0:
            return False
        user = yield from self._named(name, now)
        return user is not None and is_usable(user.record, now)

    def standing(self, name: str, now: int) -> Steps[bool | None]:
        """Give whether the user of this name may log in by now; None where there is no such user.

        Looks at the store first: nothing else may have since the start.
        """
        yield from self._look()
        if self._number == 0:
            return None
        user = yield from self._named(name, now)
        return None if user is None else is_usable(user.record, now)

    def _by_its_certificate(self, peer: Principal, now: int) -> Steps[Principal]:
        digest = peer.certificate_digest
        user = self._by_certificate.get(digest)
        if digest and (_is_over(user, now) or digest not in self._by_certificate):
            number = self._number
            user = yield from self._read(lambda work: self._find_by_certificate(work, digest, now))
            if number == self._number:
                _remember(self._by_certificate, digest, user)
        return (
            peer if user is None or not is_usable(user.record, now) else _become(peer, user, Source.CERTIFICATE, None)
        )

    def check_name(self, principal: Principal, now: int) -> Steps[None]:
        """Refuse a certificate that has the name of a user and is none of its credentials: one name, one source.

        Raises CredentialRefused (ADR 0023).  principal: once `settle` and tickets have had their say.
        """
        if self._number == 0 or principal.source is not Source.CERTIFICATE:
            return
        user = yield from self._named(principal.name, now)
        own = self._by_certificate.get(principal.certificate_digest)
        if user is not None and (own is None or own.name != user.name or not is_usable(own.record, now)):
            raise CredentialRefused(NAME_OF_A_USER)

    # --- looking up ---------------------------------------------------------------------------------------------------

    def _read(self, look: Callable[[UnitOfWork], T]) -> Steps[T]:
        """Give what `look` finds; in a thread where it takes long.

        Raises KmipError (Server Limit Exceeded) if others never let it read to the end.
        """
        pace = Pace.BRIEF if self.storage.blocking else Pace.QUICK
        return (yield from repetition.reading(self.storage, look, pace))

    def _look(self) -> Steps[None]:
        """Forget what is remembered if a user, group or credential has changed.  Raises KmipError as `_read` does."""
        looked = self.clock()  # before it is read, however long that is waited for: until then others look, too
        rules = yield from self._read(lambda work: work.rules_of(SystemChanges))
        if looked < self._looked:  # another request has looked since
            return
        self._looked = looked
        number = rules[0].number if rules else 0
        if number != self._number or self._looked - self._cleared >= REMEMBERED_FOR:
            self._number, self._cleared = number, self._looked
            for remembered in (self._by_name, self._by_certificate, self._right):
                remembered.clear()

    def _named(self, name: str, now: int) -> Steps[StoredUser | None]:
        """Give the user of this name, whether it may authenticate or not: its name is taken all the same."""
        known = self._by_name.get(name)
        if _is_over(known, now) or (known is None and name not in self._by_name):
            number = self._number
            found = yield from self._read(lambda work: self._find(work, name, now))
            # Else another request has noticed a change since.
            if number == self._number and len(name) <= REMEMBERED_LENGTH:
                _remember(self._by_name, name, found)
            return found
        return known

    def _find(self, work: UnitOfWork, name: str, now: int) -> StoredUser | None:
        found = locate(work, ObjectType.USER, now, (NAMES, name_criterion(name)))
        record = work.find(found[0]) if len(found) == 1 else None
        return None if record is None else self._described(work, record, name, now)

    def _find_by_certificate(self, work: UnitOfWork, digest: bytes, now: int) -> StoredUser | None:
        """Return the user of whom the certificate is a credential; none where it is one of several users."""
        whole = Digest(
            hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=digest, key_format_type=KeyFormatType.RAW
        )
        wanted = (AttributeReference(attribute="digests"), whole)
        users: set[str] = set()
        until = math.inf
        for certificate in locate(work, ObjectType.CERTIFICATE, now, wanted, IS_CREDENTIAL):
            record = work.find(certificate)
            if record is None or not is_usable(record, now):
                continue
            until = min(until, next_date(record, now))
            targets: list[ObjectReference] = [NameReference(name.name_value) for name in record.attributes.names]
            for target in (certificate, *targets):
                link = Link(link_type=LinkType.CREDENTIAL_LINK, linked_object_identifier=target)
                linking = locate(work, ObjectType.USER, now, (AttributeReference(attribute="links"), link))
                users.update(user for user in linking if certificate in self._credentials_of(work, user, now))
        user = work.find(users.pop()) if len(users) == 1 else None
        if user is None or not user.attributes.names:
            return None
        found = self._described(work, user, user.attributes.names[0].name_value, now)
        return evolve(found, until=min(until, found.until))

    def _credentials_of(self, work: UnitOfWork, user: str, now: int) -> tuple[str, ...]:
        record = work.find(user)
        return () if record is None else linked_from(work, record, LinkType.CREDENTIAL_LINK, now)

    def _described(self, work: UnitOfWork, record: ManagedObject, name: str, now: int) -> StoredUser:
        groups, until = groups_of(work, record, now)
        credentials = linked_from(work, record, LinkType.CREDENTIAL_LINK, now)
        return StoredUser(record=record, name=name, credentials=credentials, groups=groups, until=until)

    # --- judging ------------------------------------------------------------------------------------------------------

    def _judge(
        self, user: StoredUser, value: Value, peer: Principal, now: int, throttle: PasswordThrottle
    ) -> Steps[tuple[_Proof | None, bytes | None]]:
        """Give why a password is right that is not remembered, and what the answer's header says of the server.

        Raises CredentialRefused unless the credential is right.
        """
        try:
            throttle.check(user.name, peer)
            if isinstance(value, UsernameAndPassword):
                is_right = yield from self._is_remembered(user, value.password or "", now)
                if is_right:
                    return None, None
            yield MoveTo(Pace.SLOW)  # to hash, and since a guess may be counted in the store
            throttle.check(user.name, peer)
            throttle.spend(user.name, peer)
        except TooManyGuesses as error:
            raise CredentialRefused(error.message, user.name) from None
        is_right, shown, proof = False, None, None
        if isinstance(value, HashedPassword):
            shown = yield from self._use(lambda work: self._use_hashed_password(work, user, value, now))
            is_right = shown is not None
        else:
            is_right = value.password is None and isinstance(value, OneTimePassword)
            if not is_right:
                proof = yield from self._read(lambda work: self._proof_of(work, user, value.password or "", now))
                is_right = proof is not None
            if isinstance(value, OneTimePassword):
                code = value.one_time_password
                used = yield from self._use(lambda work: self._use_one_time_password(work, user, code, now))
                is_right = is_right and used is not None
        if not is_right:
            raise CredentialRefused(WRONG, user.name)
        throttle.refund(user.name, peer)
        return (proof if isinstance(value, UsernameAndPassword) else None), shown

    def _is_remembered(self, user: StoredUser, password: str, now: int) -> Steps[bool]:
        right = self._right.get(user.name)
        if right is None or right.proof.until <= now or not is_usable(user.record, now):
            return False
        if not hmac.compare_digest(right.digest, self._digest(user, password)):
            return False
        linked = right.proof.linked
        if linked is None:
            return True
        octets = password.encode(errors="surrogatepass")
        return (yield from self._read(lambda work: is_linked_password_still(work, linked, octets, now)))

    def _digest(self, user: StoredUser, password: str) -> bytes:
        text = f"{user.record.unique_identifier}:{password}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), hashlib.sha256)

    def _proof_of(self, work: UnitOfWork, user: StoredUser, password: str, now: int) -> _Proof | None:
        """Return why the password is one of the user's, None if it is not; it takes as long where the user has none."""
        octets = password.encode(errors="surrogatepass")
        proof, has_hashed = None, False
        if len(octets) <= PASSWORD_SIZE:
            for record in _credentials(work, user, ObjectType.PASSWORD_CREDENTIAL, now):
                content: Any = work.content(admit(record, Purpose.AUTHENTICATE, now))
                linked = None
                if content.password_hash is not None:
                    has_hashed = True
                    is_right = self.hashing.verify(content.password_hash, password)
                elif is_salted(content):
                    is_right = hmac.compare_digest(salted_password(content, octets), content.salted_password)
                else:
                    linked = record.unique_identifier
                    is_right = is_linked_password(work, record, octets, now)
                if is_right:
                    proof = _Proof(until=next_date(record, now), linked=linked)
        if not has_hashed:
            self._dummy = self._dummy or self.hashing.hash(secrets.token_hex(16))
            self.hashing.verify(self._dummy, password[:PASSWORD_SIZE])
        return proof

    def _use(self, mark: Callable[[UnitOfWork], bytes | None]) -> Steps[bytes | None]:
        """Give what `mark` returns once what it has written is on stable storage: nothing is accepted twice."""
        pace = Pace.BRIEF if self.storage.blocking else Pace.COMMITS
        for _ in range(ATTEMPTS):
            try:
                with self.storage.unit_of_work(pace) as work:
                    shown = mark(work)
                    if shown is None:
                        return None
                    commitment = work.hand_over()
                    if not commitment.is_done:
                        yield Wait(commitment)
                    commitment.result()
                    return shown
            except ConcurrentChange:
                continue  # another request may have used it first; look again
            except TakesLong:
                pace = Pace.SLOW
                yield MoveTo(pace)
        return None

    def _use_one_time_password(self, work: UnitOfWork, user: StoredUser, code: str, now: int) -> bytes | None:
        for record in _credentials(work, user, ObjectType.ONE_TIME_PASSWORD_CREDENTIAL, now):
            content: Any = work.content(admit(record, Purpose.AUTHENTICATE, now))
            counter = accepted_counter(content, int.from_bytes(record.attributes.otp_counter or b""), code, now)
            if counter is not None:
                following = record.attributes.but(otp_counter=(counter + 1).to_bytes(8))
                work.save(evolve(record, attributes=following))
                return b""
        return None

    def _use_hashed_password(self, work: UnitOfWork, user: StoredUser, value: HashedPassword, now: int) -> bytes | None:
        algorithm = value.hashing_algorithm or HashingAlgorithm.SHA_256
        if not 0 < value.timestamp < 1 << 63:
            return None
        for record in _credentials(work, user, ObjectType.HASHED_PASSWORD_CREDENTIAL, now):
            content: Any = work.content(admit(record, Purpose.AUTHENTICATE, now))
            if content.hashing_algorithm is not algorithm or value.timestamp <= (content.last_timestamp or 0):
                continue
            expected, shown = hashed_passwords(content, value.timestamp)
            if hmac.compare_digest(expected, value.hashed_password):
                work.save(record, evolve(content, last_timestamp=value.timestamp))
                return shown
        return None


def _become(principal: Principal, user: StoredUser, source: Source, shown: bytes | None) -> Principal:
    return evolve(
        principal,
        name=user.name,
        source=source,
        groups=user.groups | principal.groups,
        server_hashed_password=shown or None,
    )


def _remember(remembered: dict[Any, Any], key: Any, value: Any) -> None:
    if len(remembered) >= REMEMBERED:
        remembered.clear()
    remembered[key] = value


def _is_over(user: StoredUser | None, now: int) -> bool:
    """Return whether a date has come since the user was looked up."""
    return user is not None and user.until <= now


def _credentials(work: UnitOfWork, user: StoredUser, object_type: ObjectType, now: int) -> list[ManagedObject]:
    """Return the credentials of one type that count, of a user that counts."""
    record = work.find(user.record.unique_identifier)
    if record is None or not is_usable(record, now):
        return []
    found = (work.find(identifier) for identifier in user.credentials)
    return [one for one in found if one is not None and one.object_type is object_type and is_usable(one, now)]
