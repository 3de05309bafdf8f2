"""Users that are managed objects authenticate requests: by passwords of three kinds, and by certificates."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, Final

import pytest
from attrs import define, evolve

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.identity import stored_users
from kmip_adapters.identity.credential_proofs import one_time_password
from kmip_adapters.identity.credentials import GONE, CredentialAuthentication
from kmip_adapters.identity.stored_users import (
    NAME_OF_A_USER,
    NOTICED_AFTER,
    TWO_USERS,
    WRONG,
    StoredUsers,
)
from kmip_adapters.identity.throttling import PasswordThrottle
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage, MemoryUnitOfWork
from kmip_adapters.storage.sql.sealed import SealedUnitOfWork
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    Operation,
    OTPAlgorithm,
    ResultReason,
    ResultStatus,
)
from kmip_core.messages import (
    Credential,
    HashedPassword,
    OneTimePassword,
    ResponseMessage,
    Ticket,
    UsernameAndPassword,
)
from kmip_core.objects import HashedPasswordCredential, ManagedObject, OTPCredential, PasswordCredential
from kmip_core.operations import (
    add_attribute,
    archive,
    create,
    create_group,
    create_user,
    delete_attribute,
    destroy,
    get_attributes,
    login,
    obliterate,
    register,
)
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import Pace, Wait, run_blocking
from kmip_core.ports.storage import ConcurrentChange, ReadBegun, StoreSealed
from kmip_core.principal import Principal, Source
from kmip_core.settings import Settings, TicketUse
from kmip_core.structures import Link, NameReference
from tests.builders import (
    ALICE,
    NOW,
    PlainHashing,
    a_name,
    a_secret,
    an_engine,
    an_instance,
    ask,
    clock_of,
    perform,
    the_only,
)
from tests.unit.kmip_core.operations.test_system_objects import a_credential, a_group, link
from tests.unit.kmip_core.operations.test_validate import ROOT

PEER: Final = Principal(name="peer", address="192.0.2.1")
CERTIFICATE: Final = hashlib.sha256(ROOT.certificate.certificate_value).digest()
SEED: Final = b"12345678901234567890"  # of RFC 4226 and RFC 6238


@define
class Counted(PlainHashing):
    """Counts what it verifies."""

    verified: int = 0

    def verify(self, encoded: str, password: str) -> bool:
        self.verified += 1
        return super().verify(encoded, password)


class Ticking:
    """A clock of a process, which goes on by as much as a test says."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def hashing() -> Counted:
    return Counted()


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def engine(hashing: Counted, ticking: Ticking) -> Engine:
    """An engine that alice administers, and whose stored users authenticate."""
    storage = MemoryStorage()
    users = StoredUsers(storage=storage, hashing=hashing, clock=ticking)
    return an_engine(
        storage=storage,
        passwords=hashing,
        authentication=CredentialAuthentication(users=users),
        settings=Settings(administrators=frozenset({"alice"})),
    )


def make_user(engine: Engine, *credentials: str, name: str = "carol", **attributes: Any) -> str:
    links = tuple(link(LinkType.CREDENTIAL_LINK, one) for one in credentials) + attributes.pop("links", ())
    described = Attributes(names=(a_name(name),), links=links, **attributes)
    made: str = perform(engine, Operation.CREATE_USER, create_user.Request(attributes=described)).unique_identifier
    return made


def shown(kind: CredentialType, value: Any) -> Credential:
    return Credential(credential_type=kind, credential_value=value)


def password(text: str | None, name: str = "carol") -> Credential:
    return shown(CredentialType.USERNAME_AND_PASSWORD, UsernameAndPassword(username=name, password=text))


def one_time(code: str, text: str | None = None, name: str = "carol") -> Credential:
    value = OneTimePassword(username=name, password=text, one_time_password=code)
    return shown(CredentialType.ONE_TIME_PASSWORD, value)


AES: Final = create.Request(
    object_type=ObjectType.SYMMETRIC_KEY,
    attributes=Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    ),
)


def answer(engine: Engine, *credentials: Credential, principal: Principal = PEER) -> ResponseMessage:
    return ask(engine, (Operation.CREATE, AES), principal=principal, credentials=credentials)


def owner(engine: Engine, *credentials: Credential, principal: Principal = PEER) -> str:
    """Return in whose name a request with these credentials runs: who owns what it creates."""
    item = the_only(answer(engine, *credentials, principal=principal))
    assert item.result_status is ResultStatus.SUCCESS, item.result_message
    with engine.services.storage.unit_of_work() as work:
        found = work.find(item.payload.unique_identifier)
    assert found is not None
    return found.owner


