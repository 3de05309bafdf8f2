"""Software keys and token keys in one server: where a new key goes, what its attributes say, and what may leave."""

from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    DerivationMethod,
    EncodingOption,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    WrappingMethod,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import ProtectionStorageMask as Storage
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, PublicKey, SecretData, SymmetricKey, Template
from kmip_core.one_part import OnePart
from kmip_core.operations import create, create_key_pair, derive_key, get, import_, re_key, re_key_key_pair, register
from kmip_core.ports.crypto import CryptoCapabilities, Custody, Encrypted, Encryption, Key
from kmip_core.settings import Settings
from kmip_core.structures import (
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    KeyHandle,
    KeyMaterial,
    KeyWrappingSpecification,
)
from tests.builders import CAPABILITIES, NOW, an_engine, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import pair_of

USES = Mask.ENCRYPT | Mask.DECRYPT | Mask.WRAP_KEY | Mask.UNWRAP_KEY | Mask.DERIVE_KEY
WANTED = Attributes(
    cryptographic_algorithm=Algorithm.AES,
    cryptographic_length=256,
    cryptographic_usage_mask=USES,
    activation_date=NOW - 1,
)
PAIR = Attributes(cryptographic_algorithm=Algorithm.ECDSA, cryptographic_length=256)
SOFTWARE, HARDWARE = (Storage.SOFTWARE,), (Storage.HARDWARE,)
WRAP = CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP)


class Token(HsmStub):
    """A token that gives keys out if they were made so, as PKCS#11 tokens do."""

    def __init__(self) -> None:
        super().__init__()
        self.custodies: dict[KeyMaterial, Custody] = {}

    @property
    def capabilities(self) -> CryptoCapabilities:
        return evolve(super().capabilities, extractable=True)

    def make_symmetric_key(self, algorithm: Algorithm, length: int, custody: Custody | None = None) -> KeyMaterial:
        made = super().make_symmetric_key(algorithm, length)
        assert custody is not None
        self.custodies[made] = custody
        return made

    def export_key(self, key: Key) -> Key:
        if self._custody(key).sensitive:
            raise KmipError(ResultReason.NOT_EXTRACTABLE, "it stays")
        return self.usable(key)

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        if encryption.parameters.block_cipher_mode is not BlockCipherMode.NIST_KEY_WRAP:
            return None
        if not self._custody(key).extractable:
            raise KmipError(ResultReason.NOT_EXTRACTABLE, "it stays")
        data: Any = self.usable(key).key_block.material
        return OnePart(self).encrypt(encryption, data)

    def _custody(self, key: Any) -> Custody:
        return self.custodies.get(key.key_block.material, Custody(in_token=True))


def an_engine_with_a_token(*, by_default: bool = False, token: HsmStub | None = None, **settings: Any) -> Engine:
    masks = (*HARDWARE, *SOFTWARE) if by_default else (*SOFTWARE, *HARDWARE)
    return an_engine(
        crypto=SideBySide(SoftwareCrypto(), token or Token(), token_by_default=by_default),
        capabilities=evolve(CAPABILITIES, protection_storage_masks=masks),
        settings=Settings(**settings),
    )


def created(engine: Engine, masks: tuple[Storage, ...] = (), **attributes: Any) -> str:
    request = create.Request(
        object_type=ObjectType.SYMMETRIC_KEY, attributes=WANTED.but(**attributes), protection_storage_masks=masks
    )
    identifier: str = perform(engine, Operation.CREATE, request).unique_identifier
    return identifier


def mask_of(engine: Engine, identifier: str) -> Storage | None:
    return attributes_of(engine, identifier).protection_storage_mask


