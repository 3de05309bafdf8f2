"""Which names a certificate gives, and which certificates give none."""

import datetime as dt
import hashlib
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_adapters.identity import certificate as identity
from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.identity.realms import ClientNames, Realm
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.principal import Principal, Source

KEY = ec.generate_private_key(ec.SECP256R1())
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
OF_NO_REALM = ClientNames(Realm())


def a_certificate(
    *common_names: str,
    organization: str | None = None,
    san: Sequence[x509.GeneralName] = (),
    usages: Sequence[x509.ObjectIdentifier] = CLIENT,
    serial: int = 0xC0FFEE,
    issuer: str | None = None,
) -> bytes:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False) for name in common_names]
    if organization is not None:
        names.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject = x509.Name(names)
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def refusal(read: CertificateIdentity, certificate: bytes | None) -> str:
    with pytest.raises(KmipError) as caught:
        read(certificate, "192.0.2.1")
    assert caught.value.reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    return caught.value.message


def test_the_common_name_is_the_principal() -> None:
    certificate = a_certificate("alice")

    assert CertificateIdentity()(certificate, "192.0.2.1") == Principal(
        name="alice",
        source=Source.CERTIFICATE,
        address="192.0.2.1",
        certificate_serial="c0ffee",
        certificate_issuer="CN=alice",
        name_kind="cn",
        certificate_digest=hashlib.sha256(certificate).digest(),
    )


@pytest.mark.parametrize("name", ["Alice", " alice ", "ålice", "a" * 64, "a,b=c"])
def test_a_name_is_neither_folded_nor_trimmed(name: str) -> None:
    assert CertificateIdentity()(a_certificate(name), "").name == name


@pytest.mark.filterwarnings("ignore:Attribute's length")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param((), "has 0 common names", id="fail no common name"),
        pytest.param(("alice", "bob"), "has 2 common names", id="fail two common names"),
        pytest.param(("alice", "alice"), "has 2 common names", id="fail the same one twice"),
        pytest.param(("alice\0.example",), "control characters", id="fail NUL"),
        pytest.param(("alice\n",), "control characters", id="fail line feed"),
        pytest.param(("alice\x7f",), "control characters", id="fail delete"),
        pytest.param(("a" * 256,), "1 to 255 characters", id="fail too long"),
    ],
)
def test_anything_but_one_clean_name_is_refused(names: tuple[str, ...], message: str) -> None:
    assert message in refusal(CertificateIdentity(), a_certificate(*names))


def test_no_certificate_is_refused() -> None:
    assert refusal(CertificateIdentity(), None) == "no client certificate was presented"


@pytest.mark.parametrize("junk", [b"", b"junk", a_certificate("alice")[:-1]])
def test_bytes_that_are_no_certificate_are_refused(junk: bytes) -> None:
    assert refusal(CertificateIdentity(), junk) == "the client certificate cannot be read"


@pytest.mark.parametrize("usages", [(), (ExtendedKeyUsageOID.SERVER_AUTH,)])
def test_a_certificate_not_made_for_clients_is_refused_unless_that_is_switched_off(
    usages: Sequence[x509.ObjectIdentifier],
) -> None:
    certificate = a_certificate("alice", usages=usages)

    assert "clientAuth" in refusal(CertificateIdentity(), certificate)
    assert CertificateIdentity(require_client_auth_eku=False)(certificate, "").name == "alice"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (x509.UniformResourceIdentifier("spiffe://example/alice"), "spiffe://example/alice"),
        (x509.DNSName("alice.example"), "alice.example"),
        (x509.RFC822Name("alice@example"), "alice@example"),
    ],
)
def test_one_alternative_name_is_the_principal_when_configured(name: x509.GeneralName, expected: str) -> None:
    assert CertificateIdentity(source="san")(a_certificate("other", san=[name]), "").name == expected


def test_two_alternative_names_are_refused() -> None:
    names = [x509.DNSName("alice.example"), x509.DNSName("bob.example")]

    assert "has 2 alternative names" in refusal(CertificateIdentity(source="san"), a_certificate("x", san=names))


