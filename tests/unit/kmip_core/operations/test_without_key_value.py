"""Objects that are registered without their Key Value: fetched as they came, used for nothing. KMIP 1.4 §2.1.3."""

from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    ResultReason,
    SecretDataType,
    SplitKeyMethod,
    State,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Content, KeyBlock, PrivateKey, SecretData, SplitKey, SymmetricKey
from kmip_core.operations import (
    create_split_key,
    decrypt,
    derive_key,
    destroy,
    encrypt,
    export,
    get,
    import_,
    join_split_key,
    locate,
    mac,
    re_key,
    re_key_key_pair,
    register,
    sign,
)
from kmip_core.procedures.creation import split_key_described
from kmip_core.structures import (
    CryptographicParameters,
    DerivationParameters,
    EncryptionKeyInformation,
    KeyWrappingSpecification,
)
from tests.builders import NOW, an_engine, an_instance, attributes_of, perform, stored
from tests.unit.kmip_core.operations.usable_keys import ALL_USES, a_key

ALGORITHM: Final = CryptographicAlgorithm.AES


def a_block(key_format_type: KeyFormatType, algorithm: CryptographicAlgorithm | None = ALGORITHM) -> KeyBlock:
    return KeyBlock(
        key_format_type=key_format_type,
        cryptographic_algorithm=algorithm,
        cryptographic_length=None if algorithm is None else 128,
    )


CONTENTS: Final[dict[str, Content]] = {
    "symmetric key": SymmetricKey(key_block=a_block(KeyFormatType.TRANSPARENT_SYMMETRIC_KEY)),
    "private key": PrivateKey(key_block=a_block(KeyFormatType.PKCS_1, CryptographicAlgorithm.RSA)),
    "secret data": SecretData(
        secret_data_type=SecretDataType.SEED, key_block=a_block(KeyFormatType.OPAQUE, algorithm=None)
    ),
    "split key": SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
        key_block=a_block(KeyFormatType.RAW),
    ),
}


def registered(engine: Engine, content: Content) -> str:
    attributes = Attributes(cryptographic_usage_mask=ALL_USES, activation_date=NOW)
    request = register.Request(object_type=content.object_type, managed_object=content, attributes=attributes)
    identifier: str = perform(engine, Operation.REGISTER, request).unique_identifier
    return identifier


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_it_is_fetched_as_it_came(content: Content) -> None:
    engine = an_engine()
    identifier = registered(engine, content)

    described = attributes_of(engine, identifier)
    assert (described.key_value_present, described.digests, described.fresh) == (False, (), True)
    fetched = perform(engine, Operation.GET, get.Request(unique_identifier=identifier))
    assert fetched.managed_object == split_key_described(content, Attributes())[0]
    assert attributes_of(engine, identifier).fresh is False
    exported = perform(engine, Operation.EXPORT, export.Request(unique_identifier=identifier))
    assert exported.managed_object == split_key_described(content, Attributes())[0]
    own: Any = content
    formed = get.Request(unique_identifier=identifier, key_format_type=own.key_block.key_format_type)
    assert perform(engine, Operation.GET, formed).managed_object == split_key_described(content, Attributes())[0]


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_it_is_found_by_what_it_lacks(content: Content) -> None:
    engine = an_engine(a_key())
    identifier = registered(engine, content)

    request = locate.Request(criteria=(an_instance("key_value_present", False),))

    assert perform(engine, Operation.LOCATE, request).unique_identifiers == (identifier,)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_it_is_destroyed_like_any_other(content: Content) -> None:
    engine = an_engine()
    attributes = Attributes(cryptographic_usage_mask=ALL_USES)
    request = register.Request(object_type=content.object_type, managed_object=content, attributes=attributes)
    identifier = perform(engine, Operation.REGISTER, request).unique_identifier

    perform(engine, Operation.DESTROY, destroy.Request(unique_identifier=identifier))

    assert attributes_of(engine, identifier).state is State.DESTROYED
    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier=identifier))
    assert refused.value.reason is ResultReason.OBJECT_DESTROYED


WRAPPED: Final = KeyWrappingSpecification(
    wrapping_method=WrappingMethod.ENCRYPT,
    encryption_key_information=EncryptionKeyInformation(
        unique_identifier="key",
        cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP),
    ),
)
AES_ECB: Final = CryptographicParameters(cryptographic_algorithm=ALGORITHM, block_cipher_mode=BlockCipherMode.ECB)
HMAC: Final = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
HASHED: Final = DerivationParameters(
    cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
)


