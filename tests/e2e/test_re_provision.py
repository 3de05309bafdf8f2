"""Re-Provision over TLS: a client gets a new certificate, and the old one is good for nothing any more."""

import json
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_core.enums import CertificateRequestType, ClientRegistrationMethod, Operation, QueryFunction, ResultReason
from kmip_core.objects import CertificateRequest
from kmip_core.operations import get, query, re_provision
from tests.e2e.conftest import Start
from tests.e2e.test_tickets import Asker

WITHIN = 120.0  # seconds; a hang limit, not a promise


def test_a_client_renews_its_certificate_by_itself(start: Start, tmp_path: Path) -> None:
    server = start("--re-provision")
    first = Asker(server)
    key_id = first.a_key()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody else")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    request = CertificateRequest(
        certificate_request_type=CertificateRequestType.PKCS_10,
        certificate_request_value=csr.public_bytes(Encoding.DER),
    )
    wanted = re_provision.Request(certificate_request=request)
    identifier = first.ask(Operation.RE_PROVISION, wanted).payload.unique_identifier

    issued = next(one for one in _issued(tmp_path) if one["name"] == "client" and one["state"] == "valid")
    cert_path, key_path = tmp_path / "new.crt", tmp_path / "new.key"
    cert_path.write_text(issued["pem"])
    key_path.write_bytes(
        key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    renewed = Asker(server, cert_path, key_path)
    assert renewed.get(key_id) is None
    fetched = renewed.ask(Operation.GET, get.Request(unique_identifier=identifier)).payload.managed_object
    assert x509.load_der_x509_certificate(fetched.certificate_value).public_key() == key.public_key()

    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        try:
            first.get(key_id)
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("the old certificate is still good")


def test_query_says_how_clients_are_registered(start: Start, tmp_path: Path) -> None:
    asker = Asker(start("--re-provision"))
    functions = (QueryFunction.QUERY_CLIENT_REGISTRATION_METHODS, QueryFunction.QUERY_OPERATIONS)

    told = asker.ask(Operation.QUERY, query.Request(query_functions=functions)).payload

    assert told.client_registration_methods == (
        ClientRegistrationMethod.SERVER_ON_DEMAND,
        ClientRegistrationMethod.CLIENT_GENERATED,
    )
    assert Operation.RE_PROVISION in told.operations
    both = re_provision.Request(certificate_request=None, certificate=None)
    assert asker.ask(Operation.RE_PROVISION, both).result_reason is not ResultReason.FEATURE_NOT_SUPPORTED


def _issued(tmp_path: Path) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads((tmp_path / "data" / "clients" / "clients.json").read_text())["issued"]
    return listed
