"""Managed objects: the six constructors of the PyKMIP document, and that secrets stay out of sight."""

import itertools
from typing import Any

import pytest
from attrs import astuple, evolve, fields

from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.enums import CertificateRequestType, KeyFormatType, ObjectType, State, WrappingMethod
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.objects import (
    CONTENT_CLASSES,
    Certificate,
    CertificateRequest,
    Content,
    DeviceCredential,
    Group,
    HashedPasswordCredential,
    KeyBlock,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    OTPCredential,
    PasswordCredential,
    PGPKey,
    PrivateKey,
    PublicKey,
    SecretData,
    SplitKey,
    SymmetricKey,
    Template,
    User,
    X509Certificate,
    format_of,
    material_bytes,
)
from kmip_core.structures import KeyHandle, KeyWrappingData, Name, TransparentSymmetricKey

SECRET = b"\xde\xad\xbe\xef secret material"
BLOCK = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=SECRET))
MASKS = [Mask.ENCRYPT, Mask.DECRYPT]


def told(mask: Mask = Mask.ENCRYPT | Mask.DECRYPT, name: str | None = "n", **fields: Any) -> Attributes:
    begun = Attributes(
        names=() if name is None else (Name(name_value=name),), cryptographic_usage_mask=mask, state=State.PRE_ACTIVE
    )
    return evolve(begun, **fields)


def material(content: Any) -> Any:
    return content.key_block.key_value.key_material


def test_a_symmetric_key_by_the_documents_constructor() -> None:
    key = SymmetricKey(Algorithm.AES, 128, SECRET, MASKS, "n")

    assert key.key_block.key_format_type is KeyFormatType.RAW
    assert key.key_block.cryptographic_algorithm is Algorithm.AES
    assert key.key_block.cryptographic_length == 128
    assert material(key) == SECRET
    assert key.attributes == told(cryptographic_algorithm=Algorithm.AES, cryptographic_length=128)


@pytest.mark.parametrize(
    ("make", "default"),
    [(PublicKey, KeyFormatType.X_509), (PrivateKey, KeyFormatType.PKCS_8)],
    ids=["public", "private"],
)
def test_halves_of_a_key_pair_by_the_documents_constructor(make: Any, default: KeyFormatType) -> None:
    key = make(Algorithm.RSA, 2_048, SECRET, KeyFormatType.PKCS_1, MASKS, "n")

    assert key.key_block.key_format_type is KeyFormatType.PKCS_1
    assert key.key_block.cryptographic_length == 2_048
    assert material(key) == SECRET
    assert key.attributes == told(cryptographic_algorithm=Algorithm.RSA, cryptographic_length=2_048)
    assert make(Algorithm.RSA, 2_048, SECRET).key_block.key_format_type is default


def test_a_certificate_by_the_documents_constructor() -> None:
    certificate = X509Certificate(SECRET, [Mask.VERIFY], "n")

    assert isinstance(certificate, Certificate)
    assert certificate.certificate_type is enums.CertificateType.X_509
    assert certificate.certificate_value == SECRET
    assert certificate.attributes == told(Mask.VERIFY)


def test_secret_data_by_the_documents_constructor() -> None:
    secret = SecretData(SECRET, enums.SecretDataType.SEED, [Mask.DERIVE_KEY], "n")

    assert secret.secret_data_type is enums.SecretDataType.SEED
    assert secret.key_block.key_format_type is KeyFormatType.OPAQUE
    assert secret.key_block.cryptographic_algorithm is None
    assert material(secret) == SECRET
    assert secret.attributes == told(Mask.DERIVE_KEY)


def test_an_opaque_object_by_the_documents_constructor() -> None:
    opaque = OpaqueObject(SECRET, enums.OpaqueDataType.NONE, "n")

    assert opaque.opaque_data_value == SECRET
    assert opaque.attributes == told(Mask(0))


MISTAKES: list[tuple[Any, tuple[Any, ...], str]] = [
    (SymmetricKey, ("AES", 128, bytes(16)), "cryptographic_algorithm takes CryptographicAlgorithm, not str"),
    (SymmetricKey, (None, "128", bytes(16)), "cryptographic_length takes int, not str"),
    (SymmetricKey, (None, 128, "secret"), "value takes bytes, not str"),
    (SymmetricKey, (None, 128, b"", ["SIGN"]), "cryptographic_usage_masks takes CryptographicUsageMask, not str"),
    (SymmetricKey, (None, 128, b"", (), 5), "name takes str, not int"),
    (PublicKey, (None, 2048, b"", "X.509"), "key_format_type takes KeyFormatType, not str"),
    (PrivateKey, (None, 2048, "secret"), "value takes bytes, not str"),
    (X509Certificate, ("-----BEGIN",), "value takes bytes, not str"),
    (SecretData, ("secret",), "value takes bytes, not str"),
    (SecretData, (b"", "Password"), "secret_data_type takes SecretDataType, not str"),
    (OpaqueObject, ("secret",), "value takes bytes, not str"),
    (OpaqueObject, (b"", "None"), "opaque_data_type takes OpaqueDataType, not str"),
]


