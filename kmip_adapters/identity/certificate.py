"""Identity from the client certificate, which TLS has already found to be valid.

Exactly one name, or refused: a certificate with two could be read as either by different parts of a system.
    Names are compared byte for byte later, so nothing is folded or trimmed here.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from attrs import evolve, field, validators
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_adapters.identity.realms import ClientNames
from kmip_core.classes import define
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.principal import Principal, Source

NAME_LENGTH: Final = 255  # characters: what storage and policies are made for
REMEMBERED: Final = 4_096  # certificates whose parsing is not repeated


SOURCES: Final = ("cn", "san", "dns", "uri", "email", "subject")


def _sources(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@define(kw_only=True)
class CertificateIdentity:
    """Reads the principal from a certificate; call it with the DER bytes and the peer's address.

    source: "cn" the subject's common name; "dns", "uri", "email" the one name of that kind among the subject's
        alternative names, "san" the one of any of these kinds; "subject" the whole distinguished name by RFC 4514.
        Of several the first counts that the certificate has.
    names: tells which of them stand alone, and which count together with their kind and the CA that vouches for them,
        "alice <cn; CN=Partner CA>".
    require_client_auth_eku: refuse certificates not made for clients (PyKMIP's enable_tls_client_auth).
    """

    source: tuple[str, ...] = field(
        default=("cn",),
        converter=_sources,
        validator=validators.deep_iterable(validators.in_(SOURCES), validators.min_len(1)),
    )
    require_client_auth_eku: bool = True
    names: ClientNames = ClientNames()
    _known: dict[tuple[bytes, bytes], Principal] = field(factory=dict, init=False, repr=False)

    def __call__(self, certificate: bytes | None, address: str, chain: tuple[bytes, ...] = ()) -> Principal:
        """Return who presented `certificate`.  Raises KmipError (Authentication Not Successful).

        chain: the certificates in DER that were verified, its own first; where it is not known, the CA that issued the
            certificate vouches for it.
        """
        if certificate is None:
            raise _refused("no client certificate was presented")
        last = chain[-1] if chain else certificate
        key = hashlib.sha256(certificate).digest(), last
        known = self._known
        principal = known.get(key)
        if principal is None:
            principal = self._read(certificate, last)
            if len(known) >= REMEMBERED:
                known.clear()  # rare enough that a cleverer choice would not pay
            known[key] = principal
        return evolve(principal, address=address)

    def rename(self, names: ClientNames) -> None:
        """Identify by other names from now on."""
        self.names = names
        self._known = {}  # a principal that is read at this moment goes into the one before

    def checked(self, der: bytes) -> x509.Certificate:
        """Return a certificate that is made for clients.  Raises KmipError (Authentication Not Successful)."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            usages = _extended_key_usages(certificate)
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise _unreadable() from error
        if self.require_client_auth_eku and ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
            raise _refused("the client certificate's extended key usage does not contain clientAuth")
        return certificate

    def _read(self, der: bytes, last: bytes) -> Principal:
        certificate = self.checked(der)
        names = self.names
        try:
            source, found = self._names_in(certificate)
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise _unreadable() from error
        if len(found) != 1:
            raise _refused(f"the client certificate has {len(found)} {_WHAT[source]}; one is needed")
        issuer = issuer_of(certificate)
        kind = kind_of(source, certificate)
        return Principal(
            name=_short(names.text(_strict(found[0]), kind, names.authority_of(issuer if last == der else _end(last)))),
            source=Source.CERTIFICATE,
            certificate_issuer=issuer,
            name_kind=kind,
            certificate_serial=f"{certificate.serial_number:x}",
            certificate_digest=hashlib.sha256(der).digest(),
        )

    def _names_in(self, certificate: x509.Certificate) -> tuple[str, list[str | bytes]]:
        """Return the first source that names the client, with its names; else the last one."""
        for source in self.source:
            names = _NAMES[source](certificate)
            if names:
                return source, names
        return self.source[-1], []


def issuer_of(certificate: x509.Certificate) -> str:
    """Return the subject of the CA that issued a certificate.  Raises KmipError (Authentication Not Successful)."""
    try:
        return certificate.issuer.rfc4514_string()
    except ValueError as error:
        raise _unreadable() from error


def kind_of(source: str, certificate: x509.Certificate) -> str:
    """Return which kind of name a source has found; "san" stands for three."""
    if source != "san":
        return source
    return next(kind for kind in ("dns", "uri", "email") if _NAMES[kind](certificate))


def _end(der: bytes) -> str:
    """Return the subject of the CA that ends a chain."""
    try:
        return x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except ValueError as error:
        raise _unreadable() from error


def _short(identity: str) -> str:
    if len(identity) > NAME_LENGTH:
        raise _refused(f"the name in the client certificate has more than {NAME_LENGTH} characters with its CA's")
    return identity


def _common_names(certificate: x509.Certificate) -> list[str | bytes]:
    return [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _alternative_names(
    certificate: x509.Certificate,
    kinds: tuple[type[x509.GeneralName], ...] = (x509.UniformResourceIdentifier, x509.DNSName, x509.RFC822Name),
) -> list[str | bytes]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for name in names if isinstance(name, kinds)]


def _whole_subject(certificate: x509.Certificate) -> list[str | bytes]:
    subject = certificate.subject
    for name in subject:
        _strict(name.value)  # before RFC 4514's escapes hide a NUL
    return [subject.rfc4514_string()] if subject.rdns else []


_NAMES: Final[Mapping[str, Callable[[x509.Certificate], list[str | bytes]]]] = {
    "cn": _common_names,
    "san": _alternative_names,
    "dns": partial(_alternative_names, kinds=(x509.DNSName,)),
    "uri": partial(_alternative_names, kinds=(x509.UniformResourceIdentifier,)),
    "email": partial(_alternative_names, kinds=(x509.RFC822Name,)),
    "subject": _whole_subject,
}
_WHAT: Final = {
    "cn": "common names",
    "san": "alternative names (URI, DNS, e-mail)",
    "dns": "DNS names",
    "uri": "URIs",
    "email": "e-mail addresses",
    "subject": "subjects",
}


def names_of(certificate: x509.Certificate, source: str) -> list[str]:
    """Return the names of one source, without those that are no text."""
    return [name for name in _NAMES[source](certificate) if isinstance(name, str)]


def _extended_key_usages(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    try:
        return frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return frozenset()


def _strict(name: str | bytes) -> str:
    if isinstance(name, bytes):
        raise _refused("the client certificate's name is not text")
    if not 1 <= len(name) <= NAME_LENGTH:
        raise _refused(f"the client certificate's name must have 1 to {NAME_LENGTH} characters")
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in name):
        raise _refused("the client certificate's name contains control characters")
    return name


def _unreadable() -> KmipError:
    return _refused("the client certificate cannot be read")


def _refused(message: str) -> KmipError:
    return KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, message)
