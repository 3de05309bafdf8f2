"""Wrapping by Get, checked against RFC vectors, pyca's primitives, and by unwrapping again."""

from typing import Any, Final

import pytest
from attrs import evolve
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_private_key

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    KeyWrapType,
    LinkType,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    State,
    UniqueIdentifier,
    UsageLimitsUnit,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, ManagedObject, OpaqueObject, SymmetricKey
from kmip_core.operations import create_key_pair, export, get, locate, register
from kmip_core.structures import (
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    KeyWrappingSpecification,
    MACSignatureKeyInformation,
    NameReference,
    ObjectReference,
    TransparentSymmetricKey,
    UsageLimits,
)
from tests.builders import (
    ALICE,
    BOB,
    a_name,
    a_secret,
    a_symmetric_key,
    an_engine,
    an_instance,
    ask,
    attributes_of,
    perform,
)

NIST_KEY_WRAP: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP)
PADDED: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.AES_KEY_WRAP_PADDING)
GCM: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
CBC: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
HMAC: Final = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
OAEP: Final = CryptographicParameters(
    cryptographic_algorithm=CryptographicAlgorithm.RSA,
    padding_method=PaddingMethod.OAEP,
    hashing_algorithm=HashingAlgorithm.SHA_256,
    mask_generator_hashing_algorithm=HashingAlgorithm.SHA_256,
)
MASK: Final = CryptographicUsageMask

KEK: Final = bytes(range(16))  # RFC 3394 §4.1
DEK: Final = bytes.fromhex("00112233445566778899aabbccddeeff")
WRAPPED: Final = bytes.fromhex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")


def a_key(identifier: str, value: bytes, state: State = State.ACTIVE, **attributes: Any) -> tuple[ManagedObject, Any]:
    attributes.setdefault("cryptographic_usage_mask", MASK.WRAP_KEY | MASK.UNWRAP_KEY)
    length = 8 * len(value)
    record, _ = a_symmetric_key(identifier, state, cryptographic_length=length, **attributes)
    return record, SymmetricKey(CryptographicAlgorithm.AES, length, value)


def specification(
    parameters: CryptographicParameters | None = NIST_KEY_WRAP,
    encoding: EncodingOption | None = EncodingOption.NO_ENCODING,
    *,
    key: ObjectReference = "kek",
    **fields: Any,
) -> KeyWrappingSpecification:
    information = EncryptionKeyInformation(unique_identifier=key, cryptographic_parameters=parameters)
    given: dict[str, Any] = {
        "wrapping_method": WrappingMethod.ENCRYPT,
        "encryption_key_information": information,
        "encoding_option": encoding,
        **fields,
    }
    return KeyWrappingSpecification(**given)


def fetched(
    engine: Engine, wanted: KeyWrappingSpecification | None, identifier: str = "dek", **fields: Any
) -> KeyBlock:
    request = get.Request(unique_identifier=identifier, key_wrapping_specification=wanted, **fields)
    block: KeyBlock = perform(engine, Operation.GET, request).managed_object.key_block
    return block


def refusal(
    engine: Engine, wanted: KeyWrappingSpecification | None, identifier: str = "dek", **fields: Any
) -> KmipError:
    with pytest.raises(KmipError) as refused:
        fetched(engine, wanted, identifier, **fields)
    return refused.value


@pytest.fixture
def engine() -> Engine:
    return an_engine(
        a_key("kek", KEK),
        a_key("dek", DEK, cryptographic_usage_mask=MASK.ENCRYPT),
        a_key("mac", bytes(32), cryptographic_usage_mask=MASK.MAC_GENERATE | MASK.MAC_VERIFY),
    )


def test_nist_key_wrap_gives_the_answer_of_rfc_3394(engine: Engine) -> None:
    block = fetched(engine, specification())

    assert block.key_value == WRAPPED
    assert block.key_wrapping_data == KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=specification().encryption_key_information,
        encoding_option=EncodingOption.NO_ENCODING,
    )
    assert (block.key_format_type, block.cryptographic_length) == (KeyFormatType.RAW, 128)