@pytest.mark.parametrize(("make", "arguments", "text"), MISTAKES)
def test_a_constructor_refuses_what_is_of_another_type_without_showing_it(
    make: Any, arguments: tuple[Any, ...], text: str
) -> None:
    with pytest.raises(TypeError) as caught:
        make(*arguments)

    assert str(caught.value) == text


def test_without_a_name_there_is_none() -> None:
    assert SymmetricKey(Algorithm.AES, 128, SECRET).attributes == told(
        Mask(0), None, cryptographic_algorithm=Algorithm.AES, cryptographic_length=128
    )
    assert OpaqueObject(SECRET).attributes.names == ()


@pytest.mark.parametrize("make", [SymmetricKey, PublicKey, PrivateKey], ids=lambda make: make.__name__)
def test_a_whole_key_block_is_taken_as_it_is_and_says_nothing_of_attributes(make: Any) -> None:
    assert make(key_block=BLOCK).key_block is BLOCK
    assert make(key_block=BLOCK).attributes == Attributes()
    assert make(key_block=BLOCK, attributes=told()).attributes == told()


def test_attributes_given_beside_a_value_are_kept() -> None:
    given = Attributes(comment="c")

    assert SymmetricKey(Algorithm.AES, 128, SECRET, attributes=given).attributes == given
    assert OpaqueObject(SECRET, attributes=given).attributes == given
    assert X509Certificate(SECRET, attributes=given).attributes == given
    assert SecretData(SECRET, attributes=given).attributes == given


def test_wire_names_do_as_well() -> None:
    assert OpaqueObject(opaque_data_value=SECRET) == OpaqueObject(SECRET)
    assert X509Certificate(certificate_value=SECRET).certificate_value == SECRET
    assert SecretData(secret_data_type=enums.SecretDataType.SEED, key_block=BLOCK).key_block is BLOCK


CONTENTS = (
    SymmetricKey(Algorithm.AES, 128, SECRET),
    PublicKey(Algorithm.RSA, 1_024, SECRET),
    PrivateKey(Algorithm.RSA, 1_024, SECRET),
    SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=2,
        split_key_method=enums.SplitKeyMethod.XOR,
        key_block=BLOCK,
    ),
    X509Certificate(SECRET),
    CertificateRequest(certificate_request_type=enums.CertificateRequestType.PEM, certificate_request_value=SECRET),
    SecretData(SECRET),
    OpaqueObject(SECRET),
    PGPKey(pgp_key_version=4, key_block=BLOCK),
    Template(template_attributes=Attributes(comment="c")),
    User(),
    Group(),
    PasswordCredential(password=SECRET.hex()),
    DeviceCredential(device_identifier="d"),
    OTPCredential(otp_algorithm=enums.OTPAlgorithm.TOTP, otp_seed=SECRET),
    HashedPasswordCredential(hashed_username_password=SECRET, hashed_password_username=SECRET),
)


def test_every_object_type_of_the_protocol_has_its_class() -> None:
    assert set(ObjectType) == set(CONTENT_CLASSES)
    assert all(content.object_type is object_type for object_type, content in CONTENT_CLASSES.items())


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
def test_a_content_is_of_the_class_of_its_type_and_frozen(content: Any) -> None:
    assert isinstance(content, CONTENT_CLASSES[content.object_type])
    with pytest.raises(AttributeError):
        content.attributes = Attributes()  # type: ignore[misc]  # what must not work


PUBLIC = (ObjectType.CERTIFICATE, ObjectType.CERTIFICATE_REQUEST)


@pytest.mark.parametrize(
    "content", [c for c in CONTENTS if c.object_type not in PUBLIC], ids=lambda content: type(content).__name__
)
def test_no_secret_is_in_a_repr_or_a_text(content: Any) -> None:
    for told_text in (repr(content), str(content), f"{[content]}"):
        assert "secret material" not in told_text
        assert "deadbeef" not in told_text


def test_wrapped_material_is_not_in_a_repr_either() -> None:
    assert "secret" not in repr(KeyBlock(key_format_type=KeyFormatType.RAW, key_value=SECRET))


