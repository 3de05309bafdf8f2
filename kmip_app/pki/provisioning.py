"""New certificates for old ones: `kmip_core.ports.provisioning` over the built-in CA and its list of clients."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from kmip_app.pki import authority
from kmip_app.pki.authority import Pki, PkiError
from kmip_app.pki.registry import VALID, IssuedCertificate, Registry, name_in_certificate
from kmip_core.classes import frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_field, permission_denied


@frozen
class RegistryProvisioning:
    """A `Provisioning`.  pki: returns the built-in PKI, which is made when it is first asked for."""

    pki: Callable[[], Pki]

    def certify(self, serial: str, request: bytes) -> bytes:
        """Certify the key of a signing request under the old identity, whatever name the request has."""
        try:
            csr = x509.load_der_x509_csr(request)
            is_valid = csr.is_signature_valid
            public_key = csr.public_key()
        except Exception as error:  # whatever a parser finds in what a client sent
            raise KmipError(ResultReason.INVALID_CSR, "this is no certificate request in DER") from error
        if not is_valid:
            raise KmipError(ResultReason.INVALID_CSR, "the signature of the certificate request does not fit its key")
        return self._issue(serial, public_key)

    def certify_key(self, serial: str, public_key: bytes) -> bytes:
        """Certify a public key under the old identity."""
        return self._issue(serial, load_der_public_key(public_key))

    def check(self, serial: str, certificate: bytes) -> None:
        """Judge a certificate that a client brings."""
        old = self._old(serial)
        pki = self.pki()
        issuer, _ = authority.issuer_of(pki)
        try:
            given = x509.load_der_x509_certificate(certificate)
            given.verify_directly_issued_by(issuer)
            name = name_in_certificate(given)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise invalid_field("the certificate does not come from the authority of clients") from error
        now = dt.datetime.now(dt.UTC)
        number = f"{given.serial_number:x}"
        revoked = {one.serial for one in Registry(pki).issued() if one.state != VALID}
        if number == serial or number in revoked or not given.not_valid_before_utc <= now < given.not_valid_after_utc:
            raise invalid_field("the certificate is the old one, or is not valid")
        if name != old.name:
            raise invalid_field("the certificate is another client's")

    def replace(self, serial: str, certificate: bytes) -> None:
        """Note the new certificate and revoke the old one."""
        Registry(self.pki()).replace(serial, x509.load_der_x509_certificate(certificate))

    def _issue(self, serial: str, public_key: Any) -> bytes:
        old = self._old(serial)
        try:
            replaced = x509.load_pem_x509_certificate(old.pem.encode())
            certificate = authority.issue_for(self.pki(), public_key, old.name, replaced=replaced)
        except PkiError as error:
            raise KmipError(ResultReason.INVALID_CSR, str(error)) from error
        return certificate.public_bytes(Encoding.DER)

    def _old(self, serial: str) -> IssuedCertificate:
        for one in Registry(self.pki()).issued():
            if one.serial == serial and one.state == VALID and one.name:
                return one
        raise permission_denied("the certificate of this client was not given out here, or is revoked")
