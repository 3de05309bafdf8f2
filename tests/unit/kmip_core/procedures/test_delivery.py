"""What may leave, in every way out: the rule of the standard told a second time, and every path held against it."""

import itertools
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CertificateRequestType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyCompressionType,
    KeyFormatType,
    KeyWrapType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
    State,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, CertificateRequest, Content, KeyValue, OpaqueObject, SymmetricKey
from kmip_core.operations import (
    activate,
    create_key_pair,
    create_split_key,
    export,
    get,
    join_split_key,
    register,
)
from kmip_core.ports.certificates import CertificateContents
from kmip_core.structures import (
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyHandle,
    KeyWrappingSpecification,
    Link,
    MACSignatureKeyInformation,
)
from tests.builders import NOW, a_secret, a_symmetric_key, an_engine, attributes_of, perform

MASK: Final = CryptographicUsageMask
KEK: Final = "kek"
ENCRYPTION: Final = EncryptionKeyInformation(
    unique_identifier=KEK,
    cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.AES_KEY_WRAP_PADDING),
)
MAC: Final = MACSignatureKeyInformation(
    unique_identifier=KEK,
    cryptographic_parameters=CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256),
)


def an_engine_with_a_kek() -> Engine:
    bits = MASK.WRAP_KEY | MASK.UNWRAP_KEY | MASK.MAC_GENERATE | MASK.MAC_VERIFY
    return an_engine(a_symmetric_key(KEK, State.ACTIVE, cryptographic_usage_mask=bits))


WAYS: Final[dict[str, dict[str, Any]]] = {
    "as it is": {},
    "converted": {"key_format_type": KeyFormatType.TRANSPARENT_SYMMETRIC_KEY},
    "not wrapped": {"key_wrap_type": KeyWrapType.NOT_WRAPPED},
    "encrypted": {
        "key_wrapping_specification": KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT, encryption_key_information=ENCRYPTION
        )
    },
    "encrypted, then MAC": {
        "key_wrapping_specification": KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT_THEN_MAC_SIGN,
            encryption_key_information=ENCRYPTION,
            mac_signature_key_information=MAC,
        )
    },
    "MAC alone": {
        "key_wrapping_specification": KeyWrappingSpecification(
            wrapping_method=WrappingMethod.MAC_SIGN, mac_signature_key_information=MAC
        )
    },
}
HIDES: Final = {"encrypted", "encrypted, then MAC"}
FORMATS_OF: Final = {"private": KeyFormatType.PKCS_8, "secret": KeyFormatType.RAW}

PRESENT: Final = ("symmetric", "kept wrapped", "private", "secret", "part", "joined")


def a_made(engine: Engine, kind: str, attributes: Attributes) -> str:
    """Return an object of a kind that carries these attributes, or has inherited them."""
    if kind == "private":
        common = evolve(attributes, cryptographic_algorithm=CryptographicAlgorithm.EC, cryptographic_length=256)
        masks = Attributes(cryptographic_usage_mask=MASK.SIGN)
        made = perform(
            engine,
            Operation.CREATE_KEY_PAIR,
            create_key_pair.Request(
                common_attributes=common, private_key_attributes=masks, public_key_attributes=masks
            ),
        )
        return str(made.private_key_unique_identifier)
    if kind == "secret":
        return a_registered(engine, a_secret(b"correct horse"), attributes)
    key = a_registered(engine, SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16)), attributes)
    if kind == "symmetric":
        return key
    if kind == "kept wrapped":
        free = a_registered(engine, SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16)), Attributes())
        request = get.Request(unique_identifier=free, **WAYS["encrypted"])
        return a_registered(engine, perform(engine, Operation.GET, request).managed_object, attributes)
    split = create_split_key.Request(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=key,
        split_key_parts=2,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
    )
    parts = perform(engine, Operation.CREATE_SPLIT_KEY, split).unique_identifiers
    if kind == "part":
        return str(parts[0])
    join = join_split_key.Request(object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=parts)
    return str(perform(engine, Operation.JOIN_SPLIT_KEY, join).unique_identifier)


def a_registered(engine: Engine, content: Content, attributes: Attributes) -> str:
    request = register.Request(object_type=content.object_type, attributes=attributes, managed_object=content)
    return str(perform(engine, Operation.REGISTER, request).unique_identifier)


def permitted(way: str, kind: str, sensitive: bool, extractable: bool) -> ResultReason | None:
    """KMIP 2.1 §4.23 and §4.55, told a second time."""
    if not extractable:
        return ResultReason.NOT_EXTRACTABLE
    hidden = way in HIDES or (kind == "kept wrapped" and way != "not wrapped" and way != "MAC alone")
    return ResultReason.SENSITIVE if sensitive and not hidden else None


CANNOT: Final = {
    ("converted", "kept wrapped"),
    ("converted", "part"),
}
"""What is refused for another reason, once it might leave."""


