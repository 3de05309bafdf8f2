"""Every operation that may come in parts: order, owner, key, time and number of them."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve, frozen

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.system.clock import SteppableClock
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.operations import (
    decrypt,
    destroy,
    encrypt,
    hash,
    mac,
    mac_verify,
    revoke,
    sign,
    signature_verify,
)
from kmip_core.ports.steps import Pace, TakesLong
from kmip_core.principal import Principal
from kmip_core.streams import Streams
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import RevocationReason
from tests.builders import ALICE, BOB, NOW, an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key

CTR = Parameters(block_cipher_mode=BlockCipherMode.CTR)
HMAC = Parameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
PSS = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)
SHA_256 = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
TEXT = b"one text, three parts"


@frozen(kw_only=True)
class Case:
    """One operation: how it begins, how it ends, and where the result is."""

    operation: Operation
    module: Any
    key: str | None
    parameters: Parameters
    iv: bytes | None = None

    def request(self, data: bytes | None, **fields: Any) -> Any:
        """Return a request; the parameters are told with a first part only."""
        told: dict[str, Any] = {"data": data, **fields}
        if self.key is not None:
            told["unique_identifier"] = self.key
        if self.key is None or "correlation_value" not in fields:
            told["cryptographic_parameters"] = self.parameters
            if self.iv is not None:
                told["iv_counter_nonce"] = self.iv
        return self.module.Request(**told)

    def ask(self, engine: Engine, data: bytes | None, asker: Principal = ALICE, **fields: Any) -> Any:
        """Return the response."""
        return perform(engine, self.operation, self.request(data, **fields), asker)

    def begin(self, engine: Engine, data: bytes | None = TEXT[:4], asker: Principal = ALICE) -> bytes:
        """Ask for a first part; return the correlation value."""
        value = self.ask(engine, data, asker, init_indicator=True).correlation_value
        assert isinstance(value, bytes)
        return value


CASES = [
    Case(operation=Operation.ENCRYPT, module=encrypt, key="key", parameters=CTR, iv=bytes(16)),
    Case(operation=Operation.DECRYPT, module=decrypt, key="key", parameters=CTR, iv=bytes(16)),
    Case(operation=Operation.SIGN, module=sign, key="private", parameters=PSS),
    Case(operation=Operation.SIGNATURE_VERIFY, module=signature_verify, key="public", parameters=PSS),
    Case(operation=Operation.MAC, module=mac, key="key", parameters=HMAC),
    Case(operation=Operation.MAC_VERIFY, module=mac_verify, key="key", parameters=HMAC),
    Case(operation=Operation.HASH, module=hash, key=None, parameters=SHA_256),
]
WITH_A_KEY = [case for case in CASES if case.key is not None]


def each(cases: list[Case] = CASES) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.operation.name)


def with_keys(**parts: Any) -> Engine:
    return an_engine(a_key(), a_private_key(), a_public_key(), **parts)


def refusal(call: Callable[[], Any]) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        call()
    return caught.value.reason


def last_fields(case: Case, engine: Engine) -> dict[str, Any]:
    """Return what the last part needs beside its data: the signature or code to check."""
    if case.operation is Operation.SIGNATURE_VERIFY:
        signer = next(c for c in CASES if c.operation is Operation.SIGN)
        return {"signature_data": signer.ask(engine, TEXT).signature_data}
    if case.operation is Operation.MAC_VERIFY:
        maker = next(c for c in CASES if c.operation is Operation.MAC)
        return {"mac_data": maker.ask(engine, TEXT).mac_data}
    return {}


@each()
def test_three_parts_and_none_empty(case: Case) -> None:
    engine = with_keys()
    needed = last_fields(case, engine)

    value = case.begin(engine)
    middle = case.ask(engine, TEXT[4:9], correlation_value=value)
    last = case.ask(engine, TEXT[9:], correlation_value=value, final_indicator=True, **needed)

    assert middle.correlation_value == value
    assert last.correlation_value is None
    judge(case, engine, last, needed)


@each()
def test_parts_without_data_add_nothing(case: Case) -> None:
    engine = with_keys()
    needed = last_fields(case, engine)

    value = case.begin(engine, None)
    case.ask(engine, TEXT, correlation_value=value)
    last = case.ask(engine, None, correlation_value=value, final_indicator=True, **needed)

    assert last.correlation_value is None
    if case.operation not in (Operation.ENCRYPT, Operation.DECRYPT):  # theirs came with the part before
        judge(case, engine, last, needed)


def judge(case: Case, engine: Engine, last: Any, needed: dict[str, Any]) -> None:
    """Compare the end of an operation in parts with the whole."""
    if case.operation is Operation.SIGN:
        verifier = next(c for c in CASES if c.operation is Operation.SIGNATURE_VERIFY)
        judged = verifier.ask(engine, TEXT, signature_data=last.signature_data)
        assert judged.validity_indicator is ValidityIndicator.VALID
        return
    whole = case.ask(engine, TEXT, **needed)
    if case.operation in (Operation.ENCRYPT, Operation.DECRYPT):
        assert whole.data.endswith(last.data)
        assert len(last.data) == len(TEXT[9:])
    else:
        assert last == whole


@each()
def test_a_correlation_value_means_nothing_to_anybody_else(case: Case) -> None:
    engine = an_engine(a_key(owner="bob"), a_private_key(owner="bob"), a_public_key(owner="bob"))
    value = case.begin(engine, asker=BOB)
    is_private = case.key in ("key", "private")  # the default policy lets everybody use public keys

    assert refusal(lambda: case.ask(engine, TEXT, ALICE, correlation_value=value)) is (
        ResultReason.OBJECT_NOT_FOUND if is_private else ResultReason.INVALID_CORRELATION_VALUE
    )
    assert case.ask(engine, TEXT, BOB, correlation_value=value).correlation_value == value


@each(WITH_A_KEY)
def test_a_correlation_value_belongs_to_its_key(case: Case) -> None:
    makers: dict[str, Any] = {"key": a_key, "private": a_private_key, "public": a_public_key}
    other = makers[str(case.key)](identifier="other")
    engine = an_engine(a_key(), a_private_key(), a_public_key(), other)
    value = case.begin(engine)

    assert (
        refusal(lambda: evolve(case, key="other").ask(engine, TEXT, correlation_value=value))
        is ResultReason.INVALID_CORRELATION_VALUE
    )


def test_a_correlation_value_belongs_to_its_operation() -> None:
    engine = with_keys()
    encryption, decryption = CASES[0], CASES[1]
    value = encryption.begin(engine)

    assert refusal(lambda: decryption.ask(engine, TEXT, correlation_value=value)) is (
        ResultReason.INVALID_CORRELATION_VALUE
    )


@each()
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"final_indicator": True}, ResultReason.INVALID_FIELD, id="fail an end without a beginning"),
        pytest.param({"correlation_value": b"?"}, ResultReason.INVALID_CORRELATION_VALUE, id="fail unknown"),
        pytest.param(
            {"correlation_value": b"?", "init_indicator": True}, ResultReason.INVALID_FIELD, id="fail begun twice"
        ),
    ],
)
def test_parts_out_of_order(case: Case, fields: dict[str, Any], reason: ResultReason) -> None:
    assert refusal(lambda: case.ask(with_keys(), TEXT, **fields)) is reason


@each()
def test_a_finished_stream_cannot_go_on(case: Case) -> None:
    engine = with_keys()
    needed = last_fields(case, engine)
    value = case.begin(engine)
    case.ask(engine, TEXT[4:], correlation_value=value, final_indicator=True, **needed)

    assert refusal(lambda: case.ask(engine, TEXT, correlation_value=value)) is ResultReason.INVALID_CORRELATION_VALUE


@each()
def test_parts_that_come_too_late_find_nothing(case: Case) -> None:
    clock = SteppableClock(NOW)
    engine = with_keys(clock=clock)
    value = case.begin(engine)
    clock.advance(299)
    case.ask(engine, TEXT, correlation_value=value)  # each part gives new time
    clock.advance(300)

    assert refusal(lambda: case.ask(engine, TEXT, correlation_value=value)) is ResultReason.INVALID_CORRELATION_VALUE


@each()
def test_too_many_at_once_are_refused_until_some_are_over(case: Case) -> None:
    clock = SteppableClock(NOW)
    engine = with_keys(clock=clock, streams=Streams(maximum_per_principal=2))
    case.begin(engine)
    case.begin(engine)

    assert refusal(lambda: case.begin(engine)) is ResultReason.SERVER_LIMIT_EXCEEDED

    clock.advance(300)
    assert case.begin(engine)


@each(WITH_A_KEY)
@pytest.mark.parametrize("also_destroyed", [False, True], ids=["revoked", "destroyed"])
def test_a_key_that_is_revoked_between_the_parts_is_used_no_more(case: Case, also_destroyed: bool) -> None:
    engine = with_keys()
    value = case.begin(engine)
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    perform(engine, Operation.REVOKE, revoke.Request(unique_identifier=case.key, revocation_reason=reason))
    if also_destroyed:
        perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=case.key))

    assert refusal(lambda: case.ask(engine, TEXT, correlation_value=value)) is (
        ResultReason.OBJECT_DESTROYED if also_destroyed else ResultReason.WRONG_KEY_LIFECYCLE_STATE
    )


@each([case for case in CASES if case.operation in (Operation.SIGN, Operation.SIGNATURE_VERIFY)])
@pytest.mark.parametrize("phase", ["first", "last"])
def test_a_digest_cannot_come_in_parts(case: Case, phase: str) -> None:
    engine = with_keys()
    fields: dict[str, Any] = {"init_indicator": True}
    if phase == "last":
        fields = {"correlation_value": case.begin(engine), "final_indicator": True}

    assert refusal(lambda: case.ask(engine, None, digested_data=bytes(32), **fields)) is ResultReason.INVALID_FIELD


class SlowSigner(SoftwareCrypto):
    """Signs in seconds, and knows the pace of the work under way."""

    def __init__(self) -> None:
        super().__init__()
        self.pace: Pace | None = None
        self.parts: list[bytes] = []

    def at(self, pace: Pace, call: Any, /, *arguments: Any) -> Any:
        self.pace = pace
        return call(*arguments)

    @property
    def needs_slower_pace(self) -> bool:
        return self.pace is not Pace.SLOW

    def begin_sign(self, key: Any, parameters: Any) -> Any:
        if self.needs_slower_pace:
            raise TakesLong
        return self

    def update(self, data: bytes) -> None:
        assert not self.needs_slower_pace
        self.parts.append(data)

    def finish(self) -> bytes:
        return b"|".join(self.parts)


def test_parts_that_take_long_are_worked_on_where_they_may_and_only_once() -> None:
    """Begun at a faster pace, a part is begun again at a slower one with its stream as it was."""
    crypto, key = SlowSigner(), a_private_key()
    engine, name = an_engine(key, crypto=crypto, at_pace=crypto.at), key[0].unique_identifier
    first = perform(engine, Operation.SIGN, sign.Request(unique_identifier=name, data=b"one", init_indicator=True))
    given = {"unique_identifier": name, "correlation_value": first.correlation_value}
    perform(engine, Operation.SIGN, sign.Request(**given, data=b"two"))
    last = perform(engine, Operation.SIGN, sign.Request(**given, data=b"three", final_indicator=True))

    assert last.signature_data == b"one|two|three"