def test_contents_are_equal_by_value() -> None:
    assert SymmetricKey(Algorithm.AES, 128, SECRET) == SymmetricKey(Algorithm.AES, 128, SECRET)
    assert SymmetricKey(Algorithm.AES, 128, SECRET) != SymmetricKey(Algorithm.AES, 128, b"other")


def test_a_managed_object_begins_on_line_with_its_content() -> None:
    record = ManagedObject(unique_identifier="1", object_type=ObjectType.SYMMETRIC_KEY, owner="a", attributes=told())

    assert (record.version, record.archived, record.has_content) == (0, False, True)


HANDLE = KeyHandle(provider="token", token="1")
WRAPPED = KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT)
STRUCTURE = TransparentSymmetricKey(key=b"k")


@pytest.mark.parametrize(
    ("value", "wrapping", "material", "clear", "handle"),
    [
        pytest.param(KeyValue(key_material=b"k"), None, b"k", b"k", None, id="bytes"),
        pytest.param(KeyValue(key_material=STRUCTURE), None, STRUCTURE, STRUCTURE, None, id="structure"),
        pytest.param(KeyValue(key_material=b"k"), WRAPPED, b"k", None, None, id="wrapped inside the Key Value"),
        pytest.param(b"k", WRAPPED, None, None, None, id="wrapped with its encoding"),
        pytest.param(KeyValue(key_material=HANDLE), None, HANDLE, None, HANDLE, id="in a token"),
        pytest.param(None, None, None, None, None, id="absent"),
    ],
)
def test_a_key_block_answers_where_its_material_is(
    value: Any, wrapping: Any, material: Any, clear: Any, handle: Any
) -> None:
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=value, key_wrapping_data=wrapping)

    assert block.is_wrapped is (wrapping is not None)
    assert (block.material, block.clear_material, block.handle) == (material, clear, handle)


def test_attributes_inside_a_key_value_are_found() -> None:
    inner = Attributes(cryptographic_length=8)

    def of(value: Any) -> Attributes | None:
        return KeyBlock(key_format_type=KeyFormatType.RAW, key_value=value).inner_attributes

    assert [of(KeyValue(key_material=b"k", attributes=inner)), of(KeyValue(key_material=b"k")), of(b"k"), of(None)] == [
        inner,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("content", "octets", "key_format_type"),
    [
        (SymmetricKey(value=b"k"), b"k", KeyFormatType.RAW),
        (SymmetricKey(key_block=KeyBlock(key_format_type=KeyFormatType.RAW, key_value=b"w")), b"w", KeyFormatType.RAW),
        (
            SymmetricKey(
                key_block=KeyBlock(
                    key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY, key_value=KeyValue(key_material=STRUCTURE)
                )
            ),
            b"k",
            KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        ),
        (
            PrivateKey(key_block=KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=HANDLE))),
            None,
            KeyFormatType.RAW,
        ),
        (Certificate(certificate_value=b"c"), b"c", KeyFormatType.RAW),
        (
            CertificateRequest(certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=b"r"),
            b"r",
            None,
        ),
        (OpaqueObject(b"o"), b"o", None),
        (Template(template_attributes=Attributes()), None, None),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "object_type") else None,
)
def test_content_answers_what_its_bytes_and_format_are(
    content: Content, octets: bytes | None, key_format_type: KeyFormatType | None
) -> None:
    assert (material_bytes(content), format_of(content)) == (octets, key_format_type)


@pytest.mark.parametrize("state", [*itertools.product([False, True], repeat=2)])
@pytest.mark.parametrize("archived", [None, False, True])
@pytest.mark.parametrize("has_content", [None, False, True])
def test_an_object_is_changed_in_what_is_said_alone(
    state: tuple[bool, bool], archived: bool | None, has_content: bool | None
) -> None:
    found = ManagedObject(
        unique_identifier="1",
        object_type=ObjectType.SYMMETRIC_KEY,
        owner="alice",
        attributes=Attributes(),
        version=7,
        archived=state[0],
        has_content=state[1],
    )
    said: dict[str, Any] = {
        name: value for name, value in (("archived", archived), ("has_content", has_content)) if value is not None
    }

    changed = found.changed(Attributes(comment="new"), archived=archived, has_content=has_content)

    assert changed == evolve(found, attributes=Attributes(comment="new"), **said)


def test_every_field_of_an_object_is_taken_over() -> None:
    found = ManagedObject(
        **{field.name: field.name for field in fields(ManagedObject)}  # type: ignore[arg-type]  # any value will do
    )

    assert astuple(found.changed(found.attributes), recurse=False) == astuple(found, recurse=False)
