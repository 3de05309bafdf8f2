"""Re-Provision, with an authority that is a function: KMIP 2.1 §6.1.48."""

from typing import Any

import pytest
from attrs import define, evolve, field

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError, permission_denied
from kmip_core.objects import Certificate, CertificateRequest
from kmip_core.operations import get, re_provision
from kmip_core.principal import Principal, Source
from kmip_core.rights import Rights
from tests.builders import an_engine, attributes_of, perform

CLIENT = Principal(name="alice", certificate_serial="ab")


@define
class Authority:
    """Answers with bytes that say what was asked."""

    replaced: list[tuple[str, bytes]] = field(factory=list)
    refuses: bool = False

    def certify(self, serial: str, request: bytes) -> bytes:
        if self.refuses:
            raise permission_denied("revoked")
        return b"for " + request

    def certify_key(self, serial: str, public_key: bytes) -> bytes:
        assert public_key[0] == 0x30  # DER
        return b"for a key of the server"

    def check(self, serial: str, certificate: bytes) -> None:
        if certificate != b"good":
            raise KmipError(ResultReason.INVALID_FIELD, "not good")

    def replace(self, serial: str, certificate: bytes) -> None:
        self.replaced.append((serial, certificate))


def ask(engine: Engine, principal: Principal = CLIENT, **fields: Any) -> str:
    request = re_provision.Request(**fields)
    identifier: str = perform(engine, Operation.RE_PROVISION, request, principal).unique_identifier
    return identifier


def refusal(engine: Engine, principal: Principal = CLIENT, **fields: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        ask(engine, principal, **fields)
    return caught.value.reason


def a_request(request_type: CertificateRequestType = CertificateRequestType.PKCS_10) -> CertificateRequest:
    return CertificateRequest(certificate_request_type=request_type, certificate_request_value=b"csr")


def a_certificate(value: bytes = b"good", certificate_type: CertificateType = CertificateType.X_509) -> Certificate:
    return Certificate(certificate_type=certificate_type, certificate_value=value)


def test_a_request_is_certified_and_the_old_certificate_goes() -> None:
    authority = Authority()
    engine = an_engine(provisioning=authority)

    identifier = ask(engine, certificate_request=a_request())

    content = perform(engine, Operation.GET, get.Request(unique_identifier=identifier)).managed_object
    assert content.certificate_value == b"for csr"
    assert authority.replaced == [("ab", b"for csr")]


def test_a_certificate_is_taken() -> None:
    authority = Authority()
    engine = an_engine(provisioning=authority)

    identifier = ask(engine, certificate=a_certificate())

    assert attributes_of(engine, identifier).object_type is ObjectType.CERTIFICATE
    assert authority.replaced == [("ab", b"good")]


def test_without_either_the_server_makes_key_and_certificate() -> None:
    authority = Authority()
    engine = an_engine(provisioning=authority)

    identifier = ask(engine)

    attributes = attributes_of(engine, identifier)
    assert (attributes.object_type, attributes.cryptographic_length) == (ObjectType.PRIVATE_KEY, 2_048)
    links = {link.link_type: str(link.linked_object_identifier) for link in attributes.links}
    certificate = attributes_of(engine, links[LinkType.CERTIFICATE_LINK])
    assert certificate.object_type is ObjectType.CERTIFICATE
    assert certificate.links[0].linked_object_identifier == links[LinkType.PUBLIC_KEY_LINK]
    assert authority.replaced == [("ab", b"for a key of the server")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"certificate_request": a_request(), "certificate": a_certificate()}, ResultReason.INVALID_MESSAGE),
        ({"certificate_request": a_request(CertificateRequestType.CRMF)}, ResultReason.FEATURE_NOT_SUPPORTED),
        ({"certificate": a_certificate(certificate_type=CertificateType.PGP)}, ResultReason.FEATURE_NOT_SUPPORTED),
        ({"certificate": a_certificate(b"bad")}, ResultReason.INVALID_FIELD),
    ],
    ids=["both", "another kind of request", "another kind of certificate", "another client's certificate"],
)
def test_a_refused_request_leaves_the_old_certificate(fields: dict[str, Any], reason: ResultReason) -> None:
    authority = Authority()

    assert refusal(an_engine(provisioning=authority), **fields) is reason
    assert authority.replaced == []


@pytest.mark.parametrize(
    "principal",
    [
        evolve(CLIENT, source=Source.PASSWORD),
        evolve(CLIENT, rights=Rights()),
        evolve(CLIENT, certificate_serial=""),
    ],
    ids=["password", "ticket", "no certificate"],
)
def test_only_a_client_that_comes_with_its_certificate_alone_gets_another(principal: Principal) -> None:
    engine = an_engine(provisioning=Authority())

    assert refusal(engine, principal) in (ResultReason.PERMISSION_DENIED, ResultReason.NOT_AUTHORISED)


def test_a_revoked_certificate_is_not_replaced() -> None:
    authority = Authority(refuses=True)

    assert refusal(an_engine(provisioning=authority), certificate_request=a_request()) is ResultReason.PERMISSION_DENIED
    assert authority.replaced == []


def test_re_provision_is_not_supported_without_the_built_in_ca() -> None:
    assert refusal(an_engine()) is ResultReason.FEATURE_NOT_SUPPORTED


def test_a_key_that_stays_in_a_token_is_of_no_use_to_a_client() -> None:
    reasons = (ResultReason.FEATURE_NOT_SUPPORTED, ResultReason.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE)

    assert refusal(an_engine(provisioning=Authority(), crypto=HsmStub())) in reasons