def test_the_whole_subject_is_the_principal_when_configured() -> None:
    read = CertificateIdentity(source="subject")

    assert read(a_certificate("alice", organization="Example"), "").name == "CN=alice,O=Example"
    assert "control characters" in refusal(read, a_certificate("alice\0"))
    assert "has 0 subjects" in refusal(read, a_certificate())


def test_another_source_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="source"):
        CertificateIdentity(source="mail")


def test_a_remembered_certificate_still_brings_its_address() -> None:
    read, certificate = CertificateIdentity(), a_certificate("alice")

    assert [read(certificate, where).address for where in ("192.0.2.1", "2001:db8::1")] == [
        "192.0.2.1",
        "2001:db8::1",
    ]


def test_the_number_of_remembered_certificates_is_bounded() -> None:
    read = CertificateIdentity()
    certificate = a_certificate("alice")
    read._known.update({(number.to_bytes(32), b""): Principal(name="x") for number in range(identity.REMEMBERED)})

    assert read(certificate, "").name == "alice"
    assert len(read._known) == 1


def test_with_its_issuer_a_name_of_two_authorities_is_two_identities() -> None:
    read = CertificateIdentity(names=OF_NO_REALM)
    one, two = (read(a_certificate("alice", issuer=name), "") for name in ("One", "Two"))

    assert (one.name, one.certificate_issuer) == ("alice <cn; CN=One>", "CN=One")
    assert two.name == "alice <cn; CN=Two>"
    assert CertificateIdentity()(a_certificate("alice", issuer="Two"), "").name == "alice"


def test_a_renewed_authority_changes_nothing() -> None:
    read = CertificateIdentity(names=OF_NO_REALM)

    first, second = (read(a_certificate("alice", issuer="One", serial=serial), "") for serial in (1, 2))

    assert first.name == second.name


def test_kinds_of_names_are_two_identities_as_well() -> None:
    read = CertificateIdentity(source="san", names=OF_NO_REALM)

    as_host = read(a_certificate("x", san=[x509.DNSName("alice")], issuer="One"), "")
    as_mail = read(a_certificate("x", san=[x509.RFC822Name("alice")], issuer="One"), "")

    assert (as_host.name, as_mail.name) == ("alice <dns; CN=One>", "alice <email; CN=One>")
    assert (as_host.name_kind, as_mail.name_kind) == ("dns", "email")


@pytest.mark.parametrize(
    ("name", "issuer"),
    [("alice <cn; CN=One>", "Two"), ("alice", "Two> <cn; CN=One"), ("alice", "One\\"), ("alice <cn", "One")],
)
def test_no_name_reads_as_one_of_another_authority(name: str, issuer: str) -> None:
    read = CertificateIdentity(names=OF_NO_REALM)

    assert read(a_certificate(name, issuer=issuer), "").name != read(a_certificate("alice", issuer="One"), "").name


def test_a_name_that_gets_too_long_with_its_issuer_is_refused() -> None:
    read = CertificateIdentity(source="uri", names=OF_NO_REALM)
    long = a_certificate("x", san=[x509.UniformResourceIdentifier("u" * 250)], issuer="One")

    assert "more than 255 characters" in refusal(read, long)


MANY = [x509.DNSName("host.example"), x509.UniformResourceIdentifier("urn:disk"), x509.RFC822Name("a@example")]


@pytest.mark.parametrize(
    ("sources", "san", "expected"),
    [
        (("dns", "cn"), MANY, ("host.example", "dns")),
        (("uri", "dns"), MANY, ("urn:disk", "uri")),
        (("email", "uri"), MANY, ("a@example", "email")),
        (("dns", "cn"), MANY[1:], ("common", "cn")),
        (("email", "uri", "dns"), MANY[:1], ("host.example", "dns")),
    ],
)
def test_of_several_sources_the_first_that_has_a_name_counts(
    sources: tuple[str, ...], san: list[x509.GeneralName], expected: tuple[str, str]
) -> None:
    found = CertificateIdentity(source=sources)(a_certificate("common", san=san), "")

    assert (found.name, found.name_kind) == expected


def test_a_source_that_names_two_does_not_pass_on_to_the_next() -> None:
    two = [x509.DNSName("one.example"), x509.DNSName("two.example")]

    assert "one is needed" in refusal(CertificateIdentity(source=("dns", "cn")), a_certificate("common", san=two))
