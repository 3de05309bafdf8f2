"""Certify and Re-certify, checked with pyca's own reading of what comes out."""

from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    State,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, CertificateRequest, KeyBlock, KeyValue, PublicKey
from kmip_core.operations import certify, create_key_pair, delete_attribute, get, re_certify, register, revoke
from kmip_core.ports.certificates import CertificateContents
from kmip_core.settings import Settings
from kmip_core.structures import (
    CertificateAttributes,
    CertificateSubject,
    Link,
    Name,
    RevocationReason,
    X509CertificateSubject,
)
from tests.builders import ALICE, BOB, NOW, an_engine, attributes_of, perform
from tests.rounds import rounds

MASK: Final = CryptographicUsageMask
YEAR: Final = 365 * 24 * 3600


class Requester:
    """Someone with a key, who makes certificate requests and registers public keys."""

    def __init__(self, common_name: str = "client") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name.from_rfc4514_string(f"CN={common_name},O=ACME,C=US")

    def request(self, *extensions: x509.ExtensionType) -> x509.CertificateSigningRequest:
        builder = x509.CertificateSigningRequestBuilder().subject_name(self.subject)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def der(self, *extensions: x509.ExtensionType) -> bytes:
        return self.request(*extensions).public_bytes(Encoding.DER)

    def register(self, engine: Engine, **attributes: Any) -> str:
        material = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        block = KeyBlock(
            key_format_type=KeyFormatType.X_509,
            key_value=KeyValue(key_material=material),
            cryptographic_algorithm=CryptographicAlgorithm.EC,
            cryptographic_length=256,
        )
        request = register.Request(
            object_type=ObjectType.PUBLIC_KEY,
            attributes=Attributes(cryptographic_usage_mask=MASK.VERIFY, **attributes),
            managed_object=PublicKey(key_block=block),
        )
        identifier: str = perform(engine, Operation.REGISTER, request).unique_identifier
        return identifier


@pytest.fixture(scope="module")
def requester() -> Requester:
    return Requester()


@pytest.fixture
def engine() -> Engine:
    return an_engine()


def certified(engine: Engine, **fields: Any) -> str:
    identifier: str = perform(engine, Operation.CERTIFY, certify.Request(**fields)).unique_identifier
    return identifier


def by_request(requester: Requester, *extensions: x509.ExtensionType, **fields: Any) -> dict[str, Any]:
    return {
        "certificate_request_type": CertificateRequestType.PKCS_10,
        "certificate_request_value": requester.der(*extensions),
        **fields,
    }


def certificate_of(engine: Engine, identifier: str) -> x509.Certificate:
    content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    assert isinstance(content, Certificate)
    return x509.load_der_x509_certificate(content.certificate_value)


def links_of(engine: Engine, identifier: str) -> list[tuple[LinkType, str]]:
    return [(link.link_type, str(link.linked_object_identifier)) for link in attributes_of(engine, identifier).links]


def refusal(engine: Engine, operation: Operation, request: Any) -> KmipError:
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)
    return refused.value


# --- Certify -------------------------------------------------------------------------------------------------------


def test_certify_makes_a_certificate_and_links_both_ways(engine: Engine, requester: Requester) -> None:
    public = requester.register(engine)
    identifier = certified(engine, unique_identifier=public, **by_request(requester))

    certificate = certificate_of(engine, identifier)
    assert certificate.subject == requester.subject
    assert certificate.issuer.rfc4514_string() == "CN=kmipd"
    assert certificate.public_key() == requester.key.public_key()
    assert links_of(engine, identifier) == [(LinkType.PUBLIC_KEY_LINK, public)]
    assert links_of(engine, public) == [(LinkType.CERTIFICATE_LINK, identifier)]


def test_the_certificate_says_what_it_is_in_its_attributes(engine: Engine, requester: Requester) -> None:
    attributes = attributes_of(engine, certified(engine, **by_request(requester)))

    assert attributes.object_type is ObjectType.CERTIFICATE
    assert (attributes.cryptographic_algorithm, attributes.cryptographic_length) == (CryptographicAlgorithm.EC, 256)
    assert attributes.digital_signature_algorithms == (DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,)
    assert attributes.certificate_subject == CertificateSubject(
        certificate_subject_distinguished_name="CN=client,O=ACME,C=US"
    )
    assert attributes.certificate_attributes is not None
    assert attributes.certificate_attributes.certificate_subject_cn == "client"
    assert attributes.original_creation_date == NOW
    assert attributes.state is State.PRE_ACTIVE


