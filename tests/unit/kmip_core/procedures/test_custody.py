"""Keys in a token, beside the store: taken in, given back, let go."""

from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    DerivationMethod,
    HashingAlgorithm,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import Content, PublicKey, SymmetricKey
from kmip_core.operations import (
    create,
    create_key_pair,
    decrypt,
    derive_key,
    destroy,
    encrypt,
    get,
    import_,
    mac,
    re_key,
    register,
    revoke,
    sign,
)
from kmip_core.operations import hash as hash_
from kmip_core.ports.crypto import CryptoCapabilities, Key
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters, KeyHandle, RevocationReason
from tests.builders import NOW, VERSION, RememberedFaults, an_engine, ask, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import pair_of

USES = Mask.ENCRYPT | Mask.DECRYPT | Mask.SIGN | Mask.MAC_GENERATE | Mask.DERIVE_KEY
MATERIAL = bytes(range(100, 132))
WANTED = Attributes(
    cryptographic_algorithm=Algorithm.AES,
    cryptographic_length=256,
    cryptographic_usage_mask=USES,
    activation_date=NOW - 1,
)
CBC = Parameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)


class Token(HsmStub):
    """The stub, with a list of what it holds."""

    @property
    def held(self) -> set[str]:
        return set(self._material)


class WatchedStorage(MemoryStorage):
    """A store that remembers all content that was given to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Content | None] = []

    def _commit(self, pending: Any, seen: Any, is_judged: bool) -> None:
        self.written += [write.content for write in pending.writes.values()]
        super()._commit(pending, seen, is_judged)


@pytest.fixture
def token() -> Token:
    return Token()


@pytest.fixture
def storage() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def engine(token: Token, storage: WatchedStorage) -> Engine:
    return an_engine(crypto=token, storage=storage)


def an_aes_key(**attributes: Any) -> register.Request:
    wanted = Attributes(cryptographic_usage_mask=USES, activation_date=NOW - 1, **attributes)
    return register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=wanted,
        managed_object=SymmetricKey(Algorithm.AES, 256, MATERIAL),
    )


def created(engine: Engine, **attributes: Any) -> str:
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=WANTED.but(**attributes))
    identifier: str = perform(engine, Operation.CREATE, request).unique_identifier
    return identifier


def registered(engine: Engine, request: register.Request | None = None) -> str:
    identifier: str = perform(engine, Operation.REGISTER, request or an_aes_key()).unique_identifier
    return identifier


def destroyed(engine: Engine, identifier: str) -> None:
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    perform(engine, Operation.REVOKE, revoke.Request(unique_identifier=identifier, revocation_reason=reason))
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier))


def refusal(engine: Engine, operation: Operation, request: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        perform(engine, operation, request)
    return caught.value.reason


def material_of(content: Any) -> Any:
    return content.key_block.key_value.key_material


def test_no_key_byte_crosses_the_port(engine: Engine, token: Token, storage: WatchedStorage) -> None:
    aes = created(engine)
    registered(engine)
    pair = perform(
        engine,
        Operation.CREATE_KEY_PAIR,
        create_key_pair.Request(common_attributes=WANTED.but(cryptographic_algorithm=Algorithm.EC)),
    )
    derivation = derive_key.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifiers=(aes,),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(
            cryptographic_parameters=Parameters(hashing_algorithm=HashingAlgorithm.SHA_256), derivation_data=b"data"
        ),
        attributes=WANTED,
    )
    perform(engine, Operation.DERIVE_KEY, derivation)
    perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier=aes))

    secret = [content for content in storage.written if content is not None and not isinstance(content, PublicKey)]
    assert len(token.held) == len(secret) == 5
    assert all(isinstance(material_of(content), KeyHandle) for content in secret)
    for held in token._material.values():
        assert not any(held in repr(content).encode() for content in secret)
    assert refusal(engine, Operation.GET, get.Request(unique_identifier=pair.private_key_unique_identifier)) is (
        ResultReason.NOT_EXTRACTABLE
    )


@pytest.mark.parametrize("begin", [created, registered], ids=["created", "registered"])
def test_keys_behind_handles_are_used_and_never_got(engine: Engine, begin: Any) -> None:
    identifier = begin(engine)
    sealed = perform(
        engine,
        Operation.ENCRYPT,
        encrypt.Request(unique_identifier=identifier, cryptographic_parameters=CBC, data=b"text"),
    )
    opened = perform(
        engine,
        Operation.DECRYPT,
        decrypt.Request(
            unique_identifier=identifier,
            cryptographic_parameters=CBC,
            data=sealed.data,
            iv_counter_nonce=sealed.iv_counter_nonce,
        ),
    )

    assert opened.data == b"text"
    assert refusal(engine, Operation.GET, get.Request(unique_identifier=identifier)) is ResultReason.NOT_EXTRACTABLE
    found = attributes_of(engine, identifier)
    assert (found.extractable, found.never_extractable) == (False, True)


def test_a_registered_key_is_the_one_that_was_brought(engine: Engine) -> None:
    identifier = registered(engine)
    how = Parameters(block_cipher_mode=BlockCipherMode.CTR)
    request = encrypt.Request(
        unique_identifier=identifier, cryptographic_parameters=how, data=bytes(16), iv_counter_nonce=bytes(16)
    )
    here = an_engine()

    assert perform(engine, Operation.ENCRYPT, request).data == (
        perform(here, Operation.ENCRYPT, evolve(request, unique_identifier=registered(here))).data
    )


@pytest.mark.parametrize("begin", [created, registered], ids=["created", "registered"])
def test_destroy_removes_the_token_s_key_after_the_commit(engine: Engine, token: Token, begin: Any) -> None:
    identifier = begin(engine)
    assert len(token.held) == 1

    destroyed(engine, identifier)

    assert token.held == set()


def test_a_key_whose_destruction_is_undone_stays_in_the_token(engine: Engine, token: Token) -> None:
    identifier = created(engine, activation_date=None)

    first, _ = ask(
        engine,
        (Operation.DESTROY, destroy.Request(unique_identifier=identifier)),
        (Operation.DESTROY, destroy.Request(unique_identifier="none")),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    ).batch_items

    assert first.payload is not None
    assert len(token.held) == 1


def test_a_key_in_the_token_is_destroyed_if_its_operation_fails(engine: Engine, token: Token) -> None:
    with_a_date = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=WANTED)
    ask(
        engine,
        (Operation.CREATE, with_a_date),
        (Operation.REGISTER, an_aes_key()),
        (Operation.DESTROY, destroy.Request(unique_identifier="none")),
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO,
    )

    assert token.held == set()


class BusyStorage(MemoryStorage):
    """A store in which somebody else is faster, once."""

    lost = False

    def _commit(self, pending: Any, seen: Any, is_judged: bool) -> None:
        if pending.writes and not self.lost:
            self.lost = True
            raise ConcurrentChange
        super()._commit(pending, seen, is_judged)


def test_a_second_attempt_keeps_one_key(token: Token) -> None:
    engine = an_engine(crypto=token, storage=BusyStorage())

    created(engine)

    assert len(token.held) == 1


def test_an_imported_key_enters_the_token_and_the_replaced_one_is_removed(engine: Engine, token: Token) -> None:
    first = import_.Request(
        unique_identifier="key",
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(cryptographic_usage_mask=USES),
        managed_object=SymmetricKey(Algorithm.AES, 256, MATERIAL),
    )
    perform(engine, Operation.IMPORT, first)
    before = token.held
    perform(engine, Operation.IMPORT, evolve(first, replace_existing=True))

    assert len(before) == len(token.held) == 1
    assert before != token.held
    assert attributes_of(engine).extractable is False


def test_a_client_cannot_insist_on_what_cannot_leave(engine: Engine, token: Token) -> None:
    assert refusal(engine, Operation.REGISTER, an_aes_key(extractable=True)) is ResultReason.NOT_EXTRACTABLE
    assert token.held == set()


def test_a_key_that_the_token_cannot_use_is_refused(engine: Engine) -> None:
    request = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=SymmetricKey(Algorithm.BLOWFISH, 128, bytes(16)),
    )

    assert refusal(engine, Operation.REGISTER, request) is ResultReason.FEATURE_NOT_SUPPORTED


def test_public_keys_stay_outside(engine: Engine, token: Token) -> None:
    public = pair_of(Algorithm.EC, 256).public_key
    identifier = registered(
        engine,
        register.Request(
            object_type=ObjectType.PUBLIC_KEY,
            attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
            managed_object=public,
        ),
    )

    assert token.held == set()
    assert perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object is not None
    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier))
    assert refusal(engine, Operation.GET, get.Request(unique_identifier=identifier)) is ResultReason.OBJECT_DESTROYED


class ForgetfulToken(Token):
    """A token that counts how often it is to forget what it has read."""

    forgotten = 0

    def forget_read_keys(self) -> None:
        super().forget_read_keys()
        self.forgotten += 1


def test_keys_kept_in_memory_are_forgotten_once_an_object_is_destroyed() -> None:
    token = ForgetfulToken()
    engine = an_engine(crypto=token)
    identifier = created(engine)
    assert refusal(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier)) is not None
    assert token.forgotten == 0

    destroyed(engine, identifier)

    assert token.forgotten == 1


class StubbornToken(Token):
    """A token that fails to forget."""

    def destroy_key(self, key: Key) -> None:
        raise OSError("the token is gone")


def test_a_token_that_fails_to_forget_does_not_undo_the_destruction() -> None:
    faults = RememberedFaults()
    engine = an_engine(crypto=StubbornToken(), faults=faults)
    identifier = created(engine)

    destroyed(engine, identifier)

    assert [str(error) for error in faults.errors] == ["the token is gone"]
    assert refusal(engine, Operation.GET, get.Request(unique_identifier=identifier)) is ResultReason.OBJECT_DESTROYED


# --- what an adapter cannot do ----------------------------------------------------------------------------------------


class Clumsy(HsmStub):
    """A token that can do next to nothing."""

    @property
    def capabilities(self) -> CryptoCapabilities:
        return CryptoCapabilities(symmetric_lengths=super().capabilities.symmetric_lengths, exports_key_material=False)


NEEDS = [
    (Operation.ENCRYPT, encrypt.Request()),
    (Operation.SIGN, sign.Request()),
    (Operation.MAC, mac.Request()),
    (Operation.HASH, hash_.Request(cryptographic_parameters=Parameters())),
    (Operation.CREATE_KEY_PAIR, create_key_pair.Request()),
    (
        Operation.DERIVE_KEY,
        derive_key.Request(
            object_type=ObjectType.SYMMETRIC_KEY,
            derivation_method=DerivationMethod.HASH,
            derivation_parameters=DerivationParameters(),
        ),
    ),
]


@pytest.mark.parametrize(("operation", "request_"), NEEDS, ids=[operation.name for operation, _ in NEEDS])
def test_an_operation_that_the_adapter_cannot_do_is_not_supported(operation: Operation, request_: Any) -> None:
    assert refusal(an_engine(crypto=Clumsy()), operation, request_) is ResultReason.FEATURE_NOT_SUPPORTED


# --- pace -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "request_", "pace"),
    [
        (Operation.GET, get.Request(), Pace.QUICK),
        (Operation.ENCRYPT, encrypt.Request(data=b"short"), Pace.SLOW),
        (Operation.DESTROY, destroy.Request(), Pace.SLOW),
        (Operation.CREATE_KEY_PAIR, create_key_pair.Request(), Pace.SLOW),
    ],
    ids=["Get", "Encrypt", "Destroy", "Create Key Pair"],
)
def test_an_operation_that_may_wait_for_the_token_leaves_the_event_loop(
    engine: Engine, operation: Operation, request_: Any, pace: Pace
) -> None:
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION),
        batch_items=(RequestBatchItem(operation=operation, payload=request_),),
    )

    assert engine.pace(message) is pace