def refusal(engine: Engine, operation: Operation, request: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        perform(engine, operation, request)
    return caught.value.reason


@pytest.mark.parametrize("by_default", [True, False])
def test_the_first_mask_that_can_be_had_decides(by_default: bool) -> None:
    engine = an_engine_with_a_token(by_default=by_default)

    assert mask_of(engine, created(engine, HARDWARE)) is Storage.HARDWARE
    assert mask_of(engine, created(engine, SOFTWARE)) is Storage.SOFTWARE
    assert mask_of(engine, created(engine, (Storage.OFF_SYSTEM, *HARDWARE, *SOFTWARE))) is Storage.HARDWARE
    assert mask_of(engine, created(engine)) is (Storage.HARDWARE if by_default else Storage.SOFTWARE)


@pytest.mark.parametrize("masks", [(Storage.OFF_SYSTEM,), (Storage.HARDWARE | Storage.SOFTWARE,)])
def test_no_key_is_made_where_no_mask_can_be_had(masks: tuple[Storage, ...]) -> None:
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=WANTED, protection_storage_masks=masks)

    refused = refusal(an_engine_with_a_token(), Operation.CREATE, request)

    assert refused is ResultReason.PROTECTION_STORAGE_UNAVAILABLE


def test_an_object_group_puts_its_new_keys_into_the_token() -> None:
    engine = an_engine_with_a_token(token_groups=frozenset({"payments"}))

    assert mask_of(engine, created(engine, object_groups=("payments",))) is Storage.HARDWARE
    assert mask_of(engine, created(engine, object_groups=("other",))) is Storage.SOFTWARE
    assert mask_of(engine, created(engine, SOFTWARE, object_groups=("payments",))) is Storage.SOFTWARE


def test_an_operation_policy_puts_its_new_keys_into_the_token() -> None:
    engine = an_engine_with_a_token(token_policies=frozenset({"public"}))

    assert mask_of(engine, created(engine, operation_policy_name="public")) is Storage.HARDWARE
    assert mask_of(engine, created(engine, operation_policy_name="default")) is Storage.SOFTWARE
    assert mask_of(engine, created(engine)) is Storage.SOFTWARE
    assert mask_of(engine, created(engine, SOFTWARE, operation_policy_name="public")) is Storage.SOFTWARE


def test_a_key_whose_request_names_no_policy_has_the_default_one() -> None:
    engine = an_engine_with_a_token(token_policies=frozenset({"default"}))

    assert mask_of(engine, created(engine)) is Storage.HARDWARE
    assert mask_of(engine, created(engine, operation_policy_name="public")) is Storage.SOFTWARE


def test_a_policy_puts_private_keys_and_keys_of_clients_there_as_well() -> None:
    engine = an_engine_with_a_token(token_policies=frozenset({"public"}))
    under = Attributes(operation_policy_name="public")
    pair = perform(
        engine, Operation.CREATE_KEY_PAIR, a_pair(common_attributes=PAIR.but(operation_policy_name="public"))
    )
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=bytes(16)),
        cryptographic_algorithm=Algorithm.AES,
        cryptographic_length=128,
    )
    key = SymmetricKey(key_block=block)
    asked = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=under.but(cryptographic_usage_mask=USES),
        managed_object=key,
    )
    registered = perform(engine, Operation.REGISTER, asked)

    assert mask_of(engine, pair.private_key_unique_identifier) is Storage.HARDWARE
    assert mask_of(engine, pair.public_key_unique_identifier) is Storage.SOFTWARE
    assert mask_of(engine, registered.unique_identifier) is Storage.HARDWARE


def test_a_group_means_nothing_to_a_server_without_a_token() -> None:
    engine = an_engine(settings=Settings(token_groups=frozenset({"payments"})))

    assert mask_of(engine, created(engine, object_groups=("payments",))) is Storage.SOFTWARE