def test_an_owner_has_one_authority_that_others_do_not_share(engine: Engine, requester: Requester) -> None:
    first = certificate_of(engine, certified(engine, **by_request(requester)))
    second = certificate_of(engine, certified(engine, **by_request(requester)))
    third = perform(engine, Operation.CERTIFY, certify.Request(**by_request(requester)), BOB).unique_identifier
    found = perform(engine, Operation.GET, get.Request(unique_identifier=third), BOB).managed_object
    other = x509.load_der_x509_certificate(found.certificate_value)

    def issuer_key(certificate: x509.Certificate) -> bytes | None:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        return found.value.key_identifier

    assert issuer_key(first) == issuer_key(second)
    assert issuer_key(first) != issuer_key(other)
    assert first.serial_number != second.serial_number


def test_dates_and_usage_come_from_the_attributes(engine: Engine, requester: Requester) -> None:
    attributes = Attributes(
        activation_date=NOW + 100, deactivation_date=NOW + 1000, cryptographic_usage_mask=MASK.SIGN | MASK.WRAP_KEY
    )
    certificate = certificate_of(engine, certified(engine, attributes=attributes, **by_request(requester)))

    assert certificate.not_valid_before_utc.timestamp() == NOW + 100
    assert certificate.not_valid_after_utc.timestamp() == NOW + 1000
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)


def test_a_request_gets_its_names_but_never_the_powers_it_asks_for(engine: Engine, requester: Requester) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("client.example")])
    wanted = (names, x509.BasicConstraints(ca=True, path_length=None))
    certificate = certificate_of(engine, certified(engine, **by_request(requester, *wanted)))

    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


@pytest.mark.parametrize(
    ("attributes", "subject"),
    [
        (
            {"certificate_subject": CertificateSubject(certificate_subject_distinguished_name="CN=x,O=y")},
            "CN=x,O=y",
        ),
        (
            {
                "certificate_attributes": CertificateAttributes(
                    certificate_subject_cn="a,b",
                    certificate_subject_os=("c",),
                )
            },
            "CN=a\\,b,O=c",
        ),
        (
            {
                "x_509_certificate_subject": X509CertificateSubject(
                    subject_distinguished_name=x509.Name.from_rfc4514_string("CN=z,O=y").public_bytes()
                )
            },
            "CN=z,O=y",
        ),
        ({"certificate_attributes": CertificateAttributes()}, "CN=the key"),
        ({}, "CN=the key"),
    ],
    ids=["as text", "in parts", "as DER", "in parts of which none is given", "after the key's name"],
)
def test_without_a_request_the_attributes_name_the_subject(
    engine: Engine, requester: Requester, attributes: dict[str, Any], subject: str
) -> None:
    public = requester.register(engine, names=(Name(name_value="the key"),))
    wanted = Attributes(certificate_type=CertificateType.X_509, **attributes)
    identifier = certified(engine, unique_identifier=public, attributes=wanted)

    assert certificate_of(engine, identifier).subject.rfc4514_string() == subject


def fits_into_a_common_name(name: str) -> bool:
    return len(name.encode()) <= 64


@settings(max_examples=rounds(25, nightly=100))
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64).filter(fits_into_a_common_name))
@example(name=" ")
@example(name="  ")
@example(name=' #,+"\\<>;= ')
@example(name="\0")
def test_a_certificate_gets_the_name_of_its_key(name: str) -> None:
    engine = an_engine()
    issuer, _ = an_authority(engine)
    public = THE_REQUESTER.register(engine, names=(Name(name_value=name),))
    wanted = below(issuer).but(certificate_type=CertificateType.X_509)
    subject = certificate_of(engine, certified(engine, unique_identifier=public, attributes=wanted)).subject

    assert [(part.oid, part.value) for part in subject] == [(NameOID.COMMON_NAME, name)]


THE_REQUESTER: Final = Requester()


def test_a_managed_certificate_request_is_certified(engine: Engine, requester: Requester) -> None:
    content = CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=requester.der()
    )
    request = register.Request(object_type=ObjectType.CERTIFICATE_REQUEST, managed_object=content)
    stored = perform(engine, Operation.REGISTER, request).unique_identifier

    assert certificate_of(engine, certified(engine, unique_identifier=stored)).subject == requester.subject


def test_pem_is_read_too(engine: Engine, requester: Requester) -> None:
    pem = requester.request().public_bytes(Encoding.PEM)
    identifier = certified(engine, certificate_request_type=CertificateRequestType.PEM, certificate_request_value=pem)

    assert certificate_of(engine, identifier).subject == requester.subject


