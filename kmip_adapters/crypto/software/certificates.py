"""X.509: certificates read into attributes, made from requests, and judged as chains."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from kmip_adapters.crypto.software.conversion import describe
from kmip_adapters.crypto.software.keys import ParsedPublicKey, private_key, public_key
from kmip_core.attributes import Attributes
from kmip_core.enums import CertificateRequestType, CertificateType, KeyFormatType, ResultReason, ValidityIndicator
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import DigitalSignatureAlgorithm as SignatureAlgorithm
from kmip_core.errors import KmipError, invalid_field, not_supported
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey
from kmip_core.ports.certificates import CertificateContents, CertificateDescription, SigningRequest
from kmip_core.structures import (
    CertificateAttributes,
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)

MAXIMUM_REQUEST: Final = 64 * 1024
MAXIMUM_CHAIN: Final = 20

UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13

UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, OverflowError, x509.InvalidVersion)


class SoftwareCertificates:
    """`Certificates` (kmip_core.ports.certificates) by pyca/cryptography; keys behind handles it cannot use."""

    def describe_certificate(self, certificate: Certificate) -> CertificateDescription | None:
        """Read the certificate."""
        return describe_certificate(certificate)

    def same_public_key(self, one: PublicKey, other: PublicKey) -> bool:
        """Compare what both encode."""
        return _encoded(public_key(one)) == _encoded(public_key(other))

    def distinguished_name(self, text: str) -> bytes:
        """Read RFC 4514."""
        try:
            return _printable(x509.Name.from_rfc4514_string(text).public_bytes())
        except ValueError:
            raise invalid_field("the Distinguished Name is not RFC 4514 text such as CN=client,O=ACME") from None

    def read_request(self, request_type: CertificateRequestType, request: bytes) -> SigningRequest:
        """Read the request."""
        return read_request(request_type, request)

    def make_certificate(
        self, contents: CertificateContents, issuer: Certificate | None, issuer_key: PrivateKey
    ) -> Certificate:
        """Make the certificate."""
        return make_certificate(contents, issuer, issuer_key)

    def validate_chain(
        self, certificates: Sequence[Certificate], anchors: Sequence[Certificate], at: int
    ) -> ValidityIndicator:
        """Judge the chain."""
        return validate_chain(certificates, anchors, at)


# --- reading -------------------------------------------------------------------------------------------------------


def describe_certificate(certificate: Certificate) -> CertificateDescription | None:
    """Return what the certificate says, None for one that pyca cannot read; see the port."""
    if certificate.certificate_type is not CertificateType.X_509:
        return None
    try:
        parsed = parsed_certificate(certificate)
        subject, issuer = parsed.subject.public_bytes(), parsed.issuer.public_bytes()
        key = _public_key(parsed)
        told = None if key is None else describe(key)
        serial = _integer(parsed.serial_number)
        subject_names, subject_texts = _alternative_names(parsed, x509.SubjectAlternativeName)
        issuer_names, issuer_texts = _alternative_names(parsed, x509.IssuerAlternativeName)
        algorithm = _SIGNATURE_ALGORITHMS.get(parsed.signature_algorithm_oid)
        attributes = Attributes(
            cryptographic_algorithm=None if told is None else told.algorithm,
            cryptographic_length=None if told is None else told.length,
            certificate_type=CertificateType.X_509,
            certificate_length=len(certificate.certificate_value),
            x_509_certificate_identifier=X509CertificateIdentifier(
                issuer_distinguished_name=issuer, certificate_serial_number=serial
            ),
            x_509_certificate_subject=X509CertificateSubject(
                subject_distinguished_name=subject,
                subject_alternative_names=subject_names,
            ),
            x_509_certificate_issuer=X509CertificateIssuer(
                issuer_distinguished_name=issuer, issuer_alternative_names=issuer_names
            ),
            certificate_identifier=CertificateIdentifier(
                issuer=_text(parsed.issuer), serial_number=_serial_text(parsed.serial_number)
            ),
            certificate_subject=CertificateSubject(
                certificate_subject_distinguished_name=_text(parsed.subject),
                certificate_subject_alternative_names=subject_texts,
            ),
            certificate_issuer=CertificateIssuer(
                certificate_issuer_distinguished_name=_text(parsed.issuer),
                certificate_issuer_alternative_names=issuer_texts,
            ),
            certificate_attributes=_parts(parsed),
            digital_signature_algorithms=() if algorithm is None else (algorithm,),
        )
        return CertificateDescription(
            attributes=attributes,
            public_key=key,
            subject=subject,
            issuer=issuer,
            not_before=_seconds(parsed.not_valid_before_utc),
            not_after=_seconds(parsed.not_valid_after_utc),
        )
    except UNREADABLE:
        return None


def parsed_certificate(certificate: Certificate) -> x509.Certificate:
    """Return a certificate in DER or PEM as pyca's.  Raises one of `UNREADABLE`."""
    value = certificate.certificate_value
    load = x509.load_pem_x509_certificate if value.startswith(b"-----") else x509.load_der_x509_certificate
    return load(value)