@pytest.mark.parametrize("masks", [HARDWARE, SOFTWARE])
def test_a_replacement_is_kept_where_the_old_key_was(masks: tuple[Storage, ...]) -> None:
    for by_default in (True, False):
        engine = an_engine_with_a_token(by_default=by_default)
        old = created(engine, masks)
        new = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier=old)).unique_identifier
        pair = perform(engine, Operation.CREATE_KEY_PAIR, a_pair(private_protection_storage_masks=masks))
        newer = perform(
            engine,
            Operation.RE_KEY_KEY_PAIR,
            re_key_key_pair.Request(private_key_unique_identifier=pair.private_key_unique_identifier),
        )

        assert mask_of(engine, new) is masks[0]
        assert mask_of(engine, newer.private_key_unique_identifier) is masks[0]


def test_a_replacement_is_kept_as_usual_where_the_old_place_is_gone() -> None:
    engine = an_engine_with_a_token()
    old = created(engine, HARDWARE)
    services = evolve(
        engine.services, capabilities=evolve(CAPABILITIES, protection_storage_masks=SOFTWARE), crypto=SoftwareCrypto()
    )
    without = Engine(catalogue=engine.catalogue, services=services)

    new = perform(without, Operation.RE_KEY, re_key.Request(unique_identifier=old)).unique_identifier

    assert mask_of(without, new) is Storage.SOFTWARE


def a_pair(**masks: Any) -> create_key_pair.Request:
    return create_key_pair.Request(
        **{
            "common_attributes": PAIR,
            "private_key_attributes": Attributes(cryptographic_usage_mask=Mask.SIGN),
            "public_key_attributes": Attributes(cryptographic_usage_mask=Mask.VERIFY),
            **masks,
        }
    )


def test_a_token_keeps_the_private_half_alone() -> None:
    engine = an_engine_with_a_token()

    made = perform(engine, Operation.CREATE_KEY_PAIR, a_pair(common_protection_storage_masks=HARDWARE))

    assert mask_of(engine, made.private_key_unique_identifier) is Storage.HARDWARE
    assert mask_of(engine, made.public_key_unique_identifier) is Storage.SOFTWARE
    insisting = a_pair(public_protection_storage_masks=HARDWARE)
    assert refusal(engine, Operation.CREATE_KEY_PAIR, insisting) is (ResultReason.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE)


def test_an_object_that_no_token_holds_is_not_stored_in_hardware() -> None:
    engine = an_engine_with_a_token(by_default=True)
    secret = create.Request(object_type=ObjectType.SECRET_DATA, attributes=Attributes(cryptographic_length=128))
    public: PublicKey = pair_of(Algorithm.ECDSA, 256).public_key
    brought = register.Request(
        object_type=ObjectType.PUBLIC_KEY,
        managed_object=public,
        attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
    )

    assert mask_of(engine, perform(engine, Operation.CREATE, secret).unique_identifier) is Storage.SOFTWARE
    assert mask_of(engine, perform(engine, Operation.REGISTER, brought).unique_identifier) is Storage.SOFTWARE
    for operation, request in ((Operation.CREATE, secret), (Operation.REGISTER, brought)):
        insisting = evolve(request, protection_storage_masks=HARDWARE)
        assert refusal(engine, operation, insisting) is ResultReason.PROTECTION_STORAGE_UNAVAILABLE


@pytest.mark.parametrize("masks", [HARDWARE, SOFTWARE])
def test_a_registered_key_is_kept_where_the_client_wants_it(masks: tuple[Storage, ...]) -> None:
    engine = an_engine_with_a_token()
    request = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(cryptographic_usage_mask=USES),
        managed_object=SymmetricKey(Algorithm.AES, 128, bytes(16)),
        protection_storage_masks=masks,
    )

    assert mask_of(engine, perform(engine, Operation.REGISTER, request).unique_identifier) is masks[0]