def an_authority(engine: Engine, usage: CryptographicUsageMask = MASK.CERTIFICATE_SIGN) -> tuple[str, str]:
    """Return a certificate authority of alice's: an EC pair whose certificate her own authority made for it."""
    crypto, certificates = engine.services.crypto, engine.services.certificates
    pair = crypto.make_key_pair(CryptographicAlgorithm.EC, 256)
    contents = CertificateContents(
        public_key=pair.public_key,
        subject=certificates.distinguished_name("CN=ACME root"),
        not_before=NOW - 1000,
        not_after=NOW + YEAR // 2,
        is_authority=True,
    )
    root = certificates.make_certificate(contents, None, pair.private_key)
    request = register.Request(
        object_type=ObjectType.PRIVATE_KEY,
        attributes=Attributes(cryptographic_usage_mask=usage, activation_date=NOW - 10),
        managed_object=pair.private_key,
    )
    private = perform(engine, Operation.REGISTER, request).unique_identifier
    link = Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier=private)
    request = register.Request(
        object_type=ObjectType.CERTIFICATE, attributes=Attributes(links=(link,)), managed_object=root
    )
    return perform(engine, Operation.REGISTER, request).unique_identifier, private


def below(issuer: str) -> Attributes:
    return Attributes(links=(Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=issuer),))


def test_the_issuer_is_whom_the_attributes_link_to(engine: Engine, requester: Requester) -> None:
    issuer, _ = an_authority(engine)
    identifier = certified(engine, attributes=below(issuer), **by_request(requester))

    certificate, root = certificate_of(engine, identifier), certificate_of(engine, issuer)
    certificate.verify_directly_issued_by(root)
    assert certificate.not_valid_after_utc == root.not_valid_after_utc  # it does not outlive its issuer
    assert links_of(engine, identifier) == [(LinkType.CERTIFICATE_LINK, issuer)]


def test_the_issuers_key_is_found_by_way_of_its_public_key(engine: Engine, requester: Requester) -> None:
    issuer, private = an_authority(engine)
    to_private = Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier=private)
    public = requester.register(engine, links=(to_private,))
    to_public = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public)
    root = register.Request(
        object_type=ObjectType.CERTIFICATE,
        attributes=Attributes(links=(to_public,)),
        managed_object=perform(engine, Operation.GET, get.Request(unique_identifier=issuer)).managed_object,
    )
    again = perform(engine, Operation.REGISTER, root).unique_identifier

    certificate = certificate_of(engine, certified(engine, attributes=below(again), **by_request(requester)))
    certificate.verify_directly_issued_by(certificate_of(engine, issuer))


def test_an_issuer_must_be_one_and_have_its_key_here(engine: Engine, requester: Requester) -> None:
    one, other = certified(engine, **by_request(requester)), certified(engine, **by_request(requester))
    both = Attributes(links=(*below(one).links, *below(other).links))

    refused = refusal(engine, Operation.CERTIFY, certify.Request(attributes=both, **by_request(requester)))
    assert (refused.reason, refused.message) == (
        ResultReason.INVALID_FIELD,
        "a certificate has one issuer: give one Certificate Link",
    )
    refused = refusal(engine, Operation.CERTIFY, certify.Request(attributes=below(one), **by_request(requester)))
    assert (refused.reason, refused.message) == (
        ResultReason.INVALID_FIELD,
        "the issuer's certificate is not linked to its private key",
    )


def test_an_issuer_needs_its_own_bit_and_state(engine: Engine, requester: Requester) -> None:
    issuer, _ = an_authority(engine, MASK.SIGN)
    request = certify.Request(attributes=below(issuer), **by_request(requester))
    refused = refusal(engine, Operation.CERTIFY, request)
    assert refused.reason is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK

    issuer, private = an_authority(engine)
    perform(engine, Operation.REVOKE, a_revocation(private))
    request = certify.Request(attributes=below(issuer), **by_request(requester))
    assert refusal(engine, Operation.CERTIFY, request).reason is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def a_revocation(identifier: str) -> revoke.Request:
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    return revoke.Request(unique_identifier=identifier, revocation_reason=reason)


def test_no_client_issues_certificates_with_the_key_of_another(engine: Engine, requester: Requester) -> None:
    issuer, _ = an_authority(engine)
    request = certify.Request(attributes=below(issuer), **by_request(requester))

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.CERTIFY, request, BOB)
    assert refused.value.reason in (ResultReason.OBJECT_NOT_FOUND, ResultReason.PERMISSION_DENIED)


def test_own_authorities_can_be_turned_off(requester: Requester) -> None:
    engine = an_engine(settings=Settings(certificate_authority=""))

    refused = refusal(engine, Operation.CERTIFY, certify.Request(**by_request(requester)))
    assert refused.reason is ResultReason.PERMISSION_DENIED


