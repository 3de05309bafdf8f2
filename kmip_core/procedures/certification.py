"""How a certificate comes to be here: what Certify and Re-certify have in common.

Who issues: the certificate that the request's attributes link to (Certificate Link, the certificate's parent), whose
private key is found by links; else a certificate authority of the principal's own, made when first needed and named by
the setting `certificate_authority`. Its three objects belong to the principal like any others; no other client trusts
it by default.
KMIP 2.1 §6.1.6, §6.1.45, 1.4 §4.7, §4.8.
"""

from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import LINKS, AttributeInstance, AttributeReference, Attributes
from kmip_core.classes import frozen
from kmip_core.criteria import LocateQuery
from kmip_core.enums import (
    CertificateRequestType,
    CertificateType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ItemType,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    State,
)
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Certificate, CertificateRequest, PrivateKey, PublicKey
from kmip_core.operation import Scope
from kmip_core.ports.certificates import CertificateContents, SigningRequest
from kmip_core.ports.crypto import IN_SOFTWARE
from kmip_core.procedures import changing, creation, linked_objects
from kmip_core.procedures.key_pairs import begin_pair
from kmip_core.rules import Admitted, Purpose
from kmip_core.structures import SERVER_VENDOR, CustomAttribute, Link, TypedValue

VALIDITY: Final = 365 * 24 * 3600
"""Seconds that a certificate is valid if nothing else is said."""

AUTHORITY_VALIDITY: Final = 10 * VALIDITY
AUTHORITY_BITS: Final = 3072

CERTIFIABLE: Final = frozenset({ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE_REQUEST})

_MARK: Final = AttributeReference(attribute="Certificate Authority", vendor_identification=SERVER_VENDOR)
_TRUE: Final = TypedValue(ItemType.BOOLEAN, True)
"""`y-Certificate Authority` marks the private key of an owner's own authority; clients cannot set it (RULINGS 15)."""


@frozen(kw_only=True)
class Subject:
    """Whom to certify.

    public_key: the key.  holder: the managed public key, to which the certificate is linked; None if only a request
    was given.  subject: DER.
    """

    public_key: PublicKey
    holder: Admitted | None
    subject: bytes
    request: SigningRequest | None


def read_request(scope: Scope, request_type: CertificateRequestType | None, value: bytes) -> SigningRequest:
    """Return the certificate request of a message.

    Raises KmipError: Invalid Field without its type, Invalid CSR.
    """
    if request_type is None:
        raise invalid_field("Certificate Request Type must be given with a certificate request")
    return scope.services.certificates.read_request(request_type, value)


def read_stored_request(scope: Scope, stored: Admitted) -> SigningRequest:
    """Return a managed Certificate Request.  Raises KmipError (Invalid CSR)."""
    content = scope.content_of(stored, CertificateRequest)
    return scope.services.certificates.read_request(content.certificate_request_type, content.certificate_request_value)


def check_is_the_holders(scope: Scope, request: SigningRequest, holder: PublicKey) -> None:
    """Raise KmipError (Invalid CSR) if a request is for another key than the one that is named."""
    if not scope.services.certificates.same_public_key(request.public_key, holder):
        raise KmipError(ResultReason.INVALID_CSR, "the certificate request is for another public key")


def issue(scope: Scope, subject: Subject, attributes: Attributes, not_after: int | None = None) -> Certificate:
    """Return a new certificate for the subject; the attributes say from when to when and for which use.

    not_after: seconds; what the end is if the attributes name none.
    Raises KmipError: Permission Denied where there is no issuer; as admission and `CertificateMaker` do.
    """
    issuer, issuer_key = _issuer(scope, attributes)
    begin = scope.now if attributes.activation_date is None else attributes.activation_date
    end = attributes.deactivation_date
    if end is None:
        end = begin + VALIDITY if not_after is None else not_after
    request = subject.request
    contents = CertificateContents(
        public_key=subject.public_key,
        subject=subject.subject,
        not_before=begin,
        not_after=end,
        usage=attributes.cryptographic_usage_mask,
        subject_alternative_name=None if request is None else request.subject_alternative_name,
        extended_key_usage=None if request is None else request.extended_key_usage,
    )
    return scope.services.certificates.make_certificate(contents, issuer, issuer_key)


