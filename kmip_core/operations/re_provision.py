"""Re-Provision: a client gets a new credential on the link level for its old one. KMIP 2.1 §6.1.48, 2.0 §6.1.44."""

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    Operation,
    ProtectionStorageMask,
)
from kmip_core.errors import invalid_message, not_supported, permission_denied
from kmip_core.objects import Certificate, CertificateRequest
from kmip_core.operation import Cost, Scope, Spec, names_new_object
from kmip_core.ports.provisioning import Provisioning
from kmip_core.principal import Source
from kmip_core.procedures import creation, key_pairs
from kmip_core.structures import Link

KEY_LENGTH = 2_048
"""Bits of an RSA key that the server makes for a client: every client's TLS takes it."""


@frozen
class _InSoftware:
    """How a key is stored that its client is to fetch: not in a token."""

    common_protection_storage_masks: tuple[ProtectionStorageMask, ...] = (ProtectionStorageMask.SOFTWARE,)
    private_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    public_protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


IN_SOFTWARE = _InSoftware()


@frozen(kw_only=True)
class Request:
    """certificate_request: to be signed.  certificate: to take the old one's place.

    With neither the server makes a key, too.
    """

    certificate_request: CertificateRequest | None = None
    certificate: Certificate | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new certificate; of the private key where the server has made it."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Give the client a new certificate; once that is stored, the one with which it has come is invalid.

    Raises KmipError: Feature Not Supported where certificates of clients are not given out here; Permission Denied for
    a client that is known by something else than its certificate; Invalid Message, Invalid CSR, Invalid Field.
    """
    provisioning = scope.services.provisioning
    if provisioning is None:
        raise not_supported("the certificates of clients are not given out here; ask their authority")
    principal = scope.principal
    serial = principal.certificate_serial
    if principal.source is not Source.CERTIFICATE or principal.rights is not None or not serial:
        raise permission_denied("only a client that comes with its certificate alone gets another one")
    if request.certificate_request is not None and request.certificate is not None:
        raise invalid_message("give a Certificate Request or a Certificate, not both")
    if request.certificate_request is not None:
        asked = request.certificate_request
        if asked.certificate_request_type is not CertificateRequestType.PKCS_10:
            raise not_supported("certificate requests are read as PKCS#10")
        made = provisioning.certify(serial, asked.certificate_request_value)
        identifier = _keep(scope, made)
    elif request.certificate is not None:
        if request.certificate.certificate_type is not CertificateType.X_509:
            raise not_supported("certificates of clients are X.509")
        made = request.certificate.certificate_value
        provisioning.check(serial, made)
        identifier = _keep(scope, made, made_here=False)
    else:
        made, identifier = _make(scope, provisioning, serial)
    scope.hooks.on_commit.append(lambda: provisioning.replace(serial, made))
    return Response(unique_identifier=identifier)


def _keep(scope: Scope, certificate: bytes, *links: Link, made_here: bool = True, identifier: str | None = None) -> str:
    content = Certificate(certificate_value=certificate)
    attributes = Attributes(certificate_type=CertificateType.X_509, links=links)
    kept = creation.begin(scope, content, attributes, made_here=made_here, unique_identifier=identifier)
    return kept.unique_identifier


def _make(scope: Scope, provisioning: Provisioning, serial: str) -> tuple[bytes, str]:
    """Make a key pair and its certificate; return the certificate and the private key's identifier."""
    common = Attributes(cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=KEY_LENGTH)
    private = common.but(cryptographic_usage_mask=CryptographicUsageMask.SIGN)
    public = common.but(cryptographic_usage_mask=CryptographicUsageMask.VERIFY)
    pair = key_pairs.make_pair(scope, private, public, IN_SOFTWARE)
    octets = scope.services.crypto.convert(pair.public_key, KeyFormatType.X_509).material
    if not isinstance(octets, bytes) or pair.private_key.key_block.handle is not None:
        raise not_supported("keys that do not leave their token are of no use to a client")
    made = provisioning.certify_key(serial, octets)
    new = scope.services.identifiers.new
    private_identifier, public_identifier, certificate_identifier = new(), new(), new()
    to_certificate = Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=certificate_identifier)
    key_pairs.begin_pair(
        scope,
        pair,
        private.but(links=(to_certificate,)),
        public.but(links=(to_certificate,)),
        (private_identifier, public_identifier),
        IN_SOFTWARE,
    )
    to_public = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public_identifier)
    _keep(scope, made, to_public, identifier=certificate_identifier)
    return made, private_identifier


SPEC = Spec(
    operation=Operation.RE_PROVISION,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.COMPUTES,
    placeholder=names_new_object,
    is_offered=lambda settings: settings.re_provision,
)