def refusal(engine: Engine, *credentials: Credential, principal: Principal = PEER) -> str:
    item = the_only(answer(engine, *credentials, principal=principal))
    assert item.result_reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    return item.result_message or ""


def test_without_stored_users_credentials_mean_what_they_meant_before(engine: Engine) -> None:
    assert owner(engine, password("p")) == "peer"
    assert owner(engine, one_time("123456")) == "peer"


# --- passwords --------------------------------------------------------------------------------------------------------


def test_a_stored_password_authenticates_its_user(engine: Engine) -> None:
    make_user(engine, a_credential(engine))

    assert owner(engine, password("correct horse")) == "carol"


@pytest.mark.parametrize("text", ["wrong", "", None, "p" * 5_000, "\ud800"])
def test_a_wrong_password_is_refused_and_recorded_without_it(engine: Engine, text: str | None) -> None:
    make_user(engine, a_credential(engine))

    assert refusal(engine, password(text)) == WRONG
    trail = engine.services.audit
    assert isinstance(trail, MemoryTrail)
    assert trail.records[-1].event == "Authentication refused"
    assert trail.records[-1].message == f"{WRONG} (user carol)"


def test_a_name_that_no_stored_user_has_is_not_judged(engine: Engine) -> None:
    make_user(engine, a_credential(engine))

    assert owner(engine, password("p", "dave")) == "peer"


def test_any_password_of_a_user_will_do(engine: Engine) -> None:
    other = a_credential(engine, PasswordCredential(password="battery staple"))
    make_user(engine, a_credential(engine), "not-there", other)

    assert owner(engine, password("correct horse")) == owner(engine, password("battery staple")) == "carol"


def test_a_salted_password_is_derived_by_pbkdf2(engine: Engine) -> None:
    derived = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 100, 32)
    salted = PasswordCredential(
        salted_password=derived, password_salt=b"salt", password_salt_algorithm=CryptographicAlgorithm.HMAC_SHA256
    )
    make_user(engine, a_credential(engine, salted))

    assert owner(engine, password("secret")) == "carol"
    assert refusal(engine, password("other")) == WRONG


def test_a_password_link_says_where_the_password_is(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret(b"linked"))
    secret = perform(engine, Operation.REGISTER, request).unique_identifier
    make_user(engine, a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, secret),)))

    assert owner(engine, password("linked")) == "carol"
    assert refusal(engine, password("other")) == WRONG


def test_a_linked_password_of_another_owner_is_none(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret(b"linked"))
    secret = perform(engine, Operation.REGISTER, request, PEER).unique_identifier
    links = (link(LinkType.PASSWORD_LINK, "not-there"), link(LinkType.PASSWORD_LINK, secret))
    make_user(engine, a_credential(engine, None, links=links))

    assert refusal(engine, password("linked")) == WRONG


# --- links by name ----------------------------------------------------------------------------------------------------


def called(name: str) -> dict[str, Any]:
    return {"names": (a_name(name),)}


def by_name(kind: LinkType, name: str) -> Link:
    return link(kind, NameReference(name))


def test_a_credential_by_name_is_the_one_that_has_the_name_now(engine: Engine) -> None:
    first = a_credential(engine, PasswordCredential(password="one"), **called("of carol"))
    second = a_credential(engine, PasswordCredential(password="two"))
    a_group(engine, "of carol")  # nobody authenticates with it
    make_user(engine, links=(by_name(LinkType.CREDENTIAL_LINK, "of carol"),))
    assert owner(engine, password("one")) == "carol"

    name = an_instance("names", a_name("of carol"))
    perform(engine, Operation.ADD_ATTRIBUTE, add_attribute.Request(unique_identifier=second, new_attribute=name))
    assert refusal(engine, password("one")) == refusal(engine, password("two")) == WRONG  # it could be either

    perform(engine, Operation.OBLITERATE, obliterate.Request(unique_identifier=first))
    assert owner(engine, password("two")) == "carol"


def test_a_user_whose_credential_is_not_there_yet_does_not_authenticate(engine: Engine) -> None:
    make_user(engine, links=(by_name(LinkType.CREDENTIAL_LINK, "later"),))
    assert refusal(engine, password("correct horse")) == WRONG

    a_credential(engine, **called("later"))
    assert owner(engine, password("correct horse")) == "carol"