def test_the_key_of_an_own_authority_is_sensitive(engine: Engine, requester: Requester) -> None:
    certified(engine, **by_request(requester))
    with engine.services.storage.unit_of_work() as work:
        keys = [work.find(str(number)) for number in range(1, 20)]
    private = [key for key in keys if key is not None and key.object_type is ObjectType.PRIVATE_KEY]

    assert [key.attributes.sensitive for key in private] == [True]
    assert [key.owner for key in private] == [ALICE.name]


def test_an_own_authority_whose_links_were_taken_away_is_refused(engine: Engine, requester: Requester) -> None:
    certified(engine, **by_request(requester))
    with engine.services.storage.unit_of_work() as work:
        keys = [work.find(str(number)) for number in range(1, 20)]
    (private,) = [key for key in keys if key is not None and key.object_type is ObjectType.PRIVATE_KEY]
    links = delete_attribute.Request(
        unique_identifier=private.unique_identifier, reference=AttributeReference(attribute="links")
    )
    perform(engine, Operation.DELETE_ATTRIBUTE, links)

    refused = refusal(engine, Operation.CERTIFY, certify.Request(**by_request(requester)))
    assert refused.reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"certificate_request_value": b"\x30\x00"}, ResultReason.INVALID_CSR),
        ({"certificate_request_type": CertificateRequestType.PEM}, ResultReason.INVALID_CSR),
        ({"certificate_request_type": CertificateRequestType.CRMF}, ResultReason.FEATURE_NOT_SUPPORTED),
        ({"certificate_request_type": None}, ResultReason.INVALID_FIELD),
        ({"attributes": Attributes(certificate_type=CertificateType.PGP)}, ResultReason.FEATURE_NOT_SUPPORTED),
        (
            {"attributes": Attributes(activation_date=NOW, deactivation_date=NOW - 1)},
            ResultReason.INVALID_FIELD,
        ),
    ],
    ids=["broken", "wrong type", "CRMF", "no type", "PGP", "ends before it begins"],
)
def test_a_request_that_cannot_be_certified_is_refused(
    engine: Engine, requester: Requester, change: dict[str, Any], reason: ResultReason
) -> None:
    request = certify.Request(**{**by_request(requester), **change})

    assert refusal(engine, Operation.CERTIFY, request).reason is reason


def test_a_request_must_be_signed_by_its_key_and_be_for_the_key_that_is_named(
    engine: Engine, requester: Requester
) -> None:
    der = bytearray(requester.der())
    der[-1] ^= 1
    forged = certify.Request(**by_request(requester, certificate_request_value=bytes(der)))
    other = certify.Request(unique_identifier=Requester("other").register(engine), **by_request(requester))

    for request in (forged, other):
        assert refusal(engine, Operation.CERTIFY, request).reason is ResultReason.INVALID_CSR


def test_only_public_keys_and_requests_are_certified(engine: Engine) -> None:
    pair = perform(
        engine,
        Operation.CREATE_KEY_PAIR,
        create_key_pair.Request(
            common_attributes=Attributes(
                cryptographic_algorithm=CryptographicAlgorithm.EC,
                cryptographic_length=256,
                cryptographic_usage_mask=MASK.SIGN,
            )
        ),
    )
    request = certify.Request(
        unique_identifier=pair.private_key_unique_identifier,
        attributes=Attributes(certificate_type=CertificateType.X_509),
    )

    assert refusal(engine, Operation.CERTIFY, request).reason is ResultReason.INVALID_OBJECT_TYPE


# --- Re-certify ----------------------------------------------------------------------------------------------------


def test_re_certify_takes_over_names_and_links(engine: Engine, requester: Requester) -> None:
    public = requester.register(engine)
    attributes = Attributes(names=(Name(name_value="one"),), cryptographic_usage_mask=MASK.VERIFY)
    old = certified(engine, unique_identifier=public, attributes=attributes, **by_request(requester))
    request = re_certify.Request(unique_identifier=old, attributes=Attributes(names=(Name(name_value="two"),)))
    new = perform(engine, Operation.RE_CERTIFY, request).unique_identifier

    assert [name.name_value for name in attributes_of(engine, new).names] == ["two", "one"]
    assert attributes_of(engine, old).names == ()
    assert links_of(engine, new) == [(LinkType.PUBLIC_KEY_LINK, public), (LinkType.REPLACED_OBJECT_LINK, old)]
    assert links_of(engine, old) == [(LinkType.PUBLIC_KEY_LINK, public), (LinkType.REPLACEMENT_OBJECT_LINK, new)]
    assert links_of(engine, public) == [(LinkType.CERTIFICATE_LINK, new)]
    assert certificate_of(engine, new).subject == requester.subject
    assert certificate_of(engine, new).serial_number != certificate_of(engine, old).serial_number