@pytest.mark.parametrize("operation", [Operation.GET, Operation.EXPORT], ids=lambda operation: operation.name)
@pytest.mark.parametrize("extractable", [True, False], ids=["extractable", "not extractable"])
@pytest.mark.parametrize("sensitive", [False, True], ids=["free", "sensitive"])
@pytest.mark.parametrize(("way", "kind"), list(itertools.product(WAYS, PRESENT)))
def test_objects_leave_only_as_the_standard_allows(
    way: str, kind: str, sensitive: bool, extractable: bool, operation: Operation
) -> None:
    engine = an_engine_with_a_kek()
    identifier = a_made(engine, kind, Attributes(sensitive=sensitive, extractable=extractable))
    fields = dict(WAYS[way])
    if "key_format_type" in fields and kind in FORMATS_OF:
        fields["key_format_type"] = FORMATS_OF[kind]
    request = {Operation.GET: get.Request, Operation.EXPORT: export.Request}[operation](
        unique_identifier=identifier, **fields
    )
    expected = permitted(way, kind, sensitive, extractable)
    if expected is None and (way, kind) not in CANNOT:
        assert perform(engine, operation, request).managed_object is not None
        return
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)
    if expected is not None:
        assert refused.value.reason is expected
    else:
        assert refused.value.reason in (
            ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED,
            ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED,
        )


# --- formats -------------------------------------------------------------------------------------------------------


def test_an_object_without_a_key_block_has_no_key_format() -> None:
    engine = an_engine()
    identifier = a_registered(engine, OpaqueObject(b"opaque"), Attributes())

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier=identifier, key_format_type=KeyFormatType.RAW))
    assert refused.value.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


@pytest.mark.parametrize("wanted", [KeyFormatType.PKCS_1, KeyFormatType.PKCS_12, KeyFormatType.EC_PRIVATE_KEY])
def test_a_key_that_has_no_such_format_says_so(wanted: KeyFormatType) -> None:
    engine = an_engine(a_symmetric_key())

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier="key", key_format_type=wanted))
    assert refused.value.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


@pytest.mark.parametrize("compression", KeyCompressionType, ids=lambda compression: compression.name)
def test_keys_are_not_compressed(compression: KeyCompressionType) -> None:
    engine = an_engine(a_symmetric_key())

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.GET, get.Request(unique_identifier="key", key_compression_type=compression))
    assert refused.value.reason is ResultReason.KEY_COMPRESSION_TYPE_NOT_SUPPORTED


def test_a_public_key_on_a_curve_is_uncompressed_as_it_is_kept() -> None:
    engine = an_engine()
    key = engine.services.crypto.make_key_pair(CryptographicAlgorithm.EC, 256).public_key
    identifier = a_registered(engine, key, Attributes(cryptographic_usage_mask=MASK.VERIFY))
    request = get.Request(
        unique_identifier=identifier, key_compression_type=KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED
    )

    assert perform(engine, Operation.GET, request).managed_object == key


CERTIFICATE: Final = Certificate(certificate_value=b"DER")
PKCS_10: Final = CertificateRequest(
    certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=b"DER"
)
PEM: Final = CertificateRequest(certificate_request_type=CertificateRequestType.PEM, certificate_request_value=b"PEM")


@pytest.mark.parametrize(
    ("content", "formats"),
    [
        (CERTIFICATE, {KeyFormatType.X_509, KeyFormatType.RAW}),
        (PKCS_10, {KeyFormatType.PKCS_10}),
        (PEM, set()),
    ],
    ids=["certificate", "certificate request", "certificate request in PEM"],
)
@pytest.mark.parametrize(
    "wanted", [KeyFormatType.X_509, KeyFormatType.RAW, KeyFormatType.PKCS_10, KeyFormatType.PKCS_8]
)
def test_an_object_without_key_block_is_returned_in_its_own_format_alone(
    content: Content, formats: set[KeyFormatType], wanted: KeyFormatType
) -> None:
    engine = an_engine()
    identifier = a_registered(engine, content, Attributes())

    if wanted in formats:
        assert fetched(engine, identifier, wanted) == content
        return
    with pytest.raises(KmipError) as refused:
        fetched(engine, identifier, wanted)
    assert refused.value.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def test_a_key_that_a_token_holds_does_not_leave_whatever_its_attributes_say() -> None:
    record, key = a_symmetric_key(extractable=True)
    handle = KeyValue(key_material=KeyHandle(provider="token", token="1"))
    engine = an_engine((record, evolve(key, key_block=evolve(key.key_block, key_value=handle))))

    with pytest.raises(KmipError) as refused:
        fetched(engine, "key")
    assert refused.value.reason is ResultReason.NOT_EXTRACTABLE


