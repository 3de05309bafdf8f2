"""What is settled before the engine: groups, and credentials that never widen what the certificate allows (R-TLS-6)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from attrs import define, evolve, field

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.identity.credentials import NAME_OF_A_USER, WRONG, Door
from kmip_adapters.identity.groups import refused
from kmip_adapters.identity.passwords import PasswordFile
from kmip_adapters.identity.throttling import TOO_MANY, Guesses
from kmip_adapters.system.identifiers import RandomIdentifiers
from kmip_core.enums import CredentialType, Operation, ResultReason, ResultStatus
from kmip_core.messages import (
    Credential,
    DeviceCredential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseHeader,
    ResponseMessage,
    UsernameAndPassword,
)
from kmip_core.ports.steps import MoveTo, Pace, Steps, run_blocking
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion

ALICE = Principal(name="alice", source="certificate", address="192.0.2.1", certificate_serial="7")
CAROL = evolve(ALICE, name="carol", certificate_name="carol")  # has no password
VERSION = ProtocolVersion(protocol_version_major=1, protocol_version_minor=4)
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class FixedClock:
    def now(self) -> int:
        return 1_000


@define
class RecordingEngine:
    """Answers everything and keeps who asked."""

    audit: MemoryTrail = field(factory=MemoryTrail)
    identifiers: RandomIdentifiers = field(factory=RandomIdentifiers)
    clock: FixedClock = field(factory=FixedClock)
    askers: list[Principal] = field(factory=list)

    def pace(self, message: RequestMessage) -> Pace:
        return Pace.QUICK

    def steps(self, message: RequestMessage, principal: Principal) -> Steps[ResponseMessage]:
        self.askers.append(principal)
        yield from ()
        return ResponseMessage(header=ResponseHeader(protocol_version=VERSION, time_stamp=1_000), batch_items=())


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
def engine() -> RecordingEngine:
    return RecordingEngine()


@pytest.fixture
def passwords(tmp_path: Path) -> PasswordFile:
    path = tmp_path / "passwords"
    path.write_text(f"alice:{HASHER.hash('a')}\nbob:{HASHER.hash('b')}\n")
    return PasswordFile(path)


def request(*credentials: Any) -> RequestMessage:
    kind = CredentialType.USERNAME_AND_PASSWORD
    return RequestMessage(
        header=RequestHeader(
            protocol_version=VERSION,
            client_correlation_value="c",
            credentials=tuple(Credential(credential_type=kind, credential_value=value) for value in credentials),
        ),
        batch_items=(RequestBatchItem(operation=Operation.QUERY, unique_batch_item_id=b"1", payload=None),),
    )


def told(username: str, password: str | None) -> UsernameAndPassword:
    return UsernameAndPassword(username=username, password=password)


def door(engine: RecordingEngine, **choices: Any) -> Door:
    return Door(engine=engine, **choices)  # type: ignore[arg-type]


@pytest.mark.parametrize("identity", [False, True], ids=["certificate decides", "password decides"])
@pytest.mark.parametrize(
    ("credentials", "owner_by_password"),
    [
        pytest.param([], "carol", id="ok none"),
        pytest.param([told("", "")], "carol", id="ok empty, as libkmip sends it"),
        pytest.param([DeviceCredential(device_identifier="x")], "carol", id="ok a device"),
        pytest.param([None], "carol", id="ok one that is not understood"),
        pytest.param([told("alice", "a")], "alice", id="ok a user's"),
        pytest.param([told("alice", "a"), told("alice", "a")], "alice", id="ok twice the same"),
        pytest.param([told("bob", "b")], "bob", id="ok another's"),
        pytest.param([told("alice", "b")], None, id="fail wrong password"),
        pytest.param([told("bob", None)], None, id="fail no password"),
        pytest.param([told("mallory", "m")], None, id="fail unknown user"),
        pytest.param([told("alice", "a"), told("bob", "x")], None, id="fail the second of two"),
    ],
)
def test_a_credential_changes_identity_only_where_configured(
    engine: RecordingEngine,
    passwords: PasswordFile,
    credentials: list[Any],
    owner_by_password: str | None,
    identity: bool,
) -> None:
    answer = run_blocking(
        door(engine, passwords=passwords, password_identity=identity).steps(request(*credentials), CAROL)
    )

    if owner_by_password is None:
        (item,) = answer.batch_items
        assert (item.result_status, item.result_reason, item.result_message) == (
            ResultStatus.OPERATION_FAILED,
            ResultReason.AUTHENTICATION_NOT_SUCCESSFUL,
            WRONG,
        )
        assert engine.askers == []
    else:
        assert [asker.name for asker in engine.askers] == [owner_by_password if identity else "carol"]


@pytest.mark.parametrize("credentials", [[], [told("", "")]], ids=["none", "empty"])
def test_a_name_with_a_password_is_nobodys_by_certificate_alone(
    engine: RecordingEngine, passwords: PasswordFile, credentials: list[Any]
) -> None:
    guarded = door(engine, passwords=passwords, password_identity=True)

    answer = run_blocking(guarded.steps(request(*credentials), ALICE))
    run_blocking(guarded.steps(request(told("alice", "a")), ALICE))

    (item,) = answer.batch_items
    assert (item.result_reason, item.result_message) == (ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, NAME_OF_A_USER)
    assert [(asker.name, asker.source) for asker in engine.askers] == [("alice", "password")]
    (record,) = engine.audit.records
    assert (record.principal, record.result) == ("alice", ResultReason.AUTHENTICATION_NOT_SUCCESSFUL)


def test_two_users_in_one_request_are_nobody(engine: RecordingEngine, passwords: PasswordFile) -> None:
    two = request(told("alice", "a"), told("bob", "b"))

    answer = run_blocking(door(engine, passwords=passwords, password_identity=True).steps(two, CAROL))
    run_blocking(door(engine, passwords=passwords).steps(two, CAROL))

    assert answer.batch_items[0].result_reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    assert [asker.name for asker in engine.askers] == ["carol"]


def test_without_a_file_credentials_are_not_looked_at(engine: RecordingEngine) -> None:
    run_blocking(door(engine, groups=KnownGroups({"alice": frozenset()})).steps(request(told("bob", "x")), ALICE))

    assert [asker.name for asker in engine.askers] == ["alice"]


def test_groups_are_those_of_the_identity_in_force(engine: RecordingEngine, passwords: PasswordFile) -> None:
    groups = KnownGroups({"carol": frozenset({"a"}), "bob": frozenset({"b"})})
    before = door(engine, passwords=passwords, password_identity=True, groups=groups)

    run_blocking(before.steps(request(), CAROL))
    run_blocking(before.steps(request(told("bob", "b")), CAROL))

    assert [asker.groups for asker in engine.askers] == [{"a"}, {"b"}]


def test_who_has_no_groups_to_be_found_is_refused_and_recorded(engine: RecordingEngine) -> None:
    answer = run_blocking(door(engine, groups=KnownGroups({})).steps(request(), ALICE))

    assert answer.header.client_correlation_value == "c"
    assert answer.batch_items[0].unique_batch_item_id == b"1"
    (record,) = engine.audit.records
    assert (record.principal, record.address, record.certificate_serial) == ("alice", "192.0.2.1", "7")
    assert record.result is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


def test_groups_are_not_waited_for_on_an_event_loop(engine: RecordingEngine) -> None:
    steps = door(engine, groups=KnownGroups({"alice": frozenset({"a"})}, at_once=False)).steps(request(), ALICE)

    assert next(steps) == MoveTo(Pace.REMOTE)
    assert next(steps) == MoveTo(Pace.QUICK)  # once they are known
    assert engine.askers == []
    run_blocking(steps)
    assert [asker.groups for asker in engine.askers] == [{"a"}]


def test_hashing_is_slow_work_until_the_password_is_remembered(
    engine: RecordingEngine, passwords: PasswordFile
) -> None:
    checking = door(engine, passwords=passwords)
    message = request(told("alice", "a"))
    steps = checking.steps(message, ALICE)

    assert next(steps) == MoveTo(Pace.SLOW)
    run_blocking(steps)

    with pytest.raises(StopIteration):
        next(checking.steps(message, ALICE))


# --- wrong passwords ------------------------------------------------------------------------------------------------


@define
class Time:
    """A clock of seconds that the test moves."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


