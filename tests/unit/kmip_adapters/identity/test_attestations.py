"""Nonces: who may return them, how often, until when. Attestations: what reaches the verifier, and how many at once."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve, field, frozen

from kmip_adapters.identity.attestations import (
    ATTESTATIONS_AT_ONCE,
    CLOCK_SKEW,
    LIFETIME,
    MAXIMUM_EVIDENCE,
    MILLISECONDS_EACH,
    PROCESSES,
    PROCESSES_OF_ONE,
    USED_FOR,
    VerifiedAttestations,
)
from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.enums import AttestationType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import Attestation, Nonce
from kmip_core.ports.steps import MoveTo, Pace, run_blocking
from kmip_core.principal import Principal
from tests.builders import ALICE, BOB, NOW

TYPES: Final = (AttestationType.TPM_QUOTE,)
HANG: Final = 120.0  # seconds; a hang limit


@frozen
class Recorder:
    """Accepts what says "right"; remembers whom it was asked about."""

    asked: list[str] = field(factory=list)
    meanwhile: Callable[[], object] = bool

    def accepts(self, attestation: Attestation, principal: Principal) -> bool:
        self.asked.append(principal.name)
        self.meanwhile()
        return b"right" in (attestation.attestation_measurement, attestation.attestation_assertion)


def attestations(verifier: Recorder | None = None, key: bytes = b"of the store") -> VerifiedAttestations:
    return VerifiedAttestations(
        types=TYPES, verifier=verifier or Recorder(), key=lambda: key, allowances=RememberedAllowances()
    )


def showing(nonce: Nonce, measurement: bytes | None = b"right", **more: bytes) -> Attestation:
    return Attestation(
        nonce=nonce,
        attestation_type=TYPES[0],
        attestation_measurement=measurement,
        attestation_assertion=more.get("of"),
    )


def judged(
    made: VerifiedAttestations, attestation: Attestation, principal: Principal = ALICE, now: int = NOW
) -> ResultReason | None:
    """Return why an attestation is refused, None if it is accepted."""
    try:
        run_blocking(made.verify(attestation, principal, now))
    except KmipError as error:
        return error.reason
    return None


FAILED: Final = ResultReason.ATTESTATION_FAILED
TOO_MANY: Final = ResultReason.SERVER_LIMIT_EXCEEDED


def test_nonces_are_never_the_same_and_hard_to_guess() -> None:
    made = attestations()
    nonces = {(nonce.nonce_id, nonce.nonce_value) for nonce in (made.new_nonce(ALICE, NOW) for _ in range(100))}

    assert len({identifier for identifier, _ in nonces}) == len({value for _, value in nonces}) == 100
    assert {(len(identifier), len(value)) for identifier, value in nonces} == {(24, 32)}


@pytest.mark.parametrize("evidence", ["measurement", "assertion", "both"])
def test_a_nonce_is_accepted_once(evidence: str) -> None:
    made = attestations()
    nonce = made.new_nonce(ALICE, NOW)
    attestation = {
        "measurement": showing(nonce),
        "assertion": showing(nonce, None, of=b"right"),
        "both": showing(nonce, of=b"x"),
    }[evidence]

    assert [judged(made, attestation) for _ in range(3)] == [None, FAILED, FAILED]


def test_a_nonce_is_used_up_by_an_attestation_that_is_not_accepted() -> None:
    verifier = Recorder()
    made = attestations(verifier)
    nonce = made.new_nonce(ALICE, NOW)

    assert [judged(made, showing(nonce, text)) for text in (b"wrong", b"right")] == [FAILED, FAILED]
    assert verifier.asked == ["alice"]


@pytest.mark.parametrize(
    ("issued", "returned", "is_accepted"),
    [
        pytest.param(NOW, NOW + LIFETIME, True, id="ok at the end"),
        pytest.param(NOW, NOW + LIFETIME + 1, False, id="fail after it"),
        pytest.param(NOW + CLOCK_SKEW, NOW, True, id="ok of a node whose clock is ahead"),
        pytest.param(NOW + CLOCK_SKEW + 1, NOW, False, id="fail of the future"),
    ],
)
def test_a_nonce_comes_back_within_minutes(issued: int, returned: int, is_accepted: bool) -> None:
    made = attestations()

    assert (judged(made, showing(made.new_nonce(ALICE, issued)), now=returned) is None) is is_accepted


@pytest.mark.parametrize("skew", range(-CLOCK_SKEW, CLOCK_SKEW + 1, 20))
def test_no_clock_accepts_a_nonce_again(skew: int) -> None:
    """The node that used it, and another whose clock differs; also after a clock was set back."""
    for used in (NOW - CLOCK_SKEW, NOW, NOW + LIFETIME):
        made = attestations()
        attestation = showing(made.new_nonce(ALICE, NOW))
        assert judged(made, attestation, now=used) is None

        for now in range(NOW - CLOCK_SKEW, NOW + USED_FOR, 7):
            assert judged(made, attestation, now=now + skew) is not None


@pytest.mark.parametrize(
    "nonce",
    [
        pytest.param(lambda made: made.new_nonce(BOB, NOW), id="of another client"),
        pytest.param(lambda made: attestations(key=b"other").new_nonce(ALICE, NOW), id="of another store"),
        pytest.param(lambda made: Nonce(nonce_id=b"", nonce_value=b""), id="empty"),
        pytest.param(lambda made: Nonce(nonce_id=bytes(24), nonce_value=bytes(32)), id="made up"),
        pytest.param(lambda made: Nonce(nonce_id=b"1" * 100_000, nonce_value=b"2" * 100_000), id="long"),
        pytest.param(lambda made: evolve(made.new_nonce(ALICE, NOW), nonce_value=bytes(32)), id="of another value"),
        pytest.param(
            lambda made: evolve(made.new_nonce(ALICE, NOW), nonce_id=made.new_nonce(ALICE, NOW).nonce_id),
            id="of another identifier",
        ),
        pytest.param(
            lambda made: Nonce(
                nonce_id=(nonce := made.new_nonce(ALICE, NOW)).nonce_id + b"a", nonce_value=nonce.nonce_value
            ),
            id="longer identifier",
        ),
    ],
)
def test_a_foreign_nonce_reaches_no_verifier(nonce: Callable[[VerifiedAttestations], Nonce]) -> None:
    verifier = Recorder()
    made = attestations(verifier)

    assert judged(made, showing(nonce(made))) is FAILED
    assert verifier.asked == []


def test_names_and_random_bytes_cannot_be_shifted_into_each_other() -> None:
    made = attestations()
    nonce = made.new_nonce(Principal(name="b"), NOW)

    for name, identifier in (("", nonce.nonce_id + b"b"), ("ab", nonce.nonce_id), ("b", nonce.nonce_id[:-1])):
        assert judged(made, showing(evolve(nonce, nonce_id=identifier)), Principal(name=name)) is FAILED


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"attestation_type": AttestationType.SAML_ASSERTION}, id="type"),
        pytest.param({"attestation_measurement": None}, id="nothing"),
        pytest.param({"attestation_measurement": bytes(MAXIMUM_EVIDENCE + 1)}, id="too long"),
        pytest.param({"attestation_assertion": bytes(MAXIMUM_EVIDENCE)}, id="too long together"),
    ],
)
def test_an_attestation_that_fails_before_it_is_verified_leaves_the_nonce_unused(spoilt: dict[str, object]) -> None:
    verifier = Recorder()
    made = attestations(verifier)
    right = showing(made.new_nonce(ALICE, NOW))

    assert judged(made, evolve(right, **spoilt)) is FAILED  # type: ignore[arg-type]  # one field of several types
    assert verifier.asked == []
    assert judged(made, right) is None


def test_the_verifier_is_waited_for_where_other_servers_are() -> None:
    made = attestations()

    assert next(made.verify(showing(made.new_nonce(ALICE, NOW)), ALICE, NOW)) == MoveTo(Pace.REMOTE)


def test_a_client_that_floods_is_held_back_and_no_other_and_its_nonces_stay() -> None:
    verifier = Recorder()
    made = attestations(verifier)
    nonces = [made.new_nonce(ALICE, NOW) for _ in range(ATTESTATIONS_AT_ONCE + 1)]

    assert [judged(made, showing(nonce)) for nonce in nonces] == [None] * ATTESTATIONS_AT_ONCE + [TOO_MANY]
    assert len(verifier.asked) == ATTESTATIONS_AT_ONCE
    assert judged(made, showing(made.new_nonce(BOB, NOW)), BOB) is None
    assert judged(made, showing(nonces[-1]), now=NOW + -(-MILLISECONDS_EACH // 1_000)) is None


def test_few_attestations_are_verified_at_once_and_fewer_of_one_client() -> None:
    begun, end = threading.Semaphore(0), threading.Event()

    def block() -> None:
        begun.release()
        assert end.wait(HANG)

    made = attestations(Recorder(meanwhile=block))
    names = [f"client {number}" for number in range(PROCESSES // PROCESSES_OF_ONE)]
    principals = [Principal(name=name) for name in names for _ in range(PROCESSES_OF_ONE)]
    results: list[ResultReason | None] = []

    def verify(principal: Principal) -> None:
        results.append(judged(made, showing(made.new_nonce(principal, NOW)), principal))

    threads = [threading.Thread(target=verify, args=(principal,)) for principal in principals]
    waiting = made.new_nonce(principals[0], NOW)
    try:
        for number, thread in enumerate(threads, 1):
            thread.start()
            assert begun.acquire(timeout=HANG)
            if number == PROCESSES_OF_ONE:
                assert judged(made, showing(waiting), principals[0]) is TOO_MANY
        assert judged(made, showing(made.new_nonce(ALICE, NOW))) is TOO_MANY
    finally:
        end.set()
        for thread in threads:
            thread.join(HANG)

    assert results == [None] * PROCESSES
    assert judged(made, showing(waiting), principals[0]) is None


def test_of_many_that_return_a_nonce_at_once_one_is_accepted(tmp_path: Path) -> None:
    storage = SqlStorage(f"sqlite:///{tmp_path}/store", lambda store: EnvelopeSealer(KeyFile(tmp_path / "key"), store))
    made = VerifiedAttestations(
        types=TYPES, verifier=Recorder(), key=storage.open_index_key, allowances=storage.allowances
    )
    attestation = showing(made.new_nonce(ALICE, NOW))
    results: list[ResultReason | None] = []
    threads = [
        threading.Thread(target=lambda: results.append(judged(made, attestation))) for _ in range(PROCESSES_OF_ONE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    storage.close()

    assert Counter(results) == {None: 1, FAILED: PROCESSES_OF_ONE - 1}