def begin(
    scope: Scope,
    certificate: Certificate,
    attributes: Attributes,
    links: tuple[Link, ...],
    unique_identifier: str | None = None,
    replaces: Attributes | None = None,
) -> str:
    """Collect the certificate as an object with these links before those of the attributes; return its identifier.

    replaces: as for `creation.begin`.
    """
    attributes = evolve(
        without_subject(attributes), certificate_type=CertificateType.X_509, links=(*links, *attributes.links)
    )
    made = creation.begin(
        scope, certificate, attributes, made_here=True, unique_identifier=unique_identifier, replaces=replaces
    )
    return made.unique_identifier


def link_holder(scope: Scope, holder: Admitted, certificate: str) -> None:
    """Collect the public key's part: its Certificate Link points to the newest certificate. KMIP 1.4 §4.8."""
    link = Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=certificate)
    attributes = holder.attributes
    links = list(attributes.links)
    places = [place for place, each in enumerate(links) if each.link_type is LinkType.CERTIFICATE_LINK]
    if places:
        links[places[0]] = link
        linked = attributes.but(links=tuple(links))
    else:
        linked = attributes.with_one_more(LINKS, link)
    changing.save_attributes(scope, holder, linked)


def public_key_link(holder: Admitted | None) -> tuple[Link, ...]:
    """Return the certificate's link to its public key."""
    if holder is None:
        return ()
    return (Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=holder.unique_identifier),)


def without_subject(attributes: Attributes) -> Attributes:
    """Return the attributes without those that name a subject: the certificate itself says it from now on."""
    return evolve(attributes, certificate_subject=None, x_509_certificate_subject=None, certificate_attributes=None)


def subject_of(scope: Scope, attributes: Attributes, holder: Admitted) -> bytes:
    """Return the subject for a certificate without a request, DER.

    As the attributes name it, in whichever form; else the public key's first Name, or its identifier, as CN.
    """
    if attributes.x_509_certificate_subject is not None:
        return attributes.x_509_certificate_subject.subject_distinguished_name
    if attributes.certificate_subject is not None:
        text = attributes.certificate_subject.certificate_subject_distinguished_name
        return scope.services.certificates.distinguished_name(text)
    parts = attributes.certificate_attributes
    if parts is not None:
        text = ",".join(_rdn(key, value) for key, field in _PARTS for value in _several(getattr(parts, field)))
        if text:
            return scope.services.certificates.distinguished_name(text)
    names = holder.attributes.names
    name = names[0].name_value if names else holder.unique_identifier
    return scope.services.certificates.distinguished_name(_rdn("CN", name))


_PARTS: Final = (
    ("CN", "certificate_subject_cn"),
    ("OU", "certificate_subject_ous"),
    ("O", "certificate_subject_os"),
    ("L", "certificate_subject_ls"),
    ("ST", "certificate_subject_sts"),
    ("C", "certificate_subject_cs"),
    ("UID", "certificate_subject_uids"),
    ("DC", "certificate_subject_dcs"),
)
"""What RFC 4514 has a short name for, most specific first."""


