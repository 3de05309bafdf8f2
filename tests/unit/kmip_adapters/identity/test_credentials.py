"""Credentials and groups: they never widen what the certificate allows, unless that is configured (R-TLS-6)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from attrs import define, evolve

from kmip_adapters.identity.credentials import (
    GONE,
    NAME_OF_A_USER,
    TWO_USERS,
    UNCHECKED,
    WRONG,
    CredentialAuthentication,
)
from kmip_adapters.identity.groups import refused
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.identity.throttling import TOO_MANY, PasswordThrottle
from kmip_core.enums import CredentialType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import (
    Credential,
    DeviceCredential,
    UsernameAndPassword,
)
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import MoveTo, Pace, Steps, run_blocking
from kmip_core.principal import Principal, Source
from kmip_core.structures import ProtocolVersion

ALICE = Principal(name="alice", source=Source.CERTIFICATE, address="192.0.2.1", certificate_serial="7")
CAROL = evolve(ALICE, name="carol", certificate_name="carol")  # has no password
VERSION = ProtocolVersion(protocol_version_major=1, protocol_version_minor=4)
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class KnownGroups:
    """Groups that are there at once, or only when run_blocking for."""

    def __init__(self, groups: dict[str, frozenset[str]], *, at_once: bool = True) -> None:
        self._groups = groups
        self._at_once = at_once

    def remembered(self, name: str) -> frozenset[str] | None:
        return self.of(name) if self._at_once else None

    def of(self, name: str) -> frozenset[str]:
        if name not in self._groups:
            raise refused("unknown")
        return self._groups[name]


@pytest.fixture
def passwords(tmp_path: Path) -> PasswordFile:
    path = tmp_path / "passwords"
    path.write_text(f"alice:{HASHER.hash('a')}\nbob:{HASHER.hash('b')}\n")
    return PasswordFile(path)


Refusal = tuple[ResultReason, str]
NOT_SUCCESSFUL = ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


def a_password(username: str, password: str | None) -> UsernameAndPassword:
    return UsernameAndPassword(username=username, password=password)


def settling(authentication: CredentialAuthentication, *values: Any, principal: Principal = ALICE) -> Steps[Principal]:
    """Begin to settle a request with credentials of these values."""
    credentials = tuple(
        Credential(
            credential_type=(
                CredentialType.DEVICE if isinstance(value, DeviceCredential) else CredentialType.USERNAME_AND_PASSWORD
            ),
            credential_value=value,
        )
        for value in values
    )
    return in_steps(authentication.settle(credentials, principal, 1_000))


def in_steps(given: Principal | Steps[Principal]) -> Steps[Principal]:
    """Give a principal that may have been returned without any step."""
    if isinstance(given, Principal):
        return given
    return (yield from given)


def test_without_anything_to_look_at_the_principal_is_returned() -> None:
    assert CredentialAuthentication().settle((), ALICE, 1_000) is ALICE


def settled(authentication: CredentialAuthentication, *values: Any, principal: Principal = ALICE) -> Principal:
    return run_blocking(settling(authentication, *values, principal=principal))


def refusal(authentication: CredentialAuthentication, *values: Any, principal: Principal = ALICE) -> Refusal:
    with pytest.raises(KmipError) as refused:
        settled(authentication, *values, principal=principal)
    return refused.value.reason, refused.value.message


@pytest.mark.parametrize("identity", [False, True], ids=["certificate decides", "password decides"])
@pytest.mark.parametrize(
    ("credentials", "owner_by_password"),
    [
        pytest.param([], "carol", id="ok none"),
        pytest.param([a_password("", "")], "carol", id="ok empty, as libkmip sends it"),
        pytest.param([DeviceCredential(device_serial_number="bob", password="b")], "bob", id="ok a device"),
        pytest.param([DeviceCredential(device_identifier="bob", password="b")], "bob", id="ok a device's identifier"),
        pytest.param(
            [DeviceCredential(device_serial_number="bob", device_identifier="alice", password="b")],
            "bob",
            id="ok a device's serial number first",
        ),
        pytest.param([DeviceCredential(device_serial_number="x", password="b")], None, id="fail unknown device"),
        pytest.param([DeviceCredential(device_identifier="bob")], None, id="fail device without password"),
        pytest.param([DeviceCredential(network_identifier="bob", password="b")], None, id="fail nameless device"),
        pytest.param([a_password("alice", "a")], "alice", id="ok a user's"),
        pytest.param([a_password("alice", "a"), a_password("alice", "a")], "alice", id="ok twice the same"),
        pytest.param([a_password("bob", "b")], "bob", id="ok another's"),
        pytest.param([a_password("alice", "b")], None, id="fail wrong password"),
        pytest.param([a_password("bob", None)], None, id="fail no password"),
        pytest.param([a_password("mallory", "m")], None, id="fail unknown user"),
        pytest.param([a_password("alice", "a"), a_password("bob", "x")], None, id="fail the second of two"),
    ],
)
def test_a_credential_changes_identity_only_where_configured(
    passwords: PasswordFile, credentials: list[Any], owner_by_password: str | None, identity: bool
) -> None:
    authentication = CredentialAuthentication(passwords=passwords, password_identity=identity)

    if owner_by_password is None:
        assert refusal(authentication, *credentials, principal=CAROL) == (NOT_SUCCESSFUL, WRONG)
    else:
        principal = settled(authentication, *credentials, principal=CAROL)
        assert principal.name == (owner_by_password if identity else "carol")


@pytest.mark.parametrize("credentials", [[], [a_password("", "")]], ids=["none", "empty"])
def test_a_certificate_alone_cannot_have_the_name_of_a_user_with_a_password(
    passwords: PasswordFile, credentials: list[Any]
) -> None:
    authentication = CredentialAuthentication(passwords=passwords, password_identity=True)

    assert refusal(authentication, *credentials) == (NOT_SUCCESSFUL, NAME_OF_A_USER)
    principal = settled(authentication, a_password("alice", "a"))
    assert (principal.name, principal.source) == ("alice", Source.PASSWORD)


def test_a_user_who_has_shown_a_password_on_this_connection_is_there_while_the_file_has_it(
    passwords: PasswordFile,
) -> None:
    groups = KnownGroups({"alice": frozenset({"now"}), "mallory": frozenset()})
    authentication = CredentialAuthentication(groups=groups, passwords=passwords, password_identity=True)
    before = Principal(name="alice", source=Source.PASSWORD)
    gone = Principal(name="mallory", source=Source.PASSWORD)

    assert settled(authentication, principal=before) == evolve(before, groups={"now"})
    assert refusal(authentication, principal=gone) == (NOT_SUCCESSFUL, GONE)
    for without in (CredentialAuthentication(passwords=passwords), CredentialAuthentication()):
        assert refusal(without, principal=before) == (NOT_SUCCESSFUL, GONE)


def test_the_passwords_of_two_users_in_one_request_are_refused(passwords: PasswordFile) -> None:
    two = (a_password("alice", "a"), a_password("bob", "b"))

    authentication = CredentialAuthentication(passwords=passwords, password_identity=True)
    assert refusal(authentication, *two, principal=CAROL) == (NOT_SUCCESSFUL, TWO_USERS)
    assert settled(CredentialAuthentication(passwords=passwords), *two, principal=CAROL) == CAROL


def test_without_a_file_passwords_are_ignored() -> None:
    authentication = CredentialAuthentication(groups=KnownGroups({"alice": frozenset()}))

    assert settled(authentication, a_password("bob", "x")) == ALICE


def test_groups_are_those_of_the_identity_in_force(passwords: PasswordFile) -> None:
    groups = KnownGroups({"carol": frozenset({"a"}), "bob": frozenset({"b"})})
    authentication = CredentialAuthentication(passwords=passwords, password_identity=True, groups=groups)

    assert settled(authentication, principal=CAROL).groups == {"a"}
    assert settled(authentication, a_password("bob", "b"), principal=CAROL).groups == {"b"}


def test_a_client_whose_groups_cannot_be_found_is_refused() -> None:
    assert refusal(CredentialAuthentication(groups=KnownGroups({}))) == (NOT_SUCCESSFUL, "unknown")


def test_groups_are_fetched_in_a_thread_of_their_own() -> None:
    groups = KnownGroups({"alice": frozenset({"a"})}, at_once=False)
    steps = settling(CredentialAuthentication(groups=groups))

    assert next(steps) == MoveTo(Pace.REMOTE)
    assert run_blocking(steps).groups == {"a"}


def test_hashing_is_slow_work_until_the_password_is_remembered(passwords: PasswordFile) -> None:
    authentication = CredentialAuthentication(passwords=passwords)
    steps = settling(authentication, a_password("alice", "a"))

    assert next(steps) == MoveTo(Pace.SLOW)
    run_blocking(steps)

    with pytest.raises(StopIteration):
        next(settling(authentication, a_password("alice", "a")))


# --- wrong passwords ------------------------------------------------------------------------------------------------


@define
class Time:
    """A clock of seconds that the test moves."""

    seconds: float = 0.0

    def __call__(self) -> int:
        return int(self.seconds * 1000)


ELSEWHERE = evolve(ALICE, address="192.0.2.2")


def outcome(steps: Steps[Principal]) -> str | None:
    """Return why a request was refused; None if it was not."""
    try:
        run_blocking(steps)
    except KmipError as error:
        return error.message
    return None


def outcomes(
    authentication: CredentialAuthentication,
    passwords: Iterable[str],
    principal: Principal = ALICE,
    name: str = "alice",
) -> list[str | None]:
    return [
        outcome(settling(authentication, a_password(name, password), principal=principal)) for password in passwords
    ]


def wrong(number: int, first: int = 0) -> list[str]:
    return [f"wrong {n}" for n in range(first, first + number)]


def guarded_by(passwords: PasswordFile, now: Time) -> CredentialAuthentication:
    return CredentialAuthentication(passwords=passwords, throttle=PasswordThrottle(now=now))


def test_after_so_many_wrong_passwords_not_even_the_right_one_is_listened_to(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())

    assert outcomes(guarded, wrong(10)) == [WRONG] * 10
    assert outcomes(guarded, ["wrong 10", "a"]) == [TOO_MANY, TOO_MANY]
    with pytest.raises(CredentialRefused):
        next(settling(guarded, a_password("alice", "a")))  # nothing is hashed for it


def test_other_addresses_and_other_users_are_not_locked_out(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())

    outcomes(guarded, wrong(11))

    assert outcomes(guarded, ["a"], ELSEWHERE) == [None]
    assert outcomes(guarded, ["a"], evolve(ALICE, certificate_name="another")) == [None]
    assert outcomes(guarded, ["b"], name="bob") == [None]


def test_a_password_that_is_remembered_is_not_to_be_guessed_either(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())

    assert outcomes(guarded, ["a"], ELSEWHERE) == [None]
    assert outcomes(guarded, [*wrong(10), "a"]) == [*[WRONG] * 10, TOO_MANY]
    assert outcomes(guarded, ["a"], ELSEWHERE) == [None]


def test_of_many_who_guess_at_once_no_more_are_listened_to(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())
    at_once = [settling(guarded, a_password("alice", password)) for password in (*wrong(12), "a")]

    assert [next(steps) for steps in at_once] == [MoveTo(Pace.SLOW)] * 13
    outcomes(guarded, ["a"], ELSEWHERE)  # is remembered from now on

    assert [outcome(steps) for steps in at_once] == [*[WRONG] * 10, *[TOO_MANY] * 3]


def test_a_minute_later_one_more_is_listened_to(passwords: PasswordFile) -> None:
    now = Time()
    guarded = guarded_by(passwords, now)

    outcomes(guarded, wrong(10))
    now.seconds = 60.0
    assert outcomes(guarded, wrong(2, first=20)) == [WRONG, TOO_MANY]
    now.seconds = 120.0
    assert outcomes(guarded, ["a", "a"]) == [None, None]


def test_a_client_that_keeps_sending_an_old_password_locks_no_user_out(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())

    assert outcomes(guarded, ["old"] * 50) == [WRONG] * 50
    assert outcomes(guarded, ["a"]) == [None]


def test_right_passwords_cost_nothing(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())
    at_once = [settling(guarded, a_password("alice", "a")) for _ in range(20)]
    for steps in at_once:
        next(steps)

    assert [outcome(steps) for steps in at_once] == [None] * 20
    assert outcomes(guarded, wrong(10)) == [WRONG] * 10


def test_a_refusal_names_the_user_for_the_record_if_there_is_one(passwords: PasswordFile) -> None:
    guarded = guarded_by(passwords, Time())

    def user_of(name: str, password: str) -> str | None:
        with pytest.raises(CredentialRefused) as refused:
            settled(guarded, a_password(name, password))
        return refused.value.user

    assert [user_of("alice", password) for password in wrong(11)] == ["alice"] * 11
    assert user_of("a password in the wrong field", "x") is None


UNKNOWN_TYPES = [t for t in CredentialType if t not in (CredentialType.USERNAME_AND_PASSWORD, CredentialType.DEVICE)]


@pytest.mark.parametrize("credential_type", UNKNOWN_TYPES, ids=lambda kind: kind.name)
def test_a_credential_that_is_not_checked_is_never_let_through(
    passwords: PasswordFile, credential_type: CredentialType
) -> None:
    credential = Credential(credential_type=credential_type)

    with pytest.raises(CredentialRefused) as refused_:
        run_blocking(in_steps(CredentialAuthentication(passwords=passwords).settle((credential,), ALICE, 1_000)))
    assert (refused_.value.reason, refused_.value.message) == (NOT_SUCCESSFUL, UNCHECKED)
    assert run_blocking(in_steps(CredentialAuthentication().settle((credential,), ALICE, 1_000))) is ALICE


def test_a_password_that_could_not_be_read_is_refused(passwords: PasswordFile) -> None:
    assert refusal(CredentialAuthentication(passwords=passwords), None) == (NOT_SUCCESSFUL, UNCHECKED)