def test_key_wrap_with_padding_gives_the_answers_of_rfc_5649() -> None:
    kek = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
    for material, wrapped in (
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ):
        engine = an_engine(a_key("kek", kek), a_key("dek", bytes.fromhex(material)))

        assert fetched(engine, specification(PADDED)).key_value == bytes.fromhex(wrapped)


@pytest.mark.parametrize("encoding", [None, EncodingOption.TTLV_ENCODING], ids=["left out", "named"])
def test_ttlv_encoding_wraps_the_whole_key_value(engine: Engine, encoding: EncodingOption | None) -> None:
    block = fetched(engine, specification(encoding=encoding))

    assert isinstance(block.key_value, bytes)
    inside = keywrap.aes_key_unwrap(KEK, block.key_value)
    assert inside == bytes.fromhex("42004501000000184200430800000010") + DEK
    assert block.key_wrapping_data is not None
    assert block.key_wrapping_data.encoding_option is encoding


def test_attributes_that_the_specification_names_are_wrapped_inside(engine: Engine) -> None:
    names = ("Cryptographic Usage Mask", "Name", "x-none")
    block = fetched(engine, specification(encoding=None, attribute_names=names))

    assert isinstance(block.key_value, bytes)
    found = engine.services.key_values.decode_key_value(
        keywrap.aes_key_unwrap(KEK, block.key_value),
        KeyFormatType.RAW,
        engine.services.capabilities.protocol_versions[0],
    )
    assert found == KeyValue(key_material=DEK, attributes=Attributes(cryptographic_usage_mask=MASK.ENCRYPT))


def test_gcm_puts_its_tag_behind_the_wrapped_key_and_returns_the_nonce(engine: Engine) -> None:
    block = fetched(engine, specification(GCM))

    assert block.key_wrapping_data is not None
    nonce = block.key_wrapping_data.iv_counter_nonce
    assert isinstance(block.key_value, bytes)
    assert nonce is not None
    assert AESGCM(KEK).decrypt(nonce, block.key_value, None) == DEK


def test_rsa_oaep_wraps_for_the_holder_of_the_private_key(engine: Engine) -> None:
    pair = perform(engine, Operation.CREATE_KEY_PAIR, a_pair_request())

    block = fetched(engine, specification(OAEP, key=pair.public_key_unique_identifier))
    private = fetched(engine, None, pair.private_key_unique_identifier, key_format_type=KeyFormatType.PKCS_8)

    assert isinstance(private.key_value, KeyValue)
    assert isinstance(private.key_value.key_material, bytes)
    key = load_der_private_key(private.key_value.key_material, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert isinstance(block.key_value, bytes)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    assert key.decrypt(block.key_value, oaep) == DEK


def a_pair_request() -> create_key_pair.Request:
    common = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=2048, activation_date=1
    )
    return create_key_pair.Request(
        common_attributes=common,
        private_key_attributes=Attributes(cryptographic_usage_mask=MASK.UNWRAP_KEY | MASK.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=MASK.WRAP_KEY | MASK.VERIFY),
    )


# --- back again -------------------------------------------------------------------------------------------------------


def mac_information(key: str = "mac", parameters: CryptographicParameters | None = HMAC) -> MACSignatureKeyInformation:
    return MACSignatureKeyInformation(unique_identifier=key, cryptographic_parameters=parameters)


WAYS: Final = {
    "key wrap": specification(),
    "key wrap with padding": specification(PADDED),
    "GCM": specification(GCM),
    "CBC": specification(CBC),
    "TTLV": specification(encoding=None),
    "TTLV, attributes": specification(encoding=None, attribute_names=("Cryptographic Usage Mask",)),
    "MAC alone": specification(
        wrapping_method=WrappingMethod.MAC_SIGN,
        encryption_key_information=None,
        mac_signature_key_information=mac_information(),
    ),
    "encrypt then MAC": specification(
        CBC, wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN, mac_signature_key_information=mac_information()
    ),
    "MAC then encrypt": specification(
        CBC, wrapping_method=WrappingMethod.MAC_SIGN_THEN_ENCRYPT, mac_signature_key_information=mac_information()
    ),
}