def test_a_certificate_that_is_a_credential_by_name_gives_its_user(engine: Engine, ticking: Ticking) -> None:
    """A client's own certificate of that name is no credential, and gets nobody in the way."""
    request = register.Request(
        object_type=ObjectType.CERTIFICATE, managed_object=ROOT.certificate, attributes=Attributes(**called("card"))
    )
    perform(engine, Operation.REGISTER, request, PEER)
    user = make_user(engine, links=(by_name(LinkType.CREDENTIAL_LINK, "card"),))
    peer = evolve(PEER, certificate_digest=CERTIFICATE)
    ticking.time += 2
    assert owner(engine, principal=peer) == "peer"

    a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE, **called("card"))
    ticking.time += 2
    assert owner(engine, principal=peer) == "carol"

    instance = an_instance("credential_link", by_name(LinkType.CREDENTIAL_LINK, "card"))
    deleted = delete_attribute.Request(unique_identifier=user, current_attribute=instance)
    perform(engine, Operation.DELETE_ATTRIBUTE, deleted)
    ticking.time += 2
    assert owner(engine, principal=peer) == "peer"


def test_a_certificate_of_an_ambiguous_name_gives_none(engine: Engine, ticking: Ticking) -> None:
    make_user(engine, links=(by_name(LinkType.CREDENTIAL_LINK, "card"),))
    a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE, **called("card"))
    a_credential(engine, **called("card"))
    ticking.time += 2

    assert owner(engine, principal=evolve(PEER, certificate_digest=CERTIFICATE)) == "peer"


def test_a_password_by_name_is_the_owner_s_secret(engine: Engine) -> None:
    """However many others give theirs the name."""

    def a_secret_named(text: bytes, principal: Principal) -> None:
        request = register.Request(
            object_type=ObjectType.SECRET_DATA, managed_object=a_secret(text), attributes=Attributes(**called("pin"))
        )
        perform(engine, Operation.REGISTER, request, principal)

    for number in range(6):
        a_secret_named(b"foreign", Principal(name=f"stranger {number}"))
    make_user(engine, a_credential(engine, None, links=(by_name(LinkType.PASSWORD_LINK, "pin"),)))
    assert refusal(engine, password("foreign")) == WRONG

    a_secret_named(b"linked", ALICE)
    assert owner(engine, password("linked")) == "carol"
    assert refusal(engine, password("foreign")) == WRONG


def test_a_password_is_hashed_once_while_nothing_changes(engine: Engine, hashing: Counted) -> None:
    user = make_user(engine, a_credential(engine))

    owner(engine, password("correct horse"))
    owner(engine, password("correct horse"))
    assert hashing.verified == 1

    change = add_attribute.Request(unique_identifier=user, new_attribute=an_instance("comment", "changed"))
    perform(engine, Operation.ADD_ATTRIBUTE, change)
    owner(engine, password("correct horse"))
    assert hashing.verified == 2


def test_a_user_without_a_password_costs_as_much(engine: Engine, hashing: Counted) -> None:
    make_user(engine, "not-there")

    assert refusal(engine, password("p")) == WRONG
    assert hashing.verified == 1


def test_guesses_are_slowed_down_and_the_right_one_is_then_refused_as_well(engine: Engine) -> None:
    make_user(engine, a_credential(engine))
    for number in range(20):
        refusal(engine, password(f"guess {number}"))

    assert refusal(engine, password("correct horse")) != WRONG


@pytest.mark.parametrize("which", ["user", "credential"])
@pytest.mark.parametrize("operation", [Operation.DESTROY, Operation.ARCHIVE])
def test_one_that_is_gone_does_not_authenticate(engine: Engine, which: str, operation: Operation) -> None:
    credential = a_credential(engine)
    user = make_user(engine, credential)
    owner(engine, password("correct horse"))
    identifier = user if which == "user" else credential
    requests: dict[Operation, Any] = {
        Operation.DESTROY: destroy.Request(unique_identifier=identifier),
        Operation.ARCHIVE: archive.Request(unique_identifier=identifier),
    }

    perform(engine, operation, requests[operation])

    if (which, operation) == ("user", Operation.DESTROY):
        assert owner(engine, password("correct horse")) == "peer"  # no user has the name
    else:
        assert refusal(engine, password("correct horse")) == WRONG


# --- what is remembered -----------------------------------------------------------------------------------------------


def users_of(engine: Engine) -> StoredUsers:
    authentication: Any = engine.services.authentication
    users: StoredUsers = authentication.users
    return users


def groups_at(engine: Engine, now: int) -> frozenset[str]:
    """Return the groups that carol has by her password."""
    steps = users_of(engine).settle((password("correct horse"),), PEER, now, PasswordThrottle())
    principal, _ = run_blocking(steps)
    return principal.groups


