"""Chains of certificates judged: in order, signed, in time, each issuer allowed, the last one trusted.

Valid is said only of what is understood to the last critical extension; whatever is not known is Unknown.
KMIP 2.1 §6.1.57.
"""

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from kmip_adapters.crypto.software.certificates.x509 import (
    EARLIEST,
    LATEST,
    UNREADABLE,
    instant,
    may_issue,
    parsed_certificate,
)
from kmip_adapters.crypto.software.limits import MAXIMUM_CHAIN
from kmip_core.enums import ValidityIndicator
from kmip_core.errors import invalid_field
from kmip_core.objects import Certificate


def validate_chain(certificates: Sequence[Certificate], anchors: Sequence[Certificate], at: int) -> ValidityIndicator:
    """Return whether the certificates make one valid chain; see the port."""
    if not 0 < len(certificates) <= MAXIMUM_CHAIN:
        raise invalid_field(f"a chain has 1 to {MAXIMUM_CHAIN} certificates")
    if not EARLIEST <= at <= LATEST:
        return ValidityIndicator.INVALID
    try:
        parsed = list({_der(each): each for each in map(parsed_certificate, certificates)}.values())
        chain = _in_order(parsed)
        if chain is None:
            return ValidityIndicator.INVALID
        moment = instant(at)
        if any(not each.not_valid_before_utc <= moment <= each.not_valid_after_utc for each in chain):
            return ValidityIndicator.INVALID
        if any(not may_issue(each, depth) for depth, each in enumerate(chain[1:])):
            return ValidityIndicator.INVALID
        trusted = {_der(each) for each in map(parsed_certificate, anchors)}
        is_understood = all(map(_is_understood, chain))
    except UNREADABLE:
        return ValidityIndicator.UNKNOWN
    if is_understood and _der(chain[-1]) in trusted:
        return ValidityIndicator.VALID
    return ValidityIndicator.UNKNOWN


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _in_order(certificates: list[x509.Certificate]) -> list[x509.Certificate] | None:
    """Return the certificates from the leaf to the last issuer, every link a verified signature; None if they are not
    one chain, or a certificate that signs itself does not do so rightly."""
    issuer_of: dict[int, int] = {}
    for place, certificate in enumerate(certificates):
        for other, candidate in enumerate(certificates):
            if other != place and _issued(candidate, certificate):
                issuer_of[place] = other
                break
    leaves = set(range(len(certificates))) - set(issuer_of.values())
    if len(leaves) != 1:
        return None
    chain = [leaves.pop()]
    while chain[-1] in issuer_of and len(chain) < len(certificates):
        chain.append(issuer_of[chain[-1]])
    last = certificates[chain[-1]]
    if len(chain) != len(certificates) or (last.subject == last.issuer and not _issued(last, last)):
        return None
    return [certificates[place] for place in chain]


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)


def _is_understood(certificate: x509.Certificate) -> bool:
    """Return whether nothing critical is said that is not looked at here, such as name constraints."""
    return all(not extension.critical or extension.oid in _UNDERSTOOD for extension in certificate.extensions)