def registered(engine: Engine, block: KeyBlock) -> str:
    request = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(cryptographic_usage_mask=MASK.ENCRYPT),
        managed_object=SymmetricKey(key_block=block),
    )
    identifier: str = perform(engine, Operation.REGISTER, request).unique_identifier
    return identifier


@pytest.mark.parametrize("way", WAYS)
def test_a_key_wrapped_by_get_is_registered_and_unwrapped_again(engine: Engine, way: str) -> None:
    wrapped = fetched(engine, WAYS[way])
    identifier = registered(engine, wrapped)

    assert fetched(engine, None, identifier) == wrapped
    assert fetched(engine, None, identifier, key_wrap_type=KeyWrapType.AS_REGISTERED) == wrapped
    plain = fetched(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert plain.key_wrapping_data is None
    assert isinstance(plain.key_value, KeyValue)
    assert plain.key_value.key_material == DEK


@pytest.mark.parametrize("wanted", [KeyFormatType.RAW, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY])
def test_a_key_that_is_kept_wrapped_is_unwrapped_and_given_in_another_format(
    engine: Engine, wanted: KeyFormatType
) -> None:
    identifier = registered(engine, fetched(engine, WAYS[next(iter(WAYS))]))
    plain = fetched(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED, key_format_type=wanted)

    assert plain.key_format_type is wanted
    assert getattr(plain.material, "key", plain.material) == DEK
    refused = refusal(engine, None, identifier, key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)
    assert refused.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def test_parameters_that_the_key_supplied_are_in_the_answer() -> None:
    uses = MASK.MAC_GENERATE | MASK.MAC_VERIFY
    engine = an_engine(
        a_key("kek", KEK, cryptographic_parameters=(CBC,)),
        a_key("dek", DEK),
        a_key("mac", bytes(32), cryptographic_usage_mask=uses, cryptographic_parameters=(HMAC,)),
    )
    wanted = specification(
        None,
        wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
        mac_signature_key_information=mac_information(parameters=None),
    )
    wrapped = fetched(engine, wanted)

    told = wrapped.key_wrapping_data
    assert told is not None
    assert wanted.encryption_key_information is not None
    assert told.encryption_key_information == evolve(wanted.encryption_key_information, cryptographic_parameters=CBC)
    assert told.mac_signature_key_information == mac_information()
    plain = fetched(engine, None, registered(engine, wrapped), key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert plain.key_value == KeyValue(key_material=DEK)


@pytest.mark.parametrize("way", ["key wrap", "GCM", "TTLV", "encrypt then MAC"])
def test_a_wrapped_key_in_pykmips_structure_is_unwrapped_too(engine: Engine, way: str) -> None:
    wrapped = fetched(engine, WAYS[way])
    assert isinstance(wrapped.key_value, bytes)
    inside = evolve(wrapped, key_value=KeyValue(key_material=wrapped.key_value))
    identifier = registered(engine, inside)

    assert fetched(engine, None, identifier) == inside
    plain = fetched(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert plain.key_wrapping_data is None
    assert plain.key_value == KeyValue(key_material=DEK)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "CBC"])
def test_a_changed_byte_is_noticed(engine: Engine, way: str) -> None:
    wrapped = fetched(engine, WAYS[way])
    assert isinstance(wrapped.key_value, bytes)
    value = bytes([wrapped.key_value[0] ^ 1]) + wrapped.key_value[1:]
    identifier = registered(engine, evolve(wrapped, key_value=value))

    refused = refusal(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)

    assert refused.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_a_signature_is_made_by_the_private_half_and_checked_by_the_public_one(engine: Engine) -> None:
    pair = perform(engine, Operation.CREATE_KEY_PAIR, a_pair_request())
    parameters = CryptographicParameters(
        digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION
    )
    for half in (pair.private_key_unique_identifier, pair.public_key_unique_identifier):
        wrapped = fetched(
            engine,
            specification(
                wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
                mac_signature_key_information=mac_information(half, parameters),
            ),
        )
        identifier = registered(engine, wrapped)

        plain = fetched(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)
        assert plain.key_value == KeyValue(key_material=DEK)


def test_registering_a_wrapped_key_links_it_to_the_wrapping_key(engine: Engine) -> None:
    identifier = registered(engine, fetched(engine, specification()))

    links = attributes_of(engine, identifier).links
    assert [(link.link_type, link.linked_object_identifier) for link in links] == [(LinkType.WRAPPING_KEY_LINK, "kek")]


# --- wrapping keys by name and within a batch -------------------------------------------------------------------------


@pytest.fixture
def named() -> Engine:
    return an_engine(
        a_key("kek", KEK, names=(a_name("the wrapping key"),)),
        a_key("dek", DEK, cryptographic_usage_mask=MASK.ENCRYPT),
        a_key("mac", bytes(32), cryptographic_usage_mask=MASK.MAC_GENERATE, names=(a_name("the MAC key"),)),
    )


def test_a_wrapping_key_may_be_named(named: Engine) -> None:
    """The answer names it by its identifier: what is wrapped stays wrapped with that key."""
    block = fetched(named, specification(key=NameReference("the wrapping key")))

    assert block.key_value == WRAPPED
    wrapping = block.key_wrapping_data
    assert wrapping is not None
    assert wrapping.encryption_key_information is not None
    assert wrapping.encryption_key_information.unique_identifier == "kek"


def test_a_key_that_authenticates_may_be_named(named: Engine) -> None:
    information = MACSignatureKeyInformation(
        unique_identifier=NameReference("the MAC key"), cryptographic_parameters=HMAC
    )
    way = specification(
        CBC, wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN, mac_signature_key_information=information
    )

    wrapping = fetched(named, way).key_wrapping_data
    assert wrapping is not None
    assert wrapping.mac_signature_key_information is not None
    assert wrapping.mac_signature_key_information.unique_identifier == "mac"


@pytest.mark.parametrize("target", [UniqueIdentifier.ID_PLACEHOLDER, UniqueIdentifier.LOCATE, 0, -1])
def test_a_wrapping_key_may_be_one_that_the_batch_has_returned(named: Engine, target: ObjectReference) -> None:
    criteria = (an_instance("names", a_name("the wrapping key")),)
    wanted = get.Request(unique_identifier="dek", key_wrapping_specification=specification(key=target))

    answer = ask(named, (Operation.LOCATE, locate.Request(criteria=criteria)), (Operation.GET, wanted))

    assert answer.batch_items[1].payload.managed_object.key_block.key_value == WRAPPED


def test_a_wrapped_key_is_registered_with_the_key_that_has_the_name_then(named: Engine) -> None:
    block = fetched(named, specification())
    data = block.key_wrapping_data
    assert data is not None
    by_name = evolve(
        data,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=NameReference("the wrapping key"), cryptographic_parameters=NIST_KEY_WRAP
        ),
    )

    identifier = registered(named, evolve(block, key_wrapping_data=by_name))

    assert fetched(named, None, identifier).key_wrapping_data == data
    (link,) = attributes_of(named, identifier).links
    assert (link.link_type, link.linked_object_identifier) == (LinkType.WRAPPING_KEY_LINK, "kek")


