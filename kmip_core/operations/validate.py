"""Validate: is this a valid chain of certificates? KMIP 2.1 §6.1.57, 1.4 §4.24.

The standard leaves trust to the server. Here a chain is valid if it ends in a self-signed certificate among the managed
objects that is not revoked and belongs to the principal or to an administrator; to trust a root, a client registers it.
An issuer that is missing at the end is looked for there as well. ADR 0042.
"""

from typing import Final

from kmip_core.attributes import AttributeInstance, AttributeReference
from kmip_core.classes import frozen
from kmip_core.criteria import LocateQuery
from kmip_core.enums import ObjectType, Operation, State, ValidityIndicator
from kmip_core.errors import KmipError, invalid_message
from kmip_core.objects import Certificate
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.ports.certificates import CertificateDescription
from kmip_core.procedures import administration
from kmip_core.rules import Admitted, Purpose
from kmip_core.structures import X509CertificateIdentifier, X509CertificateSubject

NAMED: Final = "unique_identifiers"
MAXIMUM_CHAIN: Final = 20
CANDIDATES: Final = 10
"""Stored certificates of one name that are tried."""

_CERTIFICATES: Final = frozenset({ObjectType.CERTIFICATE})
REVOKED: Final = frozenset({State.DEACTIVATED, State.COMPROMISED})


@frozen(kw_only=True)
class Request:
    """certificates and unique_identifiers: together one chain, in any order.  validity_date: None for now."""

    certificates: tuple[Certificate, ...] = ()
    unique_identifiers: tuple[ObjectReference, ...] = ()
    validity_date: int | None = None


@frozen(kw_only=True)
class Response:
    """validity_indicator: what is known of the chain."""

    validity_indicator: ValidityIndicator


def perform(request: Request, scope: Scope) -> Response:
    """Judge the chain.

    Raises KmipError (Invalid Message) for no certificates or too many.
    """
    stored = {each.unique_identifier: each for each in scope.targets.get(NAMED, ())}
    chain = [*request.certificates, *(scope.content_of(each, Certificate) for each in stored.values())]
    if not 0 < len(chain) <= MAXIMUM_CHAIN:
        raise invalid_message(f"1 to {MAXIMUM_CHAIN} certificates must be given")
    if any(each.attributes.state in REVOKED for each in stored.values()):
        return Response(validity_indicator=ValidityIndicator.INVALID)
    anchors: list[Certificate] = []
    described = [scope.services.certificates.describe_certificate(each) for each in chain]
    if any(each is None for each in described):
        return Response(validity_indicator=ValidityIndicator.UNKNOWN)
    known = [each for each in described if each is not None]
    _complete(scope, chain, known)
    for certificate, description in zip(chain, known, strict=True):
        if description.subject == description.issuer:
            state = _stored_state(scope, certificate, description)
            if state in REVOKED:
                return Response(validity_indicator=ValidityIndicator.INVALID)
            if state is not None:
                anchors.append(certificate)
    at = scope.now if request.validity_date is None else request.validity_date
    return Response(validity_indicator=scope.services.certificates.validate_chain(chain, anchors, at))


def _complete(scope: Scope, chain: list[Certificate], known: list[CertificateDescription]) -> None:
    """Add stored issuers while the chain's last one is not among what was given."""
    while len(chain) < MAXIMUM_CHAIN:
        subjects = {each.subject for each in known}
        missing = [each.issuer for each in known if each.issuer not in subjects]
        if len(missing) != 1:
            return
        name = X509CertificateSubject(subject_distinguished_name=missing[0])
        for issuer in _found(scope, AttributeReference(attribute="x_509_certificate_subject"), name):
            content = scope.content_of(issuer, Certificate)
            description = scope.services.certificates.describe_certificate(content)
            if description is not None and issuer.attributes.state not in REVOKED:
                chain.append(content)
                known.append(description)
                break
        else:
            return


def _stored_state(scope: Scope, certificate: Certificate, description: CertificateDescription) -> State | None:
    """Return the state of the same certificate among the managed objects, None if it is not there."""
    identifier: X509CertificateIdentifier | None = description.attributes.x_509_certificate_identifier
    for found in _found(scope, AttributeReference(attribute="x_509_certificate_identifier"), identifier):
        if scope.content_of(found, Certificate).certificate_value == certificate.certificate_value:
            return found.attributes.state
    return None


def _found(scope: Scope, reference: AttributeReference, value: object) -> list[Admitted]:
    """Return stored certificates that the client may see and use, and relies on: its own and the administrators'."""
    found: list[Admitted] = []
    for visibility in administration.trusted(scope):
        query = LocateQuery(
            criteria=(AttributeInstance(reference=reference, value=value),),
            visibility=visibility,
            now=scope.now,
            maximum_items=CANDIDATES,
        )
        for identifier in scope.work.locate(query).unique_identifiers:
            try:
                found.append(scope.admit(identifier, Purpose.READ_CONTENT, object_types=_CERTIFICATES))
            except KmipError:  # to be seen but not read: it is no help
                continue
    return found


SPEC = Spec(
    operation=Operation.VALIDATE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.COMPUTES,
    targets=(Target(field=NAMED, purpose=Purpose.READ_CONTENT, optional=True, object_types=_CERTIFICATES),),
)