def _public_key(parsed: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey | None:
    """Return the key as an object of its own, or None for a kind that is not known here."""
    try:
        key = parsed.public_key()
    except UNREADABLE:
        return None
    bare = PublicKey(
        key_block=KeyBlock(key_format_type=KeyFormatType.X_509, key_value=KeyValue(key_material=_encoded(key)))
    )
    told = describe(bare)
    if told is None:
        return None
    block = evolve(bare.key_block, cryptographic_algorithm=told.algorithm, cryptographic_length=told.length)
    return evolve(bare, key_block=block)


def _encoded(key: ParsedPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _integer(number: int) -> bytes:
    """Return a DER INTEGER: what the official cases show as Certificate Serial Number (TC-CERTATTR-1-14)."""
    octets = number.to_bytes(number.bit_length() // 8 + 1, signed=True)
    return bytes((0x02, len(octets))) + octets


def _serial_text(number: int) -> str:
    """Return the serial number in hexadecimal, without leading zero bytes (TC-132, TC-134)."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8)).hex().upper()


def _seconds(moment: dt.datetime) -> int:
    return int(moment.timestamp())


def _text(name: x509.Name) -> str:
    return name.rfc4514_string()


_NAMES: Final[Mapping[x509.ObjectIdentifier, str]] = {
    NameOID.COMMON_NAME: "cn",
    NameOID.ORGANIZATION_NAME: "os",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "ous",
    NameOID.EMAIL_ADDRESS: "emails",
    NameOID.COUNTRY_NAME: "cs",
    NameOID.STATE_OR_PROVINCE_NAME: "sts",
    NameOID.LOCALITY_NAME: "ls",
    NameOID.USER_ID: "uids",
    NameOID.SERIAL_NUMBER: "serial_numbers",
    NameOID.TITLE: "titles",
    NameOID.DOMAIN_COMPONENT: "dcs",
    NameOID.DN_QUALIFIER: "dn_qualifiers",
}
"""Kind of a name's part -> the end of its field in Certificate Attributes. KMIP 2.1 §4.6."""


def _parts(parsed: x509.Certificate) -> CertificateAttributes:
    fields: dict[str, Any] = {}
    for side, name in (("subject", parsed.subject), ("issuer", parsed.issuer)):
        for part in name:
            suffix = _NAMES.get(part.oid)
            if suffix is None:
                continue
            value = part.value if isinstance(part.value, str) else part.value.hex()
            if suffix == "cn":  # one only; the last is the most specific
                fields[f"certificate_{side}_cn"] = value
            else:
                field = f"certificate_{side}_{suffix}"
                fields[field] = (*fields.get(field, ()), value)
    return CertificateAttributes(**fields)


def _alternative_names(
    parsed: x509.Certificate, kind: type[x509.SubjectAlternativeName | x509.IssuerAlternativeName]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the alternative names as DER (bytes, GeneralName each), and as text those that are text."""
    try:
        names: Any = parsed.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return (), ()
    texts = map(_general_text, names)
    return tuple(_members(names.public_bytes())), tuple(text for text in texts if text is not None)


_PRINTABLE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


def _printable(name: bytes) -> bytes:
    """Return a DER name with every UTF8String that can be one turned into a PrintableString, as issuers write them.

    Names are compared as bytes, and most certificates that ours must fit to are older than UTF8String (TC-134). The
    length stays: only the value's tag changes.
    """
    changed = bytearray(name)
    _, rdn = _length(name, 0)
    while rdn < len(name):
        length, part = _length(name, rdn)
        rdn = part + length
        while part < rdn:
            length, kind = _length(name, part)
            part = kind + length
            length, start = _length(name, kind)
            value = start + length  # behind the kind of the part: its value
            length, start = _length(name, value)
            if name[value] == UTF8_STRING and _PRINTABLE.issuperset(name[start : start + length]):
                changed[value] = PRINTABLE_STRING
    return bytes(changed)


def _members(sequence: bytes) -> Sequence[bytes]:
    """Return the DER values in a DER SEQUENCE."""
    members: list[bytes] = []
    _, offset = _length(sequence, 0)
    while offset < len(sequence):
        length, start = _length(sequence, offset)
        members.append(sequence[offset : start + length])
        offset = start + length
    return members


def _length(der: bytes, offset: int) -> tuple[int, int]:
    """Return a DER value's length and where its contents begin."""
    first = der[offset + 1]
    if first < 0x80:
        return first, offset + 2
    octets = first & 0x7F
    return int.from_bytes(der[offset + 2 : offset + 2 + octets]), offset + 2 + octets


def _general_text(name: x509.GeneralName) -> str | None:
    if isinstance(name, x509.DirectoryName):
        return _text(name.value)
    if isinstance(name, x509.OtherName):
        return None
    if isinstance(name, x509.RegisteredID):
        return name.value.dotted_string
    return str(name.value)


_SIGNATURE_ALGORITHMS: Final[Mapping[x509.ObjectIdentifier, SignatureAlgorithm]] = {
    SignatureAlgorithmOID.RSA_WITH_MD5: SignatureAlgorithm.MD5_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA1: SignatureAlgorithm.SHA_1_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA224: SignatureAlgorithm.SHA_224_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA256: SignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA384: SignatureAlgorithm.SHA_384_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA512: SignatureAlgorithm.SHA_512_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA3_256: SignatureAlgorithm.SHA3_256_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA3_384: SignatureAlgorithm.SHA3_384_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA3_512: SignatureAlgorithm.SHA3_512_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSASSA_PSS: SignatureAlgorithm.RSASSA_PSS,
    SignatureAlgorithmOID.DSA_WITH_SHA1: SignatureAlgorithm.DSA_WITH_SHA_1,
    SignatureAlgorithmOID.DSA_WITH_SHA224: SignatureAlgorithm.DSA_WITH_SHA224,
    SignatureAlgorithmOID.DSA_WITH_SHA256: SignatureAlgorithm.DSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: SignatureAlgorithm.ECDSA_WITH_SHA_1,
    SignatureAlgorithmOID.ECDSA_WITH_SHA224: SignatureAlgorithm.ECDSA_WITH_SHA224,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: SignatureAlgorithm.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: SignatureAlgorithm.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: SignatureAlgorithm.ECDSA_WITH_SHA512,
}
"""What the standard has a name for; EdDSA and ML-DSA have none."""


# --- requests ---------------------------------------------------------------------------------------------------------


def read_request(request_type: CertificateRequestType, request: bytes) -> SigningRequest:
    """Return what a request asks for; see the port."""
    if len(request) > MAXIMUM_REQUEST:
        raise _invalid_request(f"a certificate request may have {MAXIMUM_REQUEST} bytes at most")
    load = _LOADERS.get(request_type)
    if load is None:
        raise not_supported("certificate requests are read as PKCS#10 or PEM")
    try:
        parsed = load(request)
        key = _public_key(parsed)
        is_proved = _proves_possession(parsed)
        subject = parsed.subject.public_bytes()
        names = _extension(parsed, x509.SubjectAlternativeName)
        purposes = _extension(parsed, x509.ExtendedKeyUsage)
    except UNREADABLE:
        raise _invalid_request("the certificate request cannot be read as its type") from None
    if key is None:
        raise _invalid_request("the certificate request is for a kind of key that is not known here")
    if not is_proved:
        raise _invalid_request("the signature of the certificate request is not by its key")
    return SigningRequest(public_key=key, subject=subject, subject_alternative_name=names, extended_key_usage=purposes)


def _proves_possession(request: x509.CertificateSigningRequest) -> bool:
    """Return whether the request's own key signed it; with SHA-1 as well, which pyca refuses (TC-134).

    Nobody gains by a collision here: what is signed is the asker's own wish.
    """
    if request.is_signature_valid:
        return True
    key, algorithm = request.public_key(), request.signature_hash_algorithm
    if not isinstance(algorithm, hashes.SHA1):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(request.signature, request.tbs_certrequest_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(request.signature, request.tbs_certrequest_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


_LOADERS: Final[Mapping[CertificateRequestType, Callable[[bytes], x509.CertificateSigningRequest]]] = {
    CertificateRequestType.PKCS_10: x509.load_der_x509_csr,
    CertificateRequestType.PEM: x509.load_pem_x509_csr,
}


def _extension(parsed: x509.CertificateSigningRequest, kind: type[x509.ExtensionType]) -> bytes | None:
    try:
        return parsed.extensions.get_extension_for_class(kind).value.public_bytes()
    except x509.ExtensionNotFound:
        return None


def _invalid_request(message: str) -> KmipError:
    return KmipError(ResultReason.INVALID_CSR, message)


# --- making -----------------------------------------------------------------------------------------------------------

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EARLIEST: Final = -631152000  # 1950-01-01, where UTCTime begins
_LATEST: Final = 253402300799  # 9999-12-31 23:59:59, what RFC 5280 writes for "no end"


def make_certificate(contents: CertificateContents, issuer: Certificate | None, issuer_key: PrivateKey) -> Certificate:
    """Return the signed certificate; see the port."""
    key: Any = private_key(issuer_key)
    subject_key: Any = public_key(contents.public_key)
    if not isinstance(key, _SIGNERS):
        raise invalid_field("the issuer's key cannot sign certificates")
    subject = _parsed_name(contents.subject)
    authority = None if issuer is None else _checked_issuer(issuer, key)
    not_before, not_after = contents.not_before, contents.not_after
    if authority is not None:
        not_after = min(not_after, _seconds(authority.not_valid_after_utc))
    if not _EARLIEST <= not_before < not_after <= _LATEST:
        raise invalid_field("the certificate would not be valid at any time: its end, or its issuer's, comes too early")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if authority is None else authority.subject)
        .public_key(subject_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_EPOCH + dt.timedelta(seconds=not_before))
        .not_valid_after(_EPOCH + dt.timedelta(seconds=not_after))
        .add_extension(x509.BasicConstraints(ca=contents.is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key), critical=False)
        .add_extension(_authority_identifier(authority, key), critical=False)
    )
    usage = _key_usage(contents)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    for oid, value in (
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, contents.subject_alternative_name),
        (ExtensionOID.EXTENDED_KEY_USAGE, contents.extended_key_usage),
    ):
        if value is not None:
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    try:
        made = builder.sign(key, _signature_hash(key))
    except UNREADABLE:
        raise invalid_field("the certificate cannot be made of such a name, key and dates") from None
    return Certificate(certificate_value=made.public_bytes(Encoding.DER))


_SIGNERS: Final = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    dsa.DSAPrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
)


def _signature_hash(key: Any) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """Return the hash to sign with: as strong as the curve; EdDSA brings its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size <= 384 else hashes.SHA512()
    return hashes.SHA256()


def _parsed_name(der: bytes) -> x509.Name:
    try:
        return x509.Name.from_bytes(der)
    except UNREADABLE:
        raise invalid_field("the Distinguished Name is not DER that can be read") from None


def _checked_issuer(issuer: Certificate, key: Any) -> x509.Certificate:
    try:
        parsed = parsed_certificate(issuer)
        is_its_key = _encoded(parsed.public_key()) == _encoded(key.public_key())
    except UNREADABLE:
        raise invalid_field("the issuer's certificate cannot be read") from None
    if not is_its_key:
        raise invalid_field("the private key is not that of the issuer's certificate")
    if not _may_issue(parsed, 0):
        raise invalid_field("the issuer's certificate does not say that it may sign certificates")
    return parsed


def _authority_identifier(authority: x509.Certificate | None, key: Any) -> x509.AuthorityKeyIdentifier:
    if authority is not None:
        try:
            own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)
        except x509.ExtensionNotFound:
            pass
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(contents: CertificateContents) -> x509.KeyUsage | None:
    """Return the Key Usage that a usage mask means; None if it means none of its bits."""
    mask = contents.usage
    if mask is None:
        mask = Mask.CERTIFICATE_SIGN | Mask.CRL_SIGN if contents.is_authority else Mask.SIGN | Mask.VERIFY
    if contents.is_authority:
        mask |= Mask.CERTIFICATE_SIGN
    bits = {
        "digital_signature": bool(mask & (Mask.SIGN | Mask.VERIFY)),
        "content_commitment": bool(mask & Mask.CONTENT_COMMITMENT),
        "key_encipherment": bool(mask & (Mask.WRAP_KEY | Mask.UNWRAP_KEY)),
        "data_encipherment": bool(mask & (Mask.ENCRYPT | Mask.DECRYPT)),
        "key_agreement": bool(mask & Mask.KEY_AGREEMENT),
        "key_cert_sign": bool(mask & Mask.CERTIFICATE_SIGN) and contents.is_authority,
        "crl_sign": bool(mask & Mask.CRL_SIGN),
    }
    if not any(bits.values()):
        return None
    return x509.KeyUsage(**bits, encipher_only=False, decipher_only=False)


# --- judging ----------------------------------------------------------------------------------------------------------


def validate_chain(certificates: Sequence[Certificate], anchors: Sequence[Certificate], at: int) -> ValidityIndicator:
    """Return whether the certificates make one valid chain; see the port."""
    if not 0 < len(certificates) <= MAXIMUM_CHAIN:
        raise invalid_field(f"a chain has 1 to {MAXIMUM_CHAIN} certificates")
    if not _EARLIEST <= at <= _LATEST:
        return ValidityIndicator.INVALID
    try:
        parsed = list({_der(each): each for each in map(parsed_certificate, certificates)}.values())
        chain = _in_order(parsed)
        if chain is None:
            return ValidityIndicator.INVALID
        moment = _EPOCH + dt.timedelta(seconds=at)
        if any(not each.not_valid_before_utc <= moment <= each.not_valid_after_utc for each in chain):
            return ValidityIndicator.INVALID
        if any(not _may_issue(each, depth) for depth, each in enumerate(chain[1:])):
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


def _may_issue(certificate: x509.Certificate, depth: int) -> bool:
    """Return whether a certificate may be an issuer with `depth` other issuers below it. RFC 5280 §4.2.1.3, 4.2.1.9.

    A self-signed certificate without extensions is a root of the old kind (X.509 version 1) and may.
    """
    extensions = certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return len(extensions) == 0 and certificate.subject == certificate.issuer
    if not constraints.ca or (constraints.path_length is not None and depth > constraints.path_length):
        return False
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
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