@pytest.mark.parametrize("is_registered", [False, True], ids=["Get", "Register"])
def test_a_wrapping_key_whose_name_nothing_has_is_not_found(named: Engine, is_registered: bool) -> None:
    nothing = NameReference("nothing")
    if is_registered:
        block = fetched(named, specification())
        data = KeyWrappingData(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=EncryptionKeyInformation(unique_identifier=nothing),
        )
        with pytest.raises(KmipError) as refused:
            registered(named, evolve(block, key_wrapping_data=data))
        assert refused.value.reason is ResultReason.WRAPPING_OBJECT_NOT_FOUND
    else:
        assert refusal(named, specification(key=nothing)).reason is ResultReason.WRAPPING_OBJECT_NOT_FOUND
        information = MACSignatureKeyInformation(unique_identifier=0, cryptographic_parameters=HMAC)
        way = specification(
            CBC, wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN, mac_signature_key_information=information
        )
        assert refusal(named, way).reason is ResultReason.INVALID_FIELD


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_wrapping_key_that_is_missing_or_foreign_is_not_found() -> None:
    engine = an_engine(a_key("kek", KEK, owner=BOB.name), a_key("dek", DEK))

    for key in ("none", "kek"):
        refused = refusal(engine, specification(key=key))
        assert refused.reason is ResultReason.WRAPPING_OBJECT_NOT_FOUND


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.PRE_ACTIVE, ResultReason.WRONG_KEY_LIFECYCLE_STATE),
        (State.DEACTIVATED, ResultReason.WRONG_KEY_LIFECYCLE_STATE),
        (State.DESTROYED, ResultReason.WRAPPING_OBJECT_DESTROYED),
    ],
    ids=lambda value: value.name,
)
def test_a_wrapping_key_must_be_active(state: State, reason: ResultReason) -> None:
    record, content = a_key("kek", KEK, state)
    stored = None if state is State.DESTROYED else content
    engine = an_engine((record, stored), a_key("dek", DEK))

    assert refusal(engine, specification()).reason is reason


