"""What every adapter of key forms, key value encodings and certificates promises.

`kmip_core.ports.key_forms` and `kmip_core.ports.certificates`; wanted: fixtures `forms`, `encoder` and `certificates`.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
    SplitKeyMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey
from kmip_core.ports.certificates import CertificateContents, Certificates
from kmip_core.ports.crypto import KeyPair
from kmip_core.ports.key_forms import KeyContainer, KeyForms, KeyValueEncoder, SharingScheme
from kmip_core.structures import (
    Name,
    ProtocolVersion,
    TransparentECPublicKey,
    TransparentRSAPublicKey,
    TransparentSymmetricKey,
)

NOW: Final = 1_800_000_000
V1_4, V2_1 = ProtocolVersion(1, 4), ProtocolVersion(2, 1)


def refusal(call: Callable[[], Any]) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        call()
    return refused.value.reason


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return SoftwareCrypto().make_key_pair(CryptographicAlgorithm.EC, 256)


# --- key values -------------------------------------------------------------------------------------------------------

KEY_VALUES: Final = {
    "bytes": (KeyFormatType.RAW, KeyValue(key_material=b"sixteen bytes ok")),
    "symmetric": (
        KeyFormatType.TRANSPARENT_SYMMETRIC_KEY,
        KeyValue(key_material=TransparentSymmetricKey(key=b"key")),
    ),
    "RSA": (
        KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
        KeyValue(key_material=TransparentRSAPublicKey(modulus=2**1024 - 3, public_exponent=65537)),
    ),
    "EC": (
        KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
        KeyValue(key_material=TransparentECPublicKey(recommended_curve=RecommendedCurve.P_256, q_string=b"\x04" * 65)),
    ),
    "with attributes": (
        KeyFormatType.RAW,
        KeyValue(
            key_material=b"key",
            attributes=Attributes(
                names=(Name(name_value="a"), Name(name_value="b")),
                cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
            ),
        ),
    ),
}


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("kind", KEY_VALUES)
def test_a_key_value_comes_back_as_it_was(encoder: KeyValueEncoder, kind: str, version: ProtocolVersion) -> None:
    wanted, value = KEY_VALUES[kind]
    if kind == "EC" and version < ProtocolVersion(1, 3):
        pytest.skip("the format is younger")
    encoded = encoder.encode_key_value(value, version)

    assert encoder.decode_key_value(encoded, wanted, version) == value
    assert len(encoded) % 8 == 0


def test_a_key_value_of_another_version_is_read_too(encoder: KeyValueEncoder) -> None:
    wanted, value = KEY_VALUES["with attributes"]
    for one, other in ((V1_4, V2_1), (V2_1, V1_4)):
        assert encoder.decode_key_value(encoder.encode_key_value(value, one), wanted, other) == value


@given(encoded=st.binary(max_size=60))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_value_that_is_no_key_value_is_refused(encoder: KeyValueEncoder, encoded: bytes) -> None:
    reason = refusal(lambda: encoder.decode_key_value(encoded, KeyFormatType.RAW, V2_1))

    assert reason is ResultReason.ENCODING_OPTION_ERROR


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("Cryptographic Usage Mask", AttributeReference(attribute="cryptographic_usage_mask")),
        ("Name", AttributeReference(attribute="names")),
        ("x-mine", AttributeReference(attribute="mine", vendor_identification="x")),
        ("nothing", AttributeReference(attribute="nothing")),
    ],
    ids=["standard", "multiple", "custom", "unknown"],
)
def test_names_find_their_attributes(encoder: KeyValueEncoder, name: str, reference: AttributeReference) -> None:
    assert encoder.attribute_reference(name) == reference


# --- containers -------------------------------------------------------------------------------------------------------


def a_certificate(certificates: Certificates, pair: KeyPair, **fields: Any) -> Certificate:
    contents = CertificateContents(
        **{
            "public_key": pair.public_key,
            "subject": certificates.distinguished_name("CN=holder,O=ACME,C=US"),
            "not_before": NOW,
            "not_after": NOW + 1000,
            "is_authority": True,
            **fields,
        }
    )
    return certificates.make_certificate(contents, None, pair.private_key)


def test_a_container_comes_back_as_it_was(forms: KeyForms, certificates: Certificates, pair: KeyPair) -> None:
    chain = tuple(a_certificate(certificates, pair) for _ in range(2))
    contents = KeyContainer(private_key=pair.private_key, certificates=chain, friendly_name="mine")
    container = forms.write_container(contents, b"password")

    assert forms.read_container(container, b"password") == contents
    assert container != forms.write_container(contents, b"password")
    assert refusal(lambda: forms.read_container(container, b"another")) is ResultReason.BAD_PASSWORD


def test_broken_containers_are_refused(forms: KeyForms, pair: KeyPair) -> None:
    container = forms.write_container(KeyContainer(private_key=pair.private_key), b"password")
    for broken in (b"", b"\x30\x00", container[:-9], b"\x00" + container, bytes(300_000)):
        reason = refusal(lambda: forms.read_container(broken, b"password"))  # noqa: B023
        assert reason in (ResultReason.INVALID_FIELD, ResultReason.BAD_PASSWORD)


def test_a_container_that_asks_for_absurd_work_is_refused_before_any_is_done(forms: KeyForms, pair: KeyPair) -> None:
    container = forms.write_container(KeyContainer(private_key=pair.private_key), b"password")
    rounds = b"\x02\x03" + (50_000).to_bytes(3)
    assert rounds in container
    absurd = container.replace(rounds, b"\x02\x03" + (11_000_000).to_bytes(3))  # over-long for DER's sign, read as is

    assert refusal(lambda: forms.read_container(absurd, b"password")) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("password", [b"", b"x" * 2000], ids=["empty", "endless"])
def test_a_password_has_a_length(forms: KeyForms, pair: KeyPair, password: bytes) -> None:
    contents = KeyContainer(private_key=pair.private_key)

    assert refusal(lambda: forms.write_container(contents, password)) is ResultReason.INVALID_FIELD


def test_a_container_without_a_key_is_not_made(forms: KeyForms) -> None:
    reason = refusal(lambda: forms.write_container(KeyContainer(private_key=None), b"password"))
    assert reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


# --- shares -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", SplitKeyMethod, ids=lambda method: method.name)
def test_shares_give_the_secret_back(forms: KeyForms, method: SplitKeyMethod) -> None:
    scheme = SharingScheme(method=method, parts=3, threshold=3, prime_field_size=2**521 - 1)
    shares = dict(enumerate(forms.split_secret(b"a secret", scheme), start=1))

    assert forms.join_secret(shares, scheme, 8) == b"a secret"
    del shares[2]
    assert refusal(lambda: forms.join_secret(shares, scheme, 8)) is ResultReason.CRYPTOGRAPHIC_FAILURE


# --- certificates -----------------------------------------------------------------------------------------------------


def test_a_certificate_says_what_it_was_made_of(certificates: Certificates, pair: KeyPair) -> None:
    description = certificates.describe_certificate(a_certificate(certificates, pair))

    assert description is not None
    assert description.public_key is not None
    assert certificates.same_public_key(description.public_key, pair.public_key)
    assert (description.not_before, description.not_after) == (NOW, NOW + 1000)
    assert description.subject == description.issuer == certificates.distinguished_name("CN=holder,O=ACME,C=US")
    subject = description.attributes.certificate_subject
    assert subject is not None
    assert subject.certificate_subject_distinguished_name == "CN=holder,O=ACME,C=US"


@pytest.mark.parametrize(
    "certificate",
    [
        Certificate(certificate_value=b""),
        Certificate(certificate_value=b"\x30\x03\x02\x01\x00"),
        Certificate(certificate_type=CertificateType.PGP, certificate_value=b"pgp"),
    ],
    ids=["empty", "no certificate", "PGP"],
)
def test_an_unreadable_certificate_is_not_described(certificates: Certificates, certificate: Certificate) -> None:
    assert certificates.describe_certificate(certificate) is None


@given(value=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_no_certificate_and_no_request(certificates: Certificates, value: bytes) -> None:
    assert certificates.describe_certificate(Certificate(certificate_value=value)) is None
    for request_type in (CertificateRequestType.PKCS_10, CertificateRequestType.PEM):
        reason = refusal(lambda: certificates.read_request(request_type, value))  # noqa: B023
        assert reason is ResultReason.INVALID_CSR


def test_a_certificate_must_be_valid_at_some_time_and_be_signed_by_a_key(
    certificates: Certificates, pair: KeyPair
) -> None:
    for dates in ({"not_after": NOW}, {"not_before": -(10**15)}, {"not_after": 10**15}):
        reason = refusal(lambda: a_certificate(certificates, pair, **dates))  # noqa: B023
        assert reason is ResultReason.INVALID_FIELD
    broken = KeyBlock(key_format_type=KeyFormatType.X_509, key_value=KeyValue(key_material=b"no key"))
    reason = refusal(lambda: a_certificate(certificates, pair, public_key=PublicKey(key_block=broken)))
    assert reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_the_issuers_key_must_be_that_of_its_certificate(certificates: Certificates, pair: KeyPair) -> None:
    other: PrivateKey = SoftwareCrypto().make_key_pair(CryptographicAlgorithm.EC, 256).private_key
    issuer = a_certificate(certificates, pair)
    contents = CertificateContents(
        public_key=pair.public_key,
        subject=certificates.distinguished_name("CN=x"),
        not_before=NOW,
        not_after=NOW + 1,
    )
    reason = refusal(lambda: certificates.make_certificate(contents, issuer, other))
    assert reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("text", ["nonsense", "XX=y", "CN=a,,O=b"])
def test_names_are_rfc_4514(certificates: Certificates, text: str) -> None:
    assert refusal(lambda: certificates.distinguished_name(text)) is ResultReason.INVALID_FIELD