ELSEWHERE = evolve(ALICE, address="192.0.2.2")


def reason(answer: ResponseMessage) -> str | None:
    """Return why a request was refused; None if it was not."""
    return answer.batch_items[0].result_message if answer.batch_items else None


def reasons(door: Door, passwords: Iterable[str], who: Principal = ALICE, name: str = "alice") -> list[str | None]:
    return [reason(run_blocking(door.steps(request(told(name, password)), who))) for password in passwords]


def wrong(number: int, first: int = 0) -> list[str]:
    return [f"wrong {n}" for n in range(first, first + number)]


def test_after_so_many_wrong_passwords_not_even_the_right_one_is_listened_to(
    engine: RecordingEngine, passwords: PasswordFile
) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))

    assert reasons(guarded, wrong(10)) == [WRONG] * 10
    assert reasons(guarded, ["wrong 10", "a"]) == [TOO_MANY, TOO_MANY]
    assert next(guarded.steps(request(told("alice", "a")), ALICE), None) is None  # nothing is hashed for it
    assert engine.askers == []


def test_who_comes_from_elsewhere_or_is_another_user_is_not_locked_out(
    engine: RecordingEngine, passwords: PasswordFile
) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))

    reasons(guarded, wrong(11))

    assert reasons(guarded, ["a"], ELSEWHERE) == [None]
    assert reasons(guarded, ["a"], evolve(ALICE, certificate_name="another")) == [None]
    assert reasons(guarded, ["b"], name="bob") == [None]


