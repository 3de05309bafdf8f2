"""A token that fails: an answer to the client, a log line that says what to do, a metric, and recovery."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.crypto.pkcs11 import Pkcs11Crypto
from kmip_adapters.pkcs11_session import token as token_module
from kmip_adapters.pkcs11_session.refused_pin import RefusedPin
from kmip_adapters.pkcs11_session.token import Token, TokenUnusable
from kmip_adapters.storage.memory import MemoryStorage
from kmip_app.maintenance.token_keys import settle_token_keys
from kmip_app.testing.contracts.crypto.keys import a_symmetric_key
from kmip_core.enums import BlockCipherMode, ResultReason, ValidityIndicator
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import KmipError
from kmip_core.one_part import OnePart
from kmip_core.ports.crypto import Custody, Encryption
from kmip_core.ports.steps import TakesLong
from kmip_core.structures import CryptographicParameters, KeyHandle
from tests import softhsm
from tests.softhsm import FaultyToken

pytestmark = pytest.mark.long

PIN_INCORRECT, PIN_LOCKED = 0xA0, 0xA4
DEVICE_ERROR, DEVICE_MEMORY, DEVICE_REMOVED = 0x30, 0x31, 0x32
SESSION_COUNT, TOKEN_NOT_PRESENT = 0xB1, 0xE0
GENERAL_FAILURE = ResultReason.GENERAL_FAILURE


@pytest.fixture
def faulty(tmp_path: Path) -> FaultyToken:
    return FaultyToken(tmp_path)


@pytest.fixture
def token(faulty: FaultyToken) -> Iterator[Token]:
    made = Token(evolve(faulty.settings, workers=1))
    yield made
    made.close()


@pytest.fixture
def crypto(token: Token) -> Pkcs11Crypto:
    return Pkcs11Crypto(token)


def refusal(crypto: Pkcs11Crypto) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        crypto.make_symmetric_key(Algorithm.AES, 256)
    return caught.value.reason


@pytest.mark.parametrize(
    ("call", "how", "reason", "kind", "advice"),
    [
        ("GenerateKey", DEVICE_MEMORY, ResultReason.SERVER_LIMIT_EXCEEDED, "DeviceMemory", "the token is full"),
        ("GenerateKey", DEVICE_REMOVED, GENERAL_FAILURE, "DeviceRemoved", "insert it again"),
        ("GenerateKey", TOKEN_NOT_PRESENT, GENERAL_FAILURE, "TokenNotPresent", "insert it"),
        ("GenerateKey", DEVICE_ERROR, GENERAL_FAILURE, "DeviceError", "look at it"),
        ("GenerateKey", SESSION_COUNT, GENERAL_FAILURE, "SessionCount", "close other programs"),
        ("GenerateKey", "crash", GENERAL_FAILURE, "Ended", "started again"),
    ],
)
def test_a_fault_is_answered_logged_counted_and_passes(
    faulty: FaultyToken,
    crypto: Pkcs11Crypto,
    caplog: pytest.LogCaptureFixture,
    call: str,
    how: int | str,
    reason: ResultReason,
    kind: str,
    advice: str,
) -> None:
    faulty.fail(call, how)
    with caplog.at_level(logging.ERROR):
        assert refusal(crypto) is reason

    assert advice in caplog.text
    assert crypto.failures()[kind] == 1
    faulty.mend()
    assert isinstance(crypto.make_symmetric_key(Algorithm.AES, 256), KeyHandle)


def test_a_call_that_hangs_is_given_up_and_the_next_one_works(
    faulty: FaultyToken, crypto: Pkcs11Crypto, monkeypatch: pytest.MonkeyPatch
) -> None:
    crypto.probe()
    faulty.fail("GenerateRandom", "hang")
    monkeypatch.setattr("kmip_adapters.crypto.pkcs11.adapter.PROBE_SECONDS", 0.5)

    assert "did not answer in time" in (crypto.probe() or "")
    faulty.mend()
    assert crypto.probe() is None


@pytest.mark.parametrize("how", [SESSION_COUNT, TOKEN_NOT_PRESENT, DEVICE_REMOVED])
def test_a_token_that_cannot_be_opened_is_tried_again_later(
    faulty: FaultyToken, crypto: Pkcs11Crypto, caplog: pytest.LogCaptureFixture, how: int
) -> None:
    faulty.fail("GenerateKey", DEVICE_REMOVED)  # has the session closed
    refusal(crypto)
    faulty.fail("OpenSession", how)
    with caplog.at_level(logging.WARNING):
        assert refusal(crypto) is GENERAL_FAILURE
        assert crypto.probe() is not None

        faulty.mend()
        until_it_answers(crypto)
    assert "answers again" in caplog.text
    assert crypto.make_symmetric_key(Algorithm.AES, 256)


def until_it_answers(crypto: Pkcs11Crypto) -> None:
    for _ in range(10_000):
        if crypto.probe() is None:
            return
    pytest.fail("the token does not answer again")


def test_a_wrong_pin_is_tried_once_until_another_one_stands_there(faulty: FaultyToken) -> None:
    pins = [b"4321"]
    token = Token(evolve(faulty.settings, workers=2, read_pin=lambda: pins[0]))
    for _ in range(5):
        with pytest.raises(TokenUnusable, match="PIN"):
            token.open()

    assert faulty.logins == 1
    assert "PIN" in (token.fault or "")
    pins[0] = softhsm.PIN
    assert token.open()["label"] == softhsm.LABEL
    assert token.fault is None
    assert faulty.logins == 2
    token.close()


def test_a_wrong_pin_is_tried_once_by_all_processes_of_a_server(faulty: FaultyToken, tmp_path: Path) -> None:
    pins = [b"4321"]
    shared = RefusedPin(tmp_path / "refused", b"key")
    settings = evolve(faulty.settings, read_pin=lambda: pins[0], refused_pin=shared)
    one, other = Token(settings), Token(settings)
    for token in (one, other, one):
        with pytest.raises(TokenUnusable, match="the PIN of the token is wrong"):
            token.open()

    assert faulty.logins == 1
    assert b"4321" not in shared.path.read_bytes()
    pins[0] = softhsm.PIN
    for token in (other, one):
        assert token.open()["label"] == softhsm.LABEL
        token.close()
    assert faulty.logins == 3
    assert shared.path.read_bytes() == b""


def test_a_later_start_tries_a_pin_that_an_earlier_one_has_given_up(faulty: FaultyToken, tmp_path: Path) -> None:
    for start in (b"one", b"two"):
        shared = RefusedPin(tmp_path / "refused", start)
        with pytest.raises(TokenUnusable, match="PIN"):
            Token(evolve(faulty.settings, read_pin=lambda: b"4321", refused_pin=shared)).open()

    assert faulty.logins == 2


def test_no_pin_is_tried_where_that_cannot_be_noted(faulty: FaultyToken, tmp_path: Path) -> None:
    shared = RefusedPin(tmp_path / "none" / "refused", b"key")
    with pytest.raises(TokenUnusable, match="cannot be written, so that the PIN is not tried"):
        Token(evolve(faulty.settings, refused_pin=shared)).open()

    assert faulty.logins == 0


def test_a_locked_pin_says_who_unlocks_it_and_works_once_it_is(faulty: FaultyToken) -> None:
    faulty.fail("Login", PIN_LOCKED)
    token = Token(faulty.settings)
    with pytest.raises(TokenUnusable, match="security officer"):
        token.open()
    faulty.mend()
    for _ in range(10_000):
        try:
            token.open()
        except TokenUnusable:
            continue
        break

    assert token.fault is None
    token.close()


def test_a_library_that_is_gone_is_an_error_with_its_name(faulty: FaultyToken, tmp_path: Path) -> None:
    token = Token(evolve(faulty.settings, module=tmp_path / "missing.so"))

    with pytest.raises(TokenUnusable, match=r"missing\.so"):
        token.open()


# --- what a failure leaves behind ---------------------------------------------------------------------------------


def test_a_key_that_could_not_be_destroyed_is_destroyed_by_a_later_sweep(
    faulty: FaultyToken, token: Token, crypto: Pkcs11Crypto
) -> None:
    key = a_symmetric_key(Algorithm.AES, crypto.make_symmetric_key(Algorithm.AES, 256), 256)
    crypto.confirm_key(key)
    kept = a_symmetric_key(Algorithm.AES, crypto.make_symmetric_key(Algorithm.AES, 256), 256)
    faulty.fail("DestroyObject", DEVICE_ERROR)
    for each in (key, kept):
        crypto.doom_key(each)
        crypto.destroy_key(each)
    store = MemoryStorage()
    store.contents = lambda: (kept,)  # type: ignore[method-assign]

    settle_token_keys(crypto, store)
    assert len(token.call("listed", label_prefix="kmipd:")) == 2
    assert len(crypto.unsettled()) == 1  # the other one has an object after all
    faulty.mend()
    settle_token_keys(crypto, store)

    assert token.call("listed", label_prefix="kmipd:") == [bytes.fromhex(kept.key_block.handle.token)]
    assert not crypto.unsettled()


def test_keys_of_work_in_progress_are_left_alone_by_the_sweep(token: Token, crypto: Pkcs11Crypto) -> None:
    crypto.make_symmetric_key(Algorithm.AES, 256)  # its unit of work has not committed yet

    settle_token_keys(crypto, MemoryStorage())

    assert len(token.call("listed", label_prefix="kmipd:")) == 1


def test_a_sweep_waits_while_the_token_is_away(faulty: FaultyToken, token: Token, crypto: Pkcs11Crypto) -> None:
    faulty.fail("GenerateKey", "crash")  # whether it made the key is not known
    refusal(crypto)
    faulty.fail("GenerateRandom", DEVICE_ERROR)

    settle_token_keys(crypto, MemoryStorage())
    assert crypto.unsettled()
    faulty.mend()
    until_it_answers(crypto)
    settle_token_keys(crypto, MemoryStorage())

    assert not crypto.unsettled()


def test_every_remedy_is_for_an_error_that_a_token_can_have() -> None:
    from pkcs11 import exceptions

    own = {"Timeout", "Ended"}
    assert all(name in own or hasattr(exceptions, name) for name in token_module.REMEDIES)


# --- what may not wait --------------------------------------------------------------------------------------------


def test_work_that_may_not_wait_asks_for_a_slower_pace_before_anything_happens(token: Token) -> None:
    paces = [True]
    crypto = Pkcs11Crypto(token, may_wait=lambda: paces[0])
    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)
    leaving = Custody(in_token=True, extractable=True, sensitive=False)
    key = a_symmetric_key(Algorithm.AES, crypto.make_symmetric_key(Algorithm.AES, 256, leaving), 256)
    pair = crypto.make_key_pair(Algorithm.ECDSA, 256)
    stream = crypto.begin_encrypt(Encryption(key, how))
    uses: list[Callable[[], object]] = [
        lambda: crypto.make_symmetric_key(Algorithm.AES, 256),
        lambda: crypto.make_key_pair(Algorithm.ECDSA, 256),
        lambda: crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(16))),
        lambda: crypto.export_key(key),
        lambda: crypto.doom_key(key),
        lambda: OnePart(crypto).encrypt(Encryption(key, how), b"data"),
        lambda: OnePart(crypto).mac(key, CryptographicParameters(), b"data"),
        lambda: crypto.sign(pair.private_key, CryptographicParameters(), b"data"),
        lambda: crypto.random_bytes(8),
    ]
    paces[0] = False

    for use in uses:
        with pytest.raises(TakesLong):
            use()
    assert stream.needs_slower_pace  # type: ignore[attr-defined]
    assert crypto.verify(pair.public_key, CryptographicParameters(), b"data", b"") is ValidityIndicator.INVALID
    assert len(token.call("listed", label_prefix="kmipd:")) == 2