def test_an_archived_wrapping_key_is_refused_as_archived() -> None:
    engine = an_engine(a_key("kek", KEK, archived=True), a_key("dek", DEK))

    assert refusal(engine, specification()).reason is ResultReason.WRAPPING_OBJECT_ARCHIVED


def test_a_wrapping_key_needs_the_bit() -> None:
    engine = an_engine(a_key("kek", KEK, cryptographic_usage_mask=MASK.ENCRYPT), a_key("dek", DEK))

    assert refusal(engine, specification()).reason is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


def test_an_object_that_is_no_key_does_not_wrap(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret())
    secret = perform(engine, Operation.REGISTER, request).unique_identifier

    assert refusal(engine, specification(key=secret)).reason is ResultReason.INVALID_OBJECT_TYPE


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (specification(encryption_key_information=None), ResultReason.PERMISSION_DENIED),
        (specification(mac_signature_key_information=mac_information()), ResultReason.PERMISSION_DENIED),
        (specification(wrapping_method=WrappingMethod.MAC_SIGN), ResultReason.PERMISSION_DENIED),
        (specification(wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN), ResultReason.PERMISSION_DENIED),
        (specification(wrapping_method=WrappingMethod.TR_31), ResultReason.FEATURE_NOT_SUPPORTED),
        (specification(attribute_names=("Name",)), ResultReason.ENCODING_OPTION_ERROR),
        (specification(None), ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS),
        (
            specification(CryptographicParameters(block_cipher_mode=BlockCipherMode.CMAC)),
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
    ],
    ids=["no key", "one key too many", "wrong key", "one key of two", "TR-31", "attributes", "no parameters", "mode"],
)
def test_a_specification_that_cannot_be_is_refused(
    engine: Engine, wanted: KeyWrappingSpecification, reason: ResultReason
) -> None:
    assert refusal(engine, wanted).reason is reason


def test_parameters_must_be_among_those_of_the_key() -> None:
    engine = an_engine(a_key("kek", KEK, cryptographic_parameters=(GCM, NIST_KEY_WRAP)), a_key("dek", DEK))

    assert fetched(engine, specification()).key_value == WRAPPED
    assert refusal(engine, specification(PADDED)).reason is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
    told = fetched(engine, specification(None)).key_wrapping_data
    assert told is not None
    assert told.encryption_key_information is not None
    assert told.encryption_key_information.cryptographic_parameters == GCM


def test_material_too_short_for_key_wrap_is_refused(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.SECRET_DATA, managed_object=a_secret())
    secret = perform(engine, Operation.REGISTER, request).unique_identifier

    assert refusal(engine, specification(), secret).reason is ResultReason.INVALID_FIELD