def _several(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _rdn(key: str, value: str) -> str:
    return f"{key}={value.translate(_ESCAPES)}"


_ESCAPES: Final = str.maketrans({"\0": "\\00", **{character: f"\\{character}" for character in ',+"\\<>;=# '}})
"""RFC 4514 §2.4. It wants a space escaped at the edges only, and allows it anywhere."""


# --- issuers -------------------------------------------------------------------------------------------------------


def _issuer(scope: Scope, attributes: Attributes) -> tuple[Certificate, PrivateKey]:
    """Return the issuer's certificate and private key."""
    parents = linked_objects.linked(scope, attributes, LinkType.CERTIFICATE_LINK)
    if len(parents) > 1:
        raise invalid_field("a certificate has one issuer: give one Certificate Link")
    if not parents:
        return _own_authority(scope)
    certificate = _certificate(scope, parents[0])
    return certificate, _private_key(scope, parents[0])


def _certificate(scope: Scope, identifier: str) -> Certificate:
    admitted = scope.admit(identifier, Purpose.READ_CONTENT, Operation.GET, frozenset({ObjectType.CERTIFICATE}))
    return scope.content_of(admitted, Certificate)


def _private_key(scope: Scope, certificate: str) -> PrivateKey:
    """Return the private key of an issuer's certificate, linked directly or by way of its public key."""
    attributes = scope.admit(certificate, Purpose.READ_ATTRIBUTES, Operation.GET_ATTRIBUTES).attributes
    keys = linked_objects.linked(scope, attributes, LinkType.PRIVATE_KEY_LINK)
    for public in linked_objects.linked(scope, attributes, LinkType.PUBLIC_KEY_LINK):
        half = scope.admit(public, Purpose.READ_ATTRIBUTES, Operation.GET_ATTRIBUTES)
        keys += linked_objects.linked(scope, half.attributes, LinkType.PRIVATE_KEY_LINK)
    if not keys:
        raise invalid_field("the issuer's certificate is not linked to its private key")
    key = scope.admit(keys[0], Purpose.ISSUE, object_types=frozenset({ObjectType.PRIVATE_KEY}))
    return scope.content_of(key, PrivateKey)


def _own_authority(scope: Scope) -> tuple[Certificate, PrivateKey]:
    """Return the principal's own certificate authority, made now if there is none that is Active."""
    name = scope.services.settings.certificate_authority
    if not name:
        raise KmipError(
            ResultReason.PERMISSION_DENIED, "no certificate authority: link the new certificate to its issuer's"
        )
    criteria = (
        AttributeInstance(reference=_MARK, value=_TRUE),
        AttributeInstance(reference=AttributeReference(attribute="state"), value=State.ACTIVE),
    )
    owned = evolve(scope.visibility, everyone=frozenset())
    found = scope.work.locate(LocateQuery(criteria=criteria, visibility=owned, now=scope.now, maximum_items=1))
    for identifier in found.unique_identifiers:
        key = scope.admit(identifier, Purpose.ISSUE)
        certificates = linked_objects.linked(scope, key.attributes, LinkType.CERTIFICATE_LINK)
        if len(certificates) != 1:  # its owner may change links
            raise invalid_field("the private key of your certificate authority must have one Certificate Link")
        return _certificate(scope, certificates[0]), scope.content_of(key, PrivateKey)
    return _make_authority(scope, name)


def _make_authority(scope: Scope, name: str) -> tuple[Certificate, PrivateKey]:
    pair = scope.services.crypto.make_key_pair(
        CryptographicAlgorithm.RSA,
        AUTHORITY_BITS,
        private_format=KeyFormatType.PKCS_8,
        public_format=KeyFormatType.X_509,
        custody=IN_SOFTWARE,
    )
    contents = CertificateContents(
        public_key=pair.public_key,
        subject=scope.services.certificates.distinguished_name(name),
        not_before=scope.now,
        not_after=scope.now + AUTHORITY_VALIDITY,
        is_authority=True,
    )
    certificate = scope.services.certificates.make_certificate(contents, None, pair.private_key)
    private, public = scope.services.identifiers.new(), scope.services.identifiers.new()
    living = Attributes(activation_date=scope.now, cryptographic_algorithm=CryptographicAlgorithm.RSA)
    signs = CryptographicUsageMask.CERTIFICATE_SIGN | CryptographicUsageMask.CRL_SIGN
    made = creation.begin(
        scope,
        certificate,
        Attributes(
            activation_date=scope.now,
            certificate_type=CertificateType.X_509,
            cryptographic_usage_mask=signs,
            links=(Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public),),
        ),
        made_here=True,
    )
    own = Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=made.unique_identifier)
    key, _ = begin_pair(
        scope,
        pair,
        evolve(living, cryptographic_usage_mask=signs, sensitive=True, links=(own,)),
        evolve(living, cryptographic_usage_mask=CryptographicUsageMask.VERIFY, links=(own,)),
        (private, public),
    )
    mark = CustomAttribute(vendor_identification=SERVER_VENDOR, attribute_name=_MARK.attribute, attribute_value=_TRUE)
    scope.work.save(evolve(key, attributes=evolve(key.attributes, custom_attributes=(mark,))))
    return certificate, pair.private_key
