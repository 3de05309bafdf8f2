"""PKCS#12: whose password protects a container, and which certificates are in it."""

from typing import Any, Final

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509 import load_der_x509_certificate

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey
from kmip_core.operations import register
from kmip_core.ports.certificates import CertificateContents
from kmip_core.ports.crypto import KeyPair
from kmip_core.ports.key_forms import KeyContainer
from kmip_core.ports.steps import Pace
from kmip_core.procedures.pkcs12 import MAXIMUM_CHAIN
from kmip_core.structures import KeyWrappingData, Link
from tests.builders import NOW, VERSION, a_secret, a_symmetric_key, an_engine
from tests.unit.kmip_core.procedures.test_delivery import MASK, a_password, a_registered, fetched

PASSWORD: Final = b"password"
ENGINE: Final = an_engine()
PAIR: Final[KeyPair] = ENGINE.services.crypto.make_key_pair(CryptographicAlgorithm.EC, 256)


def a_link(link_type: LinkType, identifier: str) -> Link:
    return Link(link_type=link_type, linked_object_identifier=identifier)


def a_certificate(name: str = "holder") -> Certificate:
    contents = CertificateContents(
        public_key=PAIR.public_key,
        subject=ENGINE.services.certificates.distinguished_name(f"CN={name}"),
        not_before=NOW,
        not_after=NOW + 1000,
        is_authority=True,
    )
    return ENGINE.services.certificates.make_certificate(contents, None, PAIR.private_key)


def certificates(engine: Engine, number: int) -> list[str]:
    """Return certificates, each linked to the next, the last one to itself."""
    identifiers: list[str] = []
    for place in range(number):
        below = (a_link(LinkType.CERTIFICATE_LINK, identifiers[-1]),) if identifiers else ()
        identifiers.append(a_registered(engine, a_certificate(str(place)), Attributes(links=below)))
    return identifiers[::-1]


def a_key(engine: Engine, *links: Link, password: bool = True, **attributes: Any) -> str:
    if password:
        links = (*links, a_link(LinkType.PKCS_12_PASSWORD_LINK, a_password(engine)))
    return a_registered(
        engine, PAIR.private_key, Attributes(cryptographic_usage_mask=MASK.SIGN, links=links, **attributes)
    )


def contents_of(engine: Engine, key: str) -> KeyContainer:
    container = fetched(engine, key, KeyFormatType.PKCS_12).key_block.key_value.key_material
    return engine.services.key_forms.read_container(container, PASSWORD)


def refusal(operation: Any, *arguments: Any) -> KmipError:
    with pytest.raises(KmipError) as refused:
        operation(*arguments)
    return refused.value


def subjects(contents: KeyContainer) -> list[str]:
    return [load_der_x509_certificate(c.certificate_value).subject.rfc4514_string() for c in contents.certificates]


# --- chains --------------------------------------------------------------------------------------------------------


def test_a_container_holds_the_whole_chain_from_the_key_s_own_certificate_on() -> None:
    engine = an_engine()
    first, *_ = certificates(engine, 3)
    key = a_key(engine, a_link(LinkType.PKCS_12_CERTIFICATE_LINK, first))

    assert subjects(contents_of(engine, key)) == ["CN=2", "CN=1", "CN=0"]


def test_the_chain_is_found_by_way_of_the_public_key() -> None:
    engine = an_engine()
    first, *_ = certificates(engine, 2)
    link = a_link(LinkType.PKCS_12_CERTIFICATE_LINK, first)
    public = a_registered(engine, PAIR.public_key, Attributes(cryptographic_usage_mask=MASK.VERIFY, links=(link,)))
    key = a_key(engine, a_link(LinkType.PUBLIC_KEY_LINK, public))

    assert subjects(contents_of(engine, key)) == ["CN=1", "CN=0"]


def test_a_key_without_certificates_is_alone_in_its_container() -> None:
    engine = an_engine()

    assert contents_of(engine, a_key(engine)).certificates == ()


def test_a_root_that_is_linked_to_itself_ends_the_chain() -> None:
    root = "root"
    record, _ = a_symmetric_key(root)
    attributes = record.attributes.but(
        object_type=Certificate.object_type, links=(a_link(LinkType.CERTIFICATE_LINK, root),)
    )
    stored = evolve(record, object_type=Certificate.object_type, attributes=attributes)
    engine = an_engine((stored, a_certificate(root)))

    assert subjects(contents_of(engine, a_key(engine, a_link(LinkType.CERTIFICATE_LINK, root)))) == ["CN=root"]


def test_a_key_of_two_chains_is_refused() -> None:
    engine = an_engine()
    one, other = (a_registered(engine, a_certificate(name), Attributes()) for name in ("one", "other"))
    links = (a_link(LinkType.CERTIFICATE_LINK, one), a_link(LinkType.CERTIFICATE_LINK, other))

    refused = refusal(contents_of, engine, a_key(engine, *links))
    assert (refused.reason, refused.message) == (
        ResultReason.INVALID_FIELD,
        "there is more than one certificate chain",
    )