def test_a_password_that_is_remembered_is_not_to_be_guessed_either(
    engine: RecordingEngine, passwords: PasswordFile
) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))

    assert reasons(guarded, ["a"], ELSEWHERE) == [None]
    assert reasons(guarded, [*wrong(10), "a"]) == [*[WRONG] * 10, TOO_MANY]
    assert reasons(guarded, ["a"], ELSEWHERE) == [None]


def test_of_many_who_guess_at_once_no_more_are_listened_to(engine: RecordingEngine, passwords: PasswordFile) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))
    at_once = [guarded.steps(request(told("alice", password)), ALICE) for password in (*wrong(12), "a")]

    assert [next(steps) for steps in at_once] == [MoveTo(Pace.SLOW)] * 13
    reasons(guarded, ["a"], ELSEWHERE)  # is remembered from now on

    assert [reason(run_blocking(steps)) for steps in at_once] == [*[WRONG] * 10, *[TOO_MANY] * 3]


def test_a_minute_later_one_more_is_listened_to(engine: RecordingEngine, passwords: PasswordFile) -> None:
    now = Time()
    guarded = door(engine, passwords=passwords, guesses=Guesses(now))

    reasons(guarded, wrong(10))
    now.seconds = 60.0
    assert reasons(guarded, wrong(2, first=20)) == [WRONG, TOO_MANY]
    now.seconds = 120.0
    assert reasons(guarded, ["a", "a"]) == [None, None]


def test_a_client_that_goes_on_with_an_old_password_locks_nobody_out(
    engine: RecordingEngine, passwords: PasswordFile
) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))

    assert reasons(guarded, ["old"] * 50) == [WRONG] * 50
    assert reasons(guarded, ["a"]) == [None]


def test_right_passwords_cost_nothing(engine: RecordingEngine, passwords: PasswordFile) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))
    at_once = [guarded.steps(request(told("alice", "a")), ALICE) for _ in range(20)]
    for steps in at_once:
        next(steps)

    assert [reason(run_blocking(steps)) for steps in at_once] == [None] * 20
    assert reasons(guarded, wrong(10)) == [WRONG] * 10


def test_the_record_of_a_refusal_says_whose_password_was_guessed_at(
    engine: RecordingEngine, passwords: PasswordFile
) -> None:
    guarded = door(engine, passwords=passwords, guesses=Guesses(Time()))

    reasons(guarded, wrong(11))
    reasons(guarded, ["x"], name="a password in the wrong field")

    told_of = [record.message for record in engine.audit.records]
    assert told_of == [*[f"{WRONG} (user alice)"] * 10, f"{TOO_MANY} (user alice)", WRONG]