def uses_of(identifier: str) -> dict[str, tuple[Operation, Any]]:
    """Return requests that need the value of a key."""
    return {
        "Encrypt": (
            Operation.ENCRYPT,
            encrypt.Request(unique_identifier=identifier, data=bytes(16), cryptographic_parameters=AES_ECB),
        ),
        "Decrypt": (
            Operation.DECRYPT,
            decrypt.Request(unique_identifier=identifier, data=bytes(16), cryptographic_parameters=AES_ECB),
        ),
        "MAC": (Operation.MAC, mac.Request(unique_identifier=identifier, data=b"x", cryptographic_parameters=HMAC)),
        "Derive Key": (
            Operation.DERIVE_KEY,
            derive_key.Request(
                object_type=ObjectType.SECRET_DATA,
                unique_identifiers=(identifier,),
                derivation_method=DerivationMethod.HASH,
                derivation_parameters=HASHED,
                attributes=Attributes(cryptographic_length=128),
            ),
        ),
        "Create Split Key": (
            Operation.CREATE_SPLIT_KEY,
            create_split_key.Request(
                object_type=ObjectType.SPLIT_KEY,
                unique_identifier=identifier,
                split_key_parts=2,
                split_key_threshold=2,
                split_key_method=SplitKeyMethod.XOR,
            ),
        ),
        "Re-key": (Operation.RE_KEY, re_key.Request(unique_identifier=identifier)),
        "Re-key Key Pair": (
            Operation.RE_KEY_KEY_PAIR,
            re_key_key_pair.Request(private_key_unique_identifier=identifier),
        ),
        "Sign": (Operation.SIGN, sign.Request(unique_identifier=identifier, data=b"x")),
        "Join Split Key": (
            Operation.JOIN_SPLIT_KEY,
            join_split_key.Request(object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=(identifier,)),
        ),
        "wrapping": (
            Operation.GET,
            get.Request(unique_identifier=identifier, key_wrapping_specification=WRAPPED),
        ),
        "another format": (Operation.GET, get.Request(unique_identifier=identifier, key_format_type=FOREIGN)),
        "wrapped Export": (
            Operation.EXPORT,
            export.Request(unique_identifier=identifier, key_wrapping_specification=WRAPPED),
        ),
        "Export in another format": (
            Operation.EXPORT,
            export.Request(unique_identifier=identifier, key_format_type=FOREIGN),
        ),
    }


FOREIGN: Final = KeyFormatType.PKCS_8
EVERY: Final = ("wrapping", "another format", "wrapped Export", "Export in another format")
NEEDING: Final = {
    "symmetric key": (*EVERY, "Encrypt", "Decrypt", "MAC", "Derive Key", "Create Split Key", "Re-key"),
    "private key": (*EVERY, "Sign", "Create Split Key", "Re-key Key Pair"),
    "secret data": (*EVERY, "MAC", "Derive Key", "Create Split Key"),
    "split key": (*EVERY, "Join Split Key"),
}


@pytest.mark.parametrize(
    ("kind", "use"), [(kind, use) for kind, uses in NEEDING.items() for use in uses], ids=lambda value: value
)
def test_an_operation_that_needs_the_key_value_says_that_it_is_not_here(kind: str, use: str) -> None:
    engine = an_engine(a_key())
    identifier = registered(engine, CONTENTS[kind])
    before = stored(engine, identifier)
    operation, request = uses_of(identifier)[use]
    if use == "Re-key Key Pair":
        request = evolve(request, private_key_unique_identifier=identifier)
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)

    assert refused.value.reason is ResultReason.KEY_VALUE_NOT_PRESENT
    assert stored(engine, identifier) == before


def test_a_key_without_its_value_wraps_nothing() -> None:
    engine = an_engine(a_key())
    identifier = registered(engine, CONTENTS["symmetric key"])
    assert WRAPPED.encryption_key_information is not None
    by_it = evolve(WRAPPED.encryption_key_information, unique_identifier=identifier)
    request = get.Request(
        unique_identifier="key", key_wrapping_specification=evolve(WRAPPED, encryption_key_information=by_it)
    )

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, request)
    assert refused.value.reason is ResultReason.KEY_VALUE_NOT_PRESENT


def test_one_of_an_older_store_has_not_even_its_key_block() -> None:
    record, _ = a_key(key_value_present=False)
    engine = an_engine((evolve(record, has_content=False), None), storage=MemoryStorage())

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier="key"))
    assert refused.value.reason is ResultReason.KEY_VALUE_NOT_PRESENT


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_import_keeps_it_as_it_came(content: Content) -> None:
    engine = an_engine()
    perform(engine, Operation.IMPORT, import_.Request(unique_identifier="new", managed_object=content))

    fetched = perform(engine, Operation.GET, get.Request(unique_identifier="new"))

    assert fetched.managed_object == split_key_described(content, Attributes())[0]
    assert attributes_of(engine, "new").key_value_present is False
