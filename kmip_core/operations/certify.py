"""Certify: the server makes a certificate for a public key. KMIP 2.1 §6.1.6, 1.4 §4.7."""

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
)
from kmip_core.errors import need, not_supported
from kmip_core.objects import PublicKey
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.procedures import certification
from kmip_core.rules import Admitted, Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: of the public key, or (2.x) of a Certificate Request; may be left out if a request is given.

    certificate_request (1.x), certificate_request_value (2.x): the same.
    """

    unique_identifier: ObjectReference | None = None
    certificate_request_type: CertificateRequestType | None = None
    certificate_request: bytes | None = None
    certificate_request_value: bytes | None = None
    attributes: Attributes = Attributes()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the certificate."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Make the certificate and link it with its public key; what the request for it says wins over the attributes.

    Raises KmipError: Invalid CSR; Feature Not Supported for other certificates than X.509; Permission Denied where
    no issuer is for; Invalid Object Type.
    """
    value = request.certificate_request or request.certificate_request_value
    attributes = request.attributes
    subject = _named(scope, attributes) if value is None else _requested(scope, request, value)
    if attributes.certificate_type not in (None, CertificateType.X_509):
        raise not_supported("certificates are made as X.509")
    certificate = certification.issue(scope, subject, attributes)
    holder = subject.holder
    identifier = certification.begin(scope, certificate, attributes, certification.public_key_link(holder))
    if holder is not None:
        certification.link_holder(scope, holder, identifier)
    return Response(unique_identifier=identifier)


def _requested(scope: Scope, request: Request, value: bytes) -> certification.Subject:
    """Return whom the message's certificate request is for; a public key that is named as well must be the same."""
    signing = certification.read_request(scope, request.certificate_request_type, value)
    holder = next((each for (each,) in scope.targets.values() if _is_key(each)), None)
    if holder is not None:
        certification.check_is_the_holders(scope, signing, scope.content_of(holder, PublicKey))
    return certification.Subject(public_key=signing.public_key, holder=holder, subject=signing.subject, request=signing)


def _named(scope: Scope, attributes: Attributes) -> certification.Subject:
    """Return whom the named object, else that of the ID placeholder, is for: a public key or a certificate request."""
    named = (
        scope.target if scope.targets else scope.admit(None, Purpose.CERTIFY, object_types=certification.CERTIFIABLE)
    )
    if not _is_key(named):
        signing = certification.read_stored_request(scope, named)
        return certification.Subject(
            public_key=signing.public_key, holder=None, subject=signing.subject, request=signing
        )
    need(attributes.certificate_type, "Certificate Type")
    key = scope.content_of(named, PublicKey)
    name = certification.subject_of(scope, attributes, named)
    return certification.Subject(public_key=key, holder=named, subject=name, request=None)


def _is_key(named: Admitted) -> bool:
    return named.managed_object.object_type is ObjectType.PUBLIC_KEY


SPEC = Spec(
    operation=Operation.CERTIFY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.RENEWS,
    cost=Cost.COMPUTES,
    targets=(Target(purpose=Purpose.CERTIFY, optional=True, object_types=certification.CERTIFIABLE),),
    placeholder=names_new_object,
)