class Interrupted(Counted):
    """Has something done while the next password is verified, as by other clients meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def verify(self, encoded: str, password: str) -> bool:
        is_right = super().verify(encoded, password)
        while self.meanwhile:
            self.meanwhile.pop()()
        return is_right


@pytest.mark.parametrize("is_noticed", [True, False])
def test_a_password_that_is_replaced_while_it_is_verified_is_not_remembered(
    hashing: Counted, ticking: Ticking, is_noticed: bool
) -> None:
    interrupted = Interrupted()
    storage = MemoryStorage()
    engine = an_engine(
        storage=storage,
        passwords=interrupted,
        authentication=CredentialAuthentication(users=StoredUsers(storage=storage, hashing=interrupted, clock=ticking)),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    old = a_credential(engine)
    make_user(engine, old)

    def replace() -> None:
        perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=old))
        if is_noticed:
            owner(engine, password("p", "somebody else"))

    interrupted.meanwhile.append(replace)
    assert owner(engine, password("correct horse")) == "carol"  # as it was when the request came

    assert refusal(engine, password("correct horse")) == WRONG


@pytest.mark.parametrize("operation", [Operation.DESTROY, Operation.ARCHIVE])
def test_a_linked_password_that_is_gone_is_refused_although_it_was_right(engine: Engine, operation: Operation) -> None:
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret(b"linked"))
    secret = perform(engine, Operation.REGISTER, request).unique_identifier
    make_user(engine, a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, secret),)))
    assert owner(engine, password("linked")) == owner(engine, password("linked")) == "carol"
    requests: dict[Operation, Any] = {
        Operation.DESTROY: destroy.Request(unique_identifier=secret),
        Operation.ARCHIVE: archive.Request(unique_identifier=secret),
    }

    perform(engine, operation, requests[operation])

    assert refusal(engine, password("linked")) == WRONG


def test_a_linked_password_is_remembered(engine: Engine, hashing: Counted) -> None:
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret(b"linked"))
    secret = perform(engine, Operation.REGISTER, request).unique_identifier
    make_user(engine, a_credential(engine, None, links=(link(LinkType.PASSWORD_LINK, secret),)))

    assert owner(engine, password("linked")) == owner(engine, password("linked")) == "carol"

    assert hashing.verified == 1  # of a password of nobody: it takes as long


@pytest.mark.parametrize("which", ["user", "credential", "linked"])
def test_a_password_is_over_with_the_date_of_anything_that_makes_it_right(engine: Engine, which: str) -> None:
    """No change is counted when a date comes, and the clock of what is remembered stands still."""
    over = {"activation_date": NOW - 1, "deactivation_date": NOW + 5}
    dates: dict[str, Any] = {"user": {}, "credential": {}, "linked": {}} | {which: over}
    described = Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY, **dates["linked"])
    request = register.Request(
        object_type=ObjectType.SECRET_DATA, managed_object=a_secret(b"linked"), attributes=described
    )
    secret = perform(engine, Operation.REGISTER, request).unique_identifier
    links = (link(LinkType.PASSWORD_LINK, secret),)
    make_user(engine, a_credential(engine, None, links=links, **dates["credential"]), **dates["user"])
    assert owner(engine, password("linked")) == "carol"

    clock_of(engine).advance(4)
    assert owner(engine, password("linked")) == "carol"
    clock_of(engine).advance(1)
    assert refusal(engine, password("linked")) == WRONG


def test_a_hashed_password_is_over_with_the_date_of_its_credential(engine: Engine) -> None:
    make_user(engine, a_credential(engine, activation_date=NOW - 1, deactivation_date=NOW + 5))
    assert owner(engine, password("correct horse")) == "carol"

    clock_of(engine).advance(5)

    assert refusal(engine, password("correct horse")) == WRONG


def test_groups_begin_and_end_with_their_dates(engine: Engine) -> None:
    def a_dated_group(name: str, *parents: str, **dates: Any) -> str:
        links = tuple(link(LinkType.PARENT_LINK, parent) for parent in parents)
        described = Attributes(names=(a_name(name),), links=links, **dates)
        made: str = perform(
            engine, Operation.CREATE_GROUP, create_group.Request(attributes=described)
        ).unique_identifier
        return made

    above = a_dated_group("above", activation_date=NOW - 1, deactivation_date=NOW + 5)
    groups = (a_dated_group("always", above), a_dated_group("later", activation_date=NOW + 7))
    make_user(engine, a_credential(engine), links=tuple(link(LinkType.GROUP_LINK, one) for one in groups))

    assert groups_at(engine, NOW) == groups_at(engine, NOW + 4) == {"always", "above"}
    assert groups_at(engine, NOW + 5) == {"always"}
    assert groups_at(engine, NOW + 7) == {"always", "later"}


def test_a_certificate_is_no_credential_after_its_date(engine: Engine, ticking: Ticking) -> None:
    dates: dict[str, Any] = {"activation_date": NOW - 1, "deactivation_date": NOW + 5}
    make_user(engine, a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE, **dates))
    ticking.time += 2
    peer = evolve(PEER, certificate_digest=CERTIFICATE)
    assert owner(engine, principal=peer) == "carol"

    clock_of(engine).advance(5)

    assert owner(engine, principal=peer) == "peer"


def test_long_names_that_clients_make_up_are_not_remembered(engine: Engine) -> None:
    make_user(engine, a_credential(engine))
    longest = "x" * stored_users.REMEMBERED_LENGTH

    assert owner(engine, password("p", longest)) == owner(engine, password("p", longest + "x")) == "peer"

    assert users_of(engine)._by_name.keys() == {"peer", longest}


def test_a_user_of_a_long_name_authenticates(engine: Engine) -> None:
    name = "x" * (stored_users.REMEMBERED_LENGTH + 1)
    make_user(engine, a_credential(engine), name=name)

    assert owner(engine, password("correct horse", name)) == owner(engine, password("correct horse", name)) == name


def test_right_passwords_are_no_guesses_however_often_they_are_verified(engine: Engine) -> None:
    make_user(engine, a_credential(engine))
    for number in range(30):
        assert owner(engine, password("correct horse")) == "carol", number
        a_group(engine, f"group {number}")  # a change, after which it is verified again


def test_so_many_names_are_remembered(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_users, "REMEMBERED", 4)
    make_user(engine, a_credential(engine))

    for number in range(10):
        owner(engine, password("p", f"nobody {number}"))
        assert len(users_of(engine)._by_name) <= 4
    assert owner(engine, password("correct horse")) == "carol"


def test_a_user_who_has_shown_a_credential_on_this_connection_is_there_until_it_is_gone(
    engine: Engine, ticking: Ticking
) -> None:
    user = make_user(engine, a_credential(engine))
    ticking.time += 2
    before = Principal(name="carol", source=Source.PASSWORD)

    assert owner(engine, principal=before) == "carol"
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=user))
    ticking.time += 2
    assert refusal(engine, principal=before) == GONE


def test_one_whose_activation_date_is_to_come_does_not_authenticate(engine: Engine) -> None:
    make_user(engine, a_credential(engine), activation_date=NOW + 1)

    assert refusal(engine, password("correct horse")) == WRONG


def test_the_credentials_of_two_users_are_refused(engine: Engine) -> None:
    credential = a_credential(engine)
    make_user(engine, credential)
    make_user(engine, credential, name="dave")

    assert refusal(engine, password("correct horse"), password("correct horse", "dave")) == TWO_USERS
    assert owner(engine, password("correct horse"), password("correct horse")) == "carol"


# --- one-time passwords -----------------------------------------------------------------------------------------------


HOTP: Final = OTPCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=SEED)
TOTP: Final = OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED)


def test_a_one_time_password_is_accepted_once(engine: Engine) -> None:
    credential = a_credential(engine, HOTP, CredentialType.ONE_TIME_PASSWORD)
    make_user(engine, credential)

    assert owner(engine, one_time("287082")) == "carol"  # counter 1: the generator is ahead
    for used in ("287082", "755224"):
        assert refusal(engine, one_time(used)) == WRONG
    request = get_attributes.Request(unique_identifier=credential)
    attributes = perform(engine, Operation.GET_ATTRIBUTES, request).attributes
    assert attributes.otp_counter == (2).to_bytes(8)
    assert owner(engine, one_time("359152")) == "carol"


@pytest.mark.parametrize(("ahead", "is_accepted"), [(9, True), (10, False)])
def test_a_generator_by_events_may_be_some_passwords_ahead(engine: Engine, ahead: int, is_accepted: bool) -> None:
    make_user(engine, a_credential(engine, HOTP, CredentialType.ONE_TIME_PASSWORD))
    code = one_time(one_time_password(HOTP, ahead))

    assert (owner(engine, code) == "carol") if is_accepted else (refusal(engine, code) == WRONG)


@pytest.mark.parametrize(("steps", "is_accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_generator_by_time_may_be_a_step_off(engine: Engine, steps: int, is_accepted: bool) -> None:
    make_user(engine, a_credential(engine, TOTP, CredentialType.ONE_TIME_PASSWORD))
    code = one_time(one_time_password(TOTP, NOW // 30 + steps))

    if is_accepted:
        assert owner(engine, code) == "carol"
    assert refusal(engine, code) == WRONG


def test_a_password_beside_a_one_time_password_must_be_right_as_well(engine: Engine) -> None:
    make_user(engine, a_credential(engine), a_credential(engine, HOTP, CredentialType.ONE_TIME_PASSWORD))

    assert refusal(engine, one_time("755224", "wrong")) == WRONG
    assert owner(engine, one_time("287082", "correct horse")) == "carol"


# --- hashed passwords -------------------------------------------------------------------------------------------------


S1: Final = hashlib.sha256(b"carolsecret").digest()
S2: Final = hashlib.sha256(b"secretcarol").digest()


def hashed(timestamp: int, first: bytes = S1, **more: Any) -> Credential:
    stamp = timestamp.to_bytes(8, signed=True) if -1 << 63 <= timestamp < 1 << 63 else b""
    value = HashedPassword(
        username="carol", timestamp=timestamp, hashed_password=hashlib.sha256(first + stamp).digest() + S2, **more
    )
    return shown(CredentialType.HASHED_PASSWORD, value)


@pytest.fixture
def with_hashed_password(engine: Engine) -> Engine:
    credential = HashedPasswordCredential(hashed_username_password=S1, hashed_password_username=S2)
    make_user(engine, a_credential(engine, credential, CredentialType.HASHED_PASSWORD))
    return engine


def test_a_hashed_password_is_answered_with_that_of_the_server(with_hashed_password: Engine) -> None:
    response = answer(with_hashed_password, hashed(1_000))

    expected = hashlib.sha256((1_000).to_bytes(8) + S1 + hashlib.sha256(S2).digest()).digest()
    assert response.header.server_hashed_password == expected
    assert owner(with_hashed_password, hashed(1_001)) == "carol"


def test_a_hashed_password_is_accepted_once_and_its_time_goes_on(with_hashed_password: Engine) -> None:
    assert owner(with_hashed_password, hashed(1_000)) == "carol"
    for timestamp in (1_000, 999):
        assert refusal(with_hashed_password, hashed(timestamp)) == WRONG


@pytest.mark.parametrize(
    "credential",
    [
        hashed(1_000, first=bytes(32)),
        hashed(0),
        hashed(-5),
        hashed(1_000, hashing_algorithm=HashingAlgorithm.SHA_512),
    ],
)
def test_a_hashed_password_that_is_not_the_user_s_is_refused(
    with_hashed_password: Engine, credential: Credential
) -> None:
    assert refusal(with_hashed_password, credential) == WRONG


# --- certificates -----------------------------------------------------------------------------------------------------


def test_a_certificate_that_is_a_credential_gives_its_user(engine: Engine, ticking: Ticking) -> None:
    make_user(engine, a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE))
    ticking.time += 2
    peer = evolve(PEER, certificate_digest=CERTIFICATE)

    assert owner(engine, principal=peer) == owner(engine, principal=peer) == "carol"
    assert owner(engine, principal=PEER) == "peer"


def test_a_certificate_of_two_users_gives_none(engine: Engine, ticking: Ticking) -> None:
    credential = a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE)
    make_user(engine, credential)
    make_user(engine, credential, name="dave")
    ticking.time += 2

    assert owner(engine, principal=evolve(PEER, certificate_digest=CERTIFICATE)) == "peer"


def test_a_certificate_that_was_destroyed_as_a_credential_gives_none(engine: Engine, ticking: Ticking) -> None:
    credential = a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE, activation_date=NOW + 1)
    make_user(engine, credential)
    ticking.time += 2

    assert owner(engine, principal=evolve(PEER, certificate_digest=CERTIFICATE)) == "peer"


def test_a_certificate_with_the_name_of_a_user_needs_the_user_s_credential(engine: Engine, ticking: Ticking) -> None:
    make_user(engine, a_credential(engine))
    ticking.time += 2
    carol = Principal(name="carol")

    assert refusal(engine, principal=carol) == NAME_OF_A_USER
    assert owner(engine, password("correct horse"), principal=carol) == "carol"


# --- groups -----------------------------------------------------------------------------------------------------------


def test_the_groups_of_a_user_and_those_above_give_rights_by_policies(engine: Engine) -> None:
    top = a_group(engine, "top")
    middle = a_group(engine, "middle", top)
    a_group(engine, "by-name", middle)
    gone = a_group(engine, "gone")
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=gone))
    links = tuple(link(LinkType.GROUP_LINK, one) for one in (gone, middle, "not-there"))
    a_group(engine, "above by name", NameReference("top of all"))
    a_group(engine, "top of all")
    links += (link(LinkType.GROUP_LINK, a_group(engine, "below by name", NameReference("above by name"))),)
    make_user(engine, a_credential(engine), links=links, object_groups=("by-name", "no-group"))
    users = engine.services.authentication
    assert users is not None

    steps = users.settle((password("correct horse"),), PEER, NOW)

    assert not isinstance(steps, Principal)
    assert run_blocking(steps).groups == {"top", "middle", "by-name", "below by name", "above by name", "top of all"}


def test_a_change_in_another_process_is_noticed_soon(engine: Engine, ticking: Ticking) -> None:
    other = an_engine(
        storage=engine.services.storage,
        passwords=PlainHashing(),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    carol = Principal(name="carol")
    assert owner(engine, principal=carol) == "carol"

    make_user(other, a_credential(other))

    assert owner(engine, principal=carol) == "carol"
    ticking.time += 1
    assert refusal(engine, principal=carol) == NAME_OF_A_USER


class Overtaken(MemoryStorage):
    """A store to which something is committed between two reads of so many units of work, which cannot read on."""

    times = 0

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> MemoryUnitOfWork:
        return OvertakenWork(self, pace)


class OvertakenWork(MemoryUnitOfWork):
    def find(self, unique_identifier: str) -> ManagedObject | None:
        storage: Any = self._storage
        if storage.times:
            storage.times -= 1
            raise ConcurrentChange
        return super().find(unique_identifier)


def test_a_user_is_looked_up_again_when_the_store_cannot_read_on() -> None:
    storage = Overtaken()
    engine = an_engine(
        storage=storage,
        authentication=CredentialAuthentication(users=StoredUsers(storage=storage, hashing=PlainHashing())),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    make_user(engine, a_credential(engine))

    storage.times = 5

    assert owner(engine, password("correct horse")) == "carol"
    assert storage.times == 0


def test_a_store_that_never_reads_on_refuses() -> None:
    storage = Overtaken()
    users = StoredUsers(storage=storage, hashing=PlainHashing())
    engine = an_engine(
        storage=storage,
        authentication=CredentialAuthentication(users=users),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    make_user(engine, a_credential(engine))

    storage.times = 1 << 30

    item = the_only(answer(engine, password("correct horse")))
    assert item.result_reason is ResultReason.SERVER_LIMIT_EXCEEDED


# --- in a database ----------------------------------------------------------------------------------------------------


@pytest.fixture
def in_a_database(tmp_path: Path) -> Iterator[Engine]:
    storage = SqlStorage(
        f"sqlite:///{tmp_path}/kmipd.db", functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    )
    users = StoredUsers(storage=storage, hashing=PlainHashing(), clock=Ticking())
    yield an_engine(
        storage=storage,
        authentication=CredentialAuthentication(users=users),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    storage.close()


def test_a_database_finds_users_by_name_and_by_certificate(in_a_database: Engine) -> None:
    engine = in_a_database
    a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE, **called("card"))
    top = a_group(engine, "top")
    links = (link(LinkType.GROUP_LINK, top), by_name(LinkType.CREDENTIAL_LINK, "card"))
    make_user(engine, a_credential(engine), links=links)
    peer = evolve(PEER, certificate_digest=CERTIFICATE)

    assert owner(engine, password("correct horse")) == owner(engine, principal=peer) == "carol"
    assert refusal(engine, password("wrong")) == WRONG


def test_of_requests_that_begin_together_one_uses_a_one_time_password(in_a_database: Engine) -> None:
    engine = in_a_database
    make_user(engine, a_credential(engine, HOTP, CredentialType.ONE_TIME_PASSWORD))
    together = Barrier(4)

    def use(_: int) -> ResultStatus:
        together.wait()
        return the_only(answer(engine, one_time("755224"))).result_status

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(use, range(4)))

    assert outcomes.count(ResultStatus.SUCCESS) == 1


def test_of_administrators_who_begin_together_one_gets_a_name(in_a_database: Engine) -> None:
    engine = in_a_database
    request = create_group.Request(attributes=Attributes(names=(a_name("auditors"),)))
    together = Barrier(4)

    def make(_: int) -> ResultStatus:
        together.wait()
        return the_only(ask(engine, (Operation.CREATE_GROUP, request), principal=ALICE)).result_status

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(make, range(4)))

    assert outcomes.count(ResultStatus.SUCCESS) == 1


def test_a_certificate_of_another_user_does_not_open_a_name(engine: Engine, ticking: Ticking) -> None:
    make_user(engine, a_credential(engine, ROOT.certificate, CredentialType.CERTIFICATE), name="dave")
    make_user(engine, a_credential(engine))
    ticking.time += 2

    assert owner(engine, principal=Principal(name="carol", certificate_digest=CERTIFICATE)) == "dave"
    assert refusal(engine, principal=Principal(name="dave", certificate_digest=bytes(32))) == NAME_OF_A_USER


def test_a_ticket_that_is_ignored_does_not_open_a_name(engine: Engine, ticking: Ticking) -> None:
    make_user(engine, a_credential(engine))
    ticking.time += 2
    ticket = shown(CredentialType.TICKET, Ticket(ticket_type=1, ticket_value=b"t"))

    assert refusal(engine, ticket, principal=Principal(name="carol")) == NAME_OF_A_USER


@pytest.mark.parametrize("operation", [None, Operation.DESTROY, Operation.ARCHIVE])
def test_a_ticket_of_a_stored_user_ends_with_the_user(hashing: Counted, operation: Operation | None) -> None:
    storage = MemoryStorage()
    users = StoredUsers(storage=storage, hashing=hashing, clock=Ticking())
    engine = an_engine(
        storage=storage,
        passwords=hashing,
        authentication=CredentialAuthentication(users=users, ticket_use=TicketUse.BEARER, storage=storage),
        settings=Settings(administrators=frozenset({"alice"}), tickets=TicketUse.BEARER),
    )
    user = make_user(engine, a_credential(engine, PasswordCredential(password="secret")))
    asked = (Operation.LOGIN, login.Request())
    ticket = the_only(ask(engine, asked, principal=PEER, credentials=(password("secret"),))).payload.ticket
    if operation is not None:
        module = destroy if operation is Operation.DESTROY else archive
        perform(engine, operation, module.Request(unique_identifier=user))
    users._looked = float("-inf")  # the clock of the process has gone on

    item = the_only(answer(engine, shown(CredentialType.TICKET, ticket)))

    assert item.result_reason is (None if operation is None else ResultReason.INVALID_TICKET)


def may_still_act(engine: Engine, name: str, source: Source) -> bool:
    """As after a start, when no request has shown a credential yet."""
    storage = engine.services.storage
    fresh = CredentialAuthentication(users=StoredUsers(storage=storage, hashing=Counted(), clock=Ticking()))
    principal = Principal(name=name, source=source)
    try:
        run_blocking(fresh.check_still(principal, engine.services.clock.now()))
    except CredentialRefused:
        return False
    return True


def test_what_is_run_later_looks_whether_its_user_is_still_there(engine: Engine) -> None:
    assert not may_still_act(engine, "carol", Source.PASSWORD)
    user = make_user(engine, a_credential(engine))
    for source in (Source.PASSWORD, Source.CERTIFICATE):
        assert may_still_act(engine, "carol", source)
    assert not may_still_act(engine, "nobody", Source.PASSWORD)
    assert may_still_act(engine, "nobody", Source.CERTIFICATE)

    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=user))

    for source in (Source.PASSWORD, Source.CERTIFICATE):
        assert not may_still_act(engine, "carol", source)


class Late:
    """A read that was begun on an event loop."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.unit_of_work = functools.partial(MemoryStorage.unit_of_work, storage)


