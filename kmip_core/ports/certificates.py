"""Certificates, role by role: reading them, making them, and judging chains of them.

Promises as in `ports.crypto`. A Distinguished Name is DER where its type is bytes and RFC 4514 text where it is str.
"""

from collections.abc import Sequence
from typing import Protocol

from attrs import field

from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import CertificateRequestType, CryptographicUsageMask, ValidityIndicator
from kmip_core.objects import Certificate, PrivateKey, PublicKey


@frozen(kw_only=True)
class CertificateDescription:
    """What a certificate says of itself.

    attributes: every certificate attribute that follows from it, of all versions, and algorithm and length of its key.
    public_key: as an object of its own, X.509 format; None for a kind of key that the adapter does not know.
    subject, issuer: DER.  not_before, not_after: seconds since 1970-01-01 UTC.
    """

    attributes: Attributes
    public_key: PublicKey | None
    subject: bytes
    issuer: bytes
    not_before: int
    not_after: int


@frozen(kw_only=True)
class SigningRequest:
    """A certificate request that has proved possession of its key.

    subject_alternative_name: the extension's DER value, if it asks for one; other extensions are not taken over.
    """

    public_key: PublicKey
    subject: bytes
    subject_alternative_name: bytes | None = None
    extended_key_usage: bytes | None = None


@frozen(kw_only=True)
class CertificateContents:
    """What a certificate is to say.

    not_before, not_after: seconds since 1970-01-01 UTC, both included.
    usage: which Key Usage bits; None for those that the kind of key can have.
    is_authority: whether its key may sign certificates.
    """

    public_key: PublicKey
    subject: bytes
    not_before: int
    not_after: int
    usage: CryptographicUsageMask | None = None
    is_authority: bool = False
    subject_alternative_name: bytes | None = field(default=None)
    extended_key_usage: bytes | None = field(default=None)


class CertificateReader(Protocol):
    """Reads X.509."""

    def describe_certificate(self, certificate: Certificate) -> CertificateDescription | None:
        """Return what it says, or None for one that this adapter cannot read; it is kept all the same (RULINGS 22)."""
        ...

    def same_public_key(self, one: PublicKey, other: PublicKey) -> bool:
        """Return whether both are the same key, in whatever formats."""
        ...

    def distinguished_name(self, text: str) -> bytes:
        """Return an RFC 4514 text as DER.  Raises KmipError (Invalid Field)."""
        ...


class CertificateMaker(Protocol):
    """Certifies public keys."""

    def read_request(self, request_type: CertificateRequestType, request: bytes) -> SigningRequest:
        """Return what a request asks for.

        Raises KmipError: Invalid CSR for one that is broken or whose signature does not verify; Feature Not Supported
        for a type that this adapter cannot read.
        """
        ...

    def make_certificate(
        self, contents: CertificateContents, issuer: Certificate | None, issuer_key: PrivateKey
    ) -> Certificate:
        """Return the certificate, with a serial number that cannot be guessed.

        issuer: None for a certificate that its own key signs. A certificate never outlives its issuer.
        Raises KmipError (Invalid Field) if the issuer may not issue, is not valid then, or the key is not the issuer's.
        """
        ...


class CertificateValidator(Protocol):
    """Judges chains."""

    def validate_chain(
        self, certificates: Sequence[Certificate], anchors: Sequence[Certificate], at: int
    ) -> ValidityIndicator:
        """Return whether the certificates, in any order, make one chain that is valid at the time `at` (seconds).

        VALID: every signature, period, path length and purpose is right and the chain ends in one of `anchors`.
        UNKNOWN: nothing is wrong, but the issuer at the end is not among the anchors, or an extension is critical and
        not understood.  INVALID: anything else. Revocation is the caller's to judge.
        """
        ...


class Certificates(CertificateReader, CertificateMaker, CertificateValidator, Protocol):
    """Everything about certificates."""
