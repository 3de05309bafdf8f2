"""Work that is run again after conflicts: heavy results are kept, and what cannot be kept is not computed for ever."""

from collections import Counter
from contextlib import nullcontext
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.objects import SymmetricKey
from kmip_core.one_part import OnePart
from kmip_core.operation import Cost
from kmip_core.operations import create, derive_key, re_key_key_pair
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait, run_blocking
from kmip_core.ports.storage import ReadBegun, TakesLong
from kmip_core.repetition import ATTEMPTS, COMPUTATIONS, KEPT, Repetition, reading
from kmip_core.structures import CryptographicParameters, DerivationParameters
from tests.builders import an_engine, ask, attributes_of, the_only
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key
from tests.unit.kmip_core.test_engine import CompetingStorage

DERIVE: Final = derive_key.Request(
    object_type=ObjectType.SYMMETRIC_KEY,
    unique_identifiers=("key",),
    derivation_method=DerivationMethod.HASH,
    derivation_parameters=DerivationParameters(
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    ),
    attributes=Attributes(cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128),
)


class CountingCrypto(SoftwareCrypto):
    """Counts the calls of its methods.  holds_keys: says that keys do not leave it."""

    def __init__(self, holds_keys: bool = False) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.holds_keys = holds_keys

    @property
    def capabilities(self) -> CryptoCapabilities:
        return evolve(super().capabilities, holds_keys=self.holds_keys)

    def derive(self, *values: Any, **more: Any) -> Any:
        self.calls["derive"] += 1
        return super().derive(*values, **more)

    def make_key_pair(self, *values: Any, **more: Any) -> Any:
        self.calls["make_key_pair"] += 1
        return super().make_key_pair(*values, **more)


def a_contested_engine(conflicts: int, *objects: Any, crypto: Any) -> Engine:
    storage = CompetingStorage(0)
    engine = an_engine(*objects, storage=storage, crypto=crypto)
    storage.times = conflicts
    return engine


def test_a_heavy_result_is_kept_while_others_keep_changing_its_base() -> None:
    crypto = CountingCrypto()
    engine = a_contested_engine(50, a_key(), crypto=crypto)

    item = the_only(ask(engine, (Operation.DERIVE_KEY, DERIVE)))

    assert item.result_status is ResultStatus.SUCCESS
    assert crypto.calls["derive"] == 2  # the first result is not kept: work without a conflict pays nothing
    assert len(attributes_of(engine).links) == 1


def test_a_key_pair_is_not_made_again_and_again() -> None:
    crypto = CountingCrypto()
    engine = a_contested_engine(20, a_private_key(links=()), a_public_key(), crypto=crypto)
    request = re_key_key_pair.Request(private_key_unique_identifier="private")

    ask(engine, (Operation.RE_KEY_KEY_PAIR, request))

    assert crypto.calls["make_key_pair"] <= 2


def test_a_token_s_heavy_work_is_tried_a_few_times_only() -> None:
    crypto = CountingCrypto(holds_keys=True)
    engine = a_contested_engine(50, a_key(), crypto=crypto)

    item = the_only(ask(engine, (Operation.DERIVE_KEY, DERIVE)))

    assert item.result_reason is ResultReason.GENERAL_FAILURE
    assert crypto.calls["derive"] == COMPUTATIONS


def test_short_work_is_repeated_until_it_has_its_turn() -> None:
    repetition = Repetition(an_engine().services, frozenset({Cost.CHANGES}))

    assert [repetition.may_go_on() for _ in range(ATTEMPTS)] == [True] * (ATTEMPTS - 1) + [False]


def test_heavy_work_whose_results_are_kept_is_given_up_after_as_many_attempts() -> None:
    repetition = Repetition(an_engine().services, frozenset({Cost.COMPUTES}))

    assert [repetition.may_go_on() for _ in range(ATTEMPTS)] == [True] * (ATTEMPTS - 1) + [False]