IMPORTED = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("said", "by_default", "kept"),
    [
        (None, True, Storage.HARDWARE),
        (None, False, Storage.SOFTWARE),
        (Storage.HARDWARE, False, Storage.HARDWARE),
        (Storage.SOFTWARE, True, Storage.SOFTWARE),
        (Storage.OFF_SYSTEM, True, Storage.SOFTWARE),
    ],
)
def test_an_imported_key_is_kept_as_where_it_comes_from(said: Storage | None, by_default: bool, kept: Storage) -> None:
    engine = an_engine_with_a_token(by_default=by_default, administrators=frozenset({"alice"}))
    request = import_.Request(
        unique_identifier=IMPORTED,
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=SymmetricKey(Algorithm.AES, 128, bytes(16)),
        attributes=Attributes(protection_storage_mask=said),
    )

    perform(engine, Operation.IMPORT, request)

    assert mask_of(engine, IMPORTED) is kept


def test_an_import_into_a_server_without_a_token_says_software() -> None:
    engine = an_engine(settings=Settings(administrators=frozenset({"alice"})))
    request = import_.Request(
        unique_identifier=IMPORTED,
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=SymmetricKey(Algorithm.AES, 128, bytes(16)),
        attributes=Attributes(protection_storage_mask=Storage.HARDWARE),
    )

    perform(engine, Operation.IMPORT, request)

    assert mask_of(engine, IMPORTED) is Storage.SOFTWARE


def test_an_imported_template_is_stored_in_no_particular_way() -> None:
    engine = an_engine(settings=Settings(administrators=frozenset({"alice"})))
    request = import_.Request(
        unique_identifier=IMPORTED,
        object_type=ObjectType.TEMPLATE,
        managed_object=Template(template_attributes=Attributes(cryptographic_length=128)),
        attributes=Attributes(),
    )

    perform(engine, Operation.IMPORT, request)

    assert mask_of(engine, IMPORTED) is None


# --- what may leave -----------------------------------------------------------------------------------------------


def material(engine: Engine, identifier: str, **form: Any) -> Any:
    answer = perform(engine, Operation.GET, get.Request(unique_identifier=identifier, **form))
    return answer.managed_object.key_block


def test_a_token_s_key_is_not_extractable_unless_it_was_made_so() -> None:
    engine = an_engine_with_a_token()
    staying, leaving = created(engine, HARDWARE), created(engine, HARDWARE, extractable=True)

    assert attributes_of(engine, staying).extractable is False
    assert attributes_of(engine, leaving).extractable is True
    assert refusal(engine, Operation.GET, get.Request(unique_identifier=staying)) is ResultReason.NOT_EXTRACTABLE
    assert len(material(engine, leaving).material) == 32
    transparent = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY
    assert material(engine, leaving, key_format_type=transparent).key_format_type is transparent


def test_a_token_that_lets_none_out_refuses_to_make_one_that_may() -> None:
    engine = an_engine_with_a_token(token=HsmStub())
    request = create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=WANTED.but(extractable=True),
        protection_storage_masks=HARDWARE,
    )

    assert refusal(engine, Operation.CREATE, request) is ResultReason.NOT_EXTRACTABLE


def wrapped(key: str, parameters: CryptographicParameters = WRAP, **more: Any) -> KeyWrappingSpecification:
    return KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier=key, cryptographic_parameters=parameters),
        **{"encoding_option": EncodingOption.NO_ENCODING, **more},
    )


@pytest.mark.parametrize("masks", [HARDWARE, SOFTWARE])
def test_a_key_that_may_leave_leaves_wrapped(masks: tuple[Storage, ...]) -> None:
    engine = an_engine_with_a_token()
    wrapping = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(cryptographic_usage_mask=USES, activation_date=NOW - 1),
        managed_object=SymmetricKey(Algorithm.AES, 128, bytes(16)),
        protection_storage_masks=masks,
    )
    key = perform(engine, Operation.REGISTER, wrapping).unique_identifier
    leaving = created(engine, HARDWARE, extractable=True)

    options: tuple[dict[str, Any], ...] = ({}, {"encoding_option": EncodingOption.TTLV_ENCODING})
    for more in options:
        block = material(engine, leaving, key_wrapping_specification=wrapped(key, **more))
        assert block.is_wrapped
        assert block.key_wrapping_data.encryption_key_information.unique_identifier == key
    plain = material(engine, leaving).material
    block = material(engine, leaving, key_wrapping_specification=wrapped(key))
    opened = OnePart(SoftwareCrypto()).decrypt(
        Encryption(SymmetricKey(Algorithm.AES, 128, bytes(16)), WRAP), block.key_value
    )
    assert opened == plain