class Reading:
    """A unit of work whose rules are read later."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def rules_of(self, kind: Any) -> Any:
        late: Any = Late(self._storage)
        raise ReadBegun(late)


class Beginning(MemoryStorage):
    """A store that begins its reads."""

    blocking = True

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        return Reading(self)


def test_what_was_waited_for_is_as_old_as_its_read(ticking: Ticking) -> None:
    """Else a change would be noticed later than promised."""
    users = StoredUsers(storage=Beginning(), hashing=PlainHashing(), clock=ticking)
    looking = users.standing("carol", NOW)

    assert isinstance(next(looking), Wait)
    ticking.time = NOTICED_AFTER
    with pytest.raises(StopIteration):
        next(looking)

    assert users.may_concern(())


class Sealed(MemoryStorage):
    """A store whose root key is away."""

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        return SealedUnitOfWork()


def settled(users: StoredUsers, *credentials: Credential) -> Principal:
    return run_blocking(users.settle(credentials, PEER, NOW, PasswordThrottle()))[0]


def test_while_the_store_is_sealed_requests_go_on_that_name_no_user(ticking: Ticking) -> None:
    users = StoredUsers(storage=Sealed(), hashing=PlainHashing(), clock=ticking)

    for _ in range(3):
        assert users.may_concern(())  # nothing was looked at, so each request looks
        assert settled(users) is PEER

    with pytest.raises(StoreSealed):
        settled(users, password("p"))