def test_an_offset_moves_the_dates(engine: Engine, requester: Requester) -> None:
    dated = Attributes(activation_date=NOW - 500, deactivation_date=NOW + 500)
    old = certified(engine, attributes=dated, **by_request(requester))
    new = perform(engine, Operation.RE_CERTIFY, re_certify.Request(unique_identifier=old, offset=100)).unique_identifier

    certificate = certificate_of(engine, new)
    assert attributes_of(engine, new).activation_date == NOW + 100
    assert attributes_of(engine, new).deactivation_date == NOW + 1100
    assert certificate.not_valid_before_utc.timestamp() == NOW + 100
    assert certificate.not_valid_after_utc.timestamp() == NOW + 1100


def test_a_renewed_certificate_is_valid_as_long_as_the_old_one_was(engine: Engine, requester: Requester) -> None:
    old = certified(engine, **by_request(requester))
    new = perform(engine, Operation.RE_CERTIFY, re_certify.Request(unique_identifier=old)).unique_identifier

    assert certificate_of(engine, new).not_valid_after_utc.timestamp() == NOW + YEAR


def test_offset_and_dates_exclude_each_other(engine: Engine, requester: Requester) -> None:
    old = certified(engine, **by_request(requester))
    request = re_certify.Request(unique_identifier=old, offset=1, attributes=Attributes(activation_date=NOW))

    assert refusal(engine, Operation.RE_CERTIFY, request).reason is ResultReason.INVALID_MESSAGE


def test_a_new_request_must_be_for_the_same_key(engine: Engine, requester: Requester) -> None:
    old = certified(engine, **by_request(requester))
    renamed = Requester("renamed")
    renamed.key = requester.key
    request = re_certify.Request(unique_identifier=old, **by_request(renamed))
    new = perform(engine, Operation.RE_CERTIFY, request).unique_identifier
    assert certificate_of(engine, new).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "renamed"

    request = re_certify.Request(unique_identifier=new, **by_request(Requester()))
    assert refusal(engine, Operation.RE_CERTIFY, request).reason is ResultReason.INVALID_CSR


def test_a_managed_request_renews_a_certificate_as_one_in_the_message_does(
    engine: Engine, requester: Requester
) -> None:
    old = certified(engine, **by_request(requester))
    renamed = Requester("renamed")
    renamed.key = requester.key
    content = CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=renamed.der()
    )
    request = register.Request(object_type=ObjectType.CERTIFICATE_REQUEST, managed_object=content)
    stored = perform(engine, Operation.REGISTER, request).unique_identifier

    anew = re_certify.Request(unique_identifier=old, certificate_request_unique_identifier=stored)
    new = perform(engine, Operation.RE_CERTIFY, anew).unique_identifier
    assert certificate_of(engine, new).subject == renamed.subject


def test_certificates_are_renewed_as_x_509_only(engine: Engine, requester: Requester) -> None:
    old = certified(engine, **by_request(requester))
    request = re_certify.Request(unique_identifier=old, attributes=Attributes(certificate_type=CertificateType.PGP))

    assert refusal(engine, Operation.RE_CERTIFY, request).reason is ResultReason.FEATURE_NOT_SUPPORTED


EC_KEY: Final = bytes.fromhex("2a8648ce3d0201")  # 1.2.840.10045.2.1, id-ecPublicKey


@pytest.mark.parametrize("kind", ["unreadable", "of an unknown kind of key"])
def test_a_certificate_that_says_too_little_is_not_renewed(engine: Engine, requester: Requester, kind: str) -> None:
    issuer, _ = an_authority(engine)
    known = perform(engine, Operation.GET, get.Request(unique_identifier=issuer)).managed_object.certificate_value
    value = {
        "unreadable": b"not DER",
        "of an unknown kind of key": known.replace(EC_KEY, EC_KEY[:-1] + b"\x09", 1),
    }[kind]
    request = register.Request(object_type=ObjectType.CERTIFICATE, managed_object=Certificate(certificate_value=value))
    old = perform(engine, Operation.REGISTER, request).unique_identifier

    refused = refusal(engine, Operation.RE_CERTIFY, re_certify.Request(unique_identifier=old))
    assert refused.reason is ResultReason.FEATURE_NOT_SUPPORTED
    assert "certificate" in refused.message