def test_a_sensitive_key_leaves_a_token_wrapped_by_the_token_alone() -> None:
    engine = an_engine_with_a_token()
    inside, outside = created(engine, HARDWARE), created(engine, SOFTWARE)
    key = created(engine, HARDWARE, extractable=True, sensitive=True)

    assert material(engine, key, key_wrapping_specification=wrapped(inside)).is_wrapped
    asked = get.Request(unique_identifier=key, key_wrapping_specification=wrapped(outside))
    assert refusal(engine, Operation.GET, asked) is ResultReason.NOT_EXTRACTABLE
    assert refusal(engine, Operation.GET, get.Request(unique_identifier=key)) is ResultReason.SENSITIVE


def test_a_mode_that_the_token_does_not_wrap_in_is_encrypted_from_what_it_gives_out() -> None:
    engine = an_engine_with_a_token()
    inside = created(engine, HARDWARE)
    key = created(engine, HARDWARE, extractable=True)
    gcm = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM)

    assert material(engine, key, key_wrapping_specification=wrapped(inside, gcm)).is_wrapped


# --- derivation ---------------------------------------------------------------------------------------------------


def derived(engine: Engine, base: str, object_type: ObjectType = ObjectType.SYMMETRIC_KEY) -> str:
    request = derive_key.Request(
        object_type=object_type,
        unique_identifiers=(base,),
        derivation_method=DerivationMethod.HMAC,
        derivation_parameters=DerivationParameters(derivation_data=b"label"),
        attributes=Attributes(
            cryptographic_algorithm=Algorithm.AES, cryptographic_length=128, cryptographic_usage_mask=USES
        ),
    )
    identifier: str = perform(engine, Operation.DERIVE_KEY, request).unique_identifier
    return identifier


def an_hmac_key(engine: Engine, masks: tuple[Storage, ...]) -> str:
    return created(engine, masks, cryptographic_algorithm=Algorithm.HMAC_SHA256)


@pytest.mark.parametrize("object_type", [ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA])
def test_a_key_derived_from_a_key_in_the_token_stays_in_the_token(object_type: ObjectType) -> None:
    engine = an_engine_with_a_token()

    made = derived(engine, an_hmac_key(engine, HARDWARE), object_type)

    assert mask_of(engine, made) is Storage.HARDWARE
    assert attributes_of(engine, made).extractable is False


@pytest.mark.parametrize("by_default", [True, False])
def test_a_key_derived_from_a_software_key_is_kept_where_keys_usually_are(by_default: bool) -> None:
    token = Token()
    engine = an_engine_with_a_token(by_default=by_default, token=token)
    base = an_hmac_key(engine, SOFTWARE)

    made = derived(engine, base)

    assert mask_of(engine, made) is (Storage.HARDWARE if by_default else Storage.SOFTWARE)
    assert len(token._material) == by_default


def test_a_handle_means_nothing_to_software() -> None:
    key = SymmetricKey(Algorithm.AES, 128, bytes(16))
    held = evolve(
        key, key_block=evolve(key.key_block, key_value=KeyValue(key_material=KeyHandle(provider="t", token="1")))
    )

    with pytest.raises(KmipError) as refused:
        SoftwareCrypto().export_key(held)

    assert refused.value.reason is ResultReason.NOT_EXTRACTABLE
    assert SoftwareCrypto().export_key(SecretData(b"secret")) == SecretData(b"secret")
