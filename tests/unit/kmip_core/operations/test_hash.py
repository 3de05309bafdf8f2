"""Hash, RNG Retrieve and RNG Seed: cryptography without keys."""

import hashlib

import pytest

from kmip_core.enums import HashingAlgorithm, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import hash, rng_retrieve, rng_seed
from kmip_core.settings import RNGSeedMode, Settings
from kmip_core.structures import CryptographicParameters as Parameters
from tests.builders import an_engine, perform

SHA_256 = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)


def refusal(operation: Operation, request: object, **parts: object) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        perform(an_engine(**parts), operation, request)
    return caught.value.reason


@pytest.mark.parametrize("data", [b"a text", b""], ids=["a text", "nothing"])
def test_a_digest(data: bytes) -> None:
    request = hash.Request(cryptographic_parameters=SHA_256, data=data)

    assert perform(an_engine(), Operation.HASH, request) == hash.Response(data=hashlib.sha256(data).digest())


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        pytest.param(hash.Request(cryptographic_parameters=SHA_256), ResultReason.INVALID_MESSAGE, id="no data"),
        pytest.param(
            hash.Request(cryptographic_parameters=Parameters(), data=b""), ResultReason.INVALID_FIELD, id="no algorithm"
        ),
        pytest.param(
            hash.Request(cryptographic_parameters=Parameters(hashing_algorithm=HashingAlgorithm.TIGER), data=b""),
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
            id="an algorithm that nobody has",
        ),
    ],
)
def test_a_hash_that_cannot_be_computed_is_refused(request_: hash.Request, reason: ResultReason) -> None:
    assert refusal(Operation.HASH, request_) is reason


@pytest.mark.parametrize("length", [1, 32, 65_536])
def test_random_bytes_of_the_length_asked_for(length: int) -> None:
    data = perform(an_engine(), Operation.RNG_RETRIEVE, rng_retrieve.Request(data_length=length)).data

    assert len(data) == length
    assert length < 32 or len(set(data)) > 1


@pytest.mark.parametrize("length", [-1, 0, 65_537, 2**31 - 1])
def test_no_other_number_of_random_bytes(length: int) -> None:
    assert refusal(Operation.RNG_RETRIEVE, rng_retrieve.Request(data_length=length)) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(
    ("mode", "used"), [(RNGSeedMode.ACCEPT, 5), (RNGSeedMode.PARTIAL, 2), (RNGSeedMode.IGNORE, 0)], ids=lambda m: str(m)
)
def test_a_seed_counts_as_the_settings_say(mode: RNGSeedMode, used: int) -> None:
    engine = an_engine(settings=Settings(rng_seed=mode))

    assert perform(engine, Operation.RNG_SEED, rng_seed.Request(data=b"12345")).data_length == used


def test_a_seed_may_be_refused() -> None:
    settings = Settings(rng_seed=RNGSeedMode.REFUSE)

    assert refusal(Operation.RNG_SEED, rng_seed.Request(data=b"1"), settings=settings) is ResultReason.PERMISSION_DENIED