def test_heavy_work_whose_input_keeps_changing_is_given_up() -> None:
    crypto = CountingCrypto()
    repetition = Repetition(an_engine(crypto=crypto).services, frozenset({Cost.COMPUTES}))
    key = a_key()[1]
    assert isinstance(key, SymmetricKey)
    attempts = 0
    while True:
        attempts += 1
        parameters = DerivationParameters(derivation_data=bytes([attempts]))
        repetition.services.crypto.derive(DerivationMethod.HMAC, [key], _with_hash(parameters), 128)
        if not repetition.may_go_on():
            break

    assert attempts == crypto.calls["derive"] == COMPUTATIONS


def _with_hash(parameters: DerivationParameters) -> DerivationParameters:
    how = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    return evolve(parameters, cryptographic_parameters=how)


def test_two_equal_calls_of_one_attempt_have_two_results() -> None:
    repetition = Repetition(an_engine(crypto=CountingCrypto()).services, frozenset({Cost.COMPUTES}))
    assert repetition.may_go_on()

    def attempt() -> list[Any]:
        return [repetition.services.crypto.make_key_pair(CryptographicAlgorithm.EC, 256) for _ in range(2)]

    first = attempt()
    assert repetition.may_go_on()
    second = attempt()

    assert first[0] != first[1]
    assert first == second


def test_kept_results_are_those_of_methods_of_the_ports() -> None:
    known = {*dir(SoftwareCrypto), *dir(OnePart), *dir(SoftwareKeyForms)}

    assert known >= KEPT


@pytest.mark.parametrize("name", ["random_bytes", "make_symmetric_key", "begin_encrypt", "destroy_key", "import_key"])
def test_a_method_that_acts_or_is_random_is_never_answered_from_memory(name: str) -> None:
    assert name not in KEPT


def test_new_keys_of_a_batch_that_is_undone_are_different() -> None:
    engine = a_contested_engine(2, crypto=SoftwareCrypto())
    mask = CryptographicUsageMask.ENCRYPT
    wanted = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES, cryptographic_length=128, cryptographic_usage_mask=mask
    )
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=wanted)

    made = ask(engine, *[(Operation.CREATE, request)] * 2).batch_items

    digests = {attributes_of(engine, item.payload.unique_identifier).digests for item in made}
    assert len(digests) == 2


class ScriptedStorage:
    """Raises what it is given, one after another, before it lets its units of work be used."""

    def __init__(self, blocking: bool, *errors: Exception) -> None:
        self.blocking = blocking
        self._errors = list(errors)
        self.paces: list[Pace] = []

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        self.paces.append(pace)
        return nullcontext(self)

    def look(self) -> str:
        if self._errors:
            raise self._errors.pop(0)
        return "found"


def _steps_of(storage: Any, pace: Pace) -> tuple[list[Any], str]:
    steps: Steps[str] = reading(storage, lambda work: str(work.look()), pace)  # type: ignore[attr-defined]
    taken = []
    while True:
        try:
            taken.append(next(steps))
        except StopIteration as end:
            return taken, end.value


def test_a_look_waits_for_what_was_begun_and_uses_it() -> None:
    begun: Any = ScriptedStorage(True)
    storage = ScriptedStorage(True, ReadBegun(begun))

    assert _steps_of(storage, Pace.BRIEF) == ([Wait(begun)], "found")
    assert storage.paces == begun.paces == [Pace.BRIEF]


@pytest.mark.parametrize(
    ("blocking", "pace", "paces"),
    [
        (False, Pace.QUICK, [Pace.BRIEF, Pace.SLOW]),
        (True, Pace.BRIEF, [Pace.BRIEF, Pace.SLOW]),  # the first time it was, perhaps, on an event loop
    ],
)
def test_a_look_that_takes_long_moves_to_slower_paces(blocking: bool, pace: Pace, paces: list[Pace]) -> None:
    storage = ScriptedStorage(blocking, TakesLong(), TakesLong())

    assert _steps_of(storage, pace) == ([MoveTo(one) for one in paces], "found")
    assert storage.paces == [pace, *paces]


def test_a_look_needs_no_event_loop() -> None:
    storage: Any = ScriptedStorage(True, TakesLong())

    assert run_blocking(reading(storage, lambda work: "found", Pace.BRIEF)) == "found"
