"""X.509 certificates behind their port; one module for each kind of work.

descriptions    what a certificate says, as attributes
names           the names in it
requests        what a request asks for
issuing         making and signing one
chains          judging a chain
x509            what they share
"""

from collections.abc import Sequence

from kmip_adapters.crypto.processes import InThisProcess, Runner
from kmip_adapters.crypto.software import long_work
from kmip_adapters.crypto.software.certificates import chains, descriptions, issuing, names, requests
from kmip_adapters.crypto.software.certificates.x509 import encoded
from kmip_adapters.crypto.software.keys import public_key
from kmip_core.enums import CertificateRequestType, ValidityIndicator
from kmip_core.objects import Certificate, PrivateKey, PublicKey
from kmip_core.ports.certificates import CertificateContents, CertificateDescription, SigningRequest


class SoftwareCertificates:
    """`Certificates` (kmip_core.ports.certificates) by pyca/cryptography; long work where `processes` runs it.

    Keys behind handles it cannot use.
    """

    def __init__(self, processes: Runner | None = None) -> None:
        self._processes = processes or InThisProcess()

    def describe_certificate(self, certificate: Certificate) -> CertificateDescription | None:
        """Read the certificate."""
        if len(certificate.certificate_value) > long_work.SHORT_CERTIFICATES:
            return self._processes.run(descriptions.describe_certificate, certificate)
        return descriptions.describe_certificate(certificate)

    def same_public_key(self, one: PublicKey, other: PublicKey) -> bool:
        """Compare what both encode."""
        return encoded(public_key(one)) == encoded(public_key(other))

    def distinguished_name(self, text: str) -> bytes:
        """Read RFC 4514."""
        return names.distinguished_name(text)

    def read_request(self, request_type: CertificateRequestType, request: bytes) -> SigningRequest:
        """Read the request."""
        if len(request) > long_work.SHORT_CERTIFICATES:
            return self._processes.run(requests.read_request, request_type, request)
        return requests.read_request(request_type, request)

    def make_certificate(
        self, contents: CertificateContents, issuer: Certificate | None, issuer_key: PrivateKey
    ) -> Certificate:
        """Make the certificate."""
        if long_work.is_long_to_use(issuer_key):
            return self._processes.run(issuing.make_certificate, contents, issuer, issuer_key)
        return issuing.make_certificate(contents, issuer, issuer_key)

    def validate_chain(
        self, certificates: Sequence[Certificate], anchors: Sequence[Certificate], at: int
    ) -> ValidityIndicator:
        """Judge the chain."""
        if long_work.is_long_chain(certificates, anchors):
            return self._processes.run(chains.validate_chain, tuple(certificates), tuple(anchors), at)
        return chains.validate_chain(certificates, anchors, at)