@pytest.mark.parametrize("length", [MAXIMUM_CHAIN, MAXIMUM_CHAIN + 1])
def test_a_chain_has_an_end(length: int) -> None:
    engine = an_engine()
    first, *_ = certificates(engine, length)
    key = a_key(engine, a_link(LinkType.CERTIFICATE_LINK, first))

    if length <= MAXIMUM_CHAIN:
        assert len(contents_of(engine, key).certificates) == length
    else:
        refused = refusal(contents_of, engine, key)
        assert refused.reason is ResultReason.INVALID_FIELD
        assert str(MAXIMUM_CHAIN) in refused.message


def test_a_certificate_in_pem_is_put_in_too() -> None:
    engine = an_engine()
    der = a_certificate()
    pem = load_der_x509_certificate(der.certificate_value).public_bytes(Encoding.PEM)
    linked = a_registered(engine, Certificate(certificate_value=pem), Attributes())

    assert contents_of(engine, a_key(engine, a_link(LinkType.CERTIFICATE_LINK, linked))).certificates == (der,)


def test_a_certificate_that_cannot_be_read_is_not_put_into_a_container() -> None:
    engine = an_engine()
    broken = a_registered(engine, Certificate(certificate_value=b"not DER"), Attributes())

    refused = refusal(contents_of, engine, a_key(engine, a_link(LinkType.CERTIFICATE_LINK, broken)))
    assert refused.reason is ResultReason.INVALID_FIELD


@pytest.mark.parametrize(("given", "told"), [(None, "alias"), ("mine", "mine")])
def test_the_key_is_named_in_the_container(given: str | None, told: str) -> None:
    engine = an_engine()
    (certificate,) = certificates(engine, 1)
    link = a_link(LinkType.CERTIFICATE_LINK, certificate)

    assert contents_of(engine, a_key(engine, link, pkcs_12_friendly_name=given)).friendly_name == told


# --- passwords -----------------------------------------------------------------------------------------------------


def test_a_container_has_one_password_and_that_is_a_secret() -> None:
    engine = an_engine(a_symmetric_key())
    one, other = (a_link(LinkType.PKCS_12_PASSWORD_LINK, a_password(engine)) for _ in range(2))
    key = a_link(LinkType.PKCS_12_PASSWORD_LINK, a_key(engine, activation_date=NOW - 1))

    for links in ((), (one, other), (key,)):
        refused = refusal(contents_of, engine, a_key(engine, *links, password=False))
        assert refused.reason is ResultReason.BAD_PASSWORD


WRAPPED: Final = KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT)


@pytest.mark.parametrize("value", [b"wrapped", KeyValue(key_material=b"wrapped")], ids=["bytes", "in a structure"])
def test_a_password_that_is_kept_wrapped_protects_nothing(value: Any) -> None:
    engine = an_engine()
    block = evolve(a_secret().key_block, key_value=value, key_wrapping_data=WRAPPED)
    wrapped = evolve(a_secret(), key_block=block)
    password = a_registered(engine, wrapped, Attributes(activation_date=NOW - 1))
    key = a_key(engine, a_link(LinkType.PKCS_12_PASSWORD_LINK, password), password=False)

    assert refusal(contents_of, engine, key).reason is ResultReason.KEY_VALUE_NOT_PRESENT


# --- containers of others ------------------------------------------------------------------------------------------


def a_container(value: KeyValue | bytes | None) -> PrivateKey:
    return PrivateKey(key_block=KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=value))


def hand_in(engine: Engine, value: KeyValue | bytes | None) -> str:
    link = a_link(LinkType.PKCS_12_PASSWORD_LINK, a_password(engine))
    return a_registered(engine, a_container(value), Attributes(cryptographic_usage_mask=MASK.SIGN, links=(link,)))


def certificates_alone() -> bytes:
    certificate = load_der_x509_certificate(a_certificate().certificate_value)
    return pkcs12.serialize_key_and_certificates(None, None, certificate, None, BestAvailableEncryption(PASSWORD))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "a PKCS#12 container must be given as a Byte String"),
        (b"not PKCS#12", "the material is not a PKCS#12 container that can be read"),
    ],
    ids=["nothing", "something else"],
)
def test_bytes_that_are_no_pkcs12_container_are_not_registered_as_one(value: Any, message: str) -> None:
    refused = refusal(hand_in, an_engine(), value)

    assert (refused.reason, refused.message) == (ResultReason.INVALID_FIELD, message)


def test_a_container_without_a_private_key_is_no_private_key() -> None:
    refused = refusal(hand_in, an_engine(), certificates_alone())

    assert (refused.reason, refused.message) == (
        ResultReason.INVALID_FIELD,
        "the PKCS#12 container holds no private key",
    )


@pytest.mark.parametrize(
    ("content", "pace"),
    [(a_container(b"container"), Pace.SLOW), (PAIR.private_key, Pace.BRIEF), (None, Pace.BRIEF)],
    ids=["a container", "a key", "nothing"],
)
def test_a_container_is_taken_apart_where_it_may_take_time(content: PrivateKey | None, pace: Pace) -> None:
    request = register.Request(object_type=ObjectType.PRIVATE_KEY, managed_object=content)
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION),
        batch_items=(RequestBatchItem(operation=Operation.REGISTER, payload=request),),
    )

    assert ENGINE.pace(message) is pace
