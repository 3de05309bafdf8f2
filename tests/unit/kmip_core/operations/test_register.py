"""Register."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    EncodingOption,
    HashingAlgorithm,
    KeyFormatType,
    KeyValueLocationType,
    LinkType,
    ObjectClass,
    ObjectType,
    OpaqueDataType,
    Operation,
    ResultReason,
    SplitKeyMethod,
    State,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import (
    Certificate,
    CertificateRequest,
    Content,
    KeyBlock,
    KeyValue,
    OpaqueObject,
    PGPKey,
    PrivateKey,
    PublicKey,
    SplitKey,
    SymmetricKey,
    Template,
)
from kmip_core.operation import Cost
from kmip_core.operations import get, register
from kmip_core.procedures.creation import split_key_described
from kmip_core.structures import (
    ApplicationSpecificInformation,
    EncryptionKeyInformation,
    KeyHandle,
    KeyValueLocation,
    KeyWrappingData,
    Link,
    TransparentSymmetricKey,
)
from tests.builders import NOW, a_name, a_secret, an_engine, attributes_of, perform

AES_KEY = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(range(16)))


def hand_in(engine: Engine, content: Content | None, attributes: Attributes | None = None, **more: Any) -> str:
    object_type = ObjectType.SYMMETRIC_KEY if content is None else content.object_type
    request = register.Request(
        **{
            "object_type": object_type,
            "managed_object": content,
            "attributes": attributes or Attributes(),
            **more,
        }
    )
    response: register.Response = perform(engine, Operation.REGISTER, request)
    return response.unique_identifier


def refusal(*args: Any, **more: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        hand_in(an_engine(), *args, **more)
    return refused.value.reason


def a_block(key: SymmetricKey, **changes: Any) -> SymmetricKey:
    return evolve(key, key_block=evolve(key.key_block, **changes))


OBJECTS = [
    AES_KEY,
    SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
            key_value=KeyValue(key_material=TransparentSymmetricKey(key=bytes(16))),
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
        )
    ),
    PublicKey(CryptographicAlgorithm.RSA, 2048, b"public", KeyFormatType.PKCS_1),
    PrivateKey(CryptographicAlgorithm.RSA, 2048, b"private", KeyFormatType.PKCS_1),
    SplitKey(
        split_key_parts=3,
        key_part_identifier=1,
        split_key_threshold=2,
        split_key_method=SplitKeyMethod.XOR,
        key_block=AES_KEY.key_block,
    ),
    Certificate(certificate_value=b"not DER"),
    CertificateRequest(certificate_request_type=CertificateRequestType.PEM, certificate_request_value=b"PEM"),
    a_secret(),
    OpaqueObject(b"anything"),
    PGPKey(
        pgp_key_version=4,
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=b"-----BEGIN PGP"),
            cryptographic_algorithm=CryptographicAlgorithm.RSA,
            cryptographic_length=2048,
        ),
    ),
    Template(template_attributes=Attributes(object_groups=("g",))),
]


@pytest.mark.parametrize("content", OBJECTS, ids=lambda content: type(content).__name__)
def test_register_keeps_every_type_as_it_came(content: Content) -> None:
    engine = an_engine()

    identifier = hand_in(engine, content)

    answer = perform(engine, Operation.GET, get.Request(unique_identifier=identifier))
    told: dict[str, Any] = {"attributes": Attributes()} if hasattr(content, "attributes") else {}  # the record has them
    assert (
        answer.managed_object == split_key_described(evolve(content, **told), Attributes())[0]
    )  # only 3.0 shows it (RULINGS 28)


def test_register_takes_algorithm_length_and_format_from_the_key_block() -> None:
    engine = an_engine()

    kept = attributes_of(engine, hand_in(engine, AES_KEY))

    assert kept.cryptographic_algorithm is CryptographicAlgorithm.AES
    assert kept.cryptographic_length == 128
    assert kept.key_format_type is KeyFormatType.RAW


def test_register_says_nothing_of_how_the_key_came_to_be() -> None:
    engine = an_engine()

    kept = attributes_of(engine, hand_in(engine, AES_KEY))

    assert kept.original_creation_date is None
    assert kept.random_number_generator is None
    assert kept.initial_date == NOW


def test_register_believes_what_the_client_says_of_its_origin() -> None:
    engine = an_engine()

    kept = attributes_of(engine, hand_in(engine, AES_KEY, Attributes(original_creation_date=1, fresh=False)))

    assert kept.original_creation_date == 1
    assert kept.fresh is False


@pytest.mark.parametrize(
    ("content", "digested", "key_format_type"),
    [
        (AES_KEY, bytes(range(16)), KeyFormatType.RAW),
        (a_secret(b"pw"), b"pw", KeyFormatType.OPAQUE),
        (OpaqueObject(b"any"), b"any", None),
        (Certificate(certificate_value=b"not DER"), b"not DER", KeyFormatType.RAW),
        (OBJECTS[6], b"PEM", None),
    ],
)
def test_register_digests_the_material(
    content: Content, digested: bytes, key_format_type: KeyFormatType | None
) -> None:
    engine = an_engine()

    (digest,) = attributes_of(engine, hand_in(engine, content)).digests

    assert digest.hashing_algorithm is HashingAlgorithm.SHA_256
    assert digest.digest_value == hashlib.sha256(digested).digest()
    assert digest.key_format_type is key_format_type


def test_a_wrapped_key_is_digested_as_it_came_and_linked_to_its_wrapping_key() -> None:
    engine = an_engine()
    wrapping = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier="kek"),
        encoding_option=EncodingOption.TTLV_ENCODING,
    )
    wrapped = a_block(AES_KEY, key_value=b"wrapped", key_wrapping_data=wrapping)

    kept = attributes_of(engine, hand_in(engine, wrapped))

    link = Link(link_type=LinkType.WRAPPING_KEY_LINK, linked_object_identifier="kek")
    assert kept.links == (link,)
    assert kept.digests[0].digest_value == hashlib.sha256(b"wrapped").digest()
    assert attributes_of(engine, hand_in(engine, wrapped, Attributes(links=(link,)))).links == (link,)


def test_a_key_authenticated_only_is_linked_to_no_wrapping_key() -> None:
    engine = an_engine()
    wrapping = KeyWrappingData(wrapping_method=WrappingMethod.MAC_SIGN)

    kept = attributes_of(engine, hand_in(engine, a_block(AES_KEY, key_wrapping_data=wrapping)))

    assert kept.links == ()


def test_register_takes_a_key_without_its_value() -> None:
    engine = an_engine()
    location = KeyValueLocation(
        key_value_location_value="vault 7", key_value_location_type=KeyValueLocationType.UNINTERPRETED_TEXT_STRING
    )

    identifier = hand_in(engine, a_block(AES_KEY, key_value=None), Attributes(key_value_locations=(location,)))

    kept = attributes_of(engine, identifier)
    assert kept.key_value_present is False
    assert kept.digests == ()


def test_register_takes_attributes_from_inside_the_key_value() -> None:
    engine = an_engine()
    inside = Attributes(contact_information="inside", comment="inside")
    key = a_block(AES_KEY, key_value=KeyValue(key_material=bytes(16), attributes=inside))

    kept = attributes_of(engine, hand_in(engine, key, Attributes(comment="outside")))

    assert (kept.contact_information, kept.comment) == ("inside", "outside")


def test_dates_do_not_move_an_opaque_object() -> None:
    engine = an_engine()

    kept = attributes_of(engine, hand_in(engine, OpaqueObject(b"any"), Attributes(activation_date=NOW - 1)))

    assert kept.state is State.PRE_ACTIVE


@pytest.mark.parametrize(
    ("content", "attributes"),
    [
        (AES_KEY, Attributes(cryptographic_algorithm=CryptographicAlgorithm.DES)),
        (AES_KEY, Attributes(cryptographic_length=256)),
        (AES_KEY, Attributes(key_format_type=KeyFormatType.OPAQUE)),
        (Certificate(certificate_value=b"?"), Attributes(certificate_type=CertificateType.PGP)),
        (OpaqueObject(b"?", OpaqueDataType.NONE), Attributes(opaque_data_type=OpaqueDataType(0x80000001))),
    ],
)
def test_register_refuses_attributes_that_contradict_the_object(content: Content, attributes: Attributes) -> None:
    assert refusal(content, attributes) is ResultReason.INVALID_ATTRIBUTE_VALUE


@pytest.mark.parametrize(
    "content",
    [
        None,
        a_block(AES_KEY, cryptographic_length=256),
        a_block(OBJECTS[1], cryptographic_length=256),  # type: ignore[arg-type]
    ],
)
def test_register_refuses_an_object_that_contradicts_itself(content: Content | None) -> None:
    assert refusal(content, Attributes()) is ResultReason.INVALID_FIELD


def test_register_refuses_an_object_of_another_type_than_the_request_says() -> None:
    assert refusal(AES_KEY, object_type=ObjectType.PUBLIC_KEY) is ResultReason.INVALID_OBJECT_TYPE


def test_register_does_not_judge_the_length_of_other_forms() -> None:
    engine = an_engine()
    key = a_block(AES_KEY, key_format_type=KeyFormatType.OPAQUE, cryptographic_length=256)

    assert attributes_of(engine, hand_in(engine, key)).cryptographic_length == 256


def test_register_does_not_judge_the_length_of_what_it_does_not_hold() -> None:
    engine = an_engine()
    handle = KeyValue(key_material=KeyHandle(provider="token", token="1"))

    assert attributes_of(engine, hand_in(engine, a_block(AES_KEY, key_value=handle))).digests == ()


@pytest.mark.parametrize("mask", [None, CryptographicUsageMask(0)])
def test_register_takes_a_mask_of_nothing(mask: CryptographicUsageMask | None) -> None:
    engine = an_engine()

    kept = attributes_of(engine, hand_in(engine, a_secret(), Attributes(cryptographic_usage_mask=mask)))

    assert kept.cryptographic_usage_mask == mask


def test_a_template_has_the_attributes_beside_it_and_not_those_within() -> None:
    engine = an_engine()
    template = Template(template_attributes=Attributes(contact_information="Joe"))

    kept = attributes_of(engine, hand_in(engine, template, Attributes(names=(a_name("t"),))))

    assert kept == Attributes(
        unique_identifier=kept.unique_identifier,
        short_unique_identifier=kept.short_unique_identifier,
        names=(a_name("t"),),
        object_type=ObjectType.TEMPLATE,
        object_class=ObjectClass.USER,
        operation_policy_name="default",
        lease_time=3600,
        initial_date=NOW,
        last_change_date=NOW,
    )


def test_a_template_may_have_its_name_within() -> None:
    engine = an_engine()
    template = Template(template_attributes=Attributes(names=(a_name("t"),)))

    assert attributes_of(engine, hand_in(engine, template)).names == (a_name("t"),)


def test_a_template_cannot_promise_what_clients_may_not_set() -> None:
    template = Template(template_attributes=Attributes(state=State.ACTIVE))

    assert refusal(template) is ResultReason.READ_ONLY_ATTRIBUTE


def a_certificate() -> tuple[Certificate, int]:
    """Return a certificate of CN=EE that signs itself, and the size of its DER."""
    now = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "EE")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + dt.timedelta(days=1))
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return Certificate(certificate_value=der), len(der)


def test_a_certificate_has_the_attributes_that_it_says_of_itself() -> None:
    engine = an_engine()
    certificate, length = a_certificate()
    claimed = Attributes(digital_signature_algorithms=(DigitalSignatureAlgorithm.DSA_WITH_SHA_1,), certificate_length=1)

    kept = attributes_of(engine, hand_in(engine, certificate, claimed))

    assert kept.certificate_length == length
    assert kept.certificate_attributes is not None
    assert kept.certificate_attributes.certificate_subject_cn == "EE"
    assert kept.digital_signature_algorithms == (DigitalSignatureAlgorithm.ECDSA_WITH_SHA256,)
    assert kept.cryptographic_length == 256
    assert kept.certificate_type is CertificateType.X_509


def test_each_certificate_has_the_attributes_that_it_says_of_itself() -> None:
    engine = an_engine()
    for certificate, length in (a_certificate(), a_certificate()):
        kept = attributes_of(engine, hand_in(engine, certificate, Attributes(sensitive=False)))

        assert (kept.certificate_length, kept.certificate_type) == (length, CertificateType.X_509)


def test_application_data_of_a_client_is_kept() -> None:
    engine = an_engine()
    information = ApplicationSpecificInformation(application_namespace="ssl", application_data="www")

    kept = attributes_of(
        engine, hand_in(engine, a_secret(), Attributes(application_specific_information=(information,)))
    )

    assert kept.application_specific_information == (information,)


@pytest.mark.parametrize(
    ("content", "cost"),
    [
        pytest.param(AES_KEY, Cost.CHANGES, id="symmetric key"),
        pytest.param(a_secret(), Cost.CHANGES, id="secret data"),
        pytest.param(PrivateKey(CryptographicAlgorithm.RSA, 2048, b"k", KeyFormatType.PKCS_1), Cost.WORKS, id="pair"),
        pytest.param(Certificate(certificate_value=b"not DER"), Cost.WORKS, id="certificate"),
        pytest.param(
            PrivateKey(CryptographicAlgorithm.RSA, 2048, b"k", KeyFormatType.PKCS_12), Cost.COMPUTES, id="container"
        ),
    ],
)
def test_attributes_computed_of_an_object_are_not_computed_on_the_event_loop(content: Content, cost: Cost) -> None:
    request = register.Request(object_type=content.object_type, managed_object=content)

    assert callable(register.SPEC.cost)
    assert cost is register.SPEC.cost(request)
