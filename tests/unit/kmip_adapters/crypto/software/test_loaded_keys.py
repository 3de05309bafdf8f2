"""Private keys that are kept as they were read: which ones, and for how long."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, evolve, field

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.restricted import RestrictedCrypto
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.keys import private_key
from kmip_adapters.crypto.software.loaded_keys import MOST, SECONDS, LoadedKeys, in_a_thread
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm, RecommendedCurve, ResultReason, ValidityIndicator, WrappingMethod
from kmip_core.errors import KmipError
from kmip_core.objects import KeyValue
from kmip_core.ports.crypto import Crypto, Key, KeyPair
from kmip_core.structures import CryptographicParameters, KeyWrappingData

HANG = 120.0
CRYPTO = SoftwareCrypto()
PARAMETERS = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


def a_pair() -> KeyPair:
    return CRYPTO.make_key_pair(Algorithm.ECDSA, curve=RecommendedCurve.P_256)


@define
class Time:
    """A clock that is set, and what is to be called."""

    now: float = 1000.0
    calls: list[tuple[float, Callable[[], None]]] = field(factory=list)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((self.now + seconds, call))

    def pass_to(self, now: float) -> None:
        self.now = now
        due, self.calls = self.calls, []
        for when, call in due:
            if when <= now:
                call()
            else:
                self.calls.append((when, call))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def loaded(time: Time) -> LoadedKeys:
    return LoadedKeys(now=lambda: time.now, after=time.after)


def test_a_key_is_read_once(loaded: LoadedKeys) -> None:
    key = a_pair().private_key

    assert loaded.private_key(key) is loaded.private_key(evolve(key))


def test_another_key_is_another_one(loaded: LoadedKeys) -> None:
    one, other = a_pair().private_key, a_pair().private_key
    loaded.private_key(one)

    assert loaded.private_key(other).private_numbers() == private_key(other).private_numbers()


def test_the_same_bytes_under_another_algorithm_are_another_key(loaded: LoadedKeys) -> None:
    raw = CRYPTO.make_key_pair(Algorithm.ED25519).private_key
    seed: Any = private_key(raw)
    block = evolve(raw.key_block, key_value=KeyValue(key_material=seed.private_bytes_raw()))

    kinds = [
        type(loaded.private_key(evolve(raw, key_block=evolve(block, cryptographic_algorithm=algorithm))))
        for algorithm in (Algorithm.ED25519, Algorithm.ECDH)
    ]

    assert len(set(kinds)) == 2


def test_a_key_is_let_go_of_when_its_time_is_over_though_nothing_signs(loaded: LoadedKeys, time: Time) -> None:
    loaded.private_key(a_pair().private_key)
    time.pass_to(1000.0 + SECONDS / 2)
    loaded.private_key(a_pair().private_key)

    time.pass_to(1000.0 + SECONDS)

    assert len(loaded) == 1
    time.pass_to(1000.0 + SECONDS * 1.5)
    assert len(loaded) == 0
    assert time.calls == []


def test_use_does_not_make_it_stay(loaded: LoadedKeys, time: Time) -> None:
    key = a_pair().private_key
    first = loaded.private_key(key)
    time.now += SECONDS - 1
    assert loaded.private_key(key) is first

    time.now += 1

    assert loaded.private_key(key) is not first


def test_a_key_that_comes_after_all_were_let_go_of_is_let_go_of_too(loaded: LoadedKeys, time: Time) -> None:
    for begun in (1000.0, 2000.0):
        time.pass_to(begun)
        loaded.private_key(a_pair().private_key)
        time.pass_to(begun + SECONDS)

        assert len(loaded) == 0


def test_the_oldest_gives_way(loaded: LoadedKeys) -> None:
    keys = [a_pair().private_key for _ in range(MOST + 1)]
    read = [loaded.private_key(key) for key in keys]

    assert len(loaded) == MOST
    assert loaded.private_key(keys[1]) is read[1]
    assert loaded.private_key(keys[0]) is not read[0]


def test_all_are_forgotten(loaded: LoadedKeys) -> None:
    loaded.private_key(a_pair().private_key)

    loaded.forget()

    assert len(loaded) == 0


def _wrapped(key: Key) -> Key:
    block = evolve(key.key_block, key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT))
    return evolve(key, key_block=block)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(_wrapped, ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED, id="fail wrapped"),
        pytest.param(lambda key: a_pair().public_key, ResultReason.INVALID_FIELD, id="fail public key"),
    ],
)
def test_an_unusable_private_key_is_refused_as_before(
    loaded: LoadedKeys, spoil: Callable[[Key], Key], reason: ResultReason
) -> None:
    key = a_pair().private_key
    loaded.private_key(key)

    with pytest.raises(KmipError) as refusal:
        loaded.private_key(spoil(key))

    assert refusal.value.reason is reason


def test_signatures_by_a_kept_key_are_good() -> None:
    pair = a_pair()

    for data in (b"one", b"two"):
        signature = CRYPTO.sign(pair.private_key, PARAMETERS, data)
        assert CRYPTO.verify(pair.public_key, PARAMETERS, data, signature) is ValidityIndicator.VALID


@pytest.mark.parametrize(
    "around",
    [
        pytest.param(lambda software: software, id="software"),
        pytest.param(lambda software: RestrictedCrypto(software, software.capabilities), id="restricted"),
        pytest.param(lambda software: SideBySide(software, HsmStub(), token_by_default=False), id="beside a token"),
        pytest.param(lambda software: SideBySide(HsmStub(), software, token_by_default=False), id="as a token"),
    ],
)
def test_every_adapter_forgets_what_was_read(around: Callable[[SoftwareCrypto], Crypto], loaded: LoadedKeys) -> None:
    software = SoftwareCrypto(loaded=loaded)
    software.sign(a_pair().private_key, PARAMETERS, b"data")
    assert len(loaded) == 1

    around(software).forget_read_keys()

    assert len(loaded) == 0


def test_a_thread_calls_when_the_time_is_over() -> None:
    called = threading.Event()

    in_a_thread(0.0, called.set)

    assert called.wait(HANG)
