"""Re-certify: a new certificate takes the place of an old one for the same key. KMIP 2.1 §6.1.45, 1.4 §4.8."""

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    LinkType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
)
from kmip_core.errors import invalid_message, not_supported
from kmip_core.objects import Certificate
from kmip_core.operation import Cost, Group, ObjectReference, Scope, Spec, Target, names_new_object
from kmip_core.ports.certificates import CertificateDescription, SigningRequest
from kmip_core.procedures import certification, replacement
from kmip_core.rules import Admitted, Purpose
from kmip_core.structures import Link


@frozen(kw_only=True)
class Request:
    """unique_identifier: of the old certificate.  offset: seconds from now to the new one's Activation Date.

    certificate_request_unique_identifier: of a managed Certificate Request (2.x).
    certificate_request (1.x), certificate_request_value (2.x): the same.
    """

    unique_identifier: ObjectReference | None = None
    certificate_request_unique_identifier: str | None = None
    certificate_request_type: CertificateRequestType | None = None
    certificate_request: bytes | None = None
    certificate_request_value: bytes | None = None
    offset: int | None = None
    attributes: Attributes = Attributes()
    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the new certificate."""

    unique_identifier: str


STORED_REQUEST = "certificate_request_unique_identifier"


def perform(request: Request, scope: Scope) -> Response:
    """Make the replacement; the old certificate loses its names to it, the public key points to it.

    Raises KmipError: Invalid CSR; Invalid Message for an offset beside dates; Feature Not Supported if the old
    certificate cannot be read.
    """
    old, wanted = scope.target, request.attributes
    if request.offset is not None and (wanted.activation_date is not None or wanted.deactivation_date is not None):
        raise invalid_message("Offset and Activation or Deactivation Date exclude each other")
    if wanted.certificate_type not in (None, CertificateType.X_509):
        raise not_supported("certificates are made as X.509")
    description = _described(scope, old)
    holder = _holder(scope, old)
    signing = _signing(request, scope)
    if description.public_key is None:
        raise not_supported("the certificate is for a kind of key that is not known here")
    if signing is not None:
        certification.check_is_the_holders(scope, signing, description.public_key)
    subject = certification.Subject(
        public_key=description.public_key,
        holder=holder,
        subject=description.subject if signing is None else signing.subject,
        request=signing,
    )
    attributes = _inherited(old, wanted, request.offset, scope.now)
    lifetime = description.not_after - description.not_before
    certificate = certification.issue(scope, subject, attributes, _end(attributes, scope.now, lifetime))
    replaced = Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier=old.unique_identifier)
    links = (*certification.public_key_link(holder), replaced)
    replacement.step_back(scope, old, identifier := scope.services.identifiers.new())
    certification.begin(scope, certificate, attributes, links, identifier, old.attributes)
    if holder is not None:
        certification.link_holder(scope, holder, identifier)
    return Response(unique_identifier=identifier)


def _signing(request: Request, scope: Scope) -> SigningRequest | None:
    """Return the certificate request of the message, else the managed one that it names, if any."""
    value = request.certificate_request or request.certificate_request_value
    if value is not None:
        return certification.read_request(scope, request.certificate_request_type, value)
    stored = scope.targets.get(STORED_REQUEST)
    return None if stored is None else certification.read_stored_request(scope, stored[0])


def _inherited(old: Admitted, wanted: Attributes, offset: int | None, now: int) -> Attributes:
    """Return the new certificate's attributes: names that are asked for stand first (TC-134), links are made anew."""
    inherited = replacement.inherited(old, wanted, offset, now)
    names = dict.fromkeys((*wanted.names, *inherited.names))
    return evolve(
        inherited,
        names=tuple(names),
        links=wanted.links,
        cryptographic_algorithm=None,
        cryptographic_length=None,
        certificate_length=None,
        digital_signature_algorithms=(),
        key_format_type=None,
    )


def _end(attributes: Attributes, now: int, lifetime: int) -> int:
    begin = now if attributes.activation_date is None else attributes.activation_date
    return begin + lifetime


def _described(scope: Scope, old: Admitted) -> CertificateDescription:
    description = scope.services.certificates.describe_certificate(scope.content_of(old, Certificate))
    if description is None:
        raise not_supported("the certificate cannot be read, so it cannot be renewed")
    return description


def _holder(scope: Scope, old: Admitted) -> Admitted | None:
    links = old.attributes.links_of(LinkType.PUBLIC_KEY_LINK)
    if not links:
        return None
    keys = frozenset({ObjectType.PUBLIC_KEY})
    return scope.admit(scope.admit.linked(links[0]), Purpose.CERTIFY, object_types=keys)


SPEC = Spec(
    operation=Operation.RE_CERTIFY,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.RENEWS,
    cost=Cost.COMPUTES,
    targets=(
        Target(purpose=Purpose.CERTIFY, object_types=frozenset({ObjectType.CERTIFICATE})),
        Target(
            field=STORED_REQUEST,
            purpose=Purpose.CERTIFY,
            optional=True,
            object_types=frozenset({ObjectType.CERTIFICATE_REQUEST}),
        ),
    ),
    placeholder=names_new_object,
)