def test_an_object_without_a_key_block_cannot_be_wrapped(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.OPAQUE_OBJECT, managed_object=OpaqueObject(b"x" * 16))
    opaque = perform(engine, Operation.REGISTER, request).unique_identifier

    with pytest.raises(KmipError) as refused:
        perform(
            engine,
            Operation.GET,
            get.Request(unique_identifier=opaque, key_wrapping_specification=specification()),
            ALICE,
        )
    assert refused.value.reason is ResultReason.INVALID_OBJECT_TYPE


def test_a_structure_needs_ttlv_encoding(engine: Engine) -> None:
    transparent = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY

    refused = refusal(engine, specification(), key_format_type=transparent)
    assert refused.reason is ResultReason.ENCODING_OPTION_ERROR

    wrapped = fetched(engine, specification(PADDED, None), key_format_type=transparent)
    identifier = registered(engine, wrapped)
    plain = fetched(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert plain.key_format_type is transparent
    assert fetched(engine, None, key_format_type=transparent).key_value == plain.key_value


@pytest.mark.parametrize("operation", [Operation.GET, Operation.EXPORT], ids=lambda operation: operation.name)
def test_a_key_that_is_kept_wrapped_is_wrapped_anew(engine: Engine, operation: Operation) -> None:
    identifier = registered(engine, fetched(engine, specification()))
    fields: dict[str, Any] = {
        "unique_identifier": identifier,
        "key_wrapping_specification": specification(PADDED, key="kek2"),
    }
    with engine.services.storage.unit_of_work() as work:
        work.add(*a_key("kek2", bytes(reversed(KEK))))
        work.commit()
    request = get.Request(**fields) if operation is Operation.GET else export.Request(**fields)

    content = perform(engine, operation, request).managed_object

    assert content.key_block.key_wrapping_data.encryption_key_information.unique_identifier == "kek2"
    assert keywrap.aes_key_unwrap_with_padding(bytes(reversed(KEK)), content.key_block.key_value) == DEK


def test_the_first_key_must_admit_unwrapping_to_wrap_anew() -> None:
    engine = an_engine(a_key("kek", KEK), a_key("dek", DEK), a_key("kek2", KEK))
    wrapped = fetched(engine, specification())
    with engine.services.storage.unit_of_work() as work:
        record = work.find("kek")
        assert record is not None
        work.save(evolve(record, attributes=record.attributes.but(cryptographic_usage_mask=MASK.WRAP_KEY)))
        work.commit()
    identifier = registered(engine, wrapped)

    refused = refusal(engine, specification(key="kek2"), identifier)
    assert refused.reason is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


def test_a_key_as_it_was_registered_is_not_wrapped_again(engine: Engine) -> None:
    identifier = registered(engine, fetched(engine, specification()))

    refused = refusal(engine, specification(), identifier, key_wrap_type=KeyWrapType.AS_REGISTERED)
    assert refused.reason is ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED


def test_a_key_that_is_not_wrapped_any_more_is_converted(engine: Engine) -> None:
    identifier = registered(engine, fetched(engine, specification()))
    transparent = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY

    block = fetched(engine, None, identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED, key_format_type=transparent)

    assert block.key_value is not None
    assert block.key_value.key_material == TransparentSymmetricKey(key=DEK)


def test_a_key_that_is_kept_wrapped_is_not_converted(engine: Engine) -> None:
    identifier = registered(engine, fetched(engine, specification()))

    refused = refusal(engine, None, identifier, key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)
    assert refused.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def test_wrapping_uses_up_the_limits_of_the_wrapping_key() -> None:
    limits = UsageLimits(usage_limits_total=1, usage_limits_count=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    engine = an_engine(a_key("kek", KEK, usage_limits=limits), a_key("dek", DEK))
    fetched(engine, specification())

    assert refusal(engine, specification()).reason is ResultReason.USAGE_LIMIT_EXCEEDED
