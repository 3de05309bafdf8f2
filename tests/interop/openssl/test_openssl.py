"""What we hand out `openssl` reads, and what it makes we register: PKCS#1, PKCS#8, X.509, PKCS#12, certificates.

Needs the openssl command line; without it every test here is skipped and says so.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    RecommendedCurve,
)
from kmip_core.objects import Certificate, Content, KeyBlock, KeyValue, PrivateKey, PublicKey
from kmip_core.operations import certify, create_key_pair, get, register
from kmip_core.structures import CryptographicDomainParameters, Link
from tests.builders import NOW, a_secret, an_engine, attributes_of, perform

OPENSSL: Final = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl on this machine: its side is NOT tested")

MASK: Final = CryptographicUsageMask
RSA, EC = CryptographicAlgorithm.RSA, CryptographicAlgorithm.EC


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *arguments], input=data, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def engine() -> Engine:
    return an_engine()


def a_pair(engine: Engine, algorithm: CryptographicAlgorithm) -> tuple[str, str]:
    domain = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256) if algorithm is EC else None
    common = Attributes(
        cryptographic_algorithm=algorithm,
        cryptographic_length=2048 if algorithm is RSA else None,
        cryptographic_domain_parameters=domain,
        cryptographic_usage_mask=MASK.SIGN | MASK.VERIFY,
    )
    pair = perform(engine, Operation.CREATE_KEY_PAIR, create_key_pair.Request(common_attributes=common))
    return pair.private_key_unique_identifier, pair.public_key_unique_identifier


def fetched(engine: Engine, identifier: str, wanted: KeyFormatType | None) -> Any:
    request = get.Request(unique_identifier=identifier, key_format_type=wanted)
    return perform(engine, Operation.GET, request).managed_object


def material(engine: Engine, identifier: str, wanted: KeyFormatType) -> bytes:
    found: bytes = fetched(engine, identifier, wanted).key_block.key_value.key_material
    return found


def registered(engine: Engine, content: Content, **attributes: Any) -> str:
    request = register.Request(
        object_type=content.object_type, attributes=Attributes(**attributes), managed_object=content
    )
    return str(perform(engine, Operation.REGISTER, request).unique_identifier)


def a_block(wanted: KeyFormatType, value: bytes) -> KeyBlock:
    return KeyBlock(key_format_type=wanted, key_value=KeyValue(key_material=value))


# --- we hand out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "wanted", "command"),
    [
        (RSA, KeyFormatType.PKCS_1, ("rsa", "-inform", "DER", "-check", "-noout")),
        (RSA, KeyFormatType.PKCS_8, ("pkey", "-inform", "DER", "-check", "-noout")),
        (EC, KeyFormatType.PKCS_8, ("pkey", "-inform", "DER", "-check", "-noout")),
        (EC, KeyFormatType.EC_PRIVATE_KEY, ("ec", "-inform", "DER", "-check", "-noout")),
    ],
    ids=["RSA PKCS#1", "RSA PKCS#8", "EC PKCS#8", "EC"],
)
def test_openssl_reads_private_keys(
    engine: Engine, algorithm: CryptographicAlgorithm, wanted: KeyFormatType, command: tuple[str, ...]
) -> None:
    private, _ = a_pair(engine, algorithm)

    openssl(*command, data=material(engine, private, wanted))


@pytest.mark.parametrize(
    ("algorithm", "wanted", "command"),
    [
        (RSA, KeyFormatType.PKCS_1, ("rsa", "-RSAPublicKey_in", "-inform", "DER", "-pubout", "-outform", "DER")),
        (RSA, KeyFormatType.X_509, ("pkey", "-pubin", "-inform", "DER", "-pubout", "-outform", "DER")),
        (EC, KeyFormatType.X_509, ("pkey", "-pubin", "-inform", "DER", "-pubout", "-outform", "DER")),
    ],
    ids=["RSA PKCS#1", "RSA X.509", "EC X.509"],
)
def test_openssl_reads_public_keys(
    engine: Engine, algorithm: CryptographicAlgorithm, wanted: KeyFormatType, command: tuple[str, ...]
) -> None:
    _, public = a_pair(engine, algorithm)

    written = openssl(*command, data=material(engine, public, wanted))
    assert written == material(engine, public, KeyFormatType.X_509)


def certified(engine: Engine, public: str) -> str:
    wanted = Attributes(certificate_type=CertificateType.X_509)
    request = certify.Request(unique_identifier=public, attributes=wanted)
    return str(perform(engine, Operation.CERTIFY, request).unique_identifier)


def test_openssl_reads_certificates_and_agrees_on_their_attributes(engine: Engine) -> None:
    _, public = a_pair(engine, RSA)
    certificate = certified(engine, public)
    der = fetched(engine, certificate, None).certificate_value
    said = openssl(
        *("x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-serial", "-nameopt", "RFC2253"), data=der
    )
    found = dict(line.split("=", 1) for line in said.decode().splitlines())

    attributes = attributes_of(engine, certificate)
    assert attributes.certificate_identifier is not None
    assert attributes.certificate_subject is not None
    assert found["serial"] == attributes.certificate_identifier.serial_number
    assert found["issuer"].strip() == attributes.certificate_identifier.issuer
    assert found["subject"].strip() == attributes.certificate_subject.certificate_subject_distinguished_name


def linked(link_type: LinkType, identifier: str) -> Link:
    return Link(link_type=link_type, linked_object_identifier=identifier)


def test_openssl_reads_containers(engine: Engine, tmp_path: Path) -> None:
    private, public = a_pair(engine, RSA)
    certificate = certified(engine, public)
    password = registered(engine, a_secret(b"opensesame"), activation_date=NOW - 1)
    again = registered(
        engine,
        fetched(engine, private, None),
        cryptographic_usage_mask=MASK.SIGN,
        links=(
            linked(LinkType.PKCS_12_PASSWORD_LINK, password),
            linked(LinkType.PKCS_12_CERTIFICATE_LINK, certificate),
        ),
    )
    path = tmp_path / "container.p12"
    path.write_bytes(material(engine, again, KeyFormatType.PKCS_12))
    text = openssl("pkcs12", "-in", str(path), "-passin", "pass:opensesame", "-nodes")

    key = openssl("pkey", "-outform", "DER", data=text)
    found = openssl("x509", "-outform", "DER", data=text)
    ours = material(engine, private, KeyFormatType.PKCS_8)
    assert openssl("pkey", "-inform", "DER", "-outform", "DER", data=ours) == key
    assert found == fetched(engine, certificate, None).certificate_value


# --- we take in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("making", "writing", "wanted", "algorithm", "length"),
    [
        (
            ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
            ("rsa", "-traditional", "-outform", "DER"),
            KeyFormatType.PKCS_1,
            RSA,
            2048,
        ),
        (
            ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
            ("pkcs8", "-topk8", "-nocrypt", "-outform", "DER"),
            KeyFormatType.PKCS_8,
            RSA,
            2048,
        ),
        (
            ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
            ("ec", "-outform", "DER"),
            KeyFormatType.EC_PRIVATE_KEY,
            EC,
            384,
        ),
        (
            ("genpkey", "-algorithm", "ED25519"),
            ("pkcs8", "-topk8", "-nocrypt", "-outform", "DER"),
            KeyFormatType.PKCS_8,
            CryptographicAlgorithm.ED25519,
            256,
        ),
    ],
    ids=["PKCS#1", "PKCS#8", "EC", "Ed25519"],
)
def test_we_register_what_openssl_makes(
    engine: Engine,
    making: tuple[str, ...],
    writing: tuple[str, ...],
    wanted: KeyFormatType,
    algorithm: CryptographicAlgorithm,
    length: int,
) -> None:
    made = openssl(*making)
    der = openssl(*writing, data=made)
    key = registered(engine, PrivateKey(key_block=a_block(wanted, der)), cryptographic_usage_mask=MASK.SIGN)
    spki = openssl("pkey", "-pubout", "-outform", "DER", data=made)
    public = registered(
        engine, PublicKey(key_block=a_block(KeyFormatType.X_509, spki)), cryptographic_usage_mask=MASK.VERIFY
    )

    for identifier in (key, public):
        attributes = attributes_of(engine, identifier)
        assert (attributes.cryptographic_algorithm, attributes.cryptographic_length) == (algorithm, length)
    assert material(engine, key, wanted) == der
    converted = material(engine, key, KeyFormatType.PKCS_8)
    assert openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", data=converted) == spki


def test_we_take_apart_a_container_that_openssl_made(engine: Engine, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/C=US/O=ACME/CN=made by openssl"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    container = openssl(
        *("pkcs12", "-export", "-inkey", str(key), "-in", str(certificate), "-name", "alias"),
        *("-passout", "pass:opensesame"),
    )
    password = registered(engine, a_secret(b"opensesame"), activation_date=NOW - 1)
    identifier = registered(
        engine,
        PrivateKey(key_block=a_block(KeyFormatType.PKCS_12, container)),
        cryptographic_usage_mask=MASK.SIGN,
        links=(linked(LinkType.PKCS_12_PASSWORD_LINK, password),),
    )

    attributes = attributes_of(engine, identifier)
    assert (attributes.cryptographic_algorithm, attributes.cryptographic_length) == (RSA, 2048)
    assert attributes.pkcs_12_friendly_name == "alias"
    found = fetched(engine, str(attributes.links[1].linked_object_identifier), None)
    assert isinstance(found, Certificate)
    assert found.certificate_value == openssl("x509", "-outform", "DER", data=certificate.read_bytes())
    subject = attributes_of(engine, str(attributes.links[1].linked_object_identifier)).certificate_subject
    assert subject is not None
    assert subject.certificate_subject_distinguished_name == "CN=made by openssl,O=ACME,C=US"


def test_we_certify_what_openssl_asks_for_and_it_verifies_the_chain(engine: Engine, tmp_path: Path) -> None:
    request = openssl(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/C=US/O=ACME/CN=asker"),
        *("-keyout", str(tmp_path / "key.pem"), "-addext", "subjectAltName=DNS:asker.example", "-outform", "DER"),
    )
    identifier = perform(
        engine,
        Operation.CERTIFY,
        certify.Request(certificate_request_type=CertificateRequestType.PKCS_10, certificate_request_value=request),
    ).unique_identifier
    der = fetched(engine, identifier, None).certificate_value
    leaf, root = tmp_path / "leaf.pem", tmp_path / "root.pem"
    leaf.write_bytes(openssl("x509", "-inform", "DER", data=der))
    root.write_bytes(openssl("x509", "-inform", "DER", data=own_authority(engine).certificate_value))

    openssl("verify", "-x509_strict", "-attime", str(NOW + 1), "-CAfile", str(root), str(leaf))
    assert b"DNS:asker.example" in openssl("x509", "-in", str(leaf), "-noout", "-text")


def own_authority(engine: Engine) -> Certificate:
    """Return the certificate of the authority that was made: the only one that says it is one."""
    with engine.services.storage.unit_of_work() as work:
        records = [work.find(str(number)) for number in range(1, 20)]
    for record in records:
        if record is None or record.object_type is not ObjectType.CERTIFICATE:
            continue
        found = fetched(engine, record.unique_identifier, None)
        subject, issuer = record.attributes.x_509_certificate_subject, record.attributes.x_509_certificate_issuer
        assert subject is not None
        assert issuer is not None
        assert isinstance(found, Certificate)
        if subject.subject_distinguished_name == issuer.issuer_distinguished_name:
            return found
    raise AssertionError("no authority was made")
