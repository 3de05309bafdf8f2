"""Certify: the server makes a certificate for a public key. KMIP 2.1 §6.1.6, 1.4 §4.7."""

from attrs import frozen

from kmip_core import certification
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
)
from kmip_core.errors import KmipError, need, not_supported
from kmip_core.operation import Effect, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.ports.certificates import SigningRequest
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
    nobody issues; Invalid Object Type.
    """
    value = request.certificate_request or request.certificate_request_value
    named = _named(request, scope, value)
    signing = certification.read_request(scope, request.certificate_request_type, value, named)
    attributes = request.attributes
    if signing is None:
        need(attributes.certificate_type, "Certificate Type")
    if attributes.certificate_type not in (None, CertificateType.X_509):
        raise not_supported("certificates are made as X.509")
    holder = named if named is not None and _is_key(named) else None
    subject = _subject(scope, holder, signing, attributes)
    certificate = certification.issued(scope, subject, attributes)
    identifier = certification.begin(scope, certificate, attributes, certification.public_key_link(holder))
    if holder is not None:
        certification.link_holder(scope, holder, identifier)
    return Response(unique_identifier=identifier)


def _named(request: Request, scope: Scope, value: bytes | None) -> Admitted | None:
    for admitted in scope.targets.values():
        return admitted[0]
    if value is not None:
        return None
    return scope.admit(None, Purpose.CERTIFY, object_types=certification.CERTIFIABLE)


def _is_key(named: Admitted) -> bool:
    return named.managed_object.object_type is ObjectType.PUBLIC_KEY


def _subject(
    scope: Scope,
    holder: Admitted | None,
    signing: SigningRequest | None,
    attributes: Attributes,
) -> certification.Subject:
    key = None if holder is None else certification.holder_content(scope, holder)
    if signing is not None:
        if key is not None:
            certification.check_is_the_holders(scope, signing, key)
        return certification.Subject(
            public_key=signing.public_key, holder=holder, subject=signing.subject, request=signing
        )
    if key is None or holder is None:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "a public key or a certificate request must be given")
    name = certification.subject_of(scope, attributes, holder)
    return certification.Subject(public_key=key, holder=holder, subject=name, request=None)


SPEC = Spec(
    operation=Operation.CERTIFY,
    request=Request,
    response=Response,
    perform=perform,
    effect=Effect.COMPUTES,
    targets=(Target(purpose=Purpose.CERTIFY, optional=True, object_types=certification.CERTIFIABLE),),
    placeholder=names_new_object,
)