def test_a_conversion_leaves_the_stored_key_as_it_was() -> None:
    engine = an_engine(a_symmetric_key())
    transparent = KeyFormatType.TRANSPARENT_SYMMETRIC_KEY
    perform(engine, Operation.GET, get.Request(unique_identifier="key", key_format_type=transparent))

    block = perform(engine, Operation.GET, get.Request(unique_identifier="key")).managed_object.key_block
    assert block.key_format_type is KeyFormatType.RAW


# --- PKCS#12 -------------------------------------------------------------------------------------------------------


def a_password(engine: Engine, *, active: bool = True) -> str:
    dates = Attributes(activation_date=NOW - 1) if active else Attributes()
    return a_registered(engine, a_secret(b"password"), dates)


def a_key_with_certificate(engine: Engine, password: str | None) -> str:
    pair = engine.services.crypto.make_key_pair(CryptographicAlgorithm.EC, 256)
    contents = CertificateContents(
        public_key=pair.public_key,
        subject=engine.services.certificates.distinguished_name("CN=holder"),
        not_before=NOW,
        not_after=NOW + 1000,
        is_authority=True,
    )
    certificate = engine.services.certificates.make_certificate(contents, None, pair.private_key)
    linked = a_registered(engine, certificate, Attributes())
    links = [Link(link_type=LinkType.PKCS_12_CERTIFICATE_LINK, linked_object_identifier=linked)]
    if password is not None:
        links.append(Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=password))
    attributes = Attributes(cryptographic_usage_mask=MASK.SIGN, links=tuple(links), pkcs_12_friendly_name="mine")
    return a_registered(engine, pair.private_key, attributes)


def fetched(engine: Engine, identifier: str, wanted: KeyFormatType | None = None) -> Any:
    request = get.Request(unique_identifier=identifier, key_format_type=wanted)
    return perform(engine, Operation.GET, request).managed_object


def test_a_container_from_get_is_registered_again_as_key_and_certificate() -> None:
    engine = an_engine()
    password = a_password(engine)
    key = a_key_with_certificate(engine, password)
    container = fetched(engine, key, KeyFormatType.PKCS_12)
    link = Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=password)
    again = a_registered(engine, container, Attributes(cryptographic_usage_mask=MASK.SIGN, links=(link,)))

    assert fetched(engine, again, KeyFormatType.PKCS_8) == fetched(engine, key, KeyFormatType.PKCS_8)
    attributes = attributes_of(engine, again)
    assert attributes.pkcs_12_friendly_name == "mine"
    assert attributes.key_format_type is KeyFormatType.PKCS_8
    first, second = attributes.links
    assert (first.link_type, second.link_type) == (
        LinkType.PKCS_12_PASSWORD_LINK,
        LinkType.PKCS_12_CERTIFICATE_LINK,
    )
    identifier = str(second.linked_object_identifier)
    certificate = fetched(engine, identifier)
    assert isinstance(certificate, Certificate)
    assert attributes_of(engine, identifier).pkcs_12_friendly_name == "mine"


def test_a_container_needs_a_password_that_is_active() -> None:
    engine = an_engine()
    password = a_password(engine, active=False)
    key = a_key_with_certificate(engine, password)
    without = a_key_with_certificate(engine, None)

    with pytest.raises(KmipError) as refused:
        fetched(engine, without, KeyFormatType.PKCS_12)
    assert refused.value.reason is ResultReason.BAD_PASSWORD
    with pytest.raises(KmipError) as refused:
        fetched(engine, key, KeyFormatType.PKCS_12)
    assert refused.value.reason is ResultReason.WRONG_KEY_LIFECYCLE_STATE
    perform(engine, Operation.ACTIVATE, activate.Request(unique_identifier=password))
    assert fetched(engine, key, KeyFormatType.PKCS_12).key_block.key_format_type is KeyFormatType.PKCS_12


def test_a_sensitive_key_does_not_leave_in_a_container() -> None:
    engine = an_engine()
    links = (Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=a_password(engine)),)
    identifier = a_made(engine, "private", Attributes(sensitive=True, links=links))

    with pytest.raises(KmipError) as refused:
        fetched(engine, identifier, KeyFormatType.PKCS_12)
    assert refused.value.reason is ResultReason.SENSITIVE


def test_a_wrong_password_is_refused_as_such() -> None:
    engine = an_engine()
    container = fetched(engine, a_key_with_certificate(engine, a_password(engine)), KeyFormatType.PKCS_12)
    other = a_registered(engine, a_secret(b"another"), Attributes(activation_date=NOW - 1))
    link = Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=other)

    with pytest.raises(KmipError) as refused:
        a_registered(engine, container, Attributes(cryptographic_usage_mask=MASK.SIGN, links=(link,)))
    assert refused.value.reason is ResultReason.BAD_PASSWORD


def test_a_wrapped_key_is_not_put_into_a_container_unread() -> None:
    engine = an_engine_with_a_kek()
    identifier = a_made(engine, "kept wrapped", Attributes())

    with pytest.raises(KmipError) as refused:
        fetched(engine, identifier, KeyFormatType.PKCS_12)
    assert refused.value.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED
